"""From rows to records and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache, lru_cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Select, and_, select

from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.bundle import decode_manifest, encode_manifest
from fieldwise.diagnosis import DiagnosisRule
from fieldwise.federation import FederationReport
from fieldwise.ledger import LedgerHead
from fieldwise.trust import PublisherReport
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Verdict
from orchestrator.check_in_ports import Sighting
from orchestrator.enrolment.ticket import Ticket
from orchestrator.fleet.device import Device, DeviceKey, Facts, Permit, Standing, Target
from orchestrator.fleet.ledger import NOTHING_TOLD, LedgerRecord
from orchestrator.fleet.report import Report, UpdateReport
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.rollout.backbone import Backbone
from orchestrator.storage.sql.tables import (
    denials,
    device_keys,
    devices,
    reports,
    rollout_members,
)

VERDICTS_KEPT = 16_384  # half a KiB each
STEPS_KEPT = 16_384  # a fleet is at a few steps of a few targets
_LEDGER = msgspec.json.Decoder(LedgerRecord)
PARTS_KEPT = 4096  # most devices of a campaign say the same, or something new

STANDING: tuple[ColumnElement[Any], ...] = (
    devices.c.id,
    devices.c.enrolled_at,
    devices.c.target_generation,
    devices.c.target_digest,
    devices.c.target_variant,
    devices.c.target_back,
    devices.c.rollout,
    devices.c.agent_version.label("enrolled_version"),
    devices.c.architecture,
    devices.c.memory_bytes,
    rollout_members.c.permit_generation,
    rollout_members.c.permit_expires_at,
    rollout_members.c.permit_since,
    rollout_members.c.before,
    rollout_members.c.ordered_at,
    reports.c.seen_at,
    reports.c.pace_seconds,
    reports.c.incarnation,
    reports.c.sequence,
    reports.c.generation,
    reports.c.bundle_in_use,
    reports.c.update_generation,
    reports.c.update_digest,
    reports.c.update_phase,
    reports.c.update_failure,
    reports.c.settings_revision,
    reports.c.window_samples,
    reports.c.window_correct,
    reports.c.judge_samples,
    reports.c.agent_version,
    reports.c.execution_provider,
    reports.c.update_hold,
    reports.c.verdict,
)
SETTINGS: tuple[ColumnElement[Any], ...] = (
    devices.c.settings,
    devices.c.settings_revision.label("given_revision"),
)
_KNOWN = {column.name for column in STANDING}
DEVICE: tuple[ColumnElement[Any], ...] = (
    *STANDING,
    *SETTINGS,
    *(column for column in reports.c if column.name not in _KNOWN),
    devices.c.processors,
    device_keys.c.fingerprint,
    device_keys.c.serial,
    device_keys.c.expires_at,
    device_keys.c.ticket,
    denials.c.denied_at,
)


_FLEET = devices.join(reports, reports.c.device == devices.c.id).outerjoin(
    rollout_members,
    and_(
        rollout_members.c.rollout == devices.c.rollout,
        rollout_members.c.device == devices.c.id,
    ),
)


def select_standings(*further: ColumnElement[Any]) -> Select[Any]:
    """Select the standings of members."""
    return select(*STANDING, *further).select_from(_FLEET).where(devices.c.removed_at.is_(None))


def select_devices() -> Select[Any]:
    """Select members with all that is known of them but their tags."""
    joined = _FLEET.join(device_keys, device_keys.c.fingerprint == devices.c.key_fingerprint)
    joined = joined.outerjoin(denials, denials.c.device == devices.c.id)
    return select(*DEVICE).select_from(joined).where(devices.c.removed_at.is_(None))


def standing_of(row: RowMapping) -> Standing:
    generation, permitted = row["target_generation"], row["permit_generation"]
    return Standing(
        device=row["id"],
        enrolled_at=row["enrolled_at"],
        target=_target_of(row) if generation else None,
        rollout=row["rollout"] or 0,
        permit=_permit_of(row) if permitted else None,
        before=tuple((row["before"] or "").split()),
        ordered_at=row["ordered_at"] or 0.0,
        architecture=row["architecture"],
        memory_bytes=row["memory_bytes"],
        seen_at=row["seen_at"],
        pace_seconds=row["pace_seconds"],
        report_order=(row["incarnation"], row["sequence"]),
        generation=row["generation"],
        bundle_in_use=row["bundle_in_use"],
        update=update_of(row),
        settings_revision=row["settings_revision"],
        window_samples=row["window_samples"],
        window_correct=row["window_correct"],
        judge_samples=row["judge_samples"],
        agent_version=row["agent_version"] or row["enrolled_version"],
        execution_provider=row["execution_provider"],
        verdict=_verdict_of(row["verdict"]),
    )


def _target_of(row: RowMapping) -> Target:
    return _target(
        row["target_generation"], row["target_digest"], row["target_variant"], row["target_back"]
    )


# Every look at a rollout reads all its devices, and most of them are where others are.
@lru_cache(STEPS_KEPT)
def _target(generation: int, digest: str, variant: str, back: bool) -> Target:  # noqa: FBT001 - a row's
    return Target(generation, digest, variant, back)


def _permit_of(row: RowMapping) -> Permit:
    since = row["permit_since"] or 0.0
    return Permit(row["permit_generation"], row["permit_expires_at"], since)


# A device keeps its verdict for weeks, and every look at a rollout reads those of all its devices.
@lru_cache(VERDICTS_KEPT)
def _verdict_of(text: str | None) -> Verdict | None:
    return None if text is None else msgspec.json.decode(text, type=Verdict)


def update_of(row: RowMapping) -> UpdateReport:
    return _update(
        row["update_generation"],
        row["update_digest"],
        row["update_phase"],
        row["update_failure"],
        row["update_hold"],
    )


@lru_cache(STEPS_KEPT)
def _update(
    generation: int, digest: str | None, phase: str, failure: str | None, hold: str | None
) -> UpdateReport:
    return UpdateReport(
        generation=generation,
        digest=digest,
        phase=UpdatePhase(phase),
        failure=UpdateFailure(failure) if failure else None,
        hold=UpdateHold(hold) if hold else None,
    )


def report_of(row: RowMapping) -> Report | None:
    if row["seen_at"] is None:
        return None
    return Report(
        incarnation=row["incarnation"],
        sequence=row["sequence"],
        generation=row["generation"],
        bundle_in_use=row["bundle_in_use"],
        variant_in_use=row["variant_in_use"],
        update=update_of(row),
        vital_signs=VitalSigns(**{each.name: row[each.name] for each in fields(VitalSigns)}),
        learning=LearningCounters(
            **{each.name: row[each.name] for each in fields(LearningCounters)}
        ),
        agent_version=row["agent_version"],
        settings_revision=row["settings_revision"],
        verdict=_verdict_of(row["verdict"]),
        execution_provider=row["execution_provider"],
        diagnosis_rule=DiagnosisRule(row["diagnosis_rule"]) if row["diagnosis_rule"] else None,
        signs=LearningSigns(**{each.name: row[each.name] for each in fields(LearningSigns)}),
        federation=federation_of(row["federation"]),
        publisher=publisher_of(row["publisher"]),
        ledger=_head_of(ledger_of(row["ledger"])),
        trust_revision=row["trust_revision"],
    )


def _head_of(ledger: LedgerRecord) -> LedgerHead | None:
    return ledger.newest.head if ledger.newest and ledger.is_told else None


def ledger_of(text: str | None) -> LedgerRecord:
    return NOTHING_TOLD if text is None else _LEDGER.decode(text)


def ledger_text(ledger: LedgerRecord) -> str | None:
    return None if ledger.newest is None else msgspec.json.encode(ledger).decode()


@lru_cache(PARTS_KEPT)
def federation_of(text: str | None) -> FederationReport | None:
    return None if text is None else msgspec.json.decode(text, type=FederationReport)


def federation_text(report: FederationReport | None) -> str | None:
    return None if report is None else msgspec.json.encode(report).decode()


@lru_cache(PARTS_KEPT)
def publisher_of(text: str | None) -> PublisherReport | None:
    return None if text is None else msgspec.json.decode(text, type=PublisherReport)


def publisher_text(report: PublisherReport | None) -> str | None:
    """The one form in which it is stored, so that equal ones are equal texts."""
    return None if report is None else msgspec.json.encode(report).decode()


def settings_of(row: RowMapping) -> SettingsRevision | None:
    if row["settings"] is None:
        return None
    settings = msgspec.json.decode(row["settings"], type=DeviceSettings)
    return SettingsRevision(row["given_revision"], settings)


def settings_text(settings: DeviceSettings) -> str:
    """The one form in which settings are stored, so that equal ones are equal texts."""
    return json.dumps(asdict(settings), sort_keys=True)


def device_of(row: RowMapping, tags: Mapping[str, str]) -> Device:
    return Device(
        id=row["id"],
        tags=tags,
        facts=Facts(
            row["enrolled_version"], row["architecture"], row["memory_bytes"], row["processors"]
        ),
        enrolled_at=row["enrolled_at"],
        key=DeviceKey(
            row["fingerprint"], row["id"], row["serial"], row["expires_at"], row["ticket"]
        ),
        standing=standing_of(row),
        report=report_of(row),
        settings=settings_of(row),
        ledger=ledger_of(row["ledger"]),
        denied_at=row["denied_at"],
    )


def sighting_values(sighting: Sighting) -> dict[str, Any]:
    """The values of a row of ``reports``."""
    report, update = sighting.report, sighting.report.update
    return {
        "device": sighting.device,
        "seen_at": sighting.seen_at,
        "pace_seconds": sighting.pace_seconds,
        "incarnation": report.incarnation,
        "sequence": report.sequence,
        "generation": report.generation,
        "bundle_in_use": report.bundle_in_use,
        "variant_in_use": report.variant_in_use,
        "update_generation": update.generation,
        "update_digest": update.digest,
        "update_phase": update.phase.value,
        "update_failure": update.failure.value if update.failure else None,
        "update_hold": update.hold.value if update.hold else None,
        "agent_version": report.agent_version,
        "settings_revision": report.settings_revision,
        "verdict": msgspec.json.encode(report.verdict).decode() if report.verdict else None,
        "execution_provider": report.execution_provider,
        "diagnosis_rule": report.diagnosis_rule,
        "consent": report.federation.consent if report.federation else None,
        "federation": federation_text(report.federation),
        "publisher": publisher_text(report.publisher),
        "ledger": ledger_text(sighting.ledger),
        "trust_revision": report.trust_revision,
        **_flat(report.vital_signs),
        **_flat(report.learning),
        **_flat(report.signs),
    }


def _flat(record: VitalSigns | LearningCounters | LearningSigns) -> dict[str, Any]:
    """What ``asdict`` gives for a record of plain numbers, without its copying of each."""
    names = _names(type(record))  # type: ignore[arg-type]  # mypy asks the records, not their classes
    return {name: getattr(record, name) for name in names}


@cache
def _names(shape: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(shape))


def ticket_of(row: RowMapping) -> Ticket:
    tags, request = json.loads(row["tags"]), row["request"] or ""
    return Ticket(**{**row, "tags": tags, "request": request})


def ticket_values(ticket: Ticket) -> dict[str, Any]:
    values = {each.name: getattr(ticket, each.name) for each in fields(Ticket)}
    del values["number"]
    tags = json.dumps(dict(ticket.tags), sort_keys=True)
    return {**values, "tags": tags, "request": ticket.request or None}


def backbone_of(row: RowMapping) -> Backbone:
    return Backbone(
        row["digest"],
        decode_manifest(row["manifest"]),
        row["created_at"],
        row["number"],
        row["recalled_at"],
    )


def backbone_values(backbone: Backbone) -> dict[str, Any]:
    return {
        "digest": backbone.digest,
        "name": backbone.manifest.name,
        "version": backbone.manifest.version,
        "manifest": encode_manifest(backbone.manifest),
        "created_at": backbone.created_at,
    }
