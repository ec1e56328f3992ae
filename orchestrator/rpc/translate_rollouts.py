"""Between the messages of rollouts and ``orchestrator.rollout_views``, total both ways."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fieldwise.v1alpha1 import operator_pb2, rollout_pb2
from orchestrator.rollout.evidence import Finding, Outcome
from orchestrator.rollout.evidence import Reason as GateReason
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Exclusion, Place
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
from orchestrator.rpc.translate import (
    digest_from,
    digest_to,
    fields_of,
    invalid,
    word_from,
    words,
)
from orchestrator.rpc.translate_plans import plan_from, plan_to
from orchestrator.rpc.translate_views import (
    backbone_from,
    backbone_to,
    moment_from,
    moment_to,
    optional,
)

PHASES = words(Phase, rollout_pb2.RolloutPhase, "ROLLOUT_PHASE")
REASONS = words(Reason, rollout_pb2.RolloutReason, "ROLLOUT_REASON")
KINDS = words(Kind, rollout_pb2.RolloutKind, "ROLLOUT_KIND")
ACTORS = words(Actor, rollout_pb2.RolloutActor, "ROLLOUT_ACTOR")
HAPPENINGS = words(Happening, rollout_pb2.RolloutHappening, "ROLLOUT_HAPPENING")
EXCLUSIONS = words(Exclusion, rollout_pb2.RolloutExclusion, "ROLLOUT_EXCLUSION")
OUTCOMES = words(Outcome, rollout_pb2.GateOutcome, "GATE_OUTCOME")
GATE_REASONS = words(GateReason, rollout_pb2.GateReason, "GATE_REASON")


def rollout_from(message: rollout_pb2.Rollout) -> RolloutView:
    return RolloutView(
        id=message.id,
        digest=digest_from(message.bundle_digest),
        title=message.bundle_name,
        cohort=message.cohort,
        kind=word_from(KINDS, message.kind, "kind of rollout"),
        phase=word_from(PHASES, message.phase, "rollout phase"),
        reason=word_from(REASONS, message.reason, "reason") if message.reason else None,
        created_at=moment_from(message.create_time),
        ended_at=optional(message, "end_time", moment_from),
        plan=plan_from(message.plan),
        wave=message.wave,
        waves=tuple(_counts_from(each.counts) for each in message.waves),
        counts=_counts_from(message.counts),
        finding=optional(message, "finding", finding_from),
    )


def rollout_to(rollout: RolloutView) -> rollout_pb2.Rollout:
    return rollout_pb2.Rollout(
        id=rollout.id,
        bundle_digest=digest_to(rollout.digest),
        bundle_name=rollout.title,
        cohort=rollout.cohort,
        kind=KINDS[rollout.kind],
        phase=PHASES[rollout.phase],
        reason=REASONS[rollout.reason] if rollout.reason else None,
        create_time=moment_to(rollout.created_at),
        end_time=moment_to(rollout.ended_at) if rollout.ended_at else None,
        plan=plan_to(rollout.plan),
        wave=rollout.wave,
        waves=[rollout_pb2.RolloutWave(counts=_counts_to(each)) for each in rollout.waves],
        counts=_counts_to(rollout.counts),
        finding=finding_to(rollout.finding) if rollout.finding else None,
    )


def finding_from(message: rollout_pb2.GateFinding) -> Finding:
    plain: dict[str, Any] = {}
    for field in dataclasses.fields(Finding):
        described = message.DESCRIPTOR.fields_by_name[field.name]
        absent = described.has_presence and not message.HasField(field.name)
        plain[field.name] = None if absent else getattr(message, field.name)
    plain["outcome"] = word_from(OUTCOMES, message.outcome, "outcome of a gate")
    plain["reasons"] = tuple(word_from(GATE_REASONS, each, "reason") for each in message.reasons)
    return Finding(**plain)


def finding_to(finding: Finding) -> rollout_pb2.GateFinding:
    plain = fields_of(finding)
    plain["outcome"] = OUTCOMES[finding.outcome]
    plain["reasons"] = [GATE_REASONS[each] for each in finding.reasons]
    return rollout_pb2.GateFinding(**plain)


def change_from(message: rollout_pb2.RolloutChange) -> ChangeView:
    return ChangeView(
        rollout_from(message.rollout),
        message.changed,
        message.may_still_start,
        message.within_seconds,
        message.ordered,
    )


def change_to(change: ChangeView) -> rollout_pb2.RolloutChange:
    return rollout_pb2.RolloutChange(
        rollout=rollout_to(change.rollout),
        changed=change.changed,
        may_still_start=change.may_still_start,
        within_seconds=change.within_seconds,
        ordered=change.ordered,
    )


def event_from(message: rollout_pb2.RolloutEvent) -> EventView:
    return EventView(
        sequence=message.sequence,
        at=moment_from(message.create_time),
        actor=word_from(ACTORS, message.actor, "actor"),
        kind=word_from(HAPPENINGS, message.kind, "kind of event"),
        sentence=message.sentence,
        facts=dict(message.facts),
    )


def event_to(event: EventView) -> rollout_pb2.RolloutEvent:
    return rollout_pb2.RolloutEvent(
        sequence=event.sequence,
        create_time=moment_to(event.at),
        actor=ACTORS[event.actor],
        kind=HAPPENINGS[event.kind],
        sentence=event.sentence,
        facts=dict(event.facts),
    )


def preview_from(message: rollout_pb2.RolloutPreview) -> PreviewView:
    return PreviewView(
        id=message.id,
        digest=digest_from(message.bundle_digest),
        title=message.bundle_name,
        waves=tuple(map(_wave_from, message.waves)),
        exclusions={
            word_from(EXCLUSIONS, each.exclusion, "exclusion"): each.devices
            for each in message.exclusions
        },
    )


def preview_to(preview: PreviewView) -> rollout_pb2.RolloutPreview:
    return rollout_pb2.RolloutPreview(
        id=preview.id,
        bundle_digest=digest_to(preview.digest),
        bundle_name=preview.title,
        waves=[rollout_pb2.PreviewedWave(**fields_of(each)) for each in preview.waves],
        exclusions=[
            rollout_pb2.PreviewedExclusion(exclusion=EXCLUSIONS[each], devices=devices)
            for each, devices in preview.exclusions.items()
        ],
    )


def previewed_from(message: rollout_pb2.PreviewedDevice) -> PreviewedDevice:
    exclusion = message.exclusion
    return PreviewedDevice(
        id=message.id,
        wave=message.wave,
        exclusion=word_from(EXCLUSIONS, exclusion, "exclusion") if exclusion else None,
        variant=message.variant,
        judge_samples=message.judge_samples,
    )


def previewed_to(device: PreviewedDevice) -> rollout_pb2.PreviewedDevice:
    return rollout_pb2.PreviewedDevice(
        id=device.id,
        wave=device.wave,
        exclusion=EXCLUSIONS[device.exclusion] if device.exclusion else None,
        variant=device.variant,
        judge_samples=device.judge_samples,
    )


def device_from(message: rollout_pb2.RolloutDevice) -> RolloutDeviceView:
    if message.place not in set(Place):
        raise invalid(f"there is no place {message.place!r} of a device")
    return RolloutDeviceView(message.id, message.wave, Place(message.place), message.reason)


def device_to(device: RolloutDeviceView) -> rollout_pb2.RolloutDevice:
    return rollout_pb2.RolloutDevice(
        id=device.id, wave=device.wave, place=device.place.value, reason=device.reason
    )


def explanation_from(message: rollout_pb2.DeviceExplanation) -> ExplanationView:
    return ExplanationView(
        id=message.id,
        title=message.bundle_name,
        rollout=message.rollout_id,
        wave=message.wave,
        sentences=tuple(message.sentences),
    )


def explanation_to(explanation: ExplanationView) -> rollout_pb2.DeviceExplanation:
    return rollout_pb2.DeviceExplanation(
        id=explanation.id,
        bundle_name=explanation.title,
        rollout_id=explanation.rollout,
        wave=explanation.wave,
        sentences=explanation.sentences,
    )


def recall_from(message: operator_pb2.RecallBackboneResponse) -> RecallView:
    return RecallView(backbone_from(message.backbone), tuple(message.rollout_ids))


def recall_to(recall: RecallView) -> operator_pb2.RecallBackboneResponse:
    return operator_pb2.RecallBackboneResponse(
        backbone=backbone_to(recall.backbone),
        rollout_ids=recall.rollouts,
    )


def _counts_from(message: rollout_pb2.RolloutCounts) -> dict[Place, int]:
    counts = {place: getattr(message, place.value) for place in Place}
    return {place: count for place, count in counts.items() if count}


def _counts_to(counts: Mapping[Place, int]) -> rollout_pb2.RolloutCounts:
    return rollout_pb2.RolloutCounts(**{place.value: count for place, count in counts.items()})


def _wave_from(message: rollout_pb2.PreviewedWave) -> WavePreview:
    return WavePreview(
        devices=message.devices,
        judging_devices=message.judging_devices,
        detectable_loss=message.detectable_loss if message.HasField("detectable_loss") else None,
    )
