"""What an event means by where an update stands, in a few transcripts."""

from dataclasses import replace

from agent.update.events import (
    Action,
    Deed,
    Event,
    Installed,
    Lost,
    Migrated,
    Restarted,
    Targeted,
    UpdateState,
    Verified,
    Wish,
)
from agent.update.machine import step
from fieldwise.update import UpdatePhase
from tests.fakes.installing import NEW, NEW_PAIR, OLD, OLD_PAIR, SERVING


def after(state: UpdateState, *events: Event) -> UpdateState:
    for event in events:
        state, _ = step(state, event)
    return state


def test_what_the_owner_installed_goes_on_where_what_served_was_lost() -> None:
    for reached in ((), (Verified(1, "int8"),), (Verified(1, "int8"), Migrated(2))):
        lost = after(SERVING, Installed(NEW), *reached, Lost())
        state, actions = step(lost, Restarted())
        assert (state.phase, state.wanted, state.in_use) == (UpdatePhase.VERIFYING, NEW, None)
        assert actions == (Action(Deed.VERIFY, state.work),)
    waiting = after(SERVING, Targeted(4, NEW), Lost())
    assert step(waiting, Restarted()) == (waiting, ())


def test_where_what_is_lost_leaves_the_wanted_pair_there_is_nothing_left_to_do() -> None:
    proven = replace(SERVING, in_use=NEW_PAIR, before=OLD_PAIR, wish=Wish(NEW))
    for waiting in (Targeted(4, OLD), Installed(OLD)):
        state, actions = step(after(proven, waiting), Lost())
        assert (state.phase, state.in_use, state.before) == (UpdatePhase.ACTIVE, OLD_PAIR, None)
        assert actions[0].deed is Deed.SERVE
