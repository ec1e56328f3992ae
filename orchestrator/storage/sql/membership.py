"""Tickets, members and their keys in a database."""

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.enrolment.applicant import RESERVING
from orchestrator.enrolment.ticket import Ticket
from orchestrator.fleet.device import CLOCKS_SECONDS, Caller, DeviceKey, denied, not_a_member
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import KnownKey, Newcomer
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.denials import is_denied
from orchestrator.storage.sql.rows import ticket_of, ticket_values
from orchestrator.storage.sql.tables import (
    applicants,
    denials,
    device_keys,
    device_tags,
    devices,
    reports,
    restorations,
    tickets,
)


class SqlTickets:
    """``TicketStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, ticket: Ticket) -> Ticket:
        statement = insert(tickets).values(ticket_values(ticket)).returning(tickets)
        try:
            async with self._database.write() as connection:
                return ticket_of((await connection.execute(statement)).mappings().one())
        except IntegrityError:
            known = await self._first(tickets.c.request == ticket.request)
            if known is None:
                raise
            return known

    async def get(self, ticket_id: str) -> Ticket | None:
        if not refusals.can_be(ticket_id):
            return None
        return await self._first(tickets.c.id == ticket_id)

    async def list(self, page: PageRequest) -> Page[Ticket]:
        statement = select(tickets).order_by(tickets.c.number.desc()).limit(page.limit + 1)
        if (before := page.after_number) is not None:
            statement = statement.where(tickets.c.number < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return page_of([ticket_of(row) for row in rows], page, lambda each: each.number)

    async def revoke(self, ticket_id: str) -> Ticket:
        if not refusals.can_be(ticket_id):
            raise refusals.no_ticket(ticket_id)
        own = update(tickets).where(tickets.c.id == ticket_id).returning(tickets)
        reserving = applicants.c.stage.in_([each.value for each in RESERVING])
        waiting = delete(applicants).where(applicants.c.ticket == ticket_id, reserving)
        async with self._database.write() as connection:
            found = await connection.execute(own.values(revoked=True))
            row = found.mappings().one_or_none()
            if row is not None and (gone := (await connection.execute(waiting)).rowcount):
                left = await connection.execute(own.values(uses=tickets.c.uses - gone))
                row = left.mappings().one()
        if row is None:
            raise refusals.no_ticket(ticket_id)
        return ticket_of(row)

    async def count_open(self, now: float) -> int:
        is_open = and_(
            ~tickets.c.revoked,
            tickets.c.expires_at > now,
            tickets.c.uses < tickets.c.uses_allowed,
        )
        async with self._database.read() as connection:
            counted = await connection.execute(
                select(func.count()).select_from(tickets).where(is_open)
            )
            return counted.scalar_one()

    async def _first(self, meant: ColumnElement[bool]) -> Ticket | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(tickets).where(meant))).mappings().one_or_none()
        return ticket_of(row) if row else None


class SqlMembers:
    """``MembershipStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, caller: Caller) -> None:
        async with self._database.read() as connection:
            first = await check_caller(connection, caller)
        if first:
            await self.note_use(caller)

    async def note_use(self, caller: Caller) -> None:
        """Keep that a device has called with its newest key; it needs no other from then on."""
        newest = devices.c.id == caller.device, devices.c.key_fingerprint == caller.fingerprint
        statement = update(devices).where(*newest).values(key_in_use=caller.fingerprint)
        older = (
            device_keys.c.device == caller.device,
            device_keys.c.fingerprint != caller.fingerprint,
        )
        async with self._database.write() as connection:
            if (await connection.execute(statement)).rowcount:
                await connection.execute(delete(device_keys).where(*older))

    async def find_key(self, fingerprint: str) -> KnownKey | None:
        statement = (
            select(device_keys, devices.c.removed_at, is_denied().label("denied"))
            .join(devices, devices.c.id == device_keys.c.device)
            .where(device_keys.c.fingerprint == fingerprint)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            return None
        key = DeviceKey(row.fingerprint, row.device, row.serial, row.expires_at, row.ticket)
        return KnownKey(key, removed=row.removed_at is not None, denied=row.denied)

    async def enrol(self, newcomer: Newcomer, ticket_id: str) -> bool:
        use = (
            update(tickets)
            .where(
                tickets.c.id == ticket_id,
                ~tickets.c.revoked,
                tickets.c.uses < tickets.c.uses_allowed,
            )
            .values(uses=tickets.c.uses + 1)
        )
        async with self._database.write() as connection:
            if (await connection.execute(use)).rowcount == 0:
                return False
            try:
                await insert_device(connection, newcomer)
            except IntegrityError as error:
                raise refusals.key_known() from error
        return True

    async def keep_key(self, key: DeviceKey, now: float, used: str | None = None) -> None:
        async with self._database.write() as connection:
            member = select(devices.c.id).where(
                devices.c.id == key.device, devices.c.removed_at.is_(None)
            )
            if (await connection.execute(member.with_for_update())).one_or_none() is None:
                raise not_a_member(key.device)
            try:
                await put_key(connection, key)
            except IntegrityError as error:
                raise refusals.key_known() from error
            await connection.execute(
                update(devices)
                .where(devices.c.id == key.device)
                .values(key_fingerprint=key.fingerprint)
            )
            needed = device_keys.c.fingerprint.in_([key.fingerprint, used or key.fingerprint])
            stale = delete(device_keys).where(device_keys.c.device == key.device, ~needed)
            if used is None:
                stale = stale.where(device_keys.c.expires_at < now)
            await connection.execute(stale)

    async def remove(self, device_id: str, now: float) -> None:
        if not refusals.can_be(device_id):
            raise refusals.no_device(device_id)
        statement = (
            update(devices)
            .where(devices.c.id == device_id)
            .values(removed_at=func.coalesce(devices.c.removed_at, now))
        )
        async with self._database.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                raise refusals.no_device(device_id)
            # Every replica reads all denials every second, and has no use for this one.
            await connection.execute(delete(denials).where(denials.c.device == device_id))


def holds(caller: Caller) -> ColumnElement[bool]:
    """Tell in a statement whether the key is the device's own: known, or given meanwhile."""
    known = exists().where(
        device_keys.c.fingerprint == caller.fingerprint, device_keys.c.device == caller.device
    )
    # ``Restoration.spans``: the table is empty but where a backup was restored.
    meanwhile = exists().where(
        restorations.c.made_at <= caller.issued_at + CLOCKS_SECONDS,
        restorations.c.restored_at >= caller.issued_at - CLOCKS_SECONDS,
    )
    return or_(known, meanwhile)


async def check_caller(connection: AsyncConnection, caller: Caller) -> bool:
    """Refuse as ``MembershipStore.admit`` says; return whether it is the first use of a key."""
    statement = select(devices, is_denied().label("denied"), holds(caller).label("holds"))
    found = await connection.execute(statement.where(devices.c.id == caller.device))
    row = found.one_or_none()
    if row is None:
        raise refusals.unknown_device(caller.device)
    if row.removed_at is not None:
        raise not_a_member(caller.device)
    if row.denied:
        raise denied(caller.device)
    if not row.holds:
        raise refusals.foreign_key(caller.device)
    return bool(row.key_in_use != caller.fingerprint == row.key_fingerprint)


async def insert_device(connection: AsyncConnection, newcomer: Newcomer) -> None:
    """Keep a member that there was not; an ``IntegrityError`` means that its key is known."""
    facts = newcomer.facts
    values = {
        "id": newcomer.device,
        "enrolled_at": newcomer.enrolled_at,
        "agent_version": facts.agent_version,
        "architecture": facts.architecture,
        "memory_bytes": facts.memory_bytes,
        "processors": facts.processors,
        "key_fingerprint": newcomer.key.fingerprint,
    }
    await connection.execute(insert(devices).values(values))
    nothing_yet = {"device": newcomer.device, "variant_in_use": "", "agent_version": ""}
    await connection.execute(insert(reports).values(nothing_yet))
    await connection.execute(insert(device_keys).values(_key_values(newcomer.key)))
    if newcomer.tags:
        rows = [
            {"device": newcomer.device, "key": key, "value": newcomer.tags[key]}
            for key in newcomer.tags
        ]
        await connection.execute(insert(device_tags), rows)


async def put_key(connection: AsyncConnection, key: DeviceKey) -> None:
    known = update(device_keys).where(
        device_keys.c.fingerprint == key.fingerprint, device_keys.c.device == key.device
    )
    renewed = known.values(serial=key.serial, expires_at=key.expires_at)
    if (await connection.execute(renewed)).rowcount == 0:
        await connection.execute(insert(device_keys).values(_key_values(key)))


def _key_values(key: DeviceKey) -> dict[str, object]:
    return {
        "fingerprint": key.fingerprint,
        "device": key.device,
        "serial": key.serial,
        "expires_at": key.expires_at,
        "ticket": key.ticket,
    }
