"""Diagnoses: operators ask, devices answer by their owners' word, operators read."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from fieldwise.diagnosis import check_id
from orchestrator.diagnosis_ports import DiagnosisStore
from orchestrator.fleet.device import Device
from orchestrator.fleet.diagnosis import (
    ID_BYTES,
    Answer,
    DiagnosisState,
    Request,
    check_lifetime,
    is_open,
    state_of,
)
from orchestrator.ports import Clock, DeviceStore, Entropy

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request with how it stands at the moment of asking."""

    request: Request
    state: DiagnosisState


class Diagnosing:
    """The use cases over one fleet.

    Args:
        diagnoses: Where requests are kept.
        devices: Where members are kept.
        clock: What time it is.
        entropy: For the ids of requests.
    """

    def __init__(
        self, diagnoses: DiagnosisStore, devices: DeviceStore, clock: Clock, entropy: Entropy
    ) -> None:
        self._diagnoses = diagnoses
        self._devices = devices
        self._clock = clock
        self._entropy = entropy

    async def ask(self, device_id: str, lifetime_seconds: int, *, again: bool) -> SeenRequest:
        """Ask a device for a diagnosis, or return the newest request where there is one.

        Args:
            device_id: Of a member.
            lifetime_seconds: For how long it may be answered.
            again: Ask anew where the newest is over.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or ``INVALID_ARGUMENT`` for a lifetime out of bounds.
        """
        check_lifetime(lifetime_seconds)
        device, now = await self._devices.get(device_id), self._clock.now()
        newest = next(iter(await self._diagnoses.list(device_id)), None)
        if newest is not None and (is_open(newest, now) or not again):
            return self._seen(newest, device)
        fresh_id = self._entropy.token(ID_BYTES).hex()
        wanted = Request(fresh_id, device_id, now, now + lifetime_seconds)
        kept = await self._diagnoses.ask(wanted)
        if kept.id == fresh_id:
            _log.info("diagnosis asked for", device=device_id, request=fresh_id)
        return self._seen(kept, device)

    async def list(self, device_id: str) -> Sequence[SeenRequest]:
        """Return the newest requests of a device, newest first.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        device = await self._devices.get(device_id)
        return [self._seen(each, device) for each in await self._diagnoses.list(device_id)]

    async def answer(self, device_id: str, request_id: str, answer: Answer) -> None:
        """Keep what a device says; what nobody asked for, or not any more, is let go.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for an id that is none.
        """
        now = self._clock.now()
        if await self._diagnoses.answer(device_id, check_id(request_id), answer, now):
            _log.info("diagnosis answered", device=device_id, request=request_id, step=answer.step)

    def _seen(self, request: Request, device: Device) -> SeenRequest:
        return SeenRequest(request, state_of(request, device.report, self._clock.now()))
