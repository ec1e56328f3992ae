"""Who may not call, in a database."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.identity_ports import DENIED_MAX, Denial, ShutOut
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.tables import denials, devices

_MEMBERS = denials.join(devices, devices.c.id == denials.c.device)
_PRESENT = devices.c.removed_at.is_(None)


class SqlDenials:
    """``DenialStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def deny(self, device_id: str, now: float) -> Denial:
        async with self._database.write() as connection:
            await _check_member(connection, device_id)
            known = select(denials.c.denied_at).where(denials.c.device == device_id)
            since = (await connection.execute(known)).scalar_one_or_none()
            if since is not None:
                return Denial(device_id, since)
            counted = select(func.count()).select_from(_MEMBERS).where(_PRESENT)
            if (await connection.execute(counted)).scalar_one() >= DENIED_MAX:
                raise refusals.too_many_denied(DENIED_MAX)
            await connection.execute(insert(denials).values(device=device_id, denied_at=now))
        return Denial(device_id, now)

    async def allow(self, device_id: str) -> bool:
        async with self._database.write() as connection:
            await _check_member(connection, device_id)
            gone = await connection.execute(delete(denials).where(denials.c.device == device_id))
            return gone.rowcount > 0

    async def denials(self) -> Sequence[Denial]:
        newest = denials.c.denied_at.desc(), denials.c.device
        statement = select(denials).select_from(_MEMBERS).where(_PRESENT).order_by(*newest)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement.limit(DENIED_MAX))).all()
        return [Denial(row.device, row.denied_at) for row in rows]

    async def shut_out(self, removed_since: float) -> ShutOut:
        removed = select(devices.c.id).where(devices.c.removed_at >= removed_since)
        async with self._database.read() as connection:
            kept_out = (await connection.execute(select(denials.c.device))).scalars().all()
            gone = (await connection.execute(removed)).scalars().all()
        return ShutOut(frozenset(kept_out), frozenset(gone))


def is_denied() -> ColumnElement[bool]:
    """Tell in a statement about ``devices`` whether the device may not call for now."""
    return exists().where(denials.c.device == devices.c.id)


async def _check_member(connection: AsyncConnection, device_id: str) -> None:
    if not refusals.can_be(device_id):
        raise refusals.no_device(device_id)
    member = select(devices.c.id).where(devices.c.id == device_id, _PRESENT).with_for_update()
    if (await connection.execute(member)).one_or_none() is None:
        raise refusals.no_device(device_id)
