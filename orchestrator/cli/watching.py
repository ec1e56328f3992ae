"""Watching a rollout until it ends or needs an operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.cli import rollout_screens
from orchestrator.cli.looking import (
    COMPLETE,
    ENDED,
    NEEDS_OPERATOR,
    OVERTAKEN,
    TAKEN_BACK,
    Watched,
)
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout_views import EventView, RolloutView
from orchestrator.rpc.client import OperatorClient

CODES: Mapping[Phase, int] = MappingProxyType(
    {
        Phase.COMPLETE: COMPLETE,
        Phase.PAUSED: NEEDS_OPERATOR,
        Phase.REVERTED: TAKEN_BACK,
        Phase.HELD: ENDED,
        Phase.SUPERSEDED: OVERTAKEN,
    }
)
EVENTS_PER_LOOK = 100  # more than happen between two looks


@dataclass(frozen=True, slots=True)
class Look:
    """A rollout and its newest events, the newest first."""

    rollout: RolloutView
    events: Sequence[EventView]

    @property
    def last(self) -> int:
        """The number of the newest event; 0 where there is none."""
        return max((each.sequence for each in self.events), default=0)


def watched(client: OperatorClient, rollout_id: str) -> Watched[Look]:
    """Return how a rollout is looked at, and how a look is told."""

    async def look() -> Look:
        rollout = await client.get_rollout(rollout_id)
        page = await client.list_events(rollout_id, size=EVENTS_PER_LOOK)
        return Look(rollout, page.items)

    return Watched(
        look=look,
        end=lambda seen: end_of(seen.rollout),
        news=lambda seen: (seen.rollout, seen.last),
        drawn=lambda seen: rollout_screens.screen(seen.rollout, seen.events),
        lines=_lines,
        object=lambda seen, before: {"rollout": seen.rollout, "events": _fresh(seen, before)},
    )


def end_of(rollout: RolloutView) -> int | None:
    """Return the exit code of a rollout that has ended or waits for an operator, else None."""
    if rollout.phase is Phase.RUNNING and rollout.reason is Reason.PROMOTION:
        return NEEDS_OPERATOR
    return CODES.get(rollout.phase)


def _lines(seen: Look, before: Look | None) -> Sequence[str]:
    events = map(rollout_screens.event_line, _fresh(seen, before))
    return (*events, rollout_screens.line(seen.rollout))


def _fresh(seen: Look, before: Look | None) -> Sequence[EventView]:
    """Return the events since the look before, the oldest first."""
    told = before.last if before else 0
    return [each for each in reversed(seen.events) if each.sequence > told]
