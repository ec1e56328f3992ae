"""Backbones and rollouts in a database."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.fleet.cohort import Selector, parse_selector
from orchestrator.fleet.device import Permit, Standing, may_still_start
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import Permits
from orchestrator.rollout.backbone import Backbone, Reference
from orchestrator.rollout.machine import Order, Phase, Rollout
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.orders import give
from orchestrator.storage.sql.rows import (
    backbone_of,
    backbone_values,
    rollout_of,
    rollout_values,
    select_standings,
    standing_of,
)
from orchestrator.storage.sql.selectors import matches
from orchestrator.storage.sql.tables import backbones, devices, rollout_members, rollouts


class SqlBackbones:
    """``BackboneStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, backbone: Backbone) -> tuple[Backbone, bool]:
        try:
            return await self._insert(backbone), True
        except IntegrityError:
            known = await self._with_digest(backbone.digest)
        if not known:
            raise refusals.backbone_named(backbone.manifest.title)
        return known[0], False

    async def find(self, reference: Reference) -> Backbone:
        if reference.digest_prefix is not None:
            found = await self._with_digest(reference.digest_prefix)
            if len(found) > 1:
                raise refusals.digests_begin_so(reference.digest_prefix)
            if found:
                return found[0]
        statement = select(backbones).where(backbones.c.name == reference.name)
        if reference.version is not None:
            statement = statement.where(backbones.c.version == reference.version)
        newest = statement.order_by(backbones.c.number.desc()).limit(1)
        async with self._database.read() as connection:
            row = (await connection.execute(newest)).mappings().one_or_none()
        if row is None:
            raise refusals.no_backbone()
        return backbone_of(row)

    async def list(self, page: PageRequest) -> Page[Backbone]:
        statement = select(backbones).order_by(backbones.c.number.desc()).limit(page.limit + 1)
        if (before := page.after_number) is not None:
            statement = statement.where(backbones.c.number < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return page_of([backbone_of(row) for row in rows], page, lambda each: each.number)

    async def _insert(self, backbone: Backbone) -> Backbone:
        statement = insert(backbones).values(backbone_values(backbone)).returning(backbones)
        async with self._database.write() as connection:
            return backbone_of((await connection.execute(statement)).mappings().one())

    async def _with_digest(self, prefix: str) -> Sequence[Backbone]:
        statement = select(backbones).where(backbones.c.digest.startswith(prefix)).limit(2)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return [backbone_of(row) for row in rows]


class SqlRollouts:
    """``RolloutStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, backbone: Backbone, cohort: Selector, now: float) -> Rollout:
        fresh = Rollout(0, backbone.digest, backbone.manifest.title, str(cohort), now)
        values = {
            "digest": fresh.digest,
            "title": fresh.title,
            "cohort": fresh.cohort,
            "created_at": fresh.created_at,
            "revision": fresh.revision,
            **rollout_values(fresh),
        }
        statement = insert(rollouts).values(values).returning(rollouts)
        async with self._database.write() as connection:
            return rollout_of((await connection.execute(statement)).mappings().one())

    async def get(self, number: int) -> Rollout:
        statement = select(rollouts).where(rollouts.c.number == number)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise refusals.no_rollout(number)
        return rollout_of(row)

    async def list(self, page: PageRequest) -> Page[Rollout]:
        statement = select(rollouts).order_by(rollouts.c.number.desc()).limit(page.limit + 1)
        if (before := page.after_number) is not None:
            statement = statement.where(rollouts.c.number < before)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return page_of([rollout_of(row) for row in rows], page, lambda each: each.number)

    async def watched(self) -> Sequence[Rollout]:
        statement = select(rollouts).where(rollouts.c.watched).order_by(rollouts.c.number.desc())
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return [rollout_of(row) for row in rows]

    async def cohort(self, rollout: Rollout) -> Sequence[Standing]:
        member = rollout_members.alias()
        belongs: ColumnElement[bool] = exists().where(
            member.c.rollout == rollout.number, member.c.device == devices.c.id
        )
        if rollout.phase is Phase.RUNNING:
            belongs = or_(belongs, matches(parse_selector(rollout.cohort)))
        async with self._database.read() as connection:
            rows = (await connection.execute(select_standings().where(belongs))).mappings().all()
        return [standing_of(row) for row in rows]

    async def save(self, rollout: Rollout, orders: Sequence[Order] = ()) -> Rollout:
        kept = replace(rollout, revision=rollout.revision + 1)
        statement = (
            update(rollouts)
            .where(rollouts.c.number == rollout.number, rollouts.c.revision == rollout.revision)
            .values(revision=kept.revision, **rollout_values(kept))
        )
        async with self._database.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                await _check_exists(connection, rollout.number)
                raise refusals.rollout_changed(rollout.number)
            if orders:
                await give(connection, rollout.number, orders)
        return kept

    async def permits(self, number: int, now: float) -> Permits:
        member = rollout_members.alias()
        statement = (
            select_standings(
                member.c.permit_generation.label("held_generation"),
                member.c.permit_expires_at.label("held_until"),
            )
            .join(member, member.c.device == devices.c.id)
            .where(member.c.rollout == number, member.c.permit_expires_at > now)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        ends = [
            row["held_until"]
            for row in rows
            if may_still_start(
                Permit(row["held_generation"], row["held_until"]), standing_of(row), now
            )
        ]
        return Permits(len(ends), max(ends, default=now))


async def _check_exists(connection: AsyncConnection, number: int) -> None:
    found = await connection.execute(select(rollouts.c.number).where(rollouts.c.number == number))
    if found.one_or_none() is None:
        raise refusals.no_rollout(number)
