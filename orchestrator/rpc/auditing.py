"""What of which call goes into the audit log: one table by method, and the layer that writes it.

Of a request stands there what the table names, field by field: tokens, secrets, content and the
numbers that tickets are made from are in none. A call that only looks is not written, and one that
would only try out neither. What was refused before it began is a line of its own, if it is known
who asked.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from fieldwise.calls import Beginning, Call, Watcher
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.audit.looking import Looking, Thing, ThingKind
from orchestrator.audit.recording import Begun, Recording
from orchestrator.rights import Login, Operator
from orchestrator.rpc.interceptors import OPERATOR_SERVICES, calling, whole_operator

JOINED_KEPT = 4096  # devices that joined lately here: one that asks again makes no entry again
END_SECONDS = 10.0  # so long is an end looked for and written, whoever waits for it
GONE = "cancelled"  # the outcome where the caller went away

Facts = Mapping[str, Any]


def _nothing(_message: Any) -> None:
    return None


def _no_facts(_given: Any) -> Facts:
    return {}


def _always(_asked: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Recorded:
    """What of a method is written.

    Attributes:
        fields: Of the request.
        thing: What the request is about.
        made: What came of it, from the answer, where that is another thing.
        told: Facts of the answer.
        changes: Whether a request is meant.
    """

    fields: tuple[str, ...] = ()
    thing: Callable[[Any], Thing | None] = _nothing
    made: Callable[[Any], Thing | None] = _nothing
    told: Callable[[Any], Facts] = _no_facts
    changes: Callable[[Any], bool] = _always


def _named(kind: ThingKind, field: str = "id") -> Callable[[Any], Thing]:
    return lambda asked: Thing(kind, getattr(asked, field))


def _settled(given: Any) -> Facts:
    applicant = given.applicant
    return {"fingerprint": applicant.fingerprint, "tags": dict(applicant.tags)}


def _rotated(given: Any) -> Facts:
    return {"trust_revision": given.rotation.trust_revision, "behind": given.rotation.behind}


_ROLLOUT = Recorded(
    thing=_named(ThingKind.ROLLOUT),
    told=lambda given: {
        "changed": given.change.changed,
        "may_still_start": given.change.may_still_start,
    },
)

# Every method with a right to change something, but those that only look.
RECORDED: Mapping[str, Recorded] = {
    "CreateTicket": Recorded(
        fields=("uses", "lifetime_seconds", "tags", "needs_word"),
        made=lambda given: Thing(ThingKind.TICKET, given.ticket.id),
    ),
    "RevokeTicket": Recorded(thing=_named(ThingKind.TICKET)),
    "AcceptDevice": Recorded(
        fields=("tags",), thing=_named(ThingKind.APPLICANT, "device_id"), told=_settled
    ),
    "RejectDevice": Recorded(
        fields=("reason",), thing=_named(ThingKind.APPLICANT, "device_id"), told=_settled
    ),
    "UpdateDeviceTags": Recorded(fields=("set", "unset"), thing=_named(ThingKind.DEVICE)),
    "DeleteDevice": Recorded(thing=_named(ThingKind.DEVICE)),
    "BeginRotation": Recorded(told=_rotated),
    "SwitchRotation": Recorded(told=_rotated),
    "FinishRotation": Recorded(fields=("force",), told=_rotated),
    "DenyDevice": Recorded(thing=_named(ThingKind.DEVICE)),
    "AllowDevice": Recorded(
        thing=_named(ThingKind.DEVICE), told=lambda given: {"changed": given.changed}
    ),
    "AskDiagnosis": Recorded(
        fields=("lifetime_seconds", "again"), thing=_named(ThingKind.DEVICE, "device_id")
    ),
    "PushBackbone": Recorded(
        made=lambda given: Thing(ThingKind.BACKBONE, given.backbone.digest.hex()),
        told=lambda given: {"new": given.created},
    ),
    "RecallBackbone": Recorded(
        thing=_named(ThingKind.BACKBONE, "reference"),
        told=lambda given: {"rollouts": list(given.rollout_ids)},
    ),
    "StartRollout": Recorded(
        fields=("plan",),
        made=lambda given: Thing(ThingKind.ROLLOUT, given.rollout.id),
        changes=lambda asked: not asked.validate_only,
    ),
    "PauseRollout": _ROLLOUT,
    "ResumeRollout": _ROLLOUT,
    "PromoteRollout": Recorded(fields=("wave", "to_end"), thing=_ROLLOUT.thing, told=_ROLLOUT.told),
    "AbortRollout": _ROLLOUT,
    "HoldRollout": _ROLLOUT,
    "RetryRollout": _ROLLOUT,
    "UndoRollout": Recorded(
        thing=_ROLLOUT.thing,
        made=lambda given: Thing(ThingKind.ROLLOUT, given.change.rollout.id),
    ),
    "StartCampaign": Recorded(
        fields=("plan",),
        made=lambda given: Thing(ThingKind.CAMPAIGN, given.campaign.id),
        changes=lambda asked: not asked.dry_run,
    ),
    "StopCampaign": Recorded(thing=_named(ThingKind.CAMPAIGN, "campaign_id")),
    "RollBackHead": Recorded(fields=("version",), thing=_named(ThingKind.CAMPAIGN, "campaign_id")),
    "ExportHead": Recorded(
        fields=("version",),
        thing=_named(ThingKind.CAMPAIGN, "campaign_id"),
        told=lambda given: {"bytes": given.total_bytes},
    ),
    "PublishMetadata": Recorded(
        fields=("hand_over",),
        thing=lambda _asked: Thing(ThingKind.TRUST, "metadata"),
        told=lambda given: {
            "root": given.root_version,
            "list": given.targets_version,
            "floor": given.floor_epoch,
        },
    ),
    "ApplySettings": Recorded(
        fields=("settings",),
        thing=_named(ThingKind.COHORT, "cohort"),
        told=lambda given: {"devices_changed": given.devices},
    ),
    "CreateAccount": Recorded(
        fields=("role", "lifetime_seconds"), thing=_named(ThingKind.ACCOUNT, "name")
    ),
    "RevokeAccount": Recorded(thing=_named(ThingKind.ACCOUNT, "name")),
    "PruneAudit": Recorded(fields=("until",)),
}
# A right to change that these calls need, and do not use.
LOOKS = frozenset({"ListPreviewedDevices"})


def _joined(asked: Any, given: Any) -> tuple[Operator, str] | None:
    device = given.credentials.device_id if given else ""
    return (Operator(asked.ticket_id, Login.TICKET), f"device {device}") if device else None


def _left(_asked: Any, _given: Any) -> tuple[Operator, str]:
    device = calling().device
    return Operator(device, Login.DEVICE, calling().fingerprint), f"device {device}"


def _revived(_asked: Any, given: Any) -> tuple[Operator, str] | None:
    device = given.credentials.device_id if given else ""
    return (Operator(device, Login.DEVICE), f"device {device}") if device else None


# What devices do about their membership: who, and which device; None where nothing was changed.
# Without an answer nobody knows what was, but who left is known before.
OF_DEVICES: Mapping[str, Callable[[Any, Any], tuple[Operator, str] | None]] = {
    "Enrol": _joined,
    "Leave": _left,
    "Revive": _revived,
}


class Audit:
    """A layer that writes the audit log; innermost, as it has to know who calls.

    Args:
        recording: What writes.
        looking: What knows how things are.
    """

    def __init__(self, recording: Recording, looking: Looking) -> None:
        self._recording = recording
        self._looking = looking
        self._joined: OrderedDict[str, None] = OrderedDict()

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        name = call.method.name
        if call.method.service in OPERATOR_SERVICES and name in RECORDED:
            deed = _Deed(self._recording, self._looking, name)
            async with deed.kept():
                yield deed
        elif name in OF_DEVICES:
            seen = _Seen()
            try:
                yield seen
            except asyncio.CancelledError:
                await _undisturbed(self._note(name, seen, GONE))
                raise
            await _undisturbed(self._note(name, seen))
        else:
            yield None

    async def _note(self, method: str, seen: "_Seen", outcome: str = "ok") -> None:
        told = OF_DEVICES[method](seen.request, seen.answer) if seen.request else None
        if told is None:
            return
        who, thing = told
        if method == "Enrol" and thing in self._joined:
            return
        await self._recording.note(who, method, thing, outcome=outcome)
        self._joined[thing] = None
        if len(self._joined) > JOINED_KEPT:
            self._joined.popitem(last=False)


class _Seen:
    """The first request and the newest answer of a call."""

    def __init__(self) -> None:
        self.request: Message | None = None
        self.answer: Message | None = None

    def received(self, message: Message) -> None:
        if self.request is None:
            self.request = message

    def sent(self, message: Message) -> None:
        self.answer = message


class _Deed(_Seen, Beginning):
    """One deed of an operator: its beginning is written before the method has the request."""

    def __init__(self, recording: Recording, looking: Looking, method: str) -> None:
        super().__init__()
        self._recording = recording
        self._looking = looking
        self._method = method
        self._recorded = RECORDED[method]
        self._thing: Thing | None = None
        self._begun: Begun | None = None

    async def begin(self) -> None:
        await _undisturbed(self._write_beginning())

    async def _write_beginning(self) -> None:
        recorded, asked = self._recorded, self.request
        if asked is not None and not recorded.changes(asked):
            return
        self._thing = recorded.thing(asked) if asked is not None else None
        before = await self._looking.look(self._thing) if self._thing else None
        self._begun = await self._recording.begin(
            whole_operator(),
            self._method,
            str(self._thing) if self._thing else "",
            _fields(asked, recorded.fields),
            before,
        )

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Write the end, whatever it is."""
        try:
            yield
        except FieldwiseError as error:
            await self._end(error.fault, error.sentence)
            raise
        except asyncio.CancelledError:
            await self._end(GONE, "the caller went away; see what became")
            raise
        except BaseException:
            await self._end(Fault.INTERNAL, "the server met a defect of its own")
            raise
        await self._end("ok")

    async def _end(self, outcome: str, told: str = "") -> None:
        if self._begun is not None:
            await _undisturbed(self._write_end(self._begun, outcome, told))

    async def _write_end(self, begun: Begun, outcome: str, told: str) -> None:
        try:
            async with asyncio.timeout(END_SECONDS):
                after = await self._after()
                await self._recording.end(begun, outcome, told=told, after=after)
        except TimeoutError:
            self._recording.lost(begun, outcome, f"it took more than {END_SECONDS:g} s")

    async def _after(self) -> Facts | None:
        answer, recorded = self.answer, self._recorded
        made = recorded.made(answer) if answer is not None else None
        about = made or self._thing
        facts: dict[str, Any] = {"made": str(made)} if made else {}
        if answer is not None:
            facts |= recorded.told(answer)
        try:
            facts |= await self._looking.look(about) or {} if about else {}
        except FieldwiseError as error:
            facts["unseen"] = error.fault.value
        return facts or None


async def _undisturbed(writing: Coroutine[Any, Any, None]) -> None:
    """Let something be written to its end though the caller goes away meanwhile."""
    task = asyncio.ensure_future(writing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=END_SECONDS)
        raise


def _fields(asked: Message | None, names: tuple[str, ...]) -> Facts:
    if asked is None:
        return {}
    whole = MessageToDict(asked, preserving_proto_field_name=True)
    return {name: whole[name] for name in names if name in whole}
