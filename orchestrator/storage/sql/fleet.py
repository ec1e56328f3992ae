"""Devices and their check-ins in a database."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.fleet.cohort import Selector
from orchestrator.fleet.device import (
    Caller,
    Device,
    Permit,
    Standing,
    Target,
    next_generation,
    not_a_member,
)
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.fleet.tags import changed
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import Sighting, Visitor
from orchestrator.rollout.machine import Order, Phase, may_start
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.membership import check_caller, holds
from orchestrator.storage.sql.orders import find_host, give_newcomer, open_again
from orchestrator.storage.sql.rows import (
    SETTINGS,
    device_of,
    select_devices,
    select_standings,
    settings_of,
    settings_text,
    sighting_values,
    standing_of,
)
from orchestrator.storage.sql.selectors import matches
from orchestrator.storage.sql.tables import (
    device_keys,
    device_tags,
    devices,
    reports,
    rollout_members,
    rollouts,
)


class SqlDevices:
    """``DeviceStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, device_id: str) -> Device:
        if not refusals.can_be(device_id):
            raise refusals.no_device(device_id)
        statement = select_devices().where(devices.c.id == device_id)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
            if row is None:
                raise refusals.no_device(device_id)
            tags = await _tags_of(connection, [device_id])
        return device_of(row, tags.get(device_id, {}))

    async def list(self, selector: Selector, page: PageRequest) -> Page[Device]:
        statement = select_devices().where(matches(selector))
        if (after := page.after) is not None:
            statement = statement.where(devices.c.id > after)
        statement = statement.order_by(devices.c.id).limit(page.limit + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).mappings().all()
            tags = await _tags_of(connection, [row["id"] for row in rows])
        found = [device_of(row, tags.get(row["id"], {})) for row in rows]
        return page_of(found, page, lambda device: device.id)

    async def change_tags(
        self, device_id: str, put: Mapping[str, str], drop: Collection[str]
    ) -> None:
        if not refusals.can_be(device_id):
            raise refusals.no_device(device_id)
        member = select(devices.c.id).where(
            devices.c.id == device_id, devices.c.removed_at.is_(None)
        )
        async with self._database.write() as connection:
            if (await connection.execute(member.with_for_update())).one_or_none() is None:
                raise refusals.no_device(device_id)
            present = (await _tags_of(connection, [device_id])).get(device_id, {})
            tags = changed(present, put, drop)
            await connection.execute(delete(device_tags).where(device_tags.c.device == device_id))
            if tags:
                rows = [{"device": device_id, "key": key, "value": tags[key]} for key in tags]
                await connection.execute(insert(device_tags), rows)

    async def standings(self) -> Sequence[Standing]:
        async with self._database.read() as connection:
            rows = (await connection.execute(select_standings())).mappings().all()
        return [standing_of(row) for row in rows]

    async def count_expiring(self, before: float) -> int:
        newest = device_keys.c.fingerprint == devices.c.key_fingerprint
        statement = (
            select(func.count())
            .select_from(devices.join(device_keys, newest))
            .where(devices.c.removed_at.is_(None), device_keys.c.expires_at < before)
        )
        async with self._database.read() as connection:
            return (await connection.execute(statement)).scalar_one()

    async def count_backbones(self) -> Mapping[str, int]:
        statement = (
            select(reports.c.bundle_in_use, func.count().label("devices"))
            .join(devices, devices.c.id == reports.c.device)
            .where(devices.c.removed_at.is_(None), reports.c.bundle_in_use.is_not(None))
            .group_by(reports.c.bundle_in_use)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return {row.bundle_in_use: row.devices for row in rows}

    async def apply_settings(self, selector: Selector, settings: DeviceSettings) -> int:
        text = settings_text(settings)
        reported = (
            select(reports.c.settings_revision)
            .where(reports.c.device == devices.c.id)
            .scalar_subquery()
        )
        known = case(
            (reported > devices.c.settings_revision, reported),
            else_=devices.c.settings_revision,
        )
        statement = (
            update(devices)
            .where(
                devices.c.removed_at.is_(None),
                matches(selector),
                or_(devices.c.settings.is_(None), devices.c.settings != text),
            )
            .values(settings=text, settings_revision=known + 1)
        )
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount


class SqlCheckIns:
    """``CheckInStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def visitor(self, caller: Caller) -> Visitor:
        statement = _select_affairs(caller.device).where(holds(caller))
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).mappings().one_or_none()
            if row is None:
                await check_caller(connection, caller)
                raise not_a_member(caller.device)
            free = row["rollout"] is None
            welcome = free and await find_host(connection, caller.device) is not None
        return _visitor_of(row, is_welcome=welcome)

    async def welcome(self, device_id: str, generation: int) -> Visitor | None:
        async with self._database.write() as connection:
            host = await find_host(connection, device_id)
            if host is None:
                return None
            await open_again(connection, host.number)
            standing = standing_of(await _affairs_of(connection, device_id))
            if not standing.rollout:
                above = max(next_generation(standing), generation + 1)
                order = Order(device_id, Target(above, host.digest))
                await give_newcomer(connection, host.number, order)
            return _visitor_of(await _affairs_of(connection, device_id), is_welcome=False)

    async def continue_settings(self, device_id: str, known: int) -> SettingsRevision:
        own = settings_text(DeviceSettings())
        statement = (
            update(devices)
            .where(devices.c.id == device_id, devices.c.settings_revision < known)
            .values(settings=func.coalesce(devices.c.settings, own), settings_revision=known + 1)
        )
        async with self._database.write() as connection:
            await connection.execute(statement)
            given = settings_of(await _affairs_of(connection, device_id))
        assert given is not None
        return given

    async def keep(self, sightings: Sequence[Sighting]) -> None:
        if not sightings:
            return
        # In one order everywhere, so that two replicas that write the same rows never lock up.
        ordered = sorted(sightings, key=attrgetter("device"))
        async with self._database.write() as connection:
            await connection.execute(
                _KEEP, [{f"new_{k}": v for k, v in sighting_values(s).items()} for s in ordered]
            )

    async def permit(self, device_id: str, permit: Permit) -> bool:
        rollout = (
            select(rollouts.c.number, rollouts.c.phase)
            .join(devices, devices.c.rollout == rollouts.c.number)
            .where(devices.c.id == device_id, devices.c.removed_at.is_(None))
            .with_for_update(read=True, of=rollouts)
        )
        wanted = exists().where(
            devices.c.id == device_id,
            devices.c.rollout == rollout_members.c.rollout,
            devices.c.target_generation == permit.generation,
        )
        give = update(rollout_members).values(
            permit_generation=permit.generation, permit_expires_at=permit.expires_at
        )
        async with self._database.write() as connection:
            row = (await connection.execute(rollout)).one_or_none()
            if row is None or not may_start(Phase(row.phase)):
                return False
            given = give.where(
                rollout_members.c.rollout == row.number,
                rollout_members.c.device == device_id,
                wanted,
            )
            return (await connection.execute(given)).rowcount == 1


_KEEP = (
    update(reports)
    .where(
        reports.c.device == bindparam("new_device"),
        or_(
            reports.c.incarnation < bindparam("new_incarnation"),
            and_(
                reports.c.incarnation == bindparam("new_incarnation"),
                reports.c.sequence < bindparam("new_sequence"),
            ),
        ),
        exists().where(devices.c.id == reports.c.device, devices.c.removed_at.is_(None)),
    )
    .values({column: bindparam(f"new_{column.name}") for column in reports.c})
)


_PHASE = (
    select(rollouts.c.phase)
    .where(rollouts.c.number == devices.c.rollout)
    .scalar_subquery()
    .label("phase")
)


def _select_affairs(device_id: str) -> Select[Any]:
    return select_standings(*SETTINGS, _PHASE).where(devices.c.id == device_id)


async def _affairs_of(connection: AsyncConnection, device_id: str) -> RowMapping:
    found = await connection.execute(_select_affairs(device_id))
    row: RowMapping | None = found.mappings().one_or_none()
    if row is None:
        raise not_a_member(device_id)
    return row


def _visitor_of(row: RowMapping, *, is_welcome: bool) -> Visitor:
    starts = row["phase"] is not None and may_start(Phase(row["phase"]))
    return Visitor(standing_of(row), settings_of(row), starts, is_welcome)


async def _tags_of(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    statement = (
        select(device_tags)
        .where(device_tags.c.device.in_(ids))
        .order_by(device_tags.c.device, device_tags.c.key)
    )
    rows = (await connection.execute(statement)).all()
    return {
        device: {row.key: row.value for row in group}
        for device, group in groupby(rows, key=attrgetter("device"))
    }
