"""The orchestrator's own loops go on, whatever a turn does."""

import asyncio

from structlog.testing import capture_logs

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.loops import Repeated, repeating, turn
from orchestrator.metric_names import Loop


class Heard:
    """Everything that a watcher of loops is told."""

    def __init__(self) -> None:
        self.failed: list[Loop] = []
        self.ended: list[Loop] = []
        self.late: list[float] = []

    def loop_failed(self, loop: Loop) -> None:
        self.failed.append(loop)

    def loop_ended(self, loop: Loop, seconds: float) -> None:
        assert seconds >= 0
        self.ended.append(loop)

    def loop_late(self, seconds: float) -> None:
        self.late.append(seconds)


async def test_a_turn_that_fails_is_logged_and_counted_and_the_next_one_comes() -> None:
    outcomes = iter([FieldwiseError(Fault.UNAVAILABLE, "no database"), ValueError("odd"), None])
    done = asyncio.Event()
    heard = Heard()

    async def deed() -> None:
        outcome = next(outcomes, None)
        if outcome is None:
            done.set()
        else:
            raise outcome

    with capture_logs() as logs:
        async with repeating([Repeated(Loop.FLUSH, 0.001, deed)], heard):
            await asyncio.wait_for(done.wait(), 30)
    assert heard.failed == [Loop.FLUSH, Loop.FLUSH]
    assert len(heard.ended) >= 3
    assert len(heard.late) >= 3
    assert min(heard.late) >= 0
    assert [each["log_level"] for each in logs] == ["warning", "error"]
    assert logs[0]["reason"] == "no database"


async def test_leaving_breaks_off_the_turns_under_way() -> None:
    begun, broken = asyncio.Event(), asyncio.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            broken.set()

    async with repeating([Repeated(Loop.METRICS, 0.001, endless)], Heard()):
        await asyncio.wait_for(begun.wait(), 30)
    assert broken.is_set()


async def test_one_slow_loop_does_not_hold_up_another() -> None:
    turns = asyncio.Semaphore(0)

    async def endless() -> None:
        await asyncio.Event().wait()

    async def quick() -> None:
        turns.release()

    deeds = [Repeated(Loop.METRICS, 0.001, endless), Repeated(Loop.FLUSH, 0.001, quick)]
    async with repeating(deeds, Heard()):
        for _ in range(5):
            await asyncio.wait_for(turns.acquire(), 30)


async def test_a_single_turn_lets_no_failure_out() -> None:
    heard = Heard()

    async def broken() -> None:
        raise RuntimeError("odd")

    with capture_logs():
        await turn(Repeated(Loop.RECONCILE, 1, broken), heard)
    assert heard.failed == heard.ended == [Loop.RECONCILE]
