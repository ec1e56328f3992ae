"""Carries out what the update machine asks for.

The machine's state is written to the journal before anything is done about it; the pair that
serves is exchanged in the same breath as the journal names another one. Work runs beside the
daemon's other tasks, one piece at a time, and reports an outcome; whatever breaks it off without an
outcome (a stop of the daemon, a power cut) leaves the journal saying what to resume.

A pair that was made, or served until a moment ago, stays in memory for as long as the journal may
come to name it: so falling back takes no file and no time. After a restart it is opened when it is
needed; one that waits for its owner at once, since it goes on learning beside the one that serves.
Work that was given up may take a while to notice; heavy work that follows waits for it to leave its
thread, so that no two pairs are made side by side.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Generic

import structlog

from agent.learning.stopping import ShouldStop
from agent.ports import Clock, Journal
from agent.update.events import (
    Action,
    Deed,
    Event,
    Failed,
    Fetched,
    HoldChanged,
    Judged,
    Lacking,
    Migrated,
    Outcome,
    Pair,
    Permitted,
    ProbationPassed,
    Restarted,
    RolledBack,
    Stopped,
    Stranded,
    UpdateState,
    Verified,
)
from agent.update.fetching import FAILURES
from agent.update.machine import step
from agent.update.work import Heavy, Holding, PreparedT, Work
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdateHold, UpdatePhase

RETRY_SECONDS = 10.0  # for a journal that cannot be written: somebody has to free some space

# What says nothing against a pair that cannot be opened: it is there once the disk is mended.
DISK_FAULTS = frozenset({Fault.STATE_DAMAGED, Fault.STATE_UNUSABLE, Fault.DISK_FULL})


# What a failure is called where its fault alone does not say.
_FAILURE_OF_PHASE: Mapping[UpdatePhase, UpdateFailure] = MappingProxyType(
    {
        UpdatePhase.FETCHING: UpdateFailure.INTERNAL,
        UpdatePhase.VERIFYING: UpdateFailure.LOAD_FAILED,
        UpdatePhase.MIGRATING: UpdateFailure.MIGRATION_FAILED,
        UpdatePhase.JUDGING: UpdateFailure.LOAD_FAILED,
        UpdatePhase.PROBATION: UpdateFailure.LOAD_FAILED,
    }
)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to start, as it was received; ``until`` in monotonic seconds."""

    generation: int
    until: float
    bytes_per_second: int = 0


class Installer(Generic[PreparedT]):
    """The update machine with its journal and its hands.

    Args:
        journal: Where its state is.
        work: What it can do.
        holding: The owner's rules.
        clock: For permits, which end.
    """

    def __init__(
        self, journal: Journal, work: Work[PreparedT], holding: Holding, clock: Clock
    ) -> None:
        self._journal = journal
        self._work = work
        self._holding = holding
        self._clock = clock
        self._lock = asyncio.Lock()
        self._made: tuple[Pair, PreparedT] | None = None
        self._served: tuple[Pair, PreparedT] | None = None
        self._permit: Permit | None = None
        self._task: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._heavy = Heavy()
        self._stop = threading.Event()
        self._counted = False
        self.state = journal.update()
        self.permitted = asyncio.Event()  # set by every permit: it is time for a review
        self.settled = asyncio.Event()  # set whenever an update has ended, or waits for its owner

    async def resume(self) -> None:
        """Go on where the journal says that an update stood."""
        async with self._lock:
            if self.state.phase not in UNDER_WAY:  # the power went before it was tidied up
                await asyncio.to_thread(self._work.discard)
        await self.tell(Restarted())
        self._counted = True
        if self.state.phase is UpdatePhase.JUDGING and self.state.hold is not None:
            self._opening = asyncio.create_task(self._open_again(self.state, self._stop))

    def permit(self, permit: Permit) -> None:
        """Hear of a permit; the next review starts on its target, if it may."""
        self._permit = permit
        self.permitted.set()

    async def review(self) -> None:
        """Look whether what an update waits for has come; called now and then, and for a permit."""
        state = self.state
        if state.phase is UpdatePhase.JUDGING and await self._goes_on(state.hold):
            await self.tell(HoldChanged(None))
        elif self._made is not None and state.hold is not None:
            await asyncio.to_thread(self._work.rest, self._made[1])
        if state.phase is not UpdatePhase.IDLE or state.hold is UpdateHold.PINNED:
            return
        if state.hold is None and self._permit_for(state) is None:
            return
        found = await self._holding.look(state.wish)
        await self.tell(found)
        permit = self._permit_for(self.state)
        if found.hold is None and permit is not None:
            await self.tell(Permitted(permit.generation, permit.bytes_per_second))

    async def tell(self, event: Event) -> bool:
        """Take an event: journal first, deeds second.

        On probation a pair from before that cannot be opened leaves the one that serves, unless it
        is the owner who asks for it.

        Returns:
            Whether it changed anything.

        Raises:
            FieldwiseError: ``DISK_FULL`` when the journal cannot be written, or why the pair cannot
                be opened that should serve; nothing has changed.
        """
        try:
            return await self._take(event)
        except FieldwiseError as error:
            on_probation = self.state.phase is UpdatePhase.PROBATION
            if not on_probation or isinstance(event, RolledBack) or error.fault in DISK_FAULTS:
                raise
            _log.error("the pair from before cannot be opened", reason=error.sentence)
        stranded = await self._take(Stranded())
        return await self._take(event) or stranded

    async def _take(self, event: Event) -> bool:
        async with self._lock:
            state, actions = step(self.state, event)
            if state == self.state:
                return False
            persist = partial(self._journal.write_update, state)
            if any(action.deed is Deed.SERVE for action in actions):
                await self._exchange(state, persist)
            else:
                await asyncio.to_thread(persist)
            self._log_change(state)
            self.state = state
            self._forget_pairs(state)
            for action in actions:
                await self._carry_out(action)
            if state.hold is not None:
                self.settled.set()
            return True

    async def stop(self) -> None:
        """End work under way; the journal knows where to resume."""
        await self._cancel()
        async with self._lock:  # what is being written is written before the state is closed
            pass
        if self._counted:
            try:
                await self.tell(Stopped())
            except FieldwiseError as error:
                _log.warning("this start counts as a crash", reason=error.sentence)

    @property
    def works(self) -> bool:
        """Whether a piece of work is under way now."""
        return self._task is not None and not self._task.done()

    async def _goes_on(self, hold: UpdateHold | None) -> bool:
        if hold is UpdateHold.TOO_FEW:
            return await asyncio.to_thread(self._holding.is_enough)
        return hold is UpdateHold.CONFIRMATION and not self._holding.asks()

    def _permit_for(self, state: UpdateState) -> Permit | None:
        permit = self._permit
        if permit is None or permit.generation != state.generation:
            return None
        return permit if self._clock.monotonic() <= permit.until else None

    async def _exchange(self, state: UpdateState, persist: Callable[[], None]) -> None:
        """Let the pair serve that a state names, in the same breath as the journal names it."""
        pair, old = state.in_use, self.state.in_use
        assert pair is not None
        prepared = await self._ready(pair)
        if state.phase is UpdatePhase.PROBATION:
            await asyncio.to_thread(self._work.begin_watch, pair.digest, state.verdict)
        served = await asyncio.to_thread(self._work.serve, prepared, persist)
        self._served = (old, served) if old is not None and served is not None else None

    async def _ready(self, pair: Pair) -> PreparedT:
        for known in (self._made, self._served):
            if known is not None and known[0] == pair:
                return known[1]
        return await asyncio.to_thread(self._work.open, pair)

    def _forget_pairs(self, state: UpdateState) -> None:
        if state.phase not in (UpdatePhase.MIGRATING, UpdatePhase.JUDGING):
            self._made = None
        if state.phase is not UpdatePhase.PROBATION:
            self._served = None

    async def _carry_out(self, action: Action) -> None:
        match action.deed:
            case Deed.SERVE:
                pass  # done, in the same breath as the journal
            case Deed.CANCEL:
                await self._cancel()
            case Deed.DISCARD:
                await self._tidy_up()
                self.settled.set()
            case _:
                self._give_up_opening()
                self._stop = threading.Event()
                self._task = asyncio.create_task(self._run(action, self.state, self._stop))

    async def _tidy_up(self) -> None:
        """Remove what no pair needs; what cannot be done now is done at the next start."""
        try:
            await asyncio.to_thread(self._work.discard)
        except FieldwiseError as error:
            _log.warning("what no pair needs is still on the disk", reason=error.sentence)

    async def _run(self, action: Action, state: UpdateState, stop: threading.Event) -> None:
        outcome = await self._outcome(action, state, stop)
        while True:
            try:
                await asyncio.shield(self.tell(outcome))
            except FieldwiseError as error:
                if error.fault is Fault.CONFLICT:  # what was made must not serve: make it again
                    _log.warning("the new pair is made again", reason=error.sentence)
                    self._made = None
                    outcome = await self._outcome(action, self.state, stop)
                    continue
                _log.error("update cannot go on", reason=error.sentence)
                mends = error.fault in DISK_FAULTS
                failure = _failure(error.fault, state.phase)
            except Exception:  # noqa: BLE001 - a defect must end the update and not the daemon
                _log.exception("update met a defect", phase=state.phase)
                mends, failure = False, UpdateFailure.INTERNAL
            else:
                return
            if mends or isinstance(outcome, Failed):
                await asyncio.sleep(RETRY_SECONDS)
            else:  # what cannot serve now would be tried for ever
                outcome = Failed(action.work, failure)

    async def _outcome(self, action: Action, state: UpdateState, stop: threading.Event) -> Outcome:
        try:
            return await self._do(action, state, stop.is_set)
        except FieldwiseError as error:
            _log.error("update failed", phase=state.phase, reason=error.sentence)
            return Failed(action.work, _failure(error.fault, state.phase))
        except Exception:  # noqa: BLE001 - a defect must end the update and not the daemon
            _log.exception("update met a defect", phase=state.phase)
            return Failed(action.work, UpdateFailure.INTERNAL)

    async def _do(self, action: Action, state: UpdateState, should_stop: ShouldStop) -> Outcome:
        match action.deed:
            case Deed.FETCH:
                missing_bytes = await self._work.fetch(state.wish, state.bytes_per_second)
                return (
                    Lacking(action.work, missing_bytes) if missing_bytes else Fetched(action.work)
                )
            case Deed.VERIFY:
                variant = await self._heavy.do(self._work.verify, state.wish, should_stop)
                return Verified(action.work, variant)
            case Deed.MIGRATE:
                await self._make(state, should_stop)
                return Migrated(action.work)
            case Deed.JUDGE:
                return await self._judge(action, state, should_stop)
            case _:
                return await self._watch(action, state, should_stop)

    async def _make(self, state: UpdateState, should_stop: ShouldStop) -> PreparedT:
        """The wanted pair; made where it is not, or not any more since a restart."""
        pair = Pair(state.wanted, state.variant)
        if self._made is None or self._made[0] != pair:
            prepared = await self._heavy.do(self._work.migrate, pair, should_stop)
            self._made = (pair, prepared)
        return self._made[1]

    async def _open_again(self, state: UpdateState, stop: threading.Event) -> None:
        """Open a pair that was held when the agent ended; one that is not kept is judged anew."""
        pair = Pair(state.wanted, state.variant)
        try:
            if await self._heavy.do(self._work.is_kept, pair):
                await self._make(state, stop.is_set)
        except FieldwiseError as error:
            _log.warning("the pair that waits is opened when it is to serve", reason=error.sentence)
        except Exception:  # noqa: BLE001 - a defect must not end what serves
            _log.exception("the pair that waits could not be opened")

    def _give_up_opening(self) -> None:
        self._stop.set()  # a thread cannot be cancelled, only asked
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    async def _judge(self, action: Action, state: UpdateState, should_stop: ShouldStop) -> Outcome:
        """Compare, unless that was done; a verdict is of what was judged and of nothing else.

        What was judged may have waited for its owner for weeks, so its publisher is asked again.
        """
        await asyncio.to_thread(self._work.check, state.wish)
        pair = Pair(state.wanted, state.variant)
        is_held = self._made is not None and self._made[0] == pair
        stands = is_held or await self._heavy.do(self._work.is_kept, pair)
        prepared = await self._make(state, should_stop)
        if stands and state.judged and state.verdict is not None:
            return Judged(action.work, state.verdict, ask=self._holding.asks())
        found = await self._heavy.do(self._work.judge, state.generation, prepared, should_stop)
        return Judged(action.work, found.verdict, found.failure, ask=self._holding.asks())

    async def _watch(self, action: Action, state: UpdateState, should_stop: ShouldStop) -> Outcome:
        pair, before = state.in_use, self._served
        assert pair is not None
        failure = await self._work.watch(
            pair.digest, before[1] if before is not None else None, should_stop
        )
        return ProbationPassed(action.work) if failure is None else Failed(action.work, failure)

    async def _cancel(self) -> None:
        self._give_up_opening()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _log_change(self, state: UpdateState) -> None:
        _log.info(
            "update",
            phase=state.phase,
            generation=state.generation,
            bundle=state.wanted[:12],
            **({"failure": state.failure} if state.failure is not None else {}),
            **({"hold": state.hold} if state.hold is not None else {}),
        )


def _failure(fault: Fault, phase: UpdatePhase) -> UpdateFailure:
    return FAILURES.get(fault, _FAILURE_OF_PHASE[phase])
