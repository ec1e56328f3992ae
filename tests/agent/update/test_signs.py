"""What an event means by where an update stands, in a few transcripts."""

from dataclasses import replace

import pytest

from agent.update.events import (
    Action,
    Deed,
    Event,
    Failed,
    Installed,
    Lost,
    Migrated,
    Pinned,
    Restarted,
    Targeted,
    UpdateState,
    Verified,
    Wish,
)
from agent.update.machine import step
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from tests.fakes.installing import NEW, NEW_PAIR, OLD, OLD_PAIR, SERVING

OTHER = "c" * 64


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


@pytest.mark.parametrize("digest", [OLD, NEW])
def test_what_the_owner_of_a_pinned_device_installs_is_ended_by_no_target(digest: str) -> None:
    installing = after(SERVING, Pinned(), Installed(OTHER))
    verified = after(installing, Verified(installing.work, "fp32"))
    for state in (installing, verified, after(verified, Migrated(verified.work))):
        assert step(state, Targeted(9, digest)) == (state, ())
    failed = Failed(verified.work, UpdateFailure.MIGRATION_FAILED)
    waiting = after(verified, failed, Targeted(9, NEW))
    assert (waiting.phase, waiting.hold) == (UpdatePhase.IDLE, UpdateHold.PINNED)
    unpinned = after(SERVING, Installed(OTHER), Targeted(9, NEW))
    assert (unpinned.phase, unpinned.wanted) == (UpdatePhase.IDLE, NEW)
