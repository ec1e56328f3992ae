"""The orchestrator's client against a server of its own service: what leaves is in the ledger."""

from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.device.ledger import FILE_BYTES_MAX, SUMMARY_BYTES_MAX, LedgerFile
from agent.reporting import (
    DeviceFacts,
    DiagnosisAnswer,
    DiagnosisRequest,
    LedgerEntry,
    Permit,
    Report,
    Steering,
    SteeringRevision,
    Target,
)
from agent.rpc import summaries
from agent.rpc.client import OrchestratorClient
from fieldwise.answers import VitalSigns
from fieldwise.diagnosis import DiagnosisStep
from fieldwise.diagnosis_messages import diagnosis_from
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.v1alpha1 import device_pb2
from fieldwise.verdict import Basis, Judgement
from tests.agent.rpc.service import DIGEST, REPORT, VERDICT, Service, entries
from tests.diagnoses import DIAGNOSIS, REQUEST


async def test_a_report_arrives_as_it_was_meant_and_stands_in_the_ledger(
    client: OrchestratorClient, service: Service, tmp_path: Path
) -> None:
    await client.check_in(REPORT)
    (told,) = service.asked
    assert (told.incarnation, told.sequence, told.generation) == (3, 4, 7)
    assert (told.bundle_in_use.hex(), told.variant_in_use) == (DIGEST, "int8")
    assert told.update.phase == device_pb2.UPDATE_PHASE_REVERTED
    assert told.update.failure == device_pb2.UPDATE_FAILURE_GOLDEN_MISMATCH
    assert (told.update.hold, told.execution_provider) == (device_pb2.UPDATE_HOLD_DISK, "cpu")
    assert told.verdict.judgement == device_pb2.JUDGEMENT_HELD
    assert told.verdict.basis == device_pb2.VERDICT_BASIS_TOO_FEW
    assert _numbers(told.verdict.overall) == [131, 134, 133, 132, 171, 101, 70]
    assert _numbers(told.verdict.critical) == [49, 44, 43, 41, 87, 42, 40]
    verdict = [each.name for each in told.verdict.DESCRIPTOR.fields][5:]
    assert [getattr(told.verdict, name) for name in verdict] == [
        getattr(VERDICT, name) for name in verdict
    ]
    numbers = [value for _, value in told.vital_signs.ListFields()]
    assert numbers == list(range(11, 19))
    assert [value for _, value in told.learning.ListFields()] == list(range(21, 30))
    assert [value for _, value in told.signs.ListFields()] == list(range(71, 81))
    head = (told.ledger.number, told.ledger.digest.hex(), told.ledger.alterations)
    assert head == (91, DIGEST, 92)
    assert entries(tmp_path) == [("check-in", told.ByteSize(), summaries.check_in(REPORT))]


def _numbers(counts: Any) -> list[int]:
    return [value for _, value in counts.ListFields()]


def test_every_word_of_an_update_has_one_of_the_wire() -> None:
    for words, prefix, enumeration in (
        (UpdatePhase, "UPDATE_PHASE_", device_pb2.UpdatePhase),
        (UpdateFailure, "UPDATE_FAILURE_", device_pb2.UpdateFailure),
        (UpdateHold, "UPDATE_HOLD_", device_pb2.UpdateHold),
        (Judgement, "JUDGEMENT_", device_pb2.Judgement),
        (Basis, "VERDICT_BASIS_", device_pb2.VerdictBasis),
    ):
        named = {f"{prefix}{each.name}" for each in words}
        assert named | {f"{prefix}UNSPECIFIED"} == set(enumeration.keys())


def test_the_ledger_tells_every_number_of_a_report() -> None:
    said = summaries.check_in(REPORT)
    assert VERDICT.critical is not None
    counts = (*astuple(VERDICT.overall), *astuple(VERDICT.critical), *range(51, 59), 61, 62)
    publisher = range(141, 144)
    for number in (*range(11, 19), *range(21, 30), *range(71, 81), *counts, 91, 92, *publisher, 93):
        assert str(number) in said
    assert "trusts revision 93" in said
    assert len(said.encode()) < SUMMARY_BYTES_MAX // 2


def test_a_ledger_holds_check_ins_for_as_long_as_the_page_says() -> None:
    """Days of one a minute, in a file alone and in both."""

    def days(report: Report) -> float:
        words = summaries.check_in(report)
        entry = LedgerEntry(10**6, 1.8e9 + 0.123, "check-in", 400, words, "0" * 64)
        return FILE_BYTES_MAX / len(msgspec.json.encode(entry)) / (24 * 60)

    vital = VitalSigns(10**6, 10**8, 10**8, 10**10, 10**5, 10, 30_000, 90_000)
    idle = replace(REPORT, update=replace(REPORT.update, verdict=None), vital_signs=vital)
    page = (Path(__file__).parents[3] / "docs" / "ledger.md").read_text()
    assert "three days to a week of one\n  check-in a minute" in page
    assert 2.5 < days(replace(REPORT, vital_signs=vital)) < days(idle) < 4


async def test_orders_are_read(client: OrchestratorClient, service: Service) -> None:
    service.answer = device_pb2.CheckInResponse(
        target=device_pb2.Target(
            generation=8, bundle_digest=bytes.fromhex(DIGEST), variant="int8", back=True
        ),
        permit=device_pb2.StartPermit(generation=8, seconds=90, bytes_per_second=7),
        settings=device_pb2.SettingsRevision(
            revision=2, settings=device_pb2.DeviceSettings(learning_paused=False, shrinkage=0.5)
        ),
        next_seconds=30,
        unix_seconds=1_800_000_000,
    )
    orders = await client.check_in(REPORT)
    assert orders.target == Target(8, DIGEST, "int8", back=True)
    assert orders.permit == Permit(8, 90, 7)
    steering = Steering(learning_paused=False, shrinkage=0.5)
    assert orders.steering == SteeringRevision(2, steering)
    assert (orders.next_seconds, orders.unix_seconds) == (30, 1_800_000_000)


async def test_settings_out_of_bounds_are_refused_and_said(
    client: OrchestratorClient, service: Service
) -> None:
    service.answer = device_pb2.CheckInResponse(
        settings=device_pb2.SettingsRevision(
            revision=2, settings=device_pb2.DeviceSettings(shrinkage=1e6)
        )
    )
    orders = await client.check_in(REPORT)
    assert orders.steering is None
    assert "revision 2" in orders.steering_refusal


async def test_a_digest_that_is_none_is_refused(
    client: OrchestratorClient, service: Service
) -> None:
    service.answer = device_pb2.CheckInResponse(
        target=device_pb2.Target(generation=8, bundle_digest=b"short")
    )
    with pytest.raises(FieldwiseError) as caught:
        await client.check_in(REPORT)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


async def test_a_field_that_this_version_does_not_know_is_refused(
    client: OrchestratorClient, service: Service
) -> None:
    service.answer.MergeFromString(b"\xf8\x3f\x01")
    with pytest.raises(FieldwiseError):
        await client.check_in(REPORT)


async def test_a_file_comes_from_any_byte_on(client: OrchestratorClient, tmp_path: Path) -> None:
    pieces = [piece async for piece in client.download(DIGEST, 3)]
    assert b"".join(piece.content for piece in pieces) == bytes(range(3, 10))
    assert {piece.total_bytes for piece in pieces} == {10}
    assert entries(tmp_path)[0][0] == "download request"


async def test_a_download_whose_connection_is_closed_breaks_off_and_may_be_tried_again(
    client: OrchestratorClient,
) -> None:
    pieces = client.download(DIGEST, 0)
    await anext(pieces)
    await client.close()
    with pytest.raises(FieldwiseError) as caught:
        async for _ in pieces:
            pass
    assert caught.value.fault is Fault.UNREACHABLE


async def test_a_call_that_begins_on_a_connection_just_closed_may_be_tried_again(
    client: OrchestratorClient,
) -> None:
    await client.close()
    for call in (anext(client.download(DIGEST, 0)), client.leave()):
        with pytest.raises(FieldwiseError) as caught:
            await call
        assert caught.value.fault is Fault.UNREACHABLE


async def test_what_the_server_says_is_raised_again(client: OrchestratorClient) -> None:
    with pytest.raises(FieldwiseError, match="was removed") as caught:
        await client.leave()
    assert caught.value.fault is Fault.DEVICE_REMOVED


async def test_an_answer_about_a_diagnosis_stands_in_the_ledger_in_words(
    client: OrchestratorClient, service: Service, tmp_path: Path
) -> None:
    answers = [
        DiagnosisAnswer(REQUEST, DiagnosisStep.WAITING),
        DiagnosisAnswer(REQUEST, DiagnosisStep.REFUSED),
        DiagnosisAnswer(REQUEST, DiagnosisStep.GIVEN, DIAGNOSIS),
    ]
    for answer in answers:
        await client.answer_diagnosis(answer)
    assert entries(tmp_path) == [
        ("diagnosis", told.ByteSize(), summaries.diagnosis(answer))
        for told, answer in zip(service.asked, answers, strict=True)
    ]
    said = summaries.diagnosis(answers[-1])
    assert REQUEST in said
    assert "disk-full 3 times in 2 frames to agent.device.room:Room.write:7" in said
    assert diagnosis_from(service.asked[-1].diagnosis) == DIAGNOSIS


async def test_a_request_for_a_diagnosis_is_read_and_one_without_an_id_refused(
    client: OrchestratorClient, service: Service
) -> None:
    service.answer.diagnosis.id, service.answer.diagnosis.seconds = REQUEST, 90
    assert (await client.check_in(REPORT)).diagnosis == DiagnosisRequest(REQUEST, 90)
    service.answer.diagnosis.id = "no id"
    with pytest.raises(FieldwiseError) as caught:
        await client.check_in(REPORT)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


async def test_what_cannot_be_written_down_does_not_leave(
    client: OrchestratorClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise FieldwiseError(Fault.DISK_FULL, "no room for the ledger")

    monkeypatch.setattr(LedgerFile, "append", full)
    with pytest.raises(FieldwiseError) as caught:
        await client.check_in(REPORT)
    assert caught.value.fault is Fault.DISK_FULL
    assert service.asked == []


async def test_a_message_over_its_bounds_does_not_leave(
    client: OrchestratorClient, service: Service, tmp_path: Path
) -> None:
    facts = DeviceFacts("9" * 100, "x86_64", 1, 1)
    with pytest.raises(FieldwiseError) as caught:
        await client.check_in(
            Report(
                REPORT.incarnation,
                REPORT.sequence,
                REPORT.update,
                REPORT.vital_signs,
                REPORT.learning,
                facts.agent_version,
                0,
                "cpu",
            )
        )
    assert caught.value.fault is Fault.OVER_LIMIT
    assert service.asked == []
    assert entries(tmp_path) == []
