"""Watching a rollout: a look every few seconds until it ends or needs an operator.

On a terminal the screen is drawn anew, elsewhere every change is a line of its own, and with
``--json`` a line of JSON. A server that cannot be reached for a moment is asked again a few times.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import TypeVar

import typer
from rich.live import Live
from rich.text import Text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli import rollout_screens
from orchestrator.cli.output import as_line, clean, out, seconds_from
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout_views import EventView, RolloutView
from orchestrator.rpc.client import OperatorClient

# What a script can tell apart, above every code of fieldwise.errors that a command ends with.
COMPLETE, NEEDS_OPERATOR, TAKEN_BACK, ENDED, OVERTAKEN, TIMED_OUT = 0, 20, 21, 22, 23, 24
CODES: Mapping[Phase, int] = MappingProxyType(
    {
        Phase.COMPLETE: COMPLETE,
        Phase.PAUSED: NEEDS_OPERATOR,
        Phase.REVERTED: TAKEN_BACK,
        Phase.HELD: ENDED,
        Phase.SUPERSEDED: OVERTAKEN,
    }
)
PASSING = frozenset({Fault.UNREACHABLE, Fault.UNAVAILABLE, Fault.BUSY})
FAILED_LOOKS_MAX = 10  # of a server that is restarted meanwhile
EVENTS_PER_LOOK = 100  # more than happen between two looks

Screen = Callable[[RolloutView, Sequence[EventView], Sequence[EventView]], None]
SeenT = TypeVar("SeenT")


def end_of(rollout: RolloutView) -> int | None:
    """Return the exit code of a rollout that has ended or waits for an operator, else None."""
    if rollout.phase is Phase.RUNNING and rollout.reason is Reason.PROMOTION:
        return NEEDS_OPERATOR
    return CODES.get(rollout.phase)


async def watch(
    client: OperatorClient,
    rollout_id: str,
    shown: Callable[[], AbstractContextManager[Screen]],
    every: float,
    within: str | None,
) -> int:
    """Look until the rollout ends, needs an operator, or the time is over; return the exit code.

    Raises:
        FieldwiseError: ``NOT_FOUND``, or ``UNREACHABLE`` where the server does not come back.
    """
    ends_at = None if within is None else time.monotonic() + seconds_from(within)
    last = 0
    with shown() as screen:
        while True:
            rollout, events = await _look(client, rollout_id, every)
            screen(rollout, events, [each for each in events if each.sequence > last])
            last = max((each.sequence for each in events), default=last)
            code = end_of(rollout)
            if code is not None:
                return code
            if ends_at is not None and time.monotonic() + every > ends_at:
                return TIMED_OUT
            await asyncio.sleep(every)


async def _look(
    client: OperatorClient, rollout_id: str, every: float
) -> tuple[RolloutView, Sequence[EventView]]:
    async def look() -> tuple[RolloutView, Sequence[EventView]]:
        rollout = await client.get_rollout(rollout_id)
        page = await client.list_events(rollout_id, size=EVENTS_PER_LOOK)
        return rollout, page.items

    return await patiently(look, every)


async def patiently(look: Callable[[], Awaitable[SeenT]], every: float) -> SeenT:
    """Look until the server answers, every so many seconds, and not for ever.

    Raises:
        FieldwiseError: What the look failed of, for good or too often.
    """
    failed = 0
    while True:
        try:
            return await look()
        except FieldwiseError as error:
            failed += 1
            if error.fault not in PASSING or failed > FAILED_LOOKS_MAX:
                raise
        await asyncio.sleep(every)


def screen_for(*, as_json: bool) -> Callable[[], AbstractContextManager[Screen]]:
    """Return how looks are shown here."""
    if as_json:
        return _as_json
    return _live if out().is_terminal else _as_lines


@contextmanager
def _live() -> Iterator[Screen]:
    with Live(console=out(), auto_refresh=False) as live:
        yield lambda rollout, events, _fresh: live.update(
            rollout_screens.screen(rollout, events), refresh=True
        )


@contextmanager
def _as_lines() -> Iterator[Screen]:
    yield _Changes(_print_line)


@contextmanager
def _as_json() -> Iterator[Screen]:
    yield _Changes(_print_json)


class _Changes:
    """Shows a look only where something of it is new."""

    def __init__(self, show: Callable[[RolloutView, Sequence[EventView]], None]) -> None:
        self._show = show
        self._last: RolloutView | None = None

    def __call__(
        self, rollout: RolloutView, _events: Sequence[EventView], fresh: Sequence[EventView]
    ) -> None:
        if rollout != self._last or fresh:
            self._show(rollout, fresh)
        self._last = rollout


def _print_line(rollout: RolloutView, fresh: Sequence[EventView]) -> None:
    for event in reversed(fresh):
        out().print(Text(clean(rollout_screens.event_line(event))), soft_wrap=True)
    out().print(Text(clean(rollout_screens.line(rollout))), soft_wrap=True)


def _print_json(rollout: RolloutView, fresh: Sequence[EventView]) -> None:
    typer.echo(as_line({"rollout": rollout, "events": list(reversed(fresh))}))
