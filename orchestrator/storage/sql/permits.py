"""Permits in a database: how many devices of a rollout are under way, and the one that comes next.

Whoever counts holds the rollout's row, so that no other replica gives a permit meanwhile.
"""

from sqlalchemy import and_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.update import UNDER_WAY, UpdatePhase
from orchestrator.fleet.device import Permit
from orchestrator.rollout.limits import MINUTE_SECONDS, Load, started_lately, takes_place
from orchestrator.rollout.rollout import Rollout
from orchestrator.storage.sql.rows import select_standings, standing_of
from orchestrator.storage.sql.tables import devices, reports, rollout_members

_ENDED = [phase.value for phase in UpdatePhase if phase not in UNDER_WAY | {UpdatePhase.IDLE}]


async def load_of(
    connection: AsyncConnection, rollout: Rollout, device_id: str, now: float
) -> Load:
    """Count the other devices of a rollout that take a place, and that started lately."""
    deadline = rollout.plan.device_deadline_seconds
    # Most devices of a rollout have come to an end: they stay where they are.
    ended = and_(
        reports.c.update_generation == devices.c.target_generation,
        reports.c.update_phase.in_(_ENDED),
        rollout_members.c.permit_since <= now - MINUTE_SECONDS,
    )
    statement = select_standings().where(
        devices.c.rollout == rollout.number,
        devices.c.id != device_id,
        devices.c.target_generation == rollout_members.c.permit_generation,
        rollout_members.c.permit_since >= now - deadline,
        ~ended,
    )
    rows = (await connection.execute(statement)).mappings().all()
    others = [standing_of(row) for row in rows]
    return Load(
        sum(takes_place(rollout, each, now) for each in others),
        sum(started_lately(each, now) for each in others),
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
    }
    await connection.execute(update(rollout_members).where(*member).values(values))
