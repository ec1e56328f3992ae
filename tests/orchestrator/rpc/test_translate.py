"""What crosses the wire is what was meant: every record survives, and nothing else gets in."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldwise import wire
from fieldwise.answers import LearningSigns
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, FederationReport, HeadOutcome, RoundStep
from fieldwise.ledger import LedgerHead
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2, federation_pb2, operator_pb2
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from orchestrator.fleet.device import DeviceState, Facts, Target
from orchestrator.fleet.ledger import NOTHING_TOLD, Finding, LedgerRecord, Mark, Rewriting
from orchestrator.fleet.report import COUNT_MAX, LearningCounters, Report, UpdateReport, VitalSigns
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.rpc import translate, translate_views
from orchestrator.views import (
    BackboneView,
    DeviceView,
    FleetView,
    LookView,
    TicketView,
    VariantView,
)

small = st.integers(0, 2**32 - 1)
large = st.integers(0, COUNT_MAX)
word = st.text("abcdefgh0123456789", min_size=1, max_size=16)
line = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=32).filter(
    lambda text: len(text.encode()) <= 100
)
digest = st.binary(min_size=32, max_size=32).map(bytes.hex)
moments = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis takes bounds without a zone
    datetime(2200, 1, 1),  # noqa: DTZ001 - hypothesis takes bounds without a zone
    timezones=st.just(UTC),
)
tags = st.dictionaries(word, word, max_size=4)


def counts(shape: type[Any], numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return st.builds(shape, **{field.name: numbers for field in fields(shape)})


learning = st.builds(
    LearningCounters,
    samples=large,
    classes=small,
    select_samples=small,
    judge_samples=small,
    exemplars=small,
    exemplar_bytes=large,
    window_samples=st.integers(100, 200),
    window_correct=st.integers(0, 100),
    window_last_label_correct=st.integers(0, 100),
)
signs = st.builds(
    LearningSigns,
    novelty_samples=st.integers(500, 1000),
    novelty_novel=st.integers(0, 500),
    calibration_samples=small,
    calibration_error_permille=st.integers(0, 1000),
    drift_permille=st.integers(0, 1000),
    drift_alarms=small,
    skipped=large,
    waiting_samples=large,
    learning_p50_micros=small,
    clock_off_seconds=small,
)
updates = st.builds(
    UpdateReport,
    generation=large,
    digest=st.none() | digest,
    phase=st.sampled_from(UpdatePhase),
    failure=st.none() | st.sampled_from(UpdateFailure),
    hold=st.none() | st.sampled_from(UpdateHold),
)


@st.composite
def pairs(draw: st.DrawFn) -> PairedCounts:
    worse, better = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    only_old, only_new = worse + draw(st.integers(0, 9)), better + draw(st.integers(0, 9))
    alike = draw(st.integers(0, 9))
    return PairedCounts(alike, only_old, only_new, 1, worse + better + 1, worse, better)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    overall, compared = draw(pairs()), draw(small)
    old_p99, new_p99 = draw(small), draw(small)
    part, permille = st.integers(0, compared), st.integers(0, 1000)
    rarer = replace(overall, both_right=draw(st.integers(0, overall.both_right)))
    return Verdict(
        generation=draw(large),
        judgement=draw(st.sampled_from(Judgement)),
        basis=draw(st.sampled_from(Basis)),
        overall=overall,
        critical=draw(st.sampled_from([None, rarer])),
        old_p50_micros=draw(st.integers(0, old_p99)),
        old_p99_micros=old_p99,
        new_p50_micros=draw(st.integers(0, new_p99)),
        new_p99_micros=new_p99,
        compared=compared,
        agreed=draw(part),
        old_confidence_permille=draw(permille),
        new_confidence_permille=draw(permille),
        old_novel=draw(part),
        new_novel=draw(part),
    )


federations = st.builds(
    FederationReport,
    consent=st.sampled_from(Consent),
    campaign=word,
    round=small,
    step=st.none() | st.sampled_from(RoundStep),
    head_campaign=word,
    head_version=st.integers(0, 2**53),
    outcome=st.none() | st.sampled_from(HeadOutcome),
    judged=st.none() | pairs(),
    blend_permille=st.integers(0, 1000),
)
heads = st.builds(LedgerHead, number=large, digest=digest, alterations=large)
reports = st.builds(
    Report,
    incarnation=st.integers(1, COUNT_MAX),
    sequence=st.integers(1, COUNT_MAX),
    generation=large,
    bundle_in_use=st.none() | digest,
    variant_in_use=word,
    update=updates,
    vital_signs=counts(VitalSigns, small),
    learning=learning,
    signs=signs,
    agent_version=word,
    settings_revision=large,
    verdict=st.none() | verdicts(),
    execution_provider=word,
    federation=st.none() | federations,
    ledger=st.none() | heads,
)
facts = st.builds(
    Facts, agent_version=word, architecture=word, memory_bytes=large, processors=small
)
targets = st.builds(Target, generation=large, digest=digest, variant=word, back=st.booleans())
device_settings = st.builds(
    DeviceSettings,
    exemplar_bytes_max=st.none() | st.integers(1 << 20, 1 << 36),
    shrinkage=st.none() | st.floats(0.001, 10),
    learning_paused=st.none() | st.booleans(),
    retention_days=st.none() | st.integers(0, 36_500),
)
revisions = st.builds(SettingsRevision, revision=large, settings=device_settings)
tickets = st.builds(
    TicketView,
    id=word,
    created_at=moments,
    expires_at=moments,
    uses_allowed=small,
    uses=small,
    revoked=st.booleans(),
    tags=tags,
)
marks = st.builds(Mark, heads, moments.map(datetime.timestamp))
ledgers = st.builds(
    LedgerRecord,
    newest=marks,
    is_told=st.booleans(),
    marks=st.lists(marks, max_size=13).map(tuple),
    rewritings=large,
    finding=st.none()
    | st.builds(Finding, st.sampled_from(Rewriting), moments.map(datetime.timestamp), heads, heads),
)
devices = st.builds(
    DeviceView,
    id=word,
    tags=tags,
    state=st.sampled_from(DeviceState),
    enrolled_at=moments,
    seen_at=st.none() | moments,
    certificate_expires_at=moments,
    facts=facts,
    report=st.none() | reports,
    target=st.none() | targets,
    settings=st.none() | revisions,
    ledger=st.just(NOTHING_TOLD) | ledgers,
)
backbones = st.builds(
    BackboneView,
    digest=digest,
    name=word,
    version=word,
    epoch=small,
    publisher=line,
    licence=line,
    source=line,
    feature_width=small,
    image_size=small,
    variants=st.lists(st.builds(VariantView, word, large), max_size=8).map(tuple),
    starter_classes=small,
    created_at=moments,
    devices=small,
    looks=st.lists(st.builds(LookView, word, small, small, small), max_size=8).map(tuple),
    recalled_at=st.none() | moments,
)
fleets = st.builds(
    FleetView,
    version=word,
    fleet=word,
    devices_by_state=st.dictionaries(word, small, max_size=6),
    devices_by_backbone=st.dictionaries(word, small, max_size=6),
    rollouts_running=small,
    tickets_open=small,
    rollouts_by_phase=st.dictionaries(word, small, max_size=6),
)

BOTH_WAYS = {
    "report": (reports, translate.report_to, translate.report_from),
    "facts": (facts, translate.facts_to, translate.facts_from),
    "target": (targets, translate.target_to, translate.target_from),
    "settings": (device_settings, translate.settings_to, translate.settings_from),
    "revision": (revisions, translate.revision_to, translate.revision_from),
    "ticket": (tickets, translate_views.ticket_to, translate_views.ticket_from),
    "device": (devices, translate_views.device_to, translate_views.device_from),
    "backbone": (backbones, translate_views.backbone_to, translate_views.backbone_from),
    "fleet": (fleets, translate_views.fleet_to, translate_views.fleet_from),
}


@pytest.mark.parametrize("name", BOTH_WAYS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_record_survives_the_wire(name: str, data: st.DataObject) -> None:
    strategy, to_wire, from_wire = BOTH_WAYS[name]
    record = data.draw(strategy)
    message = to_wire(record)
    wire.check(message)
    assert from_wire(type(message).FromString(message.SerializeToString())) == record


def test_the_shortest_report_says_that_nothing_was_begun() -> None:
    shortest = device_pb2.CheckInRequest(incarnation=1, sequence=1)
    assert translate.report_from(shortest) == Report(1, 1)


@pytest.mark.parametrize(
    "message",
    [
        device_pb2.CheckInRequest(),
        device_pb2.CheckInRequest(incarnation=1, sequence=1, bundle_in_use=b"x" * 31),
        device_pb2.CheckInRequest(incarnation=1, sequence=1, update=device_pb2.UpdateReport()),
        device_pb2.CheckInRequest(
            incarnation=1, sequence=1, update={"phase": 1, "bundle_digest": b"x"}
        ),
        # Incarnation and sequence 1 and an update: of phase 99, of failure 99.
        device_pb2.CheckInRequest.FromString(b"\x08\x01\x10\x01\x32\x02\x18\x63"),
        device_pb2.CheckInRequest.FromString(b"\x08\x01\x10\x01\x32\x04\x18\x06\x20\x63"),
        device_pb2.CheckInRequest(
            incarnation=1, sequence=1, learning={"window_samples": 1, "window_correct": 2}
        ),
        device_pb2.CheckInRequest(
            incarnation=1, sequence=1, signs={"novelty_samples": 1, "novelty_novel": 2}
        ),
        device_pb2.CheckInRequest(incarnation=1, sequence=1, signs={"drift_permille": 1001}),
        device_pb2.CheckInRequest(
            incarnation=1, sequence=1, signs={"calibration_error_permille": 1001}
        ),
        device_pb2.CheckInRequest(incarnation=1, sequence=1, verdict={"judgement": 1}),
        device_pb2.CheckInRequest(
            incarnation=1,
            sequence=1,
            verdict={"judgement": 1, "basis": 2, "overall": {"scenes": 9}},
        ),
        device_pb2.CheckInRequest(
            incarnation=1, sequence=1, verdict={"judgement": 1, "basis": 2, "agreed": 1}
        ),
    ],
)
def test_a_report_without_meaning_is_refused(message: device_pb2.CheckInRequest) -> None:
    with pytest.raises(FieldwiseError) as refused:
        translate.report_from(message)
    assert refused.value.fault is Fault.INVALID_ARGUMENT


def test_numbers_that_no_database_holds_are_refused() -> None:
    with pytest.raises(FieldwiseError) as refused:
        translate.report_from(device_pb2.CheckInRequest(incarnation=1, sequence=2**63))
    assert refused.value.fault is Fault.OVER_LIMIT
    with pytest.raises(FieldwiseError):
        translate.facts_from(enrolment_pb2.DeviceFacts(memory_bytes=2**64 - 1))
    told = device_pb2.FederationReport(
        consent=federation_pb2.CONSENT_WEIGHTS, head_campaign_id="c1", head_version=2**63
    )
    with pytest.raises(FieldwiseError) as refused:
        translate.report_from(device_pb2.CheckInRequest(incarnation=1, sequence=1, federation=told))
    assert refused.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "message",
    [
        device_pb2.DeviceSettings(shrinkage=float("nan")),
        device_pb2.DeviceSettings(shrinkage=0),
        device_pb2.DeviceSettings(exemplar_bytes_max=0),
        device_pb2.DeviceSettings(retention_days=2**32 - 1),
    ],
)
def test_device_settings_out_of_their_bounds_are_refused(
    message: device_pb2.DeviceSettings,
) -> None:
    with pytest.raises(FieldwiseError) as refused:
        translate.settings_from(message)
    assert refused.value.fault is Fault.INVALID_ARGUMENT


def test_a_setting_of_zero_is_not_the_same_as_none() -> None:
    message = device_pb2.DeviceSettings(retention_days=0, learning_paused=False)
    assert translate.settings_from(message) == DeviceSettings(
        retention_days=0, learning_paused=False
    )


def test_every_word_of_the_wire_has_one_of_ours() -> None:
    tables = (
        (translate.PHASES, device_pb2.UpdatePhase),
        (translate.FAILURES, device_pb2.UpdateFailure),
        (translate.HOLDS, device_pb2.UpdateHold),
        (translate.JUDGEMENTS, device_pb2.Judgement),
        (translate.BASES, device_pb2.VerdictBasis),
        (translate_views.STATES, operator_pb2.DeviceState),
    )
    for table, enumeration in tables:
        assert set(table.values()) == set(enumeration.values()) - {0}


@given(st.binary(max_size=300))
def test_whatever_parses_is_a_report_or_refused(content: bytes) -> None:
    message = device_pb2.CheckInRequest()
    try:
        message.ParseFromString(content)
    except Exception:  # noqa: BLE001 - protobuf's own refusal is fine, too
        return
    assert fault_of(message) in {None, Fault.INVALID_ARGUMENT, Fault.OVER_LIMIT}


def fault_of(message: device_pb2.CheckInRequest) -> Fault | None:
    try:
        translate.report_from(message)
    except FieldwiseError as error:
        return error.fault
    return None
