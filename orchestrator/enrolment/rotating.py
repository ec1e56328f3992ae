"""Rotating the fleet's authority, as one replica does it and sees others do it.

Each step is kept by the revision that it follows, so two operators, or two replicas, never take
it twice. Every replica looks every other second how it stands; until it has seen a switch it signs
with the old key, which everybody trusts as well.

Devices are told of a new trust revision by their check-ins, some a second, and renew at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import certificate_der, generate_key
from orchestrator.enrolment.authority import FIRST_REVISION, Authority, found_authority
from orchestrator.enrolment.succession import (
    NONCE_BYTES,
    Authorities,
    Step,
    Succession,
    cross,
    first,
    seal,
    standing,
    unsealed,
)
from orchestrator.identity_ports import Reported, SuccessionStore
from orchestrator.ports import Clock, Entropy

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
COUNT_SECONDS = 15.0  # between two counts of the devices that lag behind
IDS_SHOWN = 5  # in a sentence; the status has more
TOLD_PER_SECOND = 20.0  # each renews then: 10,000 devices in eight minutes, beside all else


@dataclass(frozen=True, slots=True)
class Rotation:
    """How far it is, and what members report of it."""

    succession: Succession
    reported: Reported


class Rotating:
    """The use cases around rotation.

    Args:
        store: Where it is kept how it stands.
        held: What this replica has the key of.
        clock: What time it is.
        entropy: Where chance comes from.
        put: Keeps a new authority where the old one is kept, or refuses where it may not.
        told: Hears the trust revision, and what members report, now and then.
    """

    def __init__(
        self,
        store: SuccessionStore,
        held: Authority,
        kept: Succession | None,
        clock: Clock,
        entropy: Entropy,
        put: Callable[[Authority], None],
        told: Callable[[int, Reported], None] = lambda _revision, _reported: None,
    ) -> None:
        self._store = store
        self._held = held
        self._kept = kept or first(held)
        self._clock = clock
        self._entropy = entropy
        self._put = put
        self._told = told
        self._counted_at = float("-inf")
        self._next_told = 0.0
        self._is_told = True
        self.changed: Callable[[], None] = lambda: None
        self.authorities: Authorities = standing(held, self._kept)

    def hint(self, known: int) -> int:
        """Return the trust revision that a device should have, 0 where it has it or is to wait."""
        wanted, now = self.authorities.trust_revision, self._clock.now()
        if max(known, FIRST_REVISION) >= wanted or now < self._next_told <= now + 1:
            return 0
        self._next_told = now + 1 / TOLD_PER_SECOND
        return wanted

    async def status(self) -> Rotation:
        """Say how far it is."""
        await self._see()
        return Rotation(self._kept, await self._store.reported(self._kept.revision))

    async def begin(self) -> Rotation:
        """Make a successor, and give it to devices as a further root; again is no error.

        Raises:
            FieldwiseError: ``ILLEGAL_COMMAND`` where the successor signs already, ``CONFLICT``.
        """
        if await self._is_at(Step.BEGUN):
            return await self.status()
        kept = await self._at(Step.SETTLED)
        old, now = self.authorities.signing, self._clock.now()
        founded = old.certificate.not_valid_before_utc
        new = found_authority(old.fleet, generate_key(), now, founded)
        known = (await self._store.reported(kept.revision)).newest  # of a restored backup's future
        return await self._keep(
            Succession(
                revision=max(kept.revision, known) + 1,
                step=Step.BEGUN,
                root=kept.root,
                successor=certificate_der(new.certificate),
                crossed=cross(old, new),
                sealed=seal(old, new, self._entropy.token(NONCE_BYTES)),
            )
        )

    async def switch(self) -> Rotation:
        """Have the successor sign; again is no error.

        Raises:
            FieldwiseError: ``ILLEGAL_COMMAND`` where none was begun, ``CONFLICT``.
        """
        if await self._is_at(Step.SWITCHED):
            return await self.status()
        kept = await self._at(Step.BEGUN)
        return await self._keep(replace(kept, revision=kept.revision + 1, step=Step.SWITCHED))

    async def finish(self, *, force: bool) -> Rotation:
        """Trust the old root no longer; again is no error.

        Args:
            force: Even while devices lag behind.

        Raises:
            FieldwiseError: ``ILLEGAL_COMMAND`` where it was not switched, devices lag behind, or
                the new authority is not where the old one is kept; ``CONFLICT``.
        """
        if await self._is_at(Step.SETTLED) and self._kept.crossed:
            return await self.status()
        kept = await self._at(Step.SWITCHED)
        reported = await self._store.reported(kept.revision)
        if reported.behind and not force:
            shown = ", ".join(reported.behind_ids[:IDS_SHOWN])
            more = ", ..." if reported.behind > IDS_SHOWN else ""
            raise FieldwiseError(
                Fault.ILLEGAL_COMMAND,
                f"{reported.behind:,} of {reported.devices:,} devices have not taken the new "
                f"authority yet ({shown}{more}); they would have to revive: --force does it now",
            )
        self._put(self.authorities.signing)  # first: with the next step its sealed key is gone
        return await self._keep(
            Succession(kept.revision + 1, Step.SETTLED, kept.successor, crossed=kept.crossed)
        )

    async def look(self) -> None:
        """See how it stands by now.

        Raises:
            FieldwiseError: ``UNAVAILABLE``, ``AUTHORITY_UNUSABLE``: it goes on as it was.
        """
        await self._see()
        now = self._clock.now()
        if not 0 <= now - self._counted_at < COUNT_SECONDS:
            self._counted_at = now
            self._told(self._kept.revision, await self._store.reported(self._kept.revision))

    async def _see(self) -> None:
        kept = await self._store.kept()
        if kept is None or kept == self._kept:
            self._tell()
            return
        signing = self._heir()
        if kept.step is Step.SETTLED and certificate_der(signing.certificate) == kept.root:
            self._held = signing
            try:
                self._put(signing)
            except FieldwiseError as error:  # it is needed at the next start, and no sooner
                _log.error("the new authority is not kept here", reason=error.sentence)
        self.authorities.become(standing(self._held, kept))
        self._kept, self._is_told = kept, False
        self._tell()

    def _tell(self) -> None:
        """Say that something is trusted now that was not, or no longer, until it is heard."""
        if not self._is_told:
            self.changed()
            self._is_told = True

    def _heir(self) -> Authority:
        """Return what signs after the next switch: this replica may see the end and no switch."""
        if self._kept.step is Step.BEGUN:
            return unsealed(self._held, self._kept.successor, self._kept.sealed)
        return self.authorities.signing

    async def _is_at(self, step: Step) -> bool:
        await self._see()
        return self._kept.step is step

    async def _at(self, step: Step) -> Succession:
        await self._see()
        if self._kept.step is not step:
            raise FieldwiseError(
                Fault.ILLEGAL_COMMAND, f"the rotation of the authority is {self._kept.step}"
            )
        return self._kept

    async def _keep(self, succession: Succession) -> Rotation:
        kept = replace(succession, changed_at=self._clock.now())
        await self._store.keep(kept, self._kept.revision)
        return await self.status()
