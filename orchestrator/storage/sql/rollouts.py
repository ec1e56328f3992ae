"""Backbones and rollouts in a database."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Permit, Standing, may_still_start
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import Permits
from orchestrator.rollout.backbone import Backbone, Reference
from orchestrator.rollout.phases import ADDING, BACKWARD, FORWARD
from orchestrator.rollout.rollout import Event, Kind, Order, Rollout
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.orders import give
from orchestrator.storage.sql.replicas import check_term
from orchestrator.storage.sql.rollout_rows import (
    event_of,
    event_values,
    fresh_values,
    rollout_of,
    rollout_values,
)
from orchestrator.storage.sql.rows import (
    backbone_of,
    backbone_values,
    select_standings,
    standing_of,
)
from orchestrator.storage.sql.selectors import matches
from orchestrator.storage.sql.tables import (
    backbones,
    devices,
    reports,
    rollout_events,
    rollout_members,
    rollouts,
)


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

    async def recalled(self) -> frozenset[str]:
        statement = select(backbones.c.digest).where(backbones.c.recalled_at.is_not(None))
        async with self._database.read() as connection:
            return frozenset((await connection.execute(statement)).scalars())

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

    async def add(self, rollout: Rollout, events: Sequence[Event] = ()) -> Rollout:
        try:
            async with self._database.write() as connection:
                return await _insert(connection, rollout, events)
        except IntegrityError:
            known = await self.requested(rollout.request)
            if known is None:
                raise
            return known

    async def requested(self, request: str) -> Rollout | None:
        statement = select(rollouts).where(rollouts.c.request == request)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
        return rollout_of(row) if row else None

    async def recall(self, rollout: Rollout, events: Sequence[Event] = ()) -> Rollout | None:
        mark = (
            update(backbones)
            .where(backbones.c.digest == rollout.digest, backbones.c.recalled_at.is_(None))
            .values(recalled_at=rollout.created_at)
        )
        bring = [phase.value for phase in FORWARD]
        watch = (
            update(rollouts)
            .where(rollouts.c.digest == rollout.digest, rollouts.c.phase.in_(bring))
            .values(watched=True, revision=rollouts.c.revision + 1)
        )
        async with self._database.write() as connection:
            if (await connection.execute(mark)).rowcount == 0:
                return None
            await connection.execute(watch)
            return await _insert(connection, rollout, events)

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

    async def cohort(
        self, rollout: Rollout, after: str = "", size: int | None = None
    ) -> Sequence[Standing]:
        member = rollout_members.alias()
        belongs: ColumnElement[bool] = exists().where(
            member.c.rollout == rollout.number, member.c.device == devices.c.id
        )
        if rollout.kind is Kind.RECALL and rollout.phase in BACKWARD:
            runs = reports.c.bundle_in_use == rollout.digest
            belongs = or_(belongs, runs, devices.c.target_digest == rollout.digest)
        elif rollout.kind is not Kind.RECALL and rollout.phase in ADDING:
            belongs = or_(belongs, matches(parse_selector(rollout.cohort)))
        statement = select_standings().where(belongs)
        if after:
            statement = statement.where(devices.c.id > after)
        if size is not None:
            statement = statement.order_by(devices.c.id).limit(size)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return [standing_of(row) for row in rows]

    async def save(
        self,
        rollout: Rollout,
        orders: Sequence[Order] = (),
        events: Sequence[Event] = (),
        term: int | None = None,
    ) -> Rollout:
        kept = replace(rollout, revision=rollout.revision + 1)
        statement = (
            update(rollouts)
            .where(rollouts.c.number == rollout.number, rollouts.c.revision == rollout.revision)
            .values(revision=kept.revision, **rollout_values(kept))
        )
        async with self._database.write() as connection:
            if term is not None:
                await check_term(connection, term)
            if (await connection.execute(statement)).rowcount == 0:
                await _check_exists(connection, rollout.number)
                raise refusals.rollout_changed(rollout.number)
            if orders:
                await give(connection, rollout.number, orders)
            await tell(connection, rollout.number, events)
        return kept

    async def history(self, number: int, page: PageRequest) -> Page[Event]:
        newest_first = rollout_events.c.sequence.desc()
        statement = select(rollout_events).where(rollout_events.c.rollout == number)
        if (before := page.after_number) is not None:
            statement = statement.where(rollout_events.c.sequence < before)
        statement = statement.order_by(newest_first).limit(page.limit + 1)
        async with self._database.read() as connection:
            await _check_exists(connection, number)
            rows = (await connection.execute(statement)).mappings().all()
        return page_of([event_of(row) for row in rows], page, lambda each: each.sequence)

    async def past(self, number: int) -> Mapping[tuple[str, ...], int]:
        member = rollout_members
        statement = (
            select(member.c.before, func.count())
            .join(devices, devices.c.id == member.c.device)
            .where(member.c.rollout == number, devices.c.removed_at.is_(None))
            .group_by(member.c.before)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return {tuple(before.split()): count for before, count in rows}

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


async def _insert(
    connection: AsyncConnection, rollout: Rollout, events: Sequence[Event]
) -> Rollout:
    statement = insert(rollouts).values(fresh_values(rollout)).returning(rollouts)
    kept = rollout_of((await connection.execute(statement)).mappings().one())
    await tell(connection, kept.number, events)
    return kept


async def tell(connection: AsyncConnection, number: int, events: Sequence[Event]) -> None:
    """Add to a rollout's history; whoever tells holds the rollout's row."""
    if not events:
        return
    newest = select(func.max(rollout_events.c.sequence)).where(rollout_events.c.rollout == number)
    told = (await connection.execute(newest)).scalar_one() or 0
    numbered = [replace(each, sequence=told + n) for n, each in enumerate(events, start=1)]
    await connection.execute(
        insert(rollout_events), [event_values(number, each) for each in numbered]
    )
