"""The log tells each change of the fleet in a line, and of refusals only as many as are read."""

from typing import Any

import pytest
from google.protobuf.message import Message
from structlog.testing import capture_logs

from fieldwise.calls import Call, Kind, Method
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import (
    account_pb2,
    admission_pb2,
    audit_pb2,
    campaign_pb2,
    device_pb2,
    enrolment_pb2,
    federation_pb2,
    identity_pb2,
    operator_pb2,
    rollout_pb2,
    trust_pb2,
)
from orchestrator.fleet.device import Caller
from orchestrator.rights import RIGHTS, Login, Operator, Verb
from orchestrator.rpc import interceptors
from orchestrator.rpc.journal import EVENTS, REFUSALS_PER_MINUTE, Journal

SECRET = b"s" * 32
TOKEN = "fw1_secret-of-the-ticket"
EVIL = "a\x1b[2J\nb"

CHANGE = rollout_pb2.RolloutChange(
    rollout=rollout_pb2.Rollout(id="r1"), changed=True, may_still_start=2
)
CHANGED: dict[str, object] = {"rollout": "r1", "changed": True, "may_still_start": 2}
APPLICANT = admission_pb2.Applicant(device_id="d-1", ticket_id="t1", fingerprint="f1")
APPLIED: dict[str, object] = {"device": "d-1", "ticket": "t1", "fingerprint": "f1"}
ROTATION = identity_pb2.Rotation(trust_revision=3, behind=2)
CALLS: dict[str, tuple[Message, Message, dict[str, object]]] = {
    "Enrol": (
        enrolment_pb2.EnrolRequest(ticket_id="t1", ticket_secret=SECRET),
        enrolment_pb2.EnrolResponse(credentials=enrolment_pb2.Credentials(device_id="d-1")),
        {"event": "device joined", "device": "d-1", "ticket": "t1"},
    ),
    "AcceptDevice": (
        admission_pb2.AcceptDeviceRequest(device_id="d-1"),
        admission_pb2.AcceptDeviceResponse(applicant=APPLICANT),
        {"event": "device accepted", **APPLIED},
    ),
    "RejectDevice": (
        admission_pb2.RejectDeviceRequest(device_id="d-1", reason="not ours"),
        admission_pb2.RejectDeviceResponse(applicant=APPLICANT),
        {"event": "device rejected", **APPLIED},
    ),
    "Revive": (
        enrolment_pb2.ReviveRequest(certificate=SECRET, signature=SECRET),
        enrolment_pb2.ReviveResponse(credentials=enrolment_pb2.Credentials(device_id="d-1")),
        {"event": "device revived", "device": "d-1"},
    ),
    "Leave": (
        device_pb2.LeaveRequest(),
        device_pb2.LeaveResponse(),
        {"event": "device left", "device": "d-caller"},
    ),
    "UpdateDeviceTags": (
        operator_pb2.UpdateDeviceTagsRequest(id="d-1", set={"site": "b", EVIL: "c"}, unset=["x"]),
        operator_pb2.UpdateDeviceTagsResponse(),
        {
            "event": "device tagged",
            "device": "d-1",
            "set": ["a\ufffd[2J\ufffdb", "site"],
            "unset": ["x"],
        },
    ),
    "AskDiagnosis": (
        operator_pb2.AskDiagnosisRequest(device_id="d-1"),
        operator_pb2.AskDiagnosisResponse(),
        {"event": "diagnosis asked for", "device": "d-1"},
    ),
    "DeleteDevice": (
        operator_pb2.DeleteDeviceRequest(id=EVIL),
        operator_pb2.DeleteDeviceResponse(),
        {"event": "device removed", "device": "a\ufffd[2J\ufffdb"},
    ),
    "DenyDevice": (
        identity_pb2.DenyDeviceRequest(id=EVIL),
        identity_pb2.DenyDeviceResponse(),
        {"event": "device denied", "device": "a\ufffd[2J\ufffdb"},
    ),
    "BeginRotation": (
        identity_pb2.BeginRotationRequest(),
        identity_pb2.BeginRotationResponse(rotation=ROTATION),
        {"event": "rotation of the authority begun", "trust_revision": 3, "behind": 2},
    ),
    "SwitchRotation": (
        identity_pb2.SwitchRotationRequest(),
        identity_pb2.SwitchRotationResponse(rotation=ROTATION),
        {"event": "rotation of the authority switched", "trust_revision": 3, "behind": 2},
    ),
    "FinishRotation": (
        identity_pb2.FinishRotationRequest(force=True),
        identity_pb2.FinishRotationResponse(rotation=ROTATION),
        {"event": "rotation of the authority finished", "trust_revision": 3, "behind": 2},
    ),
    "AllowDevice": (
        identity_pb2.AllowDeviceRequest(id="d-1"),
        identity_pb2.AllowDeviceResponse(changed=True),
        {"event": "device allowed", "device": "d-1"},
    ),
    "CreateTicket": (
        operator_pb2.CreateTicketRequest(uses=3),
        operator_pb2.CreateTicketResponse(ticket=operator_pb2.Ticket(id="t1"), token=TOKEN),
        {"event": "ticket created", "ticket": "t1", "uses": 3},
    ),
    "RevokeTicket": (
        operator_pb2.RevokeTicketRequest(id="t1"),
        operator_pb2.RevokeTicketResponse(),
        {"event": "ticket revoked", "ticket": "t1"},
    ),
    "PushBackbone": (
        operator_pb2.PushBackboneRequest(content=SECRET),
        operator_pb2.PushBackboneResponse(
            backbone=operator_pb2.Backbone(name="lite0", version="1.0.0", digest=b"\xab" * 32),
            created=True,
        ),
        {
            "event": "backbone pushed",
            "backbone": "lite0:1.0.0",
            "digest": "ab" * 32,
            "new": True,
        },
    ),
    "StartRollout": (
        operator_pb2.StartRolloutRequest(
            plan=rollout_pb2.RolloutPlan(backbone="lite0", cohort="site=a")
        ),
        operator_pb2.StartRolloutResponse(rollout=rollout_pb2.Rollout(id="r1")),
        {"event": "rollout started", "rollout": "r1", "backbone": "lite0", "cohort": "site=a"},
    ),
    "PauseRollout": (
        operator_pb2.PauseRolloutRequest(id="r1"),
        operator_pb2.PauseRolloutResponse(change=CHANGE),
        {"event": "rollout paused", **CHANGED},
    ),
    "ResumeRollout": (
        operator_pb2.ResumeRolloutRequest(id="r1"),
        operator_pb2.ResumeRolloutResponse(change=CHANGE),
        {"event": "rollout resumed", **CHANGED},
    ),
    "PromoteRollout": (
        operator_pb2.PromoteRolloutRequest(id="r1"),
        operator_pb2.PromoteRolloutResponse(change=CHANGE),
        {"event": "rollout promoted", **CHANGED},
    ),
    "AbortRollout": (
        operator_pb2.AbortRolloutRequest(id="r1"),
        operator_pb2.AbortRolloutResponse(change=CHANGE),
        {"event": "rollout aborted", **CHANGED},
    ),
    "HoldRollout": (
        operator_pb2.HoldRolloutRequest(id="r1"),
        operator_pb2.HoldRolloutResponse(change=CHANGE),
        {"event": "rollout held", **CHANGED},
    ),
    "RetryRollout": (
        operator_pb2.RetryRolloutRequest(id="r1"),
        operator_pb2.RetryRolloutResponse(change=CHANGE),
        {"event": "rollout retried", **CHANGED},
    ),
    "UndoRollout": (
        operator_pb2.UndoRolloutRequest(id="r0"),
        operator_pb2.UndoRolloutResponse(change=CHANGE),
        {"event": "rollout undone", "undone": "r0", **CHANGED},
    ),
    "RecallBackbone": (
        operator_pb2.RecallBackboneRequest(reference="lite0"),
        operator_pb2.RecallBackboneResponse(
            backbone=operator_pb2.Backbone(name="lite0", version="1.0.0", devices=3),
            rollout_ids=["r3", "r1"],
        ),
        {
            "event": "backbone recalled",
            "backbone": "lite0:1.0.0",
            "devices": 3,
            "rollouts": ["r3", "r1"],
        },
    ),
    "StartCampaign": (
        campaign_pb2.StartCampaignRequest(
            plan=campaign_pb2.CampaignPlan(
                backbone="lite0", cohort="site=a", strategy="Krum", classes=["hers"]
            )
        ),
        campaign_pb2.StartCampaignResponse(campaign=campaign_pb2.Campaign(id="c1")),
        {
            "event": "campaign started",
            "campaign": "c1",
            "backbone": "lite0",
            "cohort": "site=a",
            "strategy": "Krum",
        },
    ),
    "PublishMetadata": (
        trust_pb2.PublishMetadataRequest(roots=[SECRET], targets=SECRET, hand_over=True),
        trust_pb2.PublishMetadataResponse(
            root_version=2, targets_version=7, floor_epoch=3, changed=True
        ),
        {
            "event": "metadata published",
            "root": 2,
            "list": 7,
            "floor": 3,
            "handed_over": True,
        },
    ),
    "StopCampaign": (
        campaign_pb2.StopCampaignRequest(campaign_id="c1"),
        campaign_pb2.StopCampaignResponse(),
        {"event": "campaign stopped", "campaign": "c1"},
    ),
    "RollBackHead": (
        campaign_pb2.RollBackHeadRequest(campaign_id="c1", version=2),
        campaign_pb2.RollBackHeadResponse(
            head=campaign_pb2.HeadVersion(head=federation_pb2.GlobalHead(version=5))
        ),
        {"event": "head taken back", "campaign": "c1", "to": 2, "version": 5},
    ),
    "ExportHead": (
        campaign_pb2.ExportHeadRequest(campaign_id="c1", version=2),
        campaign_pb2.ExportHeadResponse(content=SECRET),
        {"event": "head exported", "campaign": "c1", "version": 2},
    ),
    "CreateAccount": (
        account_pb2.CreateAccountRequest(name="bob"),
        account_pb2.CreateAccountResponse(
            account=account_pb2.Account(id="a1", name="bob", role=account_pb2.ACCOUNT_ROLE_VIEWER),
            token=TOKEN,
        ),
        {"event": "account created", "account": "bob", "id": "a1", "role": "viewer"},
    ),
    "RevokeAccount": (
        account_pb2.RevokeAccountRequest(name="bob"),
        account_pb2.RevokeAccountResponse(account=account_pb2.Account(id="a1", name="bob")),
        {"event": "account revoked", "account": "bob", "id": "a1"},
    ),
    "PruneAudit": (
        audit_pb2.PruneAuditRequest(until=3),
        audit_pb2.PruneAuditResponse(
            cut=audit_pb2.AuditHead(number=3), head=audit_pb2.AuditHead(number=9)
        ),
        {"event": "audit log pruned", "cut": 3, "head": 9},
    ),
    "ApplySettings": (
        operator_pb2.ApplySettingsRequest(cohort="site=a"),
        operator_pb2.ApplySettingsResponse(devices=4),
        {"event": "settings applied", "cohort": "site=a", "devices": 4},
    ),
}


class Peer:
    """The one thing that the journal asks of a call's context."""

    def peer(self) -> str:
        return "ipv4:192.0.2.7:1"

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", "Bearer hers"),)


def call(name: str) -> Call:
    context: Any = Peer()
    return Call(Method(f"/fieldwise.v1alpha1.X/{name}", Kind.UNARY), context)


def test_every_event_is_tried_here() -> None:
    assert set(CALLS) == set(EVENTS)


def test_every_change_that_an_operator_can_make_is_an_event() -> None:
    changing = {name for name, right in RIGHTS.items() if right.verb not in {Verb.GET, Verb.LIST}}
    assert changing - {"ListPreviewedDevices"} <= set(EVENTS)


@pytest.mark.parametrize("name", CALLS)
async def test_a_change_is_one_line_without_secrets(name: str) -> None:
    request, response, line = CALLS[name]
    token = interceptors._caller.set(Caller("d-caller", "f" * 64))
    with capture_logs() as told:
        async with Journal().around(call(name)) as watcher:
            assert watcher is not None
            watcher.received(request)
            watcher.sent(response)
    interceptors._caller.reset(token)
    assert told == [{**line, "log_level": "info"}]
    assert TOKEN not in repr(told)
    assert SECRET.decode() not in repr(told)


async def test_a_change_names_its_operator_where_one_is_known() -> None:
    async def admit(token: str, method: str) -> Operator:
        assert (token, method) == ("hers", "RevokeTicket")
        return Operator(f"alice {EVIL}", Login.KUBERNETES)

    context: Any = Peer()
    revoking = Method("/fieldwise.v1alpha1.Operator/RevokeTicket", Kind.UNARY)
    with capture_logs() as told:
        async with (
            Journal().around(Call(revoking, context)) as watcher,
            interceptors.OperatorsOnly(admit).around(Call(revoking, context)),
        ):
            assert watcher is not None
            watcher.received(operator_pb2.RevokeTicketRequest(id="t1"))
            watcher.sent(operator_pb2.RevokeTicketResponse())
    assert told[0]["operator"] == "alice a\ufffd[2J\ufffdb"
    assert interceptors.calling_operator() == ""


async def test_a_rollout_that_is_only_validated_is_not_told() -> None:
    with capture_logs() as told:
        async with Journal().around(call("StartRollout")) as watcher:
            assert watcher is not None
            watcher.received(operator_pb2.StartRolloutRequest(validate_only=True))
            watcher.sent(operator_pb2.StartRolloutResponse())
    assert told == []


async def test_what_is_called_all_the_time_is_not_told() -> None:
    with capture_logs() as told:
        for name in ("CheckIn", "Download", "ListDevices"):
            async with Journal().around(call(name)) as watcher:
                assert watcher is None
    assert told == []


async def refuse(journal: Journal, fault: Fault, sentence: str = "no") -> None:
    with pytest.raises(FieldwiseError):
        async with journal.around(call("CheckIn")):
            raise FieldwiseError(fault, sentence)


async def test_a_refusal_is_told_clean_and_louder_where_somebody_was_not_let_in() -> None:
    with capture_logs() as told:
        await refuse(Journal(), Fault.CERTIFICATE_INVALID, EVIL)
        await refuse(Journal(), Fault.NOT_FOUND)
        await refuse(Journal(), Fault.UNAVAILABLE)
    assert [each["log_level"] for each in told] == ["warning", "info", "warning"]
    assert told[0]["reason"] == "a\ufffd[2J\ufffdb"
    assert told[0]["peer"] == "ipv4:192.0.2.7:1"


async def test_the_end_of_a_chain_of_roots_is_no_refusal() -> None:
    gone = FieldwiseError(Fault.NOT_FOUND, "there is no metadata 2.root.json")
    with capture_logs() as told:
        with pytest.raises(FieldwiseError):
            async with Journal().around(call("GetMetadata")):
                raise gone
        await refuse(Journal(), Fault.NOT_FOUND)
    assert [each["method"] for each in told] == ["CheckIn"]


async def test_a_flood_of_refusals_is_a_screen_a_minute_and_a_number() -> None:
    now = [0.0]
    journal = Journal(lambda: now[0])
    with capture_logs() as told:
        for _ in range(REFUSALS_PER_MINUTE + 480):
            await refuse(journal, Fault.UNAUTHENTICATED)
        assert len(told) == REFUSALS_PER_MINUTE
        now[0] = 61.0
        for _ in range(2):
            await refuse(journal, Fault.UNAUTHENTICATED)
    assert [each.get("untold_before") for each in told[-2:]] == [480, None]


async def test_a_device_that_has_to_wait_is_not_said_to_have_joined() -> None:
    waiting = enrolment_pb2.PendingEnrolment(retry_seconds=60, fingerprint="f1")
    answer = enrolment_pb2.EnrolResponse(pending=waiting)
    with capture_logs() as logged:
        async with Journal().around(call("Enrol")) as watcher:
            assert watcher is not None
            watcher.received(enrolment_pb2.EnrolRequest(ticket_id="t1"))
            watcher.sent(answer)
    assert logged == []
