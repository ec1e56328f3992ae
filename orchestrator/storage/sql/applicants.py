"""Applicants in a database.

Whatever gives a use of a ticket back does so in the transaction that takes the applicant's right to
it. Tickets are written before applicants, by everybody, so that no two wait for each other.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import RowMapping, Select, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.enrolment.applicant import RESERVING, Applicant, Stage, check_settled
from orchestrator.fleet.device import Facts
from orchestrator.fleet.tags import changed
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import Newcomer
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.membership import insert_device
from orchestrator.storage.sql.tables import applicants, tickets

EXPIRED_AT_ONCE = 500  # a transaction that holds so many rows is over in a moment


class SqlApplicants:
    """``ApplicantStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply(self, applicant: Applicant, most: int) -> Applicant | None:
        reserve = (
            update(tickets)
            .where(
                tickets.c.id == applicant.ticket,
                ~tickets.c.revoked,
                tickets.c.uses < tickets.c.uses_allowed,
            )
            .values(uses=tickets.c.uses + 1)
        )
        keep = insert(applicants).values(_values_of(applicant)).returning(applicants)
        try:
            async with self._database.write() as connection:
                if (await connection.execute(reserve)).rowcount == 0:
                    return await _first(connection, applicant.fingerprint)
                if await _waiting(connection) >= most:
                    raise refusals.too_many_wait(most)
                return _applicant_of((await connection.execute(keep)).mappings().one())
        except IntegrityError:
            known = await self.find(applicant.fingerprint)
            if known is None:
                raise
            return known

    async def find(self, fingerprint: str) -> Applicant | None:
        async with self._database.read() as connection:
            return await _first(connection, fingerprint)

    async def list(self, page: PageRequest) -> Page[Applicant]:
        statement = (
            select(applicants)
            .where(applicants.c.stage.in_([each.value for each in RESERVING]))
            .order_by(applicants.c.number.desc())
            .limit(page.limit + 1)
        )
        if (before := page.after_number) is not None:
            statement = statement.where(applicants.c.number < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return page_of([_applicant_of(row) for row in rows], page, lambda each: each.number)

    async def ask(self, fingerprint: str, at: float, reason: str) -> None:
        statement = (
            update(applicants)
            .where(
                applicants.c.fingerprint == fingerprint,
                applicants.c.stage == Stage.WAITING.value,
            )
            .values(asked_at=at, reason=reason)
        )
        async with self._database.write(lasting=False) as connection:
            await connection.execute(statement)

    async def settle(
        self, device_id: str, stage: Stage, tags: Mapping[str, str], reason: str, until: float
    ) -> Applicant:
        if not refusals.can_be(device_id):
            raise refusals.no_applicant(device_id)
        async with self._database.write() as connection:
            found = await _held(connection, device_id)
            if found is None:
                raise refusals.no_applicant(device_id)
            if not check_settled(found, stage):
                return found
            settled = replace(
                found,
                stage=stage,
                tags=changed(found.tags, tags, ()),
                reason=reason,
                expires_at=until,
            )
            change = update(applicants).where(applicants.c.number == found.number)
            await connection.execute(change.values(_values_of(settled)))
            if stage is Stage.REJECTED:
                await _give_back(connection, found.ticket)
        return settled

    async def join(self, newcomer: Newcomer) -> bool:
        async with self._database.write() as connection:
            found = await _held(connection, newcomer.device)
            if found is None or found.stage is not Stage.ACCEPTED:
                return False
            try:
                await insert_device(connection, newcomer)
            except IntegrityError as error:
                raise refusals.key_known() from error
            change = update(applicants).where(applicants.c.number == found.number)
            await connection.execute(change.values(stage=Stage.JOINED.value))
        return True

    async def withdraw(self, fingerprint: str) -> None:
        async with self._database.write() as connection:
            await _forget(connection, [fingerprint])

    async def expire(self, now: float) -> int:
        over = (
            select(applicants.c.fingerprint)
            .where(applicants.c.expires_at <= now)
            .order_by(applicants.c.expires_at)
            .limit(EXPIRED_AT_ONCE)
        )
        async with self._database.read() as connection:
            found = (await connection.execute(over)).scalars().all()
        if not found:
            return 0
        async with self._database.write() as connection:
            return await _forget(connection, found, now)

    async def count_waiting(self) -> int:
        async with self._database.read() as connection:
            return await _waiting(connection)


async def _first(connection: AsyncConnection, fingerprint: str) -> Applicant | None:
    statement = select(applicants).where(applicants.c.fingerprint == fingerprint)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else _applicant_of(row)


async def _waiting(connection: AsyncConnection) -> int:
    waiting = applicants.c.stage == Stage.WAITING.value
    counted = select(func.count()).select_from(applicants).where(waiting)
    return (await connection.execute(counted)).scalar_one()


async def _held(connection: AsyncConnection, device_id: str) -> Applicant | None:
    """Return an applicant whose row, and whose ticket's before it, nobody else changes now."""
    meant = applicants.c.device == device_id
    await _hold(connection, select(applicants.c.ticket).where(meant))
    statement = select(applicants).where(meant).with_for_update()
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else _applicant_of(row)


async def _hold(connection: AsyncConnection, of: Select[tuple[str]]) -> None:
    statement = select(tickets.c.id).where(tickets.c.id.in_(of)).order_by(tickets.c.id)
    await connection.execute(statement.with_for_update())


async def _forget(
    connection: AsyncConnection, fingerprints: Sequence[str], now: float | None = None
) -> int:
    """Forget applicants, of those whose time is over where it matters; return how many."""
    named = applicants.c.fingerprint.in_(fingerprints)
    # It may have been settled meanwhile, and lasts longer then.
    meant = named if now is None else and_(named, applicants.c.expires_at <= now)
    await _hold(connection, select(applicants.c.ticket).where(meant))
    gone = delete(applicants).where(meant).returning(applicants.c.stage, applicants.c.ticket)
    rows = (await connection.execute(gone)).all()
    reserved = Counter(row.ticket for row in rows if Stage(row.stage) in RESERVING)
    for ticket, uses in sorted(reserved.items()):
        await _give_back(connection, ticket, uses)
    return len(rows)


async def _give_back(connection: AsyncConnection, ticket: str, uses: int = 1) -> None:
    change = update(tickets).where(tickets.c.id == ticket)
    await connection.execute(change.values(uses=tickets.c.uses - uses))


def _applicant_of(row: RowMapping) -> Applicant:
    return Applicant(
        device=row["device"],
        fingerprint=row["fingerprint"],
        ticket=row["ticket"],
        facts=Facts(**json.loads(row["facts"])),
        applied_at=row["applied_at"],
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        stage=Stage(row["stage"]),
        tags=json.loads(row["tags"]),
        reason=row["reason"],
        number=row["number"],
    )


def _values_of(applicant: Applicant) -> dict[str, Any]:
    return {
        "device": applicant.device,
        "fingerprint": applicant.fingerprint,
        "ticket": applicant.ticket,
        "facts": json.dumps(asdict(applicant.facts)),
        "applied_at": applicant.applied_at,
        "asked_at": applicant.asked_at,
        "expires_at": applicant.expires_at,
        "stage": applicant.stage.value,
        "tags": json.dumps(dict(applicant.tags), sort_keys=True),
        "reason": applicant.reason,
    }
