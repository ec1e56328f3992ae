"""A rollout and its history from rows and back.

What statements ask for has columns of its own. The rest is two JSON texts: ``plan`` is written
once, ``course`` at every save.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from orchestrator.rollout.evidence import Finding
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Actor, Event, Happening, Kind, Needs, Rollout


@dataclass(frozen=True, slots=True)
class _Planned:
    """The text ``plan``."""

    plan: Plan
    needs: Needs = field(default_factory=Needs)


@dataclass(frozen=True, slots=True)
class _Course:
    """The text ``course``; each field is the rollout's of that name."""

    thresholds: tuple[float, ...] = ()
    silent_before: float = 0.0
    reason: Reason | None = None
    wave: int = 0
    to_end: bool = False
    wave_started_at: float | None = None
    wave_settled_at: float | None = None
    overdue_accepted: int = 0
    patient: bool = False
    finding: Finding | None = None
    tally: tuple[Mapping[Place, int], ...] = ()


_COURSE = tuple(each.name for each in fields(_Course))
_plan_decoder = msgspec.json.Decoder(_Planned)
_course_decoder = msgspec.json.Decoder(_Course)


def rollout_of(row: RowMapping) -> Rollout:
    planned, course = _plan_decoder.decode(row["plan"]), _course_decoder.decode(row["course"])
    return Rollout(
        number=row["number"],
        digest=row["digest"],
        title=row["title"],
        cohort=row["cohort"],
        created_at=row["created_at"],
        plan=planned.plan,
        kind=Kind(row["kind"]),
        request=row["request"] or "",
        needs=planned.needs,
        phase=Phase(row["phase"]),
        watched=row["watched"],
        ended_at=row["ended_at"],
        revision=row["revision"],
        **{name: getattr(course, name) for name in _COURSE},
    )


def fresh_values(rollout: Rollout) -> dict[str, Any]:
    """All of a new rollout but its number."""
    return {
        "digest": rollout.digest,
        "title": rollout.title,
        "cohort": rollout.cohort,
        "created_at": rollout.created_at,
        "kind": rollout.kind.value,
        "request": rollout.request or None,
        "plan": _text(_Planned(rollout.plan, rollout.needs)),
        "revision": rollout.revision,
        **rollout_values(rollout),
    }


def rollout_values(rollout: Rollout) -> dict[str, Any]:
    """What of a rollout may change, but for its revision."""
    return {
        "phase": rollout.phase.value,
        "course": _text(_Course(**{name: getattr(rollout, name) for name in _COURSE})),
        "watched": rollout.watched,
        "ended_at": rollout.ended_at,
    }


def event_of(row: RowMapping) -> Event:
    facts = msgspec.json.decode(row["facts"])
    return Event(row["at"], Happening(row["kind"]), Actor(row["actor"]), facts, row["sequence"])


def event_values(number: int, event: Event) -> dict[str, Any]:
    values = {**asdict(event), "facts": _text(dict(event.facts)), "rollout": number}
    return {**values, "kind": event.kind.value, "actor": event.actor.value}


def _text(record: object) -> str:
    return msgspec.json.encode(record).decode()
