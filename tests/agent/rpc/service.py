"""The orchestrator's service for devices as tests play it, and the ledger of who calls it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from agent.device.database import Database
from agent.device.journal import DatabaseJournal
from agent.device.ledger import LedgerFile
from agent.reporting import (
    Report,
)
from agent.update.events import Pair, UpdateState, Wish
from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation_messages import UpdateReader
from fieldwise.ledger import LedgerHead
from fieldwise.trust import PublisherReport
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.v1alpha1 import device_pb2, device_pb2_grpc
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from tests.fakes.agent import TurnedClock

DIGEST = "ab" * 32
VERDICT = Verdict(
    generation=6,
    judgement=Judgement.HELD,
    basis=Basis.TOO_FEW,
    overall=PairedCounts(131, 134, 133, 132, 171, 101, 70),
    critical=PairedCounts(49, 44, 43, 41, 87, 42, 40),
    old_p50_micros=51,
    old_p99_micros=52,
    new_p50_micros=53,
    new_p99_micros=54,
    compared=62,
    agreed=55,
    old_confidence_permille=56,
    new_confidence_permille=57,
    old_novel=58,
    new_novel=61,
)
REPORT = Report(
    incarnation=3,
    sequence=4,
    update=UpdateState(
        generation=7,
        wish=Wish("cd" * 32),
        phase=UpdatePhase.REVERTED,
        failure=UpdateFailure.GOLDEN_MISMATCH,
        hold=UpdateHold.DISK,
        verdict=VERDICT,
        in_use=Pair(DIGEST, "int8"),
    ),
    vital_signs=VitalSigns(*range(11, 19)),
    learning=LearningCounters(*range(21, 30)),
    agent_version="0.1.0",
    settings_revision=9,
    execution_provider="cpu",
    signs=LearningSigns(*range(71, 81)),
    ledger=LedgerHead(91, DIGEST, 92),
    publisher=PublisherReport(141, 142, 143),
    trust_revision=93,
)


class Service(device_pb2_grpc.DeviceServicer):
    """Answers with what a test put there, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer = device_pb2.CheckInResponse(next_seconds=60)
        self.task = device_pb2.FetchTaskResponse()
        self.holds, self.held = False, asyncio.Event()

    async def CheckIn(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        return self.answer

    async def Download(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.asked.append(request)
        for offset in range(request.offset, 10, 4):
            content = bytes(range(offset, min(offset + 4, 10)))
            yield device_pb2.DownloadResponse(offset=offset, content=content, total_bytes=10)

    async def AnswerDiagnosis(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        return device_pb2.AnswerDiagnosisResponse()

    async def FetchTask(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        return self.task

    async def SubmitUpdate(self, requests: AsyncIterator[Any], context: Any) -> Any:
        reader = None
        async for request in requests:
            if self.holds:  # until the call is cancelled
                self.held.set()
                await asyncio.Event().wait()
            match request.WhichOneof("part"):
                case "header":
                    reader = UpdateReader(request.header)
                case "rows":
                    assert reader is not None
                    reader.rows(request.rows)
                case "scatter":
                    assert reader is not None
                    reader.scatter(request.scatter)
        assert reader is not None
        self.asked.append(reader.finish())
        return device_pb2.SubmitUpdateResponse(receipt=device_pb2.UPDATE_RECEIPT_LATE)

    async def Leave(self, request: Any, context: Any) -> Any:
        raise FieldwiseError(Fault.DEVICE_REMOVED, "this device was removed")


def ledger(tmp_path: Path) -> LedgerFile:
    database = Database(tmp_path / f"{uuid4()}.sqlite")
    return LedgerFile(tmp_path / "ledger", DatabaseJournal(database), TurnedClock())


def entries(tmp_path: Path) -> list[tuple[str, int, str]]:
    newest = ledger(tmp_path).newest(10)
    return [(each.kind, each.bytes, each.summary) for each in newest]
