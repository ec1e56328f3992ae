"""Which key a device uses, and who was revived, in a database."""

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from orchestrator.fleet.device import DeviceKey, denied, not_a_member
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.denials import is_denied
from orchestrator.storage.sql.membership import put_key
from orchestrator.storage.sql.tables import device_keys, devices


class SqlRevivals:
    """``RevivalStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def revive(self, key: DeviceKey, used: str, asked_at: float) -> None:
        own = devices.c.id == key.device
        known = select(devices, is_denied().label("denied")).where(own).with_for_update(of=devices)
        first = or_(devices.c.revived_at.is_(None), devices.c.revived_at < asked_at)
        kept = {"key_fingerprint": key.fingerprint, "key_in_use": used, "revived_at": asked_at}
        async with self._database.write() as connection:
            row = (await connection.execute(known)).one_or_none()
            if row is None or row.removed_at is not None:
                raise not_a_member(key.device)
            if row.denied:
                raise denied(key.device)
            if used not in (row.key_fingerprint, row.key_in_use):
                raise refusals.superseded_key(key.device)
            changed = await connection.execute(update(devices).where(own, first).values(kept))
            if changed.rowcount == 0:
                raise refusals.revived_already(key.device)
            try:
                await put_key(connection, key)
            except IntegrityError as error:
                raise refusals.key_known() from error
            needed = device_keys.c.fingerprint.in_([key.fingerprint, used])
            stale = delete(device_keys).where(device_keys.c.device == key.device, ~needed)
            await connection.execute(stale)
