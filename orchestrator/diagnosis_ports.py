"""What asking for diagnoses needs of a store; the terms of ``ports`` hold."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.fleet.diagnosis import Answer, Request


class DiagnosisStore(Protocol):
    async def ask(self, request: Request) -> Request:
        """Keep a request, unless another of its device is open when it is asked; return that then.

        Of a device's requests the newest ``KEPT_MAX`` are kept.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where its device is not a member.
        """

    async def list(self, device_id: str) -> Sequence[Request]:
        """Return what is kept of a device, whether it is a member or not."""

    async def answer(self, device_id: str, request_id: str, answer: Answer, at: float) -> bool:
        """Keep what a device says; tell whether anything is changed by it.

        Nothing is where the request is not the device's or does not take an answer any more
        (``fleet.diagnosis.takes``), and where it has this one already.
        """
