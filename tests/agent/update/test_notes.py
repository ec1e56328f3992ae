import pytest

from agent.update.events import Lost, Pair, UpdateState, Wish
from agent.update.machine import step
from fieldwise.update import UpdateHold, UpdatePhase


@pytest.mark.parametrize(
    ("phase", "hold", "kept"),
    [
        (UpdatePhase.JUDGING, UpdateHold.CONFIRMATION, None),
        (UpdatePhase.JUDGING, UpdateHold.TOO_FEW, None),
        (UpdatePhase.IDLE, UpdateHold.WINDOW, UpdateHold.WINDOW),
        (UpdatePhase.IDLE, UpdateHold.PINNED, UpdateHold.PINNED),
    ],
)
def test_lost_files_end_what_a_judged_pair_waited_for(
    phase: UpdatePhase, hold: UpdateHold, kept: UpdateHold | None
) -> None:
    state = UpdateState(
        generation=4,
        wish=Wish("b" * 64),
        phase=phase,
        work=7,
        in_use=Pair("a" * 64, "fp32"),
        hold=hold,
        judged=phase is UpdatePhase.JUDGING,
    )
    lost, _ = step(state, Lost())
    assert (lost.phase, lost.hold, lost.in_use) == (UpdatePhase.IDLE, kept, None)
