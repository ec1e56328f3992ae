"""Devices and their check-ins in a database."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter

from sqlalchemy import (
    RowMapping,
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

from orchestrator.check_in_ports import Granted, Sighting, Visitor
from orchestrator.fleet.cohort import Selector
from orchestrator.fleet.device import Caller, Device, Permit, Standing, not_a_member
from orchestrator.fleet.readings import Measure, Spread
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.fleet.tags import changed
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.rollout.limits import (
    Load,
    continued,
    granted,
    is_bounded,
    share_of,
)
from orchestrator.rollout.machine import is_news
from orchestrator.rollout.orders import order_for
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.rollout import Kind, Rollout, is_way_back, may_start
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.membership import SqlMembers, check_caller
from orchestrator.storage.sql.orders import find_host, give_newcomer, open_again
from orchestrator.storage.sql.permits import keep_permit, load_of
from orchestrator.storage.sql.rollout_rows import rollout_of
from orchestrator.storage.sql.rows import (
    device_of,
    select_devices,
    select_standings,
    settings_of,
    settings_text,
    sighting_values,
    standing_of,
)
from orchestrator.storage.sql.selectors import matches
from orchestrator.storage.sql.spreads import select_spreads, spreads_from
from orchestrator.storage.sql.tables import (
    backbones,
    device_keys,
    device_tags,
    devices,
    reports,
    rollouts,
)
from orchestrator.storage.sql.together import Together
from orchestrator.storage.sql.visiting import (
    CALLERS_MAX,
    PAUSE_SECONDS,
    rows_of,
    select_affairs,
    visitor_of,
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

    async def tagged(self, key: str) -> Mapping[str, str]:
        statement = (
            select(device_tags.c.device, device_tags.c.value)
            .join(devices, devices.c.id == device_tags.c.device)
            .where(devices.c.removed_at.is_(None), device_tags.c.key == key)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return {row.device: row.value for row in rows}

    async def spreads(self) -> Mapping[Measure, Spread]:
        async with self._database.read() as connection:
            rows = (await connection.execute(select_spreads())).mappings().all()
        return spreads_from(rows)

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
        self._members = SqlMembers(database)
        self._visiting = Together(partial(rows_of, database), CALLERS_MAX, PAUSE_SECONDS)

    async def visitor(self, caller: Caller) -> Visitor:
        row = await self._visiting.ask(caller)
        if row is None:
            return await self._looked_at(caller)
        if row["key_in_use"] != caller.fingerprint == row["key_fingerprint"]:
            await self._members.note_use(caller)
        if row["rollout"] is not None:
            return visitor_of(row, is_welcome=False)
        async with self._database.read() as connection:
            welcome = await find_host(connection, standing_of(row)) is not None
        return visitor_of(row, is_welcome=welcome)

    async def _looked_at(self, caller: Caller) -> Visitor:
        """Look at one caller by itself: it is refused, or its key was given before a restore."""
        async with self._database.read() as connection:
            await check_caller(connection, caller)
            row = await _affairs_of(connection, caller.device)
            free = row["rollout"] is None
            welcome = free and await find_host(connection, standing_of(row)) is not None
        return visitor_of(row, is_welcome=welcome)

    async def welcome(self, device_id: str, generation: int, now: float) -> Visitor | None:
        async with self._database.write() as connection:
            standing = standing_of(await _affairs_of(connection, device_id))
            host = await find_host(connection, standing)
            if host is None:
                return None
            await open_again(connection, host.number)
            standing = standing_of(await _affairs_of(connection, device_id))
            if not standing.rollout:
                order = order_for(host, standing, now, generation)
                await give_newcomer(connection, host.number, order)
            return visitor_of(await _affairs_of(connection, device_id), is_welcome=False)

    async def look_again(self, device_id: str) -> None:
        async with self._database.read() as connection:  # most are no news, and nobody is to wait
            if await _concerned(connection, device_id) is None:
                return
        async with self._database.write() as connection:
            rollout = await _concerned(connection, device_id)
            if rollout is not None:
                await open_again(connection, rollout.number)

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
        async with self._database.write(lasting=False) as connection:
            await connection.execute(
                _KEEP, [{f"new_{k}": v for k, v in sighting_values(s).items()} for s in ordered]
            )

    async def permit(self, device_id: str, permit: Permit, now: float) -> Granted | None:
        async with self._database.write(lasting=False) as connection:
            rollout = await _rollout_of(connection, device_id)
            standing = await _standing(connection, device_id)
            if rollout is None or standing is None or standing.rollout != rollout.number:
                return None
            target = standing.target
            if target is None or target.generation != permit.generation:
                return None
            if not may_start(rollout, target) or await _is_recalled(connection, target.digest):
                return None
            bounded = is_bounded(rollout)
            load = await load_of(connection, rollout, device_id, now) if bounded else Load()
            give = continued if is_way_back(rollout, target) else partial(granted, rollout, load)
            kept = give(permit, standing.permit, now)
            if kept is None:
                return None
            await keep_permit(connection, rollout.number, device_id, kept)
            if rollout.phase is Phase.COMPLETE and not rollout.watched:
                await open_again(connection, rollout.number)
            return Granted(kept, share_of(rollout, load))


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


async def _affairs_of(connection: AsyncConnection, device_id: str) -> RowMapping:
    found = await connection.execute(select_affairs().where(devices.c.id == device_id))
    row: RowMapping | None = found.mappings().one_or_none()
    if row is None:
        raise not_a_member(device_id)
    return row


async def _concerned(connection: AsyncConnection, device_id: str) -> Rollout | None:
    """Return the ended rollout for which a member is news."""
    own = await _rollout_of(connection, device_id)
    standing = await _standing(connection, device_id)
    if standing is None:
        return None
    known = select(backbones.c.digest).where(backbones.c.recalled_at.is_not(None))
    recalled = frozenset((await connection.execute(known)).scalars())
    for rollout in (own, await _recall_of(connection, standing.bundle_in_use)):
        if rollout is not None and is_news(rollout, standing, recalled):
            return rollout
    return None


async def _standing(connection: AsyncConnection, device_id: str) -> Standing | None:
    found = await connection.execute(select_standings().where(devices.c.id == device_id))
    row = found.mappings().one_or_none()
    return None if row is None else standing_of(row)


async def _rollout_of(connection: AsyncConnection, device_id: str) -> Rollout | None:
    """Hold the row of a device's rollout, so that its phase stays and no one else counts."""
    statement = (
        select(rollouts)
        .join(devices, devices.c.rollout == rollouts.c.number)
        .where(devices.c.id == device_id, devices.c.removed_at.is_(None))
        .with_for_update(of=rollouts)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else rollout_of(row)


async def _recall_of(connection: AsyncConnection, digest: str | None) -> Rollout | None:
    """Hold the row of the rollout that took a backbone away; a backbone is recalled once."""
    statement = (
        select(rollouts)
        .where(rollouts.c.digest == digest, rollouts.c.kind == Kind.RECALL.value)
        .order_by(rollouts.c.number.desc())
        .limit(1)
        .with_for_update()
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else rollout_of(row)


async def _is_recalled(connection: AsyncConnection, digest: str) -> bool:
    # The way back may lead to a backbone that nobody here knows, as after a restored backup.
    statement = select(backbones.c.recalled_at).where(backbones.c.digest == digest)
    return (await connection.execute(statement)).scalar_one_or_none() is not None


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
