"""Between the messages that devices exchange and the fleet's own records, total both ways.

Caps and unknown fields were checked before (``fieldwise.calls``); here a message gets its meaning.
What has none is refused with ``INVALID_ARGUMENT``: a digest of another length, an enumerator that
this version does not know, a number that the database cannot hold.
"""

import dataclasses
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, TypeVar

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

from fieldwise import received
from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.diagnosis_messages import RULES, rule_from
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import FederationReport
from fieldwise.federation_messages import report_from as federation_from
from fieldwise.federation_messages import report_to as federation_to
from fieldwise.ledger import LedgerHead
from fieldwise.trust_messages import report_from as publisher_from
from fieldwise.trust_messages import report_to as publisher_to
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2
from fieldwise.verdict import Basis, Judgement, Verdict
from orchestrator.fleet.device import Facts, Target
from orchestrator.fleet.ledger import check_head
from orchestrator.fleet.report import COUNT_MAX, Report, UpdateReport
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision

DIGEST_BYTES = 32
PARTS_KEPT = 16_384  # some hundred bytes each, as many as in storage
WHOLE_PERMILLE = 1000

RecordT = TypeVar("RecordT")
WordT = TypeVar("WordT", bound=StrEnum)


def report_from(message: device_pb2.CheckInRequest) -> Report:
    """Read a check-in.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a report that means nothing, ``OVER_LIMIT`` for a
            number that could not be stored.
    """
    learning = record_from(LearningCounters, message.learning)
    if not learning.window_correct <= learning.window_samples:
        raise invalid("more samples of the window were right than there were")
    began, compared = message.HasField("update"), message.HasField("verdict")
    return Report(
        incarnation=message.incarnation,
        sequence=message.sequence,
        generation=message.generation,
        bundle_in_use=optional_digest_from(message.bundle_in_use),
        variant_in_use=message.variant_in_use,
        update=_same_update(message.update.SerializeToString()) if began else UpdateReport(),
        vital_signs=record_from(VitalSigns, message.vital_signs),
        learning=learning,
        agent_version=message.agent_version,
        settings_revision=message.settings_revision,
        verdict=_same_verdict(message.verdict.SerializeToString()) if compared else None,
        execution_provider=message.execution_provider,
        signs=_signs_from(message.signs),
        diagnosis_rule=rule_from(message.diagnosis_rule),
        federation=_federation_from(message),
        publisher=publisher_from(message.publisher) if message.HasField("publisher") else None,
        ledger=head_from(message.ledger) if message.HasField("ledger") else None,
        trust_revision=message.trust_revision if message.HasField("trust_revision") else None,
    )


def report_to(report: Report) -> device_pb2.CheckInRequest:
    return device_pb2.CheckInRequest(
        incarnation=report.incarnation,
        sequence=report.sequence,
        generation=report.generation,
        bundle_in_use=digest_to(report.bundle_in_use),
        variant_in_use=report.variant_in_use,
        update=_update_to(report.update),
        vital_signs=device_pb2.VitalSigns(**fields_of(report.vital_signs)),
        learning=device_pb2.LearningCounters(**fields_of(report.learning)),
        agent_version=report.agent_version,
        settings_revision=report.settings_revision,
        verdict=verdict_to(report.verdict) if report.verdict else None,
        execution_provider=report.execution_provider,
        signs=device_pb2.LearningSigns(**fields_of(report.signs)),
        diagnosis_rule=RULES[report.diagnosis_rule] if report.diagnosis_rule else None,
        federation=federation_to(report.federation) if report.federation else None,
        publisher=publisher_to(report.publisher) if report.publisher else None,
        ledger=head_to(report.ledger) if report.ledger else None,
        trust_revision=report.trust_revision,
    )


def head_from(message: device_pb2.LedgerHead) -> LedgerHead:
    """Read where a ledger ends.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a digest that is none, ``OVER_LIMIT``.
    """
    digest = digest_from(message.digest)
    return check_head(LedgerHead(message.number, digest, message.alterations))


def head_to(head: LedgerHead) -> device_pb2.LedgerHead:
    return device_pb2.LedgerHead(
        number=head.number, digest=digest_to(head.digest), alterations=head.alterations
    )


def verdict_to(verdict: Verdict) -> device_pb2.Verdict:
    plain = fields_of(verdict)
    plain["judgement"] = JUDGEMENTS[verdict.judgement]
    plain["basis"] = BASES[verdict.basis]
    plain["overall"] = device_pb2.PairedCounts(**fields_of(verdict.overall))
    if verdict.critical is not None:
        plain["critical"] = device_pb2.PairedCounts(**fields_of(verdict.critical))
    return device_pb2.Verdict(**plain)


def facts_from(message: enrolment_pb2.DeviceFacts) -> Facts:
    whole(message.memory_bytes, "memory_bytes")
    return record_from(Facts, message)


def facts_to(facts: Facts) -> enrolment_pb2.DeviceFacts:
    return enrolment_pb2.DeviceFacts(**fields_of(facts))


def target_from(message: device_pb2.Target) -> Target:
    digest = digest_from(message.bundle_digest)
    return Target(message.generation, digest, message.variant, message.back)


def target_to(target: Target) -> device_pb2.Target:
    return device_pb2.Target(
        generation=target.generation,
        bundle_digest=digest_to(target.digest),
        variant=target.variant,
        back=target.back,
    )


def settings_from(message: device_pb2.DeviceSettings) -> DeviceSettings:
    """Read device settings; a field that is absent is the device's own.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a value out of its bounds.
    """
    names = [field.name for field in dataclasses.fields(DeviceSettings)]
    given = {name: getattr(message, name) for name in names if message.HasField(name)}
    return DeviceSettings(**given)


def settings_to(settings: DeviceSettings) -> device_pb2.DeviceSettings:
    given = {name: value for name, value in fields_of(settings).items() if value is not None}
    return device_pb2.DeviceSettings(**given)


def revision_from(message: device_pb2.SettingsRevision) -> SettingsRevision:
    return SettingsRevision(message.revision, settings_from(message.settings))


def revision_to(revision: SettingsRevision) -> device_pb2.SettingsRevision:
    return device_pb2.SettingsRevision(
        revision=revision.revision, settings=settings_to(revision.settings)
    )


def _federation_from(message: device_pb2.CheckInRequest) -> FederationReport | None:
    if not message.HasField("federation"):
        return None
    whole(message.federation.head_version, "head_version")
    return federation_from(message.federation)


def shortened(text: str, bytes_max: int) -> str:
    """Cut a text to what a field holds: somebody else's word for a person may be longer."""
    return text.encode()[:bytes_max].decode(errors="ignore")


def digest_from(content: bytes) -> str:
    """Return a digest in hexadecimal.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` unless it has 32 bytes.
    """
    if len(content) != DIGEST_BYTES:
        raise invalid(f"a digest has {DIGEST_BYTES} bytes, not {len(content)}")
    return content.hex()


def optional_digest_from(content: bytes) -> str | None:
    return digest_from(content) if content else None


def digest_to(digest: str | None) -> bytes:
    return bytes.fromhex(digest or "")


def whole(value: int, name: str) -> int:
    """Return a number that every database can hold.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a larger one.
    """
    if value > COUNT_MAX:
        raise invalid(f"{name} is {value:,}; the limit is {COUNT_MAX:,}")
    return value


def record_from(shape: type[RecordT], message: Message) -> RecordT:
    """Make a record whose fields are called like the message's."""
    return shape(*_values_of(shape)(message))  # type: ignore[arg-type]  # mypy asks the records, not their classes


def fields_of(record: Any, shape: Any = None) -> dict[str, Any]:
    """Return by name what a record, or a message like one, has for the fields of a shape."""
    names = _names(shape or type(record))  # type: ignore[arg-type]  # mypy asks the records, not their classes
    return {name: getattr(record, name) for name in names}


@cache
def _names(shape: Any) -> tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(shape))


@cache
def _values_of(shape: Any) -> Callable[[Any], tuple[Any, ...]]:
    names = _names(shape)
    assert len(names) > 1
    return attrgetter(*names)


def words(shape: type[WordT], wire: EnumTypeWrapper, prefix: str) -> Mapping[WordT, Any]:
    """Pair every word of an enumeration with the wire's enumerator PREFIX_WORD."""
    return {word: wire.Value(f"{prefix}_{word.name}") for word in shape}


def word_from(table: Mapping[WordT, Any], value: int, what: str) -> WordT:
    """Return the word of an enumerator.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for an enumerator without one.
    """
    for word, known in table.items():
        if known == value:
            return word
    raise invalid(f"there is no {what} of number {value}")


def invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)


PHASES = words(UpdatePhase, device_pb2.UpdatePhase, "UPDATE_PHASE")
FAILURES = words(UpdateFailure, device_pb2.UpdateFailure, "UPDATE_FAILURE")
HOLDS = words(UpdateHold, device_pb2.UpdateHold, "UPDATE_HOLD")
JUDGEMENTS = words(Judgement, device_pb2.Judgement, "JUDGEMENT")
BASES = words(Basis, device_pb2.VerdictBasis, "VERDICT_BASIS")


# Devices say these again for weeks, and to read them costs as much as all the rest.
@lru_cache(PARTS_KEPT)
def _same_verdict(content: bytes) -> Verdict:
    return received.verdict(device_pb2.Verdict.FromString(content))


@lru_cache(PARTS_KEPT)
def _same_update(content: bytes) -> UpdateReport:
    return _update_from(device_pb2.UpdateReport.FromString(content))


def _signs_from(message: device_pb2.LearningSigns) -> LearningSigns:
    signs = record_from(LearningSigns, message)
    if signs.novelty_novel > signs.novelty_samples:
        raise invalid("more predictions were new than could be told")
    if max(signs.calibration_error_permille, signs.drift_permille) > WHOLE_PERMILLE:
        raise invalid(f"a share is above {WHOLE_PERMILLE} thousandths")
    return signs


def _update_from(message: device_pb2.UpdateReport) -> UpdateReport:
    failure = message.failure
    return UpdateReport(
        generation=message.generation,
        digest=optional_digest_from(message.bundle_digest),
        phase=word_from(PHASES, message.phase, "update phase"),
        failure=word_from(FAILURES, failure, "update failure") if failure else None,
        hold=word_from(HOLDS, message.hold, "hold of an update") if message.hold else None,
    )


def _update_to(update: UpdateReport) -> device_pb2.UpdateReport:
    return device_pb2.UpdateReport(
        generation=update.generation,
        bundle_digest=digest_to(update.digest),
        phase=PHASES[update.phase],
        failure=FAILURES[update.failure] if update.failure else None,
        hold=HOLDS[update.hold] if update.hold else None,
    )
