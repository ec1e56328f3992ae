"""Watching a campaign: a look every few seconds until it ends.

On a terminal the screen is drawn anew, elsewhere every change is a line of its own, and with
``--json`` a line of JSON.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType

import typer
from rich.live import Live
from rich.text import Text

from orchestrator.campaign_views import CampaignView, RoundView
from orchestrator.cli import campaign_screens
from orchestrator.cli.output import as_line, clean, out, seconds_from
from orchestrator.cli.watching import COMPLETE, ENDED, NEEDS_OPERATOR, TIMED_OUT, patiently
from orchestrator.federation.phases import CampaignPhase
from orchestrator.rpc.campaign_client import CampaignClient

CODES: Mapping[CampaignPhase, int] = MappingProxyType(
    {
        CampaignPhase.COMPLETE: COMPLETE,
        CampaignPhase.FAILED: NEEDS_OPERATOR,
        CampaignPhase.STOPPED: ENDED,
    }
)
Screen = Callable[[CampaignView, Sequence[RoundView]], None]


async def watch(
    client: CampaignClient,
    campaign_id: str,
    shown: Callable[[], AbstractContextManager[Screen]],
    every: float,
    within: str | None,
) -> int:
    """Look until the campaign ends, or the time is over; return the exit code.

    Raises:
        FieldwiseError: ``NOT_FOUND``, or ``UNREACHABLE`` where the server does not come back.
    """
    ends_at = None if within is None else time.monotonic() + seconds_from(within)

    async def look() -> tuple[CampaignView, Sequence[RoundView]]:
        campaign = await client.get(campaign_id)
        page = await client.rounds(campaign_id, size=campaign_screens.ROUNDS_SHOWN)
        return campaign, page.items

    with shown() as screen:
        while True:
            campaign, rounds = await patiently(look, every)
            screen(campaign, rounds)
            if campaign.phase in CODES:
                return CODES[campaign.phase]
            if ends_at is not None and time.monotonic() + every > ends_at:
                return TIMED_OUT
            await asyncio.sleep(every)


def screen_for(*, as_json: bool) -> Callable[[], AbstractContextManager[Screen]]:
    """Return how looks are shown here."""
    if as_json:
        return _as_json
    return _live if out().is_terminal else _as_lines


@contextmanager
def _live() -> Iterator[Screen]:
    with Live(console=out(), auto_refresh=False) as live:
        yield lambda campaign, rounds: live.update(
            campaign_screens.screen(campaign, rounds), refresh=True
        )


@contextmanager
def _as_lines() -> Iterator[Screen]:
    yield _changes(_print_line)


@contextmanager
def _as_json() -> Iterator[Screen]:
    yield _changes(_print_json)


def _changes(show: Callable[[CampaignView], None]) -> Screen:
    """Return a screen that shows a look only where something of it is new."""
    last: list[CampaignView] = []

    def shown(campaign: CampaignView, _rounds: Sequence[RoundView]) -> None:
        if last != [campaign]:
            show(campaign)
        last[:] = [campaign]

    return shown


def _print_line(campaign: CampaignView) -> None:
    out().print(Text(clean(campaign_screens.line(campaign))), soft_wrap=True)


def _print_json(campaign: CampaignView) -> None:
    typer.echo(as_line({"campaign": campaign}))
