"""Who may call what: every method of both ports by hand, tried for real by tests/methods.

The lists in the code that let callers in (``orchestrator.rights``, ``orchestrator.people.roles``,
the gates of ``orchestrator.rpc``) are not read here. This is the other opinion: what people decided
about each method, which a client of raw gRPC then tries as everybody.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from tools import tables


class Who(StrEnum):
    """The least that lets a caller in."""

    ANYBODY = "anybody"
    TICKET = "who has a ticket"
    SLEEPER = "a member whose certificate has ended, by its key"
    DEVICE = "a member"
    WORKER = "the aggregator of a campaign"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    NOBODY = "nobody"


class Caller(StrEnum):
    """Who tries."""

    NO_CERTIFICATE = "no certificate"
    OTHER_AUTHORITY = "certificate of another authority"
    OTHER_FLEET = "certificate of another fleet"
    EXPIRED = "certificate that has ended"
    NOT_YET = "certificate of tomorrow"
    STRANGER = "certificate of a device that never joined"
    OTHER_KEY = "another device's identity, with a key of one's own"
    REMOVED = "device that was removed"
    DENIED = "device that is denied"
    MEMBER = "member"
    NO_TOKEN = "no token"  # noqa: S105 - what a caller lacks
    WRONG_TOKEN = "wrong token"  # noqa: S105 - the words for it
    EXPIRED_ACCOUNT = "token of an account that has expired"
    REVOKED_ACCOUNT = "token of an account that was revoked"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    ROOT = "root"
    OLD_WORKER = "token of an aggregator that was replaced"
    OTHER_WORKER = "token of an aggregator of an unknown campaign"
    WORKER = "aggregator"
    WRONG_TICKET = "wrong ticket"
    TICKET = "good ticket"
    FORGER = "ended certificate of another device, without its key"
    SLEEPER = "ended certificate of one's own, with its key"


class Port(StrEnum):
    DEVICE = "device"
    OPERATOR = "operator"


BY_CERTIFICATE = (
    Caller.NO_CERTIFICATE,
    Caller.OTHER_AUTHORITY,
    Caller.OTHER_FLEET,
    Caller.EXPIRED,
    Caller.NOT_YET,
    Caller.STRANGER,
    Caller.OTHER_KEY,
    Caller.REMOVED,
    Caller.DENIED,
    Caller.MEMBER,
)
BY_TOKEN = tuple(each for each in Caller if each not in BY_CERTIFICATE)
CALLERS: Mapping[Port, tuple[Caller, ...]] = {
    Port.DEVICE: BY_CERTIFICATE,
    Port.OPERATOR: (*BY_TOKEN, Caller.MEMBER),
}
LET_IN: Mapping[Who, frozenset[Caller]] = {
    Who.ANYBODY: frozenset(Caller),
    Who.TICKET: frozenset({Caller.TICKET}),
    Who.SLEEPER: frozenset({Caller.SLEEPER}),
    Who.DEVICE: frozenset({Caller.MEMBER}),
    Who.WORKER: frozenset({Caller.WORKER}),
    Who.VIEWER: frozenset({Caller.VIEWER, Caller.OPERATOR, Caller.ADMIN, Caller.ROOT}),
    Who.OPERATOR: frozenset({Caller.OPERATOR, Caller.ADMIN, Caller.ROOT}),
    Who.ADMIN: frozenset({Caller.ADMIN, Caller.ROOT}),
    Who.NOBODY: frozenset(),
}

# By the service, in the package of ours where it has none of its own.
METHODS: Mapping[str, Mapping[str, Who]] = {
    "Device": {
        "CheckIn": Who.DEVICE,
        "Download": Who.DEVICE,
        "Renew": Who.DEVICE,
        "Leave": Who.DEVICE,
        "AnswerDiagnosis": Who.DEVICE,
        "FetchTask": Who.DEVICE,
        "SubmitUpdate": Who.DEVICE,
        "GetMetadata": Who.DEVICE,
    },
    "Enrolment": {"Enrol": Who.TICKET, "Revive": Who.SLEEPER},
    "Operator": {
        "CreateTicket": Who.OPERATOR,
        "ListTickets": Who.VIEWER,
        "RevokeTicket": Who.OPERATOR,
        "ListDevices": Who.VIEWER,
        "GetDevice": Who.VIEWER,
        "UpdateDeviceTags": Who.OPERATOR,
        "DeleteDevice": Who.ADMIN,
        "AskDiagnosis": Who.OPERATOR,
        "ListDiagnoses": Who.VIEWER,
        "PushBackbone": Who.OPERATOR,
        "ListBackbones": Who.VIEWER,
        "GetBackbone": Who.VIEWER,
        "RecallBackbone": Who.OPERATOR,
        "StartRollout": Who.OPERATOR,
        "ListPreviewedDevices": Who.OPERATOR,
        "ListRollouts": Who.VIEWER,
        "GetRollout": Who.VIEWER,
        "ListRolloutEvents": Who.VIEWER,
        "ListRolloutDevices": Who.VIEWER,
        "PauseRollout": Who.OPERATOR,
        "ResumeRollout": Who.OPERATOR,
        "PromoteRollout": Who.OPERATOR,
        "AbortRollout": Who.OPERATOR,
        "HoldRollout": Who.OPERATOR,
        "RetryRollout": Who.OPERATOR,
        "UndoRollout": Who.OPERATOR,
        "ExplainDevice": Who.VIEWER,
        "ApplySettings": Who.ADMIN,
        "GetFleetStatus": Who.VIEWER,
    },
    "Accounts": {
        "CreateAccount": Who.ADMIN,
        "ListAccounts": Who.ADMIN,
        "RevokeAccount": Who.ADMIN,
    },
    "Admission": {
        "ListApplicants": Who.VIEWER,
        "AcceptDevice": Who.OPERATOR,
        "RejectDevice": Who.OPERATOR,
    },
    "Audit": {
        "ListAuditEntries": Who.ADMIN,
        "ExportAudit": Who.ADMIN,
        "PruneAudit": Who.ADMIN,
    },
    "Identity": {
        "DenyDevice": Who.OPERATOR,
        "AllowDevice": Who.OPERATOR,
        "ListDenials": Who.VIEWER,
        "GetRotation": Who.VIEWER,
        "BeginRotation": Who.ADMIN,
        "SwitchRotation": Who.ADMIN,
        "FinishRotation": Who.ADMIN,
    },
    "Federation": {
        "StartCampaign": Who.OPERATOR,
        "StopCampaign": Who.OPERATOR,
        "GetCampaign": Who.VIEWER,
        "ListCampaigns": Who.VIEWER,
        "ListCampaignRounds": Who.VIEWER,
        "ListHeadVersions": Who.VIEWER,
        "RollBackHead": Who.OPERATOR,
        "ExportHead": Who.OPERATOR,
    },
    "Trust": {
        "GetTrust": Who.VIEWER,
        "PublishMetadata": Who.ADMIN,
        "ExportMetadata": Who.VIEWER,
    },
    "Worker": {
        "GetWork": Who.WORKER,
        "OpenRound": Who.WORKER,
        "AwaitRound": Who.WORKER,
        "FetchUpdates": Who.WORKER,
        "FetchWork": Who.WORKER,
        "CommitRound": Who.WORKER,
        "GiveUp": Who.WORKER,
    },
    # On Unix sockets of a device alone.
    "Application": {
        "Predict": Who.NOBODY,
        "Teach": Who.NOBODY,
        "Feedback": Who.NOBODY,
        "ListQuestions": Who.NOBODY,
        "GetQuestionImage": Who.NOBODY,
        "GetAgentStatus": Who.NOBODY,
        "ReportSkipped": Who.NOBODY,
        "GetLearningReport": Who.NOBODY,
    },
    "Owner": {
        "ListLedger": Who.NOBODY,
        "JoinFleet": Who.NOBODY,
        "LeaveFleet": Who.NOBODY,
        "InstallBackbone": Who.NOBODY,
        "ListDeviceBackbones": Who.NOBODY,
        "RollBack": Who.NOBODY,
        "PinBackbone": Who.NOBODY,
        "AnswerUpdate": Who.NOBODY,
        "Forget": Who.NOBODY,
        "GetAskedDiagnosis": Who.NOBODY,
        "DecideDiagnosis": Who.NOBODY,
        "SetConsent": Who.NOBODY,
        "GetFederation": Who.NOBODY,
        "DropGlobalHead": Who.NOBODY,
    },
    # Probes and people who explore: what they tell stands in the public proto files anyway.
    "grpc.health.v1.Health": {"Check": Who.ANYBODY, "Watch": Who.ANYBODY},
    "grpc.reflection.v1alpha.ServerReflection": {"ServerReflectionInfo": Who.ANYBODY},
}
PORTS: Mapping[str, Port] = {"Device": Port.DEVICE}  # the others are at the operator port


def port_of(service: str) -> Port:
    return PORTS.get(service, Port.OPERATOR)


def is_let_in(service: str, method: str, port: Port, caller: Caller) -> bool:
    """Tell whether a caller at a port is to get through to the method itself."""
    who = METHODS[service][method]
    if port is not port_of(service):
        return False
    if port is Port.OPERATOR and caller is Caller.MEMBER and who is Who.DEVICE:
        return False
    return caller in LET_IN[who]


def table() -> Iterator[str]:
    """Methods by who may call them, and what that comes to in calls tried."""
    rows = (
        (f"`{service}.{method}`", port_of(service).value if who is not Who.NOBODY else "", who)
        for service, methods in METHODS.items()
        for method, who in methods.items()
    )
    yield from tables.table(("method", "port", "who gets through"), rows)
    yield ""
    yield "Tried as, at the device port: " + "; ".join(CALLERS[Port.DEVICE]) + "."
    yield ""
    yield "Tried as, at the operator port: " + "; ".join(CALLERS[Port.OPERATOR]) + "."
    yield ""
    tried, through = counts()
    yield (
        f"{tried:,} calls are tried, each method as each caller at each port: {through:,} get"
        f" through to the method, {tried - through:,} do not."
    )


def counts() -> tuple[int, int]:
    """How many calls there are to try, and how many of them are to get through."""
    cells = [
        is_let_in(service, method, port, caller)
        for service, methods in METHODS.items()
        for method in methods
        for port in Port
        for caller in CALLERS[port]
    ]
    return len(cells), sum(cells)
