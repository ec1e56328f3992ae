"""Plans, rollouts, findings and histories cross the wire as what they were."""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import rollout_pb2
from orchestrator.rollout.evidence import Finding, Outcome
from orchestrator.rollout.evidence import Reason as GateReason
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Exclusion, Place
from orchestrator.rollout.plan import (
    DeviceClass,
    GateRules,
    Limits,
    OnAbort,
    Overdue,
    Plan,
    Promotion,
    Undecided,
    Wave,
    Window,
)
from orchestrator.rollout.plan_rules import mistakes
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
from orchestrator.rpc import translate_plans, translate_rollouts
from tests.fakes.operator_client import BACKBONE

small = st.integers(0, 2**32 - 1)
word = st.text("abcdefgh0123456789", min_size=1, max_size=16)
digest = st.binary(min_size=32, max_size=32).map(bytes.hex)
real = st.floats(allow_nan=False)
moments = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis takes bounds without a zone
    datetime(2200, 1, 1),  # noqa: DTZ001 - hypothesis takes bounds without a zone
    timezones=st.just(UTC),
)
waves = st.builds(Wave, st.none() | small, st.none() | real, st.none() | st.sampled_from(Promotion))
plans = st.builds(
    Plan,
    backbone=word,
    cohort=word,
    waves=st.lists(waves, min_size=1, max_size=4).map(tuple),
    gate=st.builds(
        GateRules,
        **{each.name: small if each.type is int else real for each in fields(GateRules)},
    ),
    promotion=st.sampled_from(Promotion),
    undecided=st.sampled_from(Undecided),
    overdue=st.sampled_from(Overdue),
    on_abort=st.sampled_from(OnAbort),
    device_deadline_seconds=small,
    wave_deadline_seconds=small,
    soak_seconds=small,
    limits=st.builds(Limits, small, small, st.integers(0, 2**62)),
    window=st.none() | st.builds(Window, small, small, st.lists(small, max_size=7).map(tuple)),
    minimum_agent_version=word,
    classes=st.lists(st.builds(DeviceClass, word, word, word, small), max_size=3).map(tuple),
)
counts = st.dictionaries(st.sampled_from(Place), st.integers(1, 2**32 - 1))
findings = st.builds(
    Finding,
    outcome=st.sampled_from(Outcome),
    reasons=st.lists(st.sampled_from(GateReason), max_size=4).map(tuple),
    wave=small,
    devices=small,
    mean_loss=st.none() | real,
    lower=st.none() | real,
    upper=st.none() | real,
    detectable=st.none() | real,
    silent_expected=real,
    worst_device=word,
    worst_chance=real,
    latency_ratio=st.none() | real,
)
rollouts = st.builds(
    RolloutView,
    id=word,
    digest=digest,
    title=word,
    cohort=word,
    kind=st.sampled_from(Kind),
    phase=st.sampled_from(Phase),
    reason=st.none() | st.sampled_from(Reason),
    created_at=moments,
    ended_at=st.none() | moments,
    plan=plans,
    wave=small,
    waves=st.lists(counts, max_size=3).map(tuple),
    counts=counts,
    finding=st.none() | findings,
)
changes = st.builds(ChangeView, rollouts, st.booleans(), small, small, small)
events = st.builds(
    EventView,
    small,
    moments,
    st.sampled_from(Actor),
    st.sampled_from(Happening),
    word,
    st.dictionaries(word, word, max_size=4),
)
previews = st.builds(
    PreviewView,
    word,
    digest,
    word,
    st.lists(st.builds(WavePreview, small, small, st.none() | real), max_size=4).map(tuple),
    st.dictionaries(st.sampled_from(Exclusion), small),
)
drawn = st.builds(PreviewedDevice, word, small, st.none() | st.sampled_from(Exclusion), word, small)
explanations = st.builds(
    ExplanationView, word, word, word, small, st.lists(word, max_size=5).map(tuple)
)
placed = st.builds(RolloutDeviceView, word, small, st.sampled_from(Place), word)
recalls = st.builds(RecallView, st.just(BACKBONE), st.lists(word, max_size=4).map(tuple))

BOTH_WAYS: dict[str, tuple[Any, Callable[[Any], Message], Callable[[Any], Any]]] = {
    "plan": (plans, translate_plans.plan_to, translate_plans.plan_from),
    "rollout": (rollouts, translate_rollouts.rollout_to, translate_rollouts.rollout_from),
    "finding": (findings, translate_rollouts.finding_to, translate_rollouts.finding_from),
    "change": (changes, translate_rollouts.change_to, translate_rollouts.change_from),
    "event": (events, translate_rollouts.event_to, translate_rollouts.event_from),
    "preview": (previews, translate_rollouts.preview_to, translate_rollouts.preview_from),
    "previewed": (drawn, translate_rollouts.previewed_to, translate_rollouts.previewed_from),
    "explanation": (
        explanations,
        translate_rollouts.explanation_to,
        translate_rollouts.explanation_from,
    ),
    "device": (placed, translate_rollouts.device_to, translate_rollouts.device_from),
    "recall": (recalls, translate_rollouts.recall_to, translate_rollouts.recall_from),
}


@pytest.mark.parametrize("name", BOTH_WAYS)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_record_survives_the_wire(name: str, data: st.DataObject) -> None:
    strategy, to_wire, from_wire = BOTH_WAYS[name]
    record = data.draw(strategy)
    message = to_wire(record)
    wire.check(message)
    assert from_wire(type(message).FromString(message.SerializeToString())) == record


def test_every_word_of_the_wire_has_one_of_ours() -> None:
    tables = (
        (translate_rollouts.PHASES, rollout_pb2.RolloutPhase),
        (translate_rollouts.REASONS, rollout_pb2.RolloutReason),
        (translate_rollouts.KINDS, rollout_pb2.RolloutKind),
        (translate_rollouts.ACTORS, rollout_pb2.RolloutActor),
        (translate_rollouts.HAPPENINGS, rollout_pb2.RolloutHappening),
        (translate_rollouts.EXCLUSIONS, rollout_pb2.RolloutExclusion),
        (translate_rollouts.OUTCOMES, rollout_pb2.GateOutcome),
        (translate_rollouts.GATE_REASONS, rollout_pb2.GateReason),
        (translate_plans.PROMOTIONS, rollout_pb2.RolloutPromotion),
        (translate_plans.ON_ABORTS, rollout_pb2.RolloutOnAbort),
        (translate_plans.UNDECIDEDS, rollout_pb2.RolloutUndecided),
        (translate_plans.OVERDUES, rollout_pb2.RolloutOverdue),
    )
    for table, enumeration in tables:
        assert set(table.values()) == set(enumeration.values()) - {0}


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        (rollout_pb2.RolloutCounts, {place.value for place in Place}),
        (rollout_pb2.GateFinding, {each.name for each in fields(Finding)}),
        (rollout_pb2.RolloutGate, {each.name for each in fields(GateRules)}),
        (rollout_pb2.RolloutPlan, {each.name for each in fields(Plan)}),
        (rollout_pb2.RolloutWindow, {each.name for each in fields(Window)}),
        (rollout_pb2.RolloutLimits, {each.name for each in fields(Limits)}),
        (rollout_pb2.DeviceClass, {each.name for each in fields(DeviceClass)}),
    ],
)
def test_the_wire_has_every_field_of_ours_and_no_other(
    message: type[Message], ours: set[str]
) -> None:
    assert {each.name for each in message.DESCRIPTOR.fields} == ours


def test_what_a_caller_leaves_out_of_a_plan_is_as_usual() -> None:
    assert translate_plans.plan_from(rollout_pb2.RolloutPlan(backbone="lite0")) == Plan("lite0")
    sparse = rollout_pb2.RolloutPlan(backbone="lite0", gate={"margin": 0.01}, soak_seconds=0)
    assert translate_plans.plan_from(sparse).gate == GateRules(margin=0.01)


def test_a_bandwidth_that_no_database_holds_is_refused() -> None:
    message = rollout_pb2.RolloutPlan(limits={"bytes_per_second": 2**64 - 1})
    with pytest.raises(FieldwiseError) as refused:
        translate_plans.plan_from(message)
    assert refused.value.fault is Fault.INVALID_ARGUMENT


def test_a_place_of_a_later_version_is_refused() -> None:
    with pytest.raises(FieldwiseError) as caught:
        translate_rollouts.device_from(rollout_pb2.RolloutDevice(id="d", wave=1, place="lost"))
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_a_choice_of_a_later_version_is_refused() -> None:
    with pytest.raises(FieldwiseError) as refused:
        translate_plans.plan_from(rollout_pb2.RolloutPlan.FromString(b"\x28\x63"))
    assert refused.value.fault is Fault.INVALID_ARGUMENT


@given(st.binary(max_size=300))
def test_whatever_parses_is_a_plan_that_can_be_looked_over_or_refused(content: bytes) -> None:
    message = rollout_pb2.RolloutPlan()
    try:
        message.ParseFromString(content)
        wire.check(message)
        plan = translate_plans.plan_from(message)
    except (DecodeError, FieldwiseError):
        return
    assert isinstance(mistakes(plan), tuple)
