"""Rollouts out of a backup stand still until an operator has looked."""

from dataclasses import replace

import pytest

from orchestrator.rollout.halting import halted
from orchestrator.rollout.machine import obey
from orchestrator.rollout.operations import fresh_rollout
from orchestrator.rollout.phases import COMMANDS, ENDED, FORWARD, HALTS, Command, Phase, Reason
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Kind, Rollout
from orchestrator.rollout.telling import told
from tests.fleet_records import NOW, backbone

LATER = NOW + 86_400


def rollout(phase: Phase, kind: Kind = Kind.FORWARD) -> Rollout:
    found = backbone()
    fresh = fresh_rollout(found, Plan(backbone=found.manifest.title), kind, NOW)
    ended_at = NOW + 60 if phase in ENDED else None
    return replace(fresh, number=7, phase=phase, ended_at=ended_at, watched=phase not in ENDED)


@pytest.mark.parametrize("phase", Phase)
def test_nothing_that_was_halted_moves_a_device(phase: Phase) -> None:
    stands, events = halted(rollout(phase), LATER)
    assert stands.phase not in FORWARD
    assert stands.phase not in {Phase.REVERTING, Phase.REVERTED}
    changed = stands.phase is not phase
    assert (len(events), stands.revision) == ((1, 1) if changed else (0, 0))
    assert halted(stands, LATER + 1) == (stands, ())


@pytest.mark.parametrize("phase", Phase)
def test_a_recall_goes_on(phase: Phase) -> None:
    recall = rollout(phase, Kind.RECALL)
    assert halted(recall, LATER) == (recall, ())


def test_what_ran_is_resumed_and_what_went_back_is_aborted_again() -> None:
    ran, _ = halted(rollout(Phase.RUNNING), LATER)
    assert obey(ran, Command.RESUME, LATER)[0].phase is Phase.RUNNING
    for phase in (Phase.COMPLETE, Phase.REVERTING, Phase.REVERTED):
        stands, _ = halted(rollout(phase), LATER)
        assert obey(stands, Command.ABORT, LATER)[0].phase is Phase.REVERTING


def test_when_it_ended_stays_as_it_was() -> None:
    assert halted(rollout(Phase.COMPLETE), LATER)[0].ended_at == NOW + 60
    assert halted(rollout(Phase.REVERTING), LATER)[0].ended_at == LATER
    assert halted(rollout(Phase.RUNNING), LATER)[0].ended_at is None


def test_its_history_says_why() -> None:
    stands, [event] = halted(rollout(Phase.COMPLETE), LATER)
    assert stands.reason is Reason.OPERATOR
    assert told(event) == "Held: devices keep what they have, as a backup was restored."


def test_every_phase_has_a_row() -> None:
    assert set(HALTS) == set(Phase) == set(COMMANDS)
