"""Requests for diagnoses in memory."""

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.fleet.diagnosis import KEPT_MAX, Answer, Request, is_open, takes
from orchestrator.storage import refusals
from orchestrator.storage.memory_contents import Contents


class MemoryDiagnoses:
    """``DiagnosisStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def ask(self, request: Request) -> Request:
        if self._contents.member(request.device) is None:
            raise refusals.no_device(request.device)
        kept = self._contents.diagnoses.get(request.device, ())
        if kept and is_open(kept[0], request.asked_at):
            return kept[0]
        self._contents.diagnoses[request.device] = (request, *kept)[:KEPT_MAX]
        return request

    async def list(self, device_id: str) -> Sequence[Request]:
        return self._contents.diagnoses.get(device_id, ())

    async def answer(self, device_id: str, request_id: str, answer: Answer, at: float) -> bool:
        kept = self._contents.diagnoses.get(device_id, ())
        found = next((each for each in kept if each.id == request_id), None)
        if found is None or not takes(found, at) or found.step is answer.step:
            return False
        told = replace(found, step=answer.step, diagnosis=answer.diagnosis, answered_at=at)
        self._contents.diagnoses[device_id] = tuple(
            told if each is found else each for each in kept
        )
        return True
