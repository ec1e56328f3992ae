"""Looking at the server every few seconds until what is watched has ended.

On a terminal the screen is drawn anew, elsewhere every look that tells something new is told in
lines, and with ``--json`` in a line of JSON. A server that cannot be reached for a moment is asked
again a few times.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import typer
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.output import as_line, clean, out, seconds_from

# What a script can tell apart, above every code of fieldwise.errors that a command ends with.
COMPLETE, NEEDS_OPERATOR, TAKEN_BACK, ENDED, OVERTAKEN, TIMED_OUT = 0, 20, 21, 22, 23, 24
PASSING = frozenset({Fault.UNREACHABLE, Fault.UNAVAILABLE, Fault.BUSY, Fault.TOO_SLOW})
FAILED_LOOKS_MAX = 10  # of a server that is restarted meanwhile

SeenT = TypeVar("SeenT")
Show = Callable[[SeenT], None]


@dataclass(frozen=True, slots=True)
class Watched(Generic[SeenT]):
    """What is watched: how to look at it and how a look is told.

    Attributes:
        look: Asks the server.
        end: Returns the exit code where a look shows that it has ended, else None.
        news: Returns what two looks differ in where the second tells something new.
        drawn: Draws a look on a terminal.
        lines: Tells a look in lines, given the one that was told before.
        object: Returns a look for JSON, given the one that was told before.
    """

    look: Callable[[], Awaitable[SeenT]]
    end: Callable[[SeenT], int | None]
    news: Callable[[SeenT], object]
    drawn: Callable[[SeenT], RenderableType]
    lines: Callable[[SeenT, SeenT | None], Sequence[str]]
    object: Callable[[SeenT, SeenT | None], object]


async def watch(watched: Watched[SeenT], *, every: float, within: str | None, as_json: bool) -> int:
    """Look until it has ended or the time is over; return the exit code.

    Args:
        watched: What to look at.
        every: Seconds between two looks.
        within: A time such as ``2h``; None: for ever.
        as_json: Tell in lines of JSON.

    Raises:
        FieldwiseError: As the look does, and ``UNREACHABLE`` where the server does not come back.
    """
    ends_at = None if within is None else time.monotonic() + seconds_from(within)
    with _shown(watched, as_json=as_json) as show:
        while True:
            seen = await patiently(watched.look, every)
            show(seen)
            code = watched.end(seen)
            if code is not None:
                return code
            if ends_at is not None and time.monotonic() + every > ends_at:
                return TIMED_OUT
            await asyncio.sleep(every)


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


def _shown(watched: Watched[SeenT], *, as_json: bool) -> AbstractContextManager[Show[SeenT]]:
    if out().is_terminal and not as_json:
        return _live(watched)
    return _told(watched, as_json=as_json)


@contextmanager
def _live(watched: Watched[SeenT]) -> Iterator[Show[SeenT]]:
    with Live(console=out(), auto_refresh=False) as live:
        yield lambda seen: live.update(watched.drawn(seen), refresh=True)


@contextmanager
def _told(watched: Watched[SeenT], *, as_json: bool) -> Iterator[Show[SeenT]]:
    before: SeenT | None = None

    def tell(seen: SeenT) -> None:
        nonlocal before
        if before is not None and watched.news(seen) == watched.news(before):
            return
        if as_json:
            typer.echo(as_line(watched.object(seen, before)))
        else:
            _print(watched.lines(seen, before))
        before = seen

    yield tell


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        out().print(Text(clean(line)), soft_wrap=True)
