"""Between a plan as it crosses the wire and as rules read it, total both ways.

A field that is absent has the plan's default, so that callers write what they want to differ and
nothing else. Whether a plan makes sense is not asked here: ``orchestrator.rollout.plan_rules``.
"""

import dataclasses
from typing import Any, TypeVar

from google.protobuf.message import Message

from fieldwise.v1alpha1 import rollout_pb2
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
from orchestrator.rpc.translate import fields_of, record_from, whole, word_from, words

RecordT = TypeVar("RecordT")

PROMOTIONS = words(Promotion, rollout_pb2.RolloutPromotion, "ROLLOUT_PROMOTION")
ON_ABORTS = words(OnAbort, rollout_pb2.RolloutOnAbort, "ROLLOUT_ON_ABORT")
UNDECIDEDS = words(Undecided, rollout_pb2.RolloutUndecided, "ROLLOUT_UNDECIDED")
OVERDUES = words(Overdue, rollout_pb2.RolloutOverdue, "ROLLOUT_OVERDUE")
SECONDS = ("device_deadline_seconds", "wave_deadline_seconds", "soak_seconds")
USUAL = Plan("")


def plan_from(message: rollout_pb2.RolloutPlan) -> Plan:
    """Read a plan.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for an enumerator or a number without a meaning.
    """
    return Plan(
        backbone=message.backbone,
        cohort=message.cohort,
        waves=tuple(map(_wave_from, message.waves)) or USUAL.waves,
        gate=_given(GateRules, message.gate),
        promotion=_choice(PROMOTIONS, message.promotion, USUAL.promotion),
        undecided=_choice(UNDECIDEDS, message.undecided, USUAL.undecided),
        overdue=_choice(OVERDUES, message.overdue, USUAL.overdue),
        on_abort=_choice(ON_ABORTS, message.on_abort, USUAL.on_abort),
        limits=_limits_from(message.limits),
        window=_window_from(message.window) if message.HasField("window") else None,
        minimum_agent_version=message.minimum_agent_version,
        classes=tuple(record_from(DeviceClass, each) for each in message.classes),
        **{name: getattr(message, name) for name in SECONDS if message.HasField(name)},
    )


def plan_to(plan: Plan) -> rollout_pb2.RolloutPlan:
    return rollout_pb2.RolloutPlan(
        backbone=plan.backbone,
        cohort=plan.cohort,
        waves=[_wave_to(each) for each in plan.waves],
        gate=rollout_pb2.RolloutGate(**fields_of(plan.gate)),
        promotion=PROMOTIONS[plan.promotion],
        undecided=UNDECIDEDS[plan.undecided],
        overdue=OVERDUES[plan.overdue],
        on_abort=ON_ABORTS[plan.on_abort],
        limits=rollout_pb2.RolloutLimits(**fields_of(plan.limits)),
        window=rollout_pb2.RolloutWindow(**fields_of(plan.window)) if plan.window else None,
        minimum_agent_version=plan.minimum_agent_version,
        classes=[rollout_pb2.DeviceClass(**fields_of(each)) for each in plan.classes],
        **{name: getattr(plan, name) for name in SECONDS},
    )


def _wave_from(message: rollout_pb2.PlannedWave) -> Wave:
    return Wave(
        devices=message.devices if message.HasField("devices") else None,
        share=message.share if message.HasField("share") else None,
        promotion=_choice(PROMOTIONS, message.promotion, None),
    )


def _wave_to(wave: Wave) -> rollout_pb2.PlannedWave:
    promotion = PROMOTIONS[wave.promotion] if wave.promotion else None
    return rollout_pb2.PlannedWave(devices=wave.devices, share=wave.share, promotion=promotion)


def _limits_from(message: rollout_pb2.RolloutLimits) -> Limits:
    whole(message.bytes_per_second, "bytes_per_second")
    return record_from(Limits, message)


def _window_from(message: rollout_pb2.RolloutWindow) -> Window:
    return Window(message.begin_minute, message.end_minute, tuple(message.days))


def _choice(table: Any, value: int, usual: Any) -> Any:
    """Return the word of an enumerator, the usual one where it is unspecified."""
    return word_from(table, value, "choice of a plan") if value else usual


def _given(shape: type[RecordT], message: Message) -> RecordT:
    """Make a record of the fields that are there; the others have their defaults."""
    names = [field.name for field in dataclasses.fields(shape)]  # type: ignore[arg-type]  # mypy cannot bind a TypeVar to dataclasses
    return shape(**{name: getattr(message, name) for name in names if message.HasField(name)})
