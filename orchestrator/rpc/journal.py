"""What the log tells of calls: one line for each change of the fleet, and for refused callers.

A person who asks later who joined, what was pushed and who stopped a rollout finds it here. A line
names things by their ids; secrets, tokens and keys are in none, and what callers chose is cleaned.
Refusals cost a caller nothing, so only some a minute are told, with the number of those that were
not. What is wrong with a store stands here whole, where devices hear one sentence. Check-ins and
downloads are counted in the metrics instead: they are too many to read.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from google.protobuf.message import Message

from fieldwise.calls import Call, Watcher
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.rpc import translate_accounts
from orchestrator.rpc.discretion import TROUBLES
from orchestrator.rpc.interceptors import calling, calling_operator

REFUSALS_PER_MINUTE = 20  # a screen; the metrics have the full number
MINUTE_SECONDS = 60.0
TEXT_CHARACTERS_MAX = 200

# Somebody was not let in: an operator wants to see these where the level is "warning".
INTRUSIONS = frozenset(
    {
        Fault.UNAUTHENTICATED,
        Fault.PERMISSION_DENIED,
        Fault.TICKET_INVALID,
        Fault.DEVICE_DENIED,
        Fault.DEVICE_REMOVED,
        Fault.CERTIFICATE_INVALID,
    }
)
LOUD = INTRUSIONS | TROUBLES
# Devices ask for the next root until there is none: that is how they know the newest.
CHAIN_ENDS = ("GetMetadata", Fault.NOT_FOUND)

Told = Callable[[Any, Any], Mapping[str, object] | None]


def _command(_asked: Any, given: Any) -> Mapping[str, object]:
    change = given.change
    return {
        "rollout": change.rollout.id,
        "changed": change.changed,
        "may_still_start": change.may_still_start,
    }


def _started(asked: Any, given: Any) -> Mapping[str, object] | None:
    if asked.validate_only:
        return None
    fields = {"backbone": asked.plan.backbone, "cohort": asked.plan.cohort}
    return {"rollout": given.rollout.id, **fields}


def _campaign_started(asked: Any, given: Any) -> Mapping[str, object] | None:
    if asked.dry_run:
        return None
    plan = asked.plan
    fields = {"backbone": plan.backbone, "cohort": plan.cohort, "strategy": plan.strategy}
    return {"campaign": given.campaign.id, **fields}


def _joined(asked: Any, given: Any) -> Mapping[str, object] | None:
    if given.HasField("pending"):  # that it waits is told once, where that is decided
        return None
    return {"device": given.credentials.device_id, "ticket": asked.ticket_id}


def _settled(_asked: Any, given: Any) -> Mapping[str, object]:
    applicant = given.applicant
    return {
        "device": applicant.device_id,
        "ticket": applicant.ticket_id,
        "fingerprint": applicant.fingerprint,
    }


ROLES_TOLD = {number: role.value for role, number in translate_accounts.ROLES.items()}


def _rotated(_asked: Any, given: Any) -> Mapping[str, object]:
    return {"trust_revision": given.rotation.trust_revision, "behind": given.rotation.behind}


# By method: the event, and what of request and answer is told; None where nothing was changed.
EVENTS: Mapping[str, tuple[str, Told]] = {
    "Enrol": ("device joined", _joined),
    "AcceptDevice": ("device accepted", _settled),
    "RejectDevice": ("device rejected", _settled),
    "Revive": (
        "device revived",
        lambda _asked, given: (
            {"device": given.credentials.device_id} if given.HasField("credentials") else None
        ),
    ),
    "Leave": ("device left", lambda _asked, _given: {"device": calling().device}),
    "UpdateDeviceTags": (
        "device tagged",
        lambda asked, _given: {
            "device": asked.id,
            "set": sorted(map(clean, asked.set)),
            "unset": sorted(map(clean, asked.unset)),
        },
    ),
    "AskDiagnosis": ("diagnosis asked for", lambda asked, _given: {"device": asked.device_id}),
    "DeleteDevice": ("device removed", lambda asked, _given: {"device": asked.id}),
    "DenyDevice": ("device denied", lambda asked, _given: {"device": asked.id}),
    "BeginRotation": ("rotation of the authority begun", _rotated),
    "SwitchRotation": ("rotation of the authority switched", _rotated),
    "FinishRotation": ("rotation of the authority finished", _rotated),
    "AllowDevice": (
        "device allowed",
        lambda asked, given: {"device": asked.id} if given.changed else None,
    ),
    "CreateTicket": (
        "ticket created",
        lambda asked, given: {"ticket": given.ticket.id, "uses": asked.uses},
    ),
    "RevokeTicket": ("ticket revoked", lambda asked, _given: {"ticket": asked.id}),
    "PushBackbone": (
        "backbone pushed",
        lambda _asked, given: {
            "backbone": f"{given.backbone.name}:{given.backbone.version}",
            "digest": given.backbone.digest.hex(),
            "new": given.created,
        },
    ),
    "StartRollout": ("rollout started", _started),
    "PauseRollout": ("rollout paused", _command),
    "ResumeRollout": ("rollout resumed", _command),
    "PromoteRollout": ("rollout promoted", _command),
    "AbortRollout": ("rollout aborted", _command),
    "HoldRollout": ("rollout held", _command),
    "RetryRollout": ("rollout retried", _command),
    "UndoRollout": (
        "rollout undone",
        lambda asked, given: {"undone": asked.id, **_command(asked, given)},
    ),
    "RecallBackbone": (
        "backbone recalled",
        lambda _asked, given: {
            "backbone": f"{given.backbone.name}:{given.backbone.version}",
            "devices": given.backbone.devices,
            "rollouts": list(given.rollout_ids),
        },
    ),
    "StartCampaign": ("campaign started", _campaign_started),
    "StopCampaign": ("campaign stopped", lambda asked, _given: {"campaign": asked.campaign_id}),
    "RollBackHead": (
        "head taken back",
        lambda asked, given: {
            "campaign": asked.campaign_id,
            "to": asked.version,
            "version": given.head.head.version,
        },
    ),
    "ExportHead": (
        "head exported",
        lambda asked, given: (
            {"campaign": asked.campaign_id, "version": asked.version} if given.offset == 0 else None
        ),
    ),
    "CreateAccount": (
        "account created",
        lambda _asked, given: {
            "account": given.account.name,
            "id": given.account.id,
            "role": ROLES_TOLD.get(given.account.role, ""),
        },
    ),
    "RevokeAccount": (
        "account revoked",
        lambda _asked, given: {"account": given.account.name, "id": given.account.id},
    ),
    "PruneAudit": (
        "audit log pruned",
        lambda _asked, given: {"cut": given.cut.number, "head": given.head.number},
    ),
    "PublishMetadata": (
        "metadata published",
        lambda asked, given: (
            {
                "root": given.root_version,
                "list": given.targets_version,
                "floor": given.floor_epoch,
                "handed_over": asked.hand_over,
            }
            if given.changed
            else None
        ),
    ),
    "ApplySettings": (
        "settings applied",
        lambda asked, given: {"cohort": asked.cohort, "devices": given.devices},
    ),
}

_log = structlog.get_logger(__name__)


class Journal:
    """A layer that writes the log; inside of the one that translates errors.

    Args:
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._refusals = 0

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        event = EVENTS.get(call.method.name)
        try:
            yield _Entry(*event) if event else None
        except FieldwiseError as error:
            self._refused(call, error)
            raise

    def _refused(self, call: Call, error: FieldwiseError) -> None:
        if (call.method.name, error.fault) == CHAIN_ENDS:
            return
        untold = self._count()
        if untold is None:
            return
        level = "warning" if error.fault in LOUD else "info"
        more = {"untold_before": untold} if untold else {}
        getattr(_log, level)(
            "call refused",
            method=call.method.name,
            fault=error.fault.value,
            reason=clean(error.sentence),
            peer=clean(call.context.peer()),
            **more,
        )

    def _count(self) -> int | None:
        """Count a refusal; return how many were not told before it, None where it is not either."""
        now, untold = self._monotonic(), 0
        if now - self._began >= MINUTE_SECONDS:
            untold = max(0, self._refusals - REFUSALS_PER_MINUTE)
            self._began, self._refusals = now, 0
        self._refusals += 1
        return untold if self._refusals <= REFUSALS_PER_MINUTE else None


class _Entry:
    """Watches one call, and tells it once it has its answer."""

    def __init__(self, event: str, told: Told) -> None:
        self._event = event
        self._told = told
        self._request: Message | None = None

    def received(self, message: Message) -> None:
        if self._request is None:  # a stream is told by its answer
            self._request = message

    def sent(self, message: Message) -> None:
        fields = self._told(self._request, message)
        if fields is None:
            return
        told = {**fields, "operator": operator} if (operator := calling_operator()) else fields
        _log.info(
            self._event,
            **{
                name: clean(value) if isinstance(value, str) else value
                for name, value in told.items()
            },
        )


def clean(text: str) -> str:
    """Return a text as one line of printable characters, of a bounded length."""
    printable = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return printable[:TEXT_CHARACTERS_MAX]
