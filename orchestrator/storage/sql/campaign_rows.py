"""Campaigns, rounds, heads and updates from rows and back.

What statements ask for has columns of its own. The rest of a campaign is two JSON texts: ``plan``
is written once and may hold ten thousand names, ``course`` is short and written at every save.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, and_

from fieldwise.federation import Consent, HeadSpace, RowKind
from orchestrator.federation.campaign import Campaign, HeadVersion, Round
from orchestrator.federation.contribution import Answer, Contribution, Part, UpdateHead
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.plan import CampaignPlan
from orchestrator.storage.sql.tables import devices, reports

PLANS_KEPT = 64  # campaigns are looked at every few seconds, and their plans never change


@dataclass(frozen=True, slots=True)
class _Planned:
    """The text ``plan``."""

    plan: CampaignPlan
    title: str
    space: HeadSpace
    created_by: str


@dataclass(frozen=True, slots=True)
class _Course:
    """The text ``course``; each field is the campaign's of that name."""

    reason: str = ""
    round: Round | None = None
    committed: int = 0
    missed: int = 0
    unchanged: int = 0
    dropped: int = 0
    made_in: int = 0
    version: int = 0
    head: HeadVersion | None = None


_COURSE = tuple(each.name for each in fields(_Course))
_course_decoder = msgspec.json.Decoder(_Course)


def campaign_of(row: RowMapping) -> Campaign:
    planned, course = _planned(row["plan"]), _course_decoder.decode(row["course"])
    return Campaign(
        number=row["number"],
        plan=planned.plan,
        title=planned.title,
        space=planned.space,
        created_at=row["created_at"],
        created_by=planned.created_by,
        request=row["request"] or "",
        phase=CampaignPhase(row["phase"]),
        ended_at=row["ended_at"],
        revision=row["revision"],
        **{name: getattr(course, name) for name in _COURSE},
    )


@lru_cache(PLANS_KEPT)
def _planned(text: str) -> _Planned:
    return msgspec.json.decode(text, type=_Planned)


def open_round_of(course: str) -> int:
    """The number of the round that takes updates, 0 for none."""
    newest = _course_decoder.decode(course).round
    return newest.number if newest and newest.phase is RoundPhase.OPEN else 0


def fresh_values(campaign: Campaign) -> dict[str, Any]:
    """All of a new campaign but its number."""
    planned = _Planned(campaign.plan, campaign.title, campaign.space, campaign.created_by)
    return {
        "kind": campaign.plan.kind.value,
        "level": campaign.plan.level.value,
        "created_at": campaign.created_at,
        "request": campaign.request or None,
        "plan": text_of(planned),
        "revision": campaign.revision,
        **campaign_values(campaign),
    }


def campaign_values(campaign: Campaign) -> dict[str, Any]:
    """What of a campaign may change, but for its revision."""
    return {
        "phase": campaign.phase.value,
        "ended_at": campaign.ended_at,
        "newest_round": campaign.round.number if campaign.round else 0,
        "has_head": campaign.head is not None,
        "course": text_of(_Course(**{name: getattr(campaign, name) for name in _COURSE})),
    }


def round_of(text: str) -> Round:
    return msgspec.json.decode(text, type=Round)


def head_of(text: str) -> HeadVersion:
    return msgspec.json.decode(text, type=HeadVersion)


def head_values(head: HeadVersion) -> dict[str, Any]:
    """All of a version but its campaign."""
    return {
        "version": head.version,
        "request": head.request or None,
        "content": text_of(head),
    }


def text_of(record: object) -> str:
    return msgspec.json.encode(record).decode()


def part_of(row: RowMapping) -> Part:
    answer = Answer(row["answer"]) if row["answer"] else None
    return Part(row["asked"], answer, row["digest"], row["head_version"])


def contribution_of(row: RowMapping) -> Contribution:
    update = UpdateHead(
        rows=row["rows"],
        digest=row["digest"],
        bytes=row["bytes"],
        kind=RowKind(row["kind"]),
        level=Consent(row["level"]),
        base_version=row["base_version"],
    )
    return Contribution(row["alias"], row["round"], update)


def classes_text(classes: frozenset[int]) -> str:
    return " ".join(map(str, sorted(classes)))


def classes_in(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split()))


def agrees_to(level: Consent) -> ColumnElement[bool]:
    """The condition that a device is a member whose newest report says an agreeing consent."""
    enough = [each.value for each in Consent if each.covers(level)]
    return and_(devices.c.removed_at.is_(None), reports.c.consent.in_(enough))
