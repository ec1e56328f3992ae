"""Carries out what the update machine asks for.

The machine's state is written to the journal before anything is done about it; the pair that
serves is exchanged in the same breath as the journal names the new one. Work runs beside the
daemon's other tasks, one piece at a time, and reports an outcome; whatever breaks it off without an
outcome (a stop of the daemon, a power cut) leaves the journal saying what to resume.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

import structlog

from agent.learning.stopping import ShouldStop
from agent.ports import Clock, Journal
from agent.update.fetching import FAILURES
from agent.update.machine import (
    Action,
    Deed,
    Event,
    Failed,
    Failure,
    Fetched,
    Migrated,
    Outcome,
    Permitted,
    Phase,
    Restarted,
    UpdateState,
    Verified,
    step,
)
from fieldwise.errors import Fault, FieldwiseError

RETRY_SECONDS = 10.0  # for a journal that cannot be written: somebody has to free some space

PreparedT = TypeVar("PreparedT")

# What a failure is called where its fault alone does not say.
_FAILURE_OF_PHASE: Mapping[Phase, Failure] = MappingProxyType(
    {
        Phase.FETCHING: Failure.INTERNAL,
        Phase.VERIFYING: Failure.LOAD_FAILED,
        Phase.MIGRATING: Failure.MIGRATION_FAILED,
    }
)

_log = structlog.get_logger()


class Work(Protocol[PreparedT]):
    """What an update takes, apart from deciding."""

    async def fetch(self, digest: str) -> None:
        """Bring the bundle's files here."""
        ...

    def verify(self, digest: str, should_stop: ShouldStop) -> str:
        """Try the bundle out; returns the name of the variant that will run.

        May end with anything once asked to stop.
        """
        ...

    def migrate(self, digest: str, variant: str, should_stop: ShouldStop) -> PreparedT:
        """Make the new pair while the old one serves; may end with anything once asked to stop."""
        ...

    def serve(self, prepared: PreparedT | None, persist: Callable[[], None]) -> None:
        """Call ``persist``, then let the new pair answer; between the two nothing is taught.

        None stands for a pair that serves already.
        """
        ...

    def discard(self) -> None:
        """Remove what no pair needs any more."""
        ...


class Installer(Generic[PreparedT]):
    """The update machine with its journal and its hands.

    Args:
        journal: Where its state is.
        work: What it can do.
        clock: For permits, which end.
    """

    def __init__(self, journal: Journal, work: Work[PreparedT], clock: Clock) -> None:
        self._journal = journal
        self._work = work
        self._clock = clock
        self._lock = asyncio.Lock()
        self._prepared: PreparedT | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = threading.Event()
        self.state = journal.update()
        self.settled = asyncio.Event()  # set whenever an update has ended, well or badly

    async def resume(self) -> None:
        """Go on where the journal says that an update stood."""
        await self.tell(Restarted())

    async def permit(self, generation: int, until: float) -> None:
        """Start on a target, unless the permit has ended (``until``, monotonic seconds)."""
        if self._clock.monotonic() <= until:
            await self.tell(Permitted(generation))

    async def tell(self, event: Event) -> None:
        """Take an event: journal first, deeds second.

        Raises:
            FieldwiseError: ``DISK_FULL`` when the journal cannot be written; nothing has changed.
        """
        async with self._lock:
            state, actions = step(self.state, event)
            if state == self.state:
                return
            persist = partial(self._journal.write_update, state)
            if any(action.deed is Deed.SERVE for action in actions):
                prepared = self._prepared if isinstance(event, Migrated) else None
                await asyncio.to_thread(self._work.serve, prepared, persist)
            else:
                await asyncio.to_thread(persist)
            self._log_change(state)
            self.state = state
            self._prepared = None if state.phase is not Phase.MIGRATING else self._prepared
            for action in actions:
                await self._carry_out(action)

    async def stop(self) -> None:
        """End work under way; the journal knows where to resume."""
        await self._cancel()
        async with self._lock:  # what is being written is written before the state is closed
            pass

    async def _carry_out(self, action: Action) -> None:
        match action.deed:
            case Deed.CANCEL:
                await self._cancel()
            case Deed.SERVE | Deed.DISCARD:
                await asyncio.to_thread(self._work.discard)
                self.settled.set()
            case Deed.FETCH | Deed.VERIFY | Deed.MIGRATE:
                self._stop = threading.Event()
                self._task = asyncio.create_task(self._run(action, self.state, self._stop))

    async def _run(self, action: Action, state: UpdateState, stop: threading.Event) -> None:
        outcome = await self._outcome(action, state, stop)
        while True:
            try:
                await asyncio.shield(self.tell(outcome))
            except FieldwiseError as error:
                _log.error("update cannot go on", reason=error.sentence)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _outcome(self, action: Action, state: UpdateState, stop: threading.Event) -> Outcome:
        try:
            return await self._do(action, state, stop)
        except FieldwiseError as error:
            _log.error("update failed", phase=state.phase, reason=error.sentence)
            return Failed(action.work, _failure(error.fault, state.phase))
        except Exception:  # noqa: BLE001 - a defect must end the update and not the daemon
            _log.exception("update met a defect", phase=state.phase)
            return Failed(action.work, Failure.INTERNAL)

    async def _do(self, action: Action, state: UpdateState, stop: threading.Event) -> Outcome:
        if action.deed is Deed.FETCH:
            await self._work.fetch(state.wanted)
            return Fetched(action.work)
        if action.deed is Deed.VERIFY:
            variant = await asyncio.to_thread(self._work.verify, state.wanted, stop.is_set)
            return Verified(action.work, variant)
        prepared = await asyncio.to_thread(
            self._work.migrate, state.wanted, state.variant, stop.is_set
        )
        self._prepared = prepared
        return Migrated(action.work)

    async def _cancel(self) -> None:
        self._stop.set()  # a thread cannot be cancelled, only asked
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
            **({"failure": state.failure} if state.failure is not Failure.NONE else {}),
        )


def _failure(fault: Fault, phase: Phase) -> Failure:
    return FAILURES.get(fault, _FAILURE_OF_PHASE[phase])
