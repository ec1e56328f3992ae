"""Permits in a database: how many devices of a rollout are under way, and the one that comes next.

Whoever counts holds the rollout's row, so that no other replica gives a permit meanwhile.

Every permit asks, and a cohort is large: so a member is noted as on its way with its permit, and
only those that are noted are read. Who came to an end is struck out here, once, by whoever counts
next; reports, which are written far more often, need not know of it.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.fleet.device import Permit
from orchestrator.rollout.limits import MINUTE_SECONDS, Load, has_left, takes_place
from orchestrator.rollout.rollout import Rollout
from orchestrator.storage.sql.rows import select_standings, standing_of
from orchestrator.storage.sql.tables import devices, rollout_members


async def load_of(
    connection: AsyncConnection, rollout: Rollout, device_id: str, now: float
) -> Load:
    """Count the other devices of a rollout that take a place, and that started lately.

    Only what the rollout's limits ask for is counted; the rest is 0.
    """
    limits = rollout.plan.limits
    return Load(
        await _under_way(connection, rollout, device_id, now) if limits.in_flight else 0,
        await _lately(connection, rollout, device_id, now) if limits.starts_per_minute else 0,
    )


async def keep_permit(
    connection: AsyncConnection, number: int, device_id: str, permit: Permit
) -> None:
    """Write a member's permit."""
    member = (rollout_members.c.rollout == number, rollout_members.c.device == device_id)
    values = {
        "permit_generation": permit.generation,
        "permit_expires_at": permit.expires_at,
        "permit_since": permit.since,
        "on_the_way": True,
    }
    await connection.execute(update(rollout_members).where(*member).values(values))


async def _under_way(
    connection: AsyncConnection, rollout: Rollout, device_id: str, now: float
) -> int:
    noted = select_standings().where(
        rollout_members.c.rollout == rollout.number,
        rollout_members.c.on_the_way,
        devices.c.id != device_id,
    )
    rows = (await connection.execute(noted)).mappings().all()
    others = [standing_of(row) for row in rows]
    left = [each.device for each in others if has_left(rollout, each, now)]
    if left:
        await _strike_out(connection, rollout.number, left)
    return sum(takes_place(rollout, each, now) for each in others)


async def _strike_out(connection: AsyncConnection, number: int, left: Sequence[str]) -> None:
    gone = update(rollout_members).where(
        rollout_members.c.rollout == number, rollout_members.c.device == bindparam("gone")
    )
    await connection.execute(gone.values(on_the_way=False), [{"gone": each} for each in left])


async def _lately(connection: AsyncConnection, rollout: Rollout, device_id: str, now: float) -> int:
    """Count as ``limits.started_lately`` does."""
    started = (
        select(func.count())
        .select_from(rollout_members)
        .join(devices, devices.c.id == rollout_members.c.device)
        .where(
            rollout_members.c.rollout == rollout.number,
            rollout_members.c.permit_since > now - MINUTE_SECONDS,
            rollout_members.c.device != device_id,
            devices.c.rollout == rollout.number,
            devices.c.target_generation == rollout_members.c.permit_generation,
            devices.c.removed_at.is_(None),
        )
    )
    return (await connection.execute(started)).scalar_one()
