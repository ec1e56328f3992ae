from dataclasses import replace

from agent.update.events import Installed, Targeted, UpdateState
from agent.update.machine import step
from agent.update.telling import Told, told
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase

FLEETS, OWNERS = "a" * 64, "b" * 64
TARGETED = step(UpdateState(), Targeted(4, FLEETS))[0]


def test_the_fleet_hears_where_its_own_target_stands() -> None:
    held = replace(TARGETED, hold=UpdateHold.WINDOW)
    assert told(held) == Told(4, FLEETS, UpdatePhase.IDLE, None, UpdateHold.WINDOW)


def test_the_fleet_hears_that_its_target_was_refused_while_the_owner_wants_another_bundle() -> None:
    refused = Told(4, "", UpdatePhase.DECLINED, UpdateFailure.OWNER, None)
    assert told(step(TARGETED, Installed(OWNERS))[0]) == refused


def test_the_next_target_is_obeyed_and_told_again() -> None:
    installed = step(TARGETED, Installed(OWNERS))[0]
    again = step(installed, Targeted(5, FLEETS))[0]
    assert told(again) == Told(5, FLEETS, UpdatePhase.IDLE, None, None)


def test_without_a_target_of_the_fleet_an_installation_is_told_as_what_it_is() -> None:
    installed = step(UpdateState(), Installed(OWNERS))[0]
    assert told(installed) == Told(0, OWNERS, UpdatePhase.VERIFYING, None, None)
