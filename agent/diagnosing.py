"""A diagnosis that an operator asks for, and the owner's word without which nothing leaves.

The orchestrator can only ask. What it asks is kept with the owner's word, so that a restart neither
loses nor repeats it: a request is known by its id, and each is answered once. Nothing is collected
before the owner has said yes, and what is sent then is in the ledger first. A yes holds for the
membership that was asked and for as long as the request does; an owner who settles on ``never``
meanwhile takes it back.

A request is repeated with every check-in until it is over, and with it how long it has: that time
is counted by a clock that never jumps. Only after a restart, before the first check-in, is the wall
clock's word taken for it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import structlog
from msgspec.structs import replace

from agent.ports import Clock
from agent.reporting import DiagnosisAnswer, DiagnosisNote, DiagnosisRequest, Membership
from fieldwise.diagnosis import Diagnosis, DiagnosisRule, DiagnosisStep
from fieldwise.errors import Fault, FieldwiseError

FIRST_STEPS: Mapping[DiagnosisRule, DiagnosisStep] = MappingProxyType(
    {
        DiagnosisRule.ASK: DiagnosisStep.WAITING,
        DiagnosisRule.ALWAYS: DiagnosisStep.GIVEN,
        DiagnosisRule.NEVER: DiagnosisStep.REFUSED,
    }
)

_log = structlog.get_logger()


class Notes(Protocol):
    """Where the newest request is kept; each write is durable on return."""

    def diagnosis(self) -> DiagnosisNote | None:
        """The newest request."""
        ...

    def write_diagnosis(self, note: DiagnosisNote) -> None:
        """Replace it."""
        ...


class Member(Protocol):
    """The device's place in a fleet."""

    membership: Membership | None

    async def answer_diagnosis(self, answer: DiagnosisAnswer) -> None:
        """Say how a request stands."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that the owner may still allow or refuse, and the seconds that it has."""

    id: str
    seconds: int
    step: DiagnosisStep


@dataclass(frozen=True, slots=True)
class Asked:
    """What an owner decides about: the request, if any, his rule, and what would leave now."""

    waiting: Waiting | None
    rule: DiagnosisRule
    diagnosis: Diagnosis


class Diagnosing:
    """Hears requests, keeps the owner's word, and answers.

    Args:
        rule: What the owner has settled.
        notes: Where the newest request is kept.
        member: Who is asked, and answers.
        collect: Makes a diagnosis.
        clock: Time.
    """

    def __init__(
        self,
        rule: DiagnosisRule,
        notes: Notes,
        member: Member,
        collect: Callable[[], Diagnosis],
        clock: Clock,
    ) -> None:
        self._rule = rule
        self._collect = collect
        self._notes = notes
        self._member = member
        self._clock = clock
        self._lock = asyncio.Lock()
        self._note = notes.diagnosis()
        self._ends: float | None = None
        self.hurry: Callable[[], None] = lambda: None

    async def obey(self, request: DiagnosisRequest | None) -> None:
        """Hear what a check-in's answer asks for, and answer what is owed.

        What cannot be written or sent now is tried again after the next check-in.
        """
        try:
            async with self._lock:
                if request is not None:
                    await self._hear(request)
                await self._answer()
        except FieldwiseError as error:
            _log.warning("a diagnosis is not answered yet", reason=error.sentence)

    def asked(self) -> Asked:
        """What the owner decides about."""
        return Asked(self.waiting(), self._rule, self._collect())

    def waiting(self) -> Waiting | None:
        """The request that the owner may still decide; one that was answered is not."""
        note = self._open()
        if note is None or (note.told and note.step is not DiagnosisStep.WAITING):
            return None
        return Waiting(note.id, int(self._seconds_left(note)), note.step)

    async def decide(self, request_id: str, *, approved: bool) -> str:
        """Allow or refuse; returns which request. A word may be changed until it is sent.

        Args:
            request_id: Which one is meant; empty for the one that waits.
            approved: Yes, or no.

        Raises:
            FieldwiseError: ``NOT_FOUND`` where none of that id waits, ``DISK_FULL``.
        """
        async with self._lock:
            waiting, note = self.waiting(), self._note
            if waiting is None or note is None or request_id not in ("", waiting.id):
                raise FieldwiseError(Fault.NOT_FOUND, "no such request for a diagnosis waits here")
            step = DiagnosisStep.GIVEN if approved else DiagnosisStep.REFUSED
            await self._write(replace(note, step=step, told=False))
        self.hurry()
        return waiting.id

    async def _hear(self, request: DiagnosisRequest) -> None:
        membership = self._member.membership
        if membership is None:
            return
        self._ends = self._clock.monotonic() + request.seconds
        known = self._note
        if known is not None and (known.id, known.device_id) == (request.id, membership.device_id):
            return
        until = self._clock.wall() + request.seconds
        first = FIRST_STEPS[self._rule]
        await self._write(DiagnosisNote(request.id, membership.device_id, until, first))
        _log.info("an operator asks for a diagnosis", request=request.id, rule=self._rule)

    async def _answer(self) -> None:
        note = self._open()
        if note is None or note.told:
            return
        step = DiagnosisStep.REFUSED if self._rule is DiagnosisRule.NEVER else note.step
        given = step is DiagnosisStep.GIVEN
        found = await asyncio.to_thread(self._collect) if given else None
        await self._member.answer_diagnosis(DiagnosisAnswer(note.id, step, found))
        await self._write(replace(note, step=step, told=True))
        _log.info("a request for a diagnosis is answered", request=note.id, step=step)

    def _open(self) -> DiagnosisNote | None:
        """The newest request, unless it is over or came to another membership."""
        note, membership = self._note, self._member.membership
        if note is None or membership is None or note.device_id != membership.device_id:
            return None
        return note if self._seconds_left(note) > 0 else None

    def _seconds_left(self, note: DiagnosisNote) -> float:
        if self._ends is not None:
            return self._ends - self._clock.monotonic()
        return note.until - self._clock.wall()

    async def _write(self, note: DiagnosisNote) -> None:
        await asyncio.to_thread(self._notes.write_diagnosis, note)
        self._note = note
