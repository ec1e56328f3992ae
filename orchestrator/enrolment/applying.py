"""Whether a device that brought a good ticket is let in, has to wait, or is turned away.

The fleet's way of admission says: the ticket alone, rules, an operator, or a webhook. A ticket may
ask for an operator's word on top of it; it never asks for less than the fleet does. Only a clear
yes lets a device in: where a webhook is away, answers rubbish or takes too long, the device waits.

A device that waits asks again and again. It is judged anew at the pace that it is told, however
often it asks: so a webhook that was away is asked in time, and rules that an operator has changed
hold for those who wait. Whoever decides first has decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.applicant_ports import AdmissionHook, ApplicantStore, Question
from orchestrator.enrolment.admission_rules import Decision, Judged, Rule, Way, judge
from orchestrator.enrolment.applicant import Applicant, Stage, rejected
from orchestrator.enrolment.ticket import Ticket, check_stands, used_up
from orchestrator.fleet.device import Facts
from orchestrator.fleet.tags import changed, check_tags
from orchestrator.paging import Page, PageRequest
from orchestrator.ports import Clock, Newcomer

AGAIN = 0.5  # of the pace: a device that asks a little early has not asked in vain
BY_OPERATOR = "an operator has to accept it"
BY_TICKET = "its ticket asks for an operator's word"
HOOK_AWAY = "the webhook gives no answer"
HOOK_UNFIT = "the webhook's tags do not fit"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Admission:
    """How the fleet lets devices in.

    Attributes:
        fleet: Its name, for whoever is asked.
        way: Who says.
        rules: Those of ``Way.RULES``, in their order.
        hook: That of ``Way.WEBHOOK``.
        applicants_max: How many may wait at a time.
        applicant_seconds: How long one may wait, and how long an answer is kept for it.
        retry_seconds: When a device that waits is to ask again.
    """

    fleet: str = ""
    way: Way = Way.TICKET
    rules: tuple[Rule, ...] = ()
    hook: AdmissionHook | None = None
    applicants_max: int = 1000
    applicant_seconds: int = 7 * 86_400
    retry_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Admitted:
    """A device may come in, with these tags; ``device`` is the id that is reserved for it."""

    tags: Mapping[str, str]
    device: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device has to wait and ask again; ``fingerprint`` is that of its key."""

    fingerprint: str
    retry_seconds: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks to join: its key's fingerprint, what it says of itself, a fresh id for it."""

    fingerprint: str
    facts: Facts
    fresh_id: str


class Applications:
    """The use cases around applicants.

    Args:
        store: Where they are kept.
        clock: What time it is.
        admission: How the fleet lets devices in.
    """

    def __init__(self, store: ApplicantStore, clock: Clock, admission: Admission) -> None:
        self._store = store
        self._clock = clock
        self._admission = admission

    async def check(self, ticket: Ticket, fingerprint: str) -> Applicant | None:
        """Return the applicant of a key, once its ticket is good for something.

        A ticket that has expired since is still good for whoever applied with it in time. One who
        waits or was rejected, and comes with another ticket, begins anew.

        Raises:
            FieldwiseError: ``TICKET_INVALID``.
        """
        now = self._clock.now()
        found = await self._store.find(fingerprint)
        if found is not None and found.expires_at <= now:
            await self._store.withdraw(fingerprint)
            found = None
        if ticket.revoked or found is None or found.ticket != ticket.id:
            check_stands(ticket, now)
        if found is not None and found.ticket != ticket.id and found.stage is not Stage.JOINED:
            await self._store.withdraw(fingerprint)
            found = None
        return found

    async def admit(
        self, ticket: Ticket, applicant: Applicant | None, claim: Claim
    ) -> Admitted | Waiting:
        """Say what becomes of a device that is no member and has brought a good ticket.

        Raises:
            FieldwiseError: ``ADMISSION_REFUSED``, ``TICKET_INVALID`` where the ticket is used up,
                ``BUSY`` where too many wait.
        """
        if applicant is None:
            return await self._first(ticket, claim)
        if applicant.stage is Stage.REJECTED:
            raise rejected(applicant.reason)
        if applicant.stage is Stage.WAITING:
            return await self._again(ticket, applicant, claim)
        return Admitted(applicant.tags, applicant.device)

    async def enter(self, newcomer: Newcomer) -> bool:
        """Make an applicant a member; see ``ApplicantStore.join``."""
        return await self._store.join(newcomer)

    async def list(self, page: PageRequest) -> Page[Applicant]:
        return await self._store.list(page)

    async def count_waiting(self) -> int:
        return await self._store.count_waiting()

    async def accept(self, device_id: str, tags: Mapping[str, str]) -> Applicant:
        """Let an applicant in when it asks again.

        Raises:
            FieldwiseError: ``NOT_FOUND``, ``ILLEGAL_COMMAND``, or as ``fleet.tags.check_tags``.
        """
        until = self._clock.now() + self._admission.applicant_seconds
        return await self._store.settle(device_id, Stage.ACCEPTED, check_tags(tags), "", until)

    async def reject(self, device_id: str, reason: str) -> Applicant:
        """Turn an applicant away; the use of its ticket is given back.

        Raises:
            FieldwiseError: ``NOT_FOUND``, ``ILLEGAL_COMMAND``.
        """
        until = self._clock.now() + self._admission.applicant_seconds
        told = reason or "an operator rejected it"
        return await self._store.settle(device_id, Stage.REJECTED, {}, told, until)

    async def sweep(self) -> None:
        """Forget those whose time is over."""
        gone = await self._store.expire(self._clock.now())
        if gone:
            _log.info("applicants forgotten", applicants=gone)

    async def _first(self, ticket: Ticket, claim: Claim) -> Admitted | Waiting:
        if ticket.uses >= ticket.uses_allowed:
            raise used_up(ticket)
        judged = await self._judge(ticket, claim, ticket.tags)
        if judged.decision is Decision.ACCEPT:
            return Admitted(changed(ticket.tags, judged.tags, ()))
        if judged.decision is Decision.REJECT:
            raise rejected(judged.reason)
        now = self._clock.now()
        applicant = Applicant(
            device=claim.fresh_id,
            fingerprint=claim.fingerprint,
            ticket=ticket.id,
            facts=claim.facts,
            applied_at=now,
            asked_at=now,
            expires_at=now + self._admission.applicant_seconds,
            tags=changed(ticket.tags, judged.tags, ()),
            reason=judged.reason,
        )
        kept = await self._store.apply(applicant, self._admission.applicants_max)
        if kept is None:
            raise used_up(ticket)
        _log.info(
            "device waits to be accepted",
            device=kept.device,
            ticket=ticket.id,
            fingerprint=claim.fingerprint,
            reason=kept.reason,
        )
        return self._waiting(claim)

    async def _again(
        self, ticket: Ticket, applicant: Applicant, claim: Claim
    ) -> Admitted | Waiting:
        now = self._clock.now()
        if now - applicant.asked_at < AGAIN * self._admission.retry_seconds:
            return self._waiting(claim)
        await self._store.ask(claim.fingerprint, now, applicant.reason)
        judged = await self._judge(ticket, claim, applicant.tags)
        if judged.decision is Decision.PENDING:
            if judged.reason != applicant.reason:
                await self._store.ask(claim.fingerprint, now, judged.reason)
            return self._waiting(claim)
        accepted = judged.decision is Decision.ACCEPT
        try:
            settled = await self._store.settle(
                applicant.device,
                Stage.ACCEPTED if accepted else Stage.REJECTED,
                judged.tags,
                "" if accepted else judged.reason,
                now + self._admission.applicant_seconds,
            )
        except FieldwiseError as error:
            if error.fault not in {Fault.ILLEGAL_COMMAND, Fault.NOT_FOUND}:
                raise
            return self._waiting(claim)  # an operator was faster: it hears that next time
        if not accepted:
            raise rejected(settled.reason)
        return Admitted(settled.tags, settled.device)

    async def _judge(self, ticket: Ticket, claim: Claim, tags: Mapping[str, str]) -> Judged:
        """Say what becomes of a device that has these tags already."""
        judged = await self._by_fleet(ticket, claim)
        try:
            changed(tags, judged.tags, ())
        except FieldwiseError as error:  # each is a tag, and together they are too many
            _log.warning("the admission webhook's tags do not fit", reason=error.sentence)
            judged = Judged(Decision.PENDING, reason=HOOK_UNFIT)
        if ticket.needs_word and judged.decision is Decision.ACCEPT:
            return Judged(Decision.PENDING, judged.tags, BY_TICKET)
        return judged

    async def _by_fleet(self, ticket: Ticket, claim: Claim) -> Judged:
        admission = self._admission
        if admission.way is Way.TICKET:
            return Judged(Decision.ACCEPT)
        if admission.way is Way.RULES:
            return judge(admission.rules, claim.facts, ticket.tags)
        if admission.way is Way.PENDING or admission.hook is None:
            return Judged(Decision.PENDING, reason=BY_OPERATOR)
        question = Question(admission.fleet, ticket.id, claim.fingerprint, claim.facts, ticket.tags)
        try:
            return await admission.hook.ask(question)
        except FieldwiseError as error:
            if error.fault is not Fault.UNAVAILABLE:
                raise
            _log.warning("the admission webhook gives no answer", reason=error.sentence)
            return Judged(Decision.PENDING, reason=HOOK_AWAY)

    def _waiting(self, claim: Claim) -> Waiting:
        return Waiting(claim.fingerprint, self._admission.retry_seconds)
