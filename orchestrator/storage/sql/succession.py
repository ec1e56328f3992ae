"""How one authority follows another, in a database."""

import hashlib
from dataclasses import asdict

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from orchestrator.enrolment.authority import FIRST_REVISION
from orchestrator.enrolment.succession import Step, Succession
from orchestrator.identity_ports import BEHIND_SHOWN, Reported
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.replicas import ONLY
from orchestrator.storage.sql.tables import devices, installation, reports
from orchestrator.storage.sql.tables import succession as successions


class SqlSuccession:
    """``SuccessionStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def kept(self) -> Succession | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(successions))).mappings().one_or_none()
        if row is None:
            return None
        values = {name: row[name] for name in row if name != "number"}
        return Succession(**{**values, "step": Step(row["step"])})

    async def keep(self, succession: Succession, before: int) -> None:
        values = asdict(succession)
        follows = update(successions).where(successions.c.revision == before).values(values)
        root = hashlib.sha256(succession.root).hexdigest()
        try:
            async with self._database.write() as connection:
                changed = (await connection.execute(follows)).rowcount
                if not changed and before == FIRST_REVISION:
                    await connection.execute(insert(successions).values(number=ONLY, **values))
                elif not changed:
                    raise refusals.rotated_meanwhile()
                await connection.execute(update(installation).values(authority=root))
        except IntegrityError as error:
            raise refusals.rotated_meanwhile() from error

    async def reported(self, revision: int) -> Reported:
        told = func.coalesce(reports.c.trust_revision, 0)
        members = devices.join(reports, reports.c.device == devices.c.id)
        present = devices.c.removed_at.is_(None)
        everybody = select(func.count(), func.min(told), func.max(told))
        everybody = everybody.select_from(members).where(present)
        counted = select(func.count()).select_from(members).where(present, told < revision)
        named = select(devices.c.id).select_from(members).where(present, told < revision)
        named = named.order_by(devices.c.id).limit(BEHIND_SHOWN)
        async with self._database.read() as connection:
            count, oldest, newest = (await connection.execute(everybody)).one()
            behind = (await connection.execute(counted)).scalar_one()
            ids = (await connection.execute(named)).scalars().all()
        return Reported(count, behind, tuple(ids), oldest or 0, newest or 0)
