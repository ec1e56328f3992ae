"""The owner's consent: nobody else sets it, and it ends by itself where it was given until a date.

A consent that is over stays over: once the clock of this device was past its end it is written
down as off, so that a clock that is set back later does not bring it to life. Nor does one that was
set back while nothing ran: what the ledger noted last is the least that it can be by now. When the
owner agrees anew his clock is taken as it is, whatever it said before.

A campaign drops all that it has of a device whose consent no longer covers it. So when a consent
ends or begins, nothing counts as taken any more. (Statistics leave whole each time, whatever was
taken of them; so agreeing to less than before needs nothing forgotten.)
"""

import asyncio
from collections.abc import Callable

import structlog

from agent.federation.standing import ConsentNote
from agent.federation_ports import FederationNotes
from agent.ledger_ports import Ledger
from agent.ports import Clock
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent

LEDGER_KIND = "consent"

_log = structlog.get_logger()


class Consents:
    """Keeps the owner's word.

    Args:
        notes: Where it is kept.
        ledger: Where its owner reads what was agreed to, beside what left.
        clock: For its end.
        words: What the ledger says of a consent.
    """

    def __init__(
        self,
        notes: FederationNotes,
        ledger: Ledger,
        clock: Clock,
        words: Callable[[ConsentNote], str],
    ) -> None:
        self._notes = notes
        self._ledger = ledger
        self._clock = clock
        self._words = words
        self._note = notes.consent()
        self._latest = _noted_last(ledger) if self._note.until is not None else 0.0
        self.changed = asyncio.Event()

    @property
    def note(self) -> ConsentNote:
        """What was said last."""
        return self._note

    def now(self) -> Consent:
        """The consent that holds now."""
        self._latest = max(self._latest, self._clock.wall())
        return self._note.at(self._latest)

    def end_when_over(self) -> None:
        """Write down that a consent is over, once it is.

        Raises:
            FieldwiseError: ``DISK_FULL``; it is over all the same.
        """
        if self._note.consent is not Consent.OFF and self.now() is Consent.OFF:
            self._write(ConsentNote())
            self._notes.forget_deliveries()
            _log.info("the consent to federation is over")

    async def set(self, consent: Consent, until: float | None) -> None:
        """Agree to something, or to nothing; it holds for whatever has not left yet.

        Args:
            consent: What may leave.
            until: Until when, seconds since 1970; None for until further notice.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for an end that has passed, or of nothing;
                ``DISK_FULL``, and then what held before holds.
        """
        if until is not None and consent is Consent.OFF:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, "a consent that is off has no end")
        if until is not None and until <= self._clock.wall():
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, "the end of that consent has passed by this device's clock"
            )
        note = ConsentNote(consent, until)
        await asyncio.to_thread(self._agree, note)
        self.changed.set()

    def _agree(self, note: ConsentNote) -> None:
        held = self.now()
        ends = note.consent is Consent.OFF or not note.consent.covers(held)
        if ends:  # a full ledger must not keep anything going
            self._write(note)
        if Consent.OFF in (held, note.consent):
            self._notes.forget_deliveries()
        self._ledger.append(LEDGER_KIND, 0, self._words(note), self._clock.wall())
        if not ends:
            self._write(note)

    def _write(self, note: ConsentNote) -> None:
        self._notes.write_consent(note)
        self._note, self._latest = note, self._clock.wall()


def _noted_last(ledger: Ledger) -> float:
    return max((entry.time for entry in ledger.newest(1)), default=0.0)
