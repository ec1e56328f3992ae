"""A client of the operator API without a server, and what it answers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fieldwise.answers import LearningSigns
from fieldwise.ledger import LedgerHead
from fieldwise.update import UpdateFailure, UpdatePhase
from orchestrator.fleet.device import DeviceState, Facts, Target
from orchestrator.fleet.ledger import Finding as LedgerFinding
from orchestrator.fleet.ledger import LedgerRecord, Mark, Rewriting
from orchestrator.fleet.report import LearningCounters, Report, UpdateReport
from orchestrator.paging import Page
from orchestrator.rollout.evidence import Finding, Outcome
from orchestrator.rollout.evidence import Reason as GateReason
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Exclusion, Place
from orchestrator.rollout.plan import Plan, Wave
from orchestrator.rollout.rollout import Actor, Happening, Kind
from orchestrator.rollout_views import (
    ChangeView,
    EventView,
    ExplanationView,
    PreviewedDevice,
    PreviewView,
    RecallView,
    RolloutDeviceView,
    RolloutView,
    WavePreview,
)
from orchestrator.rpc.client import CreatedTicket, Pushed
from orchestrator.views import (
    BackboneView,
    DeviceView,
    FleetView,
    LookView,
    TicketView,
    VariantView,
)
from tests.fakes.account_client import CannedAccounts
from tests.fakes.applicant_client import CannedApplicants
from tests.fakes.audit_client import CannedAudit
from tests.fakes.campaign_client import CannedCampaigns
from tests.fakes.identity_client import CannedIdentities

if TYPE_CHECKING:
    from fieldwise.errors import FieldwiseError

THEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DIGEST = "ab" * 32
TICKET = TicketView("t1", THEN, THEN + timedelta(days=1), 3, 1, revoked=False, tags={"a": "b"})
BACKBONE = BackboneView(
    digest=DIGEST,
    name="lite0",
    version="1.0.0",
    epoch=1,
    publisher="us",
    licence="Apache-2.0",
    source="here",
    feature_width=1280,
    image_size=224,
    variants=(VariantView("fp32", 5 << 20), VariantView("int8", 2 << 20)),
    starter_classes=0,
    created_at=THEN,
    devices=1,
    looks=(LookView("small", 224, 0, 1280), LookView("probe", 0, 13, 64)),
)
REPORT = Report(
    1,
    2,
    bundle_in_use=DIGEST,
    variant_in_use="fp32",
    update=UpdateReport(1, DIGEST, UpdatePhase.REVERTED, UpdateFailure.DISK_FULL),
    learning=LearningCounters(samples=1234, classes=7, window_samples=200, window_correct=150),
    signs=LearningSigns(novelty_samples=40, novelty_novel=3, drift_permille=250, drift_alarms=2),
)
DEVICE = DeviceView(
    id="d-1",
    tags={"site": "berlin"},
    state=DeviceState.FAILED,
    enrolled_at=THEN,
    seen_at=None,
    certificate_expires_at=THEN,
    facts=Facts("0.1.0", "aarch64", 1 << 30, 4),
    report=REPORT,
    target=Target(3, DIGEST),
    settings=None,
    ledger=LedgerRecord(
        newest=Mark(LedgerHead(12, DIGEST), THEN.timestamp()),
        is_told=True,
        rewritings=2,
        finding=LedgerFinding(
            Rewriting.LOST, THEN.timestamp(), LedgerHead(99, DIGEST), LedgerHead(12, DIGEST)
        ),
    ),
)
PLAN = Plan("lite0:1.0.0", waves=(Wave(devices=2), Wave()))
FINDING = Finding(
    Outcome.WAITING,
    (GateReason.UNSETTLED,),
    wave=1,
    devices=2,
    mean_loss=0.004,
    lower=-0.02,
    upper=0.03,
    detectable=0.05,
)
ROLLOUT = RolloutView(
    id="r1",
    digest=DIGEST,
    title="lite0:1.0.0",
    cohort="",
    kind=Kind.FORWARD,
    phase=Phase.RUNNING,
    reason=None,
    created_at=THEN,
    ended_at=None,
    plan=PLAN,
    wave=1,
    waves=({Place.HEALTHY: 1, Place.OFFLINE: 1}, {Place.WAITING: 1}),
    counts={Place.HEALTHY: 1, Place.OFFLINE: 1, Place.WAITING: 1},
    finding=FINDING,
)
CHANGE = ChangeView(ROLLOUT)


def changed_to(phase: Phase) -> ChangeView:
    """A change that led to a phase."""
    return replace(CHANGE, rollout=replace(ROLLOUT, phase=phase))


EVENT = EventView(1, THEN, Actor.OPERATOR, Happening.STARTED, "Started, by an operator.")
PREVIEW = PreviewView(
    "r2",
    DIGEST,
    "lite0:1.0.0",
    (WavePreview(2, 1, None), WavePreview(8, 8, 0.031)),
    {Exclusion.PINNED: 1},
)
DRAWN = (
    PreviewedDevice("d-1", 1, None, "int8", 40),
    PreviewedDevice("d-2", 0, Exclusion.PINNED, "", 0),
)
PLACED = RolloutDeviceView("d-1", 1, Place.FAILED, "It failed: the graph did not load.")
EXPLANATION = ExplanationView("d-1", "lite0:1.0.0", "r1", 1, ("It serves lite0.", "It waits."))
FLEET = FleetView(
    "0.1.0",
    "plant-7",
    {"healthy": 2, "offline": 0},
    {"lite0:1.0.0": 2},
    1,
    4,
    {"running": 1, "paused": 2},
)


class CannedClient:
    """Answers every call with a canned record, a list of them in turn, and remembers the calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.identities = CannedIdentities()
        self.campaigns = CannedCampaigns()
        self.accounts = CannedAccounts()
        self.audit = CannedAudit()
        self.applicants = CannedApplicants()
        self.error: FieldwiseError | None = None
        self.answers: dict[str, Any] = {
            "create_ticket": CreatedTicket(TICKET, "fw1_" + "x" * 500),
            "list_tickets": Page((TICKET,) * 3, "more"),
            "revoke_ticket": TICKET,
            "list_devices": Page((DEVICE,)),
            "get_device": DEVICE,
            "update_tags": DEVICE,
            "remove_device": None,
            "list_backbones": Page((BACKBONE,)),
            "get_backbone": BACKBONE,
            "start_rollout": ROLLOUT,
            "list_rollouts": Page((ROLLOUT,)),
            "get_rollout": ROLLOUT,
            "preview_rollout": PREVIEW,
            "list_previewed": Page(DRAWN),
            "list_events": Page((EVENT,)),
            "list_rollout_devices": Page((PLACED,)),
            "pause_rollout": changed_to(Phase.PAUSED),
            "resume_rollout": CHANGE,
            "promote_rollout": CHANGE,
            "abort_rollout": changed_to(Phase.REVERTING),
            "hold_rollout": changed_to(Phase.HELD),
            "retry_rollout": CHANGE,
            "undo_rollout": CHANGE,
            "recall_backbone": RecallView(BACKBONE, ("r3", "r1")),
            "explain_device": EXPLANATION,
            "apply_settings": 3,
            "fleet": FLEET,
        }

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            self.asked.append((name, *arguments, *named.values()))
            if self.error is not None:
                raise self.error
            answer = self.answers[name]
            return answer.pop(0) if isinstance(answer, list) else answer

        return call

    async def push_backbone(self, pieces: AsyncIterator[bytes]) -> Pushed:
        content = b"".join([piece async for piece in pieces])
        self.asked.append(("push_backbone", content))
        return Pushed(BACKBONE, created=True)
