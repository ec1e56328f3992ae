"""A client of the service of campaigns without a server, and what it answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fieldwise.federation import HeadOutcome, HeadSpace
from orchestrator.campaign_views import CampaignView, HeadView, RoundView
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.plan import CampaignPlan
from orchestrator.paging import Page

if TYPE_CHECKING:
    from fieldwise.errors import FieldwiseError

THEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DIGEST = "cd" * 32
SPACE = HeadSpace("ab" * 32, "ef" * 32, (4, 2))
PLAN = CampaignPlan(
    "lite0:1.0.0",
    ("apple", "pear"),
    "site=berlin",
    strategy="FedAvgM",
    options={"server_momentum": 0.5},
)
ROUND = RoundView(
    round=3,
    phase=RoundPhase.OPEN,
    opened_at=THEN,
    deadline=THEN + timedelta(hours=1),
    ended_at=None,
    wanted=10,
    asked=13,
    taken=4,
    declined=2,
    refused=1,
    unchanged=2,
    bytes=409_600,
    version=0,
    classes=0,
    classes_held_back=0,
    rows_left_out=0,
)
HEAD = HeadView(
    version=2,
    digest=DIGEST,
    bytes=102_400,
    space=SPACE,
    created_at=THEN,
    round=2,
    back_to=0,
    outcomes={HeadOutcome.ADOPTED: 7, HeadOutcome.HARM: 1},
)
CAMPAIGN = CampaignView(
    id="c1",
    plan=PLAN,
    phase=CampaignPhase.RUNNING,
    reason="",
    created_at=THEN,
    created_by="dora",
    ended_at=None,
    round=ROUND,
    rounds_committed=2,
    rounds_missed=1,
    rounds_unchanged=3,
    head=HEAD,
    devices=40,
    agreed=20,
)


class CannedCampaigns:
    """Answers every call with a canned record, a list of them in turn, and remembers the calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.error: FieldwiseError | None = None
        self.pieces: list[tuple[bytes, int]] = [(b"head", 9), (b" file", 9)]
        self.answers: dict[str, Any] = {
            "start": CAMPAIGN,
            "stop": CAMPAIGN,
            "get": CAMPAIGN,
            "list": Page((CAMPAIGN,)),
            "rounds": Page((ROUND,)),
            "heads": Page((HEAD,)),
            "roll_back": HEAD,
        }

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            self.asked.append((name, *arguments, *named.values()))
            if self.error is not None:
                raise self.error
            answer = self.answers[name]
            return answer.pop(0) if isinstance(answer, list) else answer

        return call

    async def export(self, campaign: str, version: int) -> AsyncIterator[tuple[bytes, int]]:
        self.asked.append(("export", campaign, version))
        for each in self.pieces:
            yield each
