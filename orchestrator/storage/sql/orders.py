"""Orders in a database: a rollout's to its cohort, and the one that welcomes a newcomer.

Whoever writes orders holds the row of their rollout first and those of devices after it, so that
two writers never lock each other up.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Text, bindparam, case, exists, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.fleet.device import Standing
from orchestrator.rollout.machine import host_of
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.placing import exclusion_of
from orchestrator.rollout.rollout import Kind, Order, Rollout
from orchestrator.storage.sql.rollout_rows import rollout_of
from orchestrator.storage.sql.tables import (
    device_tags,
    devices,
    reports,
    rollout_members,
    rollouts,
)

# Whether an order comes in time, asked before it is given.
_ACCEPTS = (
    devices.c.id == bindparam("order_device"),
    devices.c.removed_at.is_(None),
    func.coalesce(devices.c.rollout, 0) <= bindparam("order_rollout"),
    devices.c.target_generation < bindparam("order_generation"),
)
_MEMBER = (
    rollout_members.c.rollout == bindparam("order_rollout"),
    rollout_members.c.device == bindparam("order_device"),
)
_KEPT: dict[str, Any] = {"before": bindparam("order_before"), "ordered_at": bindparam("order_at")}
_KEEP_AGAIN = update(rollout_members).where(*_MEMBER, exists().where(*_ACCEPTS)).values(_KEPT)
# Whoever ordered may have read before the device told what it serves.
_SERVED = select(func.coalesce(reports.c.bundle_in_use, "")).where(
    reports.c.device == bindparam("order_device")
)
_KEEP_NEW = (
    update(rollout_members)
    .where(*_MEMBER, rollout_members.c.ordered_at == 0)
    .values(
        before=case(
            (bindparam("order_before", type_=Text) == "", _SERVED.scalar_subquery()),
            else_=bindparam("order_before", type_=Text),
        ),
        ordered_at=bindparam("order_at"),
    )
)
_GIVE = (
    update(devices)
    .where(*_ACCEPTS)
    .values(
        target_generation=bindparam("order_generation"),
        target_digest=bindparam("order_digest"),
        target_variant=bindparam("order_variant"),
        target_back=bindparam("order_back"),
        rollout=bindparam("order_rollout"),
    )
)
_BRINGS = rollouts.c.kind != Kind.RECALL.value
_COMPLETE = rollouts.c.phase == Phase.COMPLETE.value
# Of complete rollouts with the same selector the newest goes first, however many there have been.
_NEWEST = select(func.max(rollouts.c.number)).where(_BRINGS, _COMPLETE).group_by(rollouts.c.cohort)
_HOSTS = select(rollouts).where(
    _BRINGS,
    or_(rollouts.c.phase == Phase.RUNNING.value, rollouts.c.number.in_(_NEWEST)),
)
_OLDER_HOSTS = select(rollouts).where(
    _BRINGS, _COMPLETE, rollouts.c.cohort.in_(bindparam("cohorts", expanding=True))
)


async def give(connection: AsyncConnection, number: int, orders: Sequence[Order]) -> None:
    """Write a rollout's orders, but for those that came too late."""
    ordered = sorted(orders, key=attrgetter("device"))  # one order everywhere, against deadlocks
    named = [_named(number, order) for order in ordered]
    kept = [{**name, **_kept(order)} for name, order in zip(named, ordered, strict=True)]
    await connection.execute(_KEEP_AGAIN, kept)
    given = [{**name, **_given(order)} for name, order in zip(named, ordered, strict=True)]
    await connection.execute(_GIVE, given)
    known = exists().where(
        rollout_members.c.rollout == number, rollout_members.c.device == devices.c.id
    )
    new = select(literal(number), devices.c.id).where(devices.c.rollout == number, ~known)
    await connection.execute(insert(rollout_members).from_select(["rollout", "device"], new))
    fresh = [{n: v for n, v in each.items() if n != "order_generation"} for each in kept]
    await connection.execute(_KEEP_NEW, fresh)


async def give_newcomer(connection: AsyncConnection, number: int, order: Order) -> None:
    """Write an order to a device unless it belongs to a rollout meanwhile."""
    free = _GIVE.where(devices.c.rollout.is_(None))
    values = {**_named(number, order), **_given(order)}
    if (await connection.execute(free, values)).rowcount:
        member = {
            "rollout": number,
            "device": order.device,
            "before": " ".join(order.before),
            "ordered_at": order.at,
        }
        await connection.execute(insert(rollout_members).values(member))


async def find_host(connection: AsyncConnection, standing: Standing) -> Rollout | None:
    """Find the complete rollout that a device of no rollout belongs to by its tags."""
    found = await _hosts(connection, standing)
    if not found:
        return None
    tags = select(device_tags.c.key, device_tags.c.value).where(
        device_tags.c.device == standing.device
    )
    rows = (await connection.execute(tags)).all()
    return host_of(found, standing, {row.key: row.value for row in rows})


async def _hosts(connection: AsyncConnection, standing: Standing) -> Sequence[Rollout]:
    """Return every rollout, newest first, that may decide where a device belongs."""
    rows = (await connection.execute(_HOSTS)).mappings().all()
    found = {row["number"]: rollout_of(row) for row in rows}
    shut = {
        each.cohort
        for each in found.values()
        if each.phase is Phase.COMPLETE and exclusion_of(each, standing) is not None
    }
    if shut:
        older = await connection.execute(_OLDER_HOSTS, {"cohorts": sorted(shut)})
        found |= {row["number"]: rollout_of(row) for row in older.mappings().all()}
    return [found[number] for number in sorted(found, reverse=True)]


async def open_again(connection: AsyncConnection, number: int) -> None:
    """Let the controller look at a rollout again, and refuse who has looked at it before."""
    watch = update(rollouts).where(rollouts.c.number == number)
    await connection.execute(watch.values(watched=True, revision=rollouts.c.revision + 1))


def _named(number: int, order: Order) -> dict[str, Any]:
    return {
        "order_device": order.device,
        "order_rollout": number,
        "order_generation": order.target.generation,
    }


def _given(order: Order) -> dict[str, Any]:
    return {
        "order_digest": order.target.digest,
        "order_variant": order.target.variant,
        "order_back": order.target.back,
    }


def _kept(order: Order) -> dict[str, Any]:
    return {"order_before": " ".join(order.before), "order_at": order.at}
