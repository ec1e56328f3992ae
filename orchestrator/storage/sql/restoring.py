"""What is otherwise in a database that comes out of a backup.

**Terms.** Leaders of after the backup had terms that it does not know. One of them may have been
suspended and wake up over the restored database, so the next term is far above any that can have
begun since.

**Rollouts** stand still (``rollout.halting``), unless nothing can have happened since the backup.

**Campaigns** end (``federation.machine.halted``): what devices have given since, or taken back, the
backup does not know, and what they had given is not in it. Numbers of campaigns, and versions of
heads, that were given since the backup must not be given again for something else, since devices
remember by them what they gave and judged. So both go on from the seconds since 1970: more than
anybody has ever started, and another with each restoration.

**Keys.** Devices renew their certificates all the time. One that did so after the backup calls with
a key that the backup does not have; its certificate says when the fleet's authority gave it. So the
span from backup to restoration is kept, and such keys pass (``membership.check_caller``).

**Metadata of backbones.** Devices may have seen later snapshots and timestamps than the backup has,
and refuse those of the backup. They are left out, so that the server signs them anew at once, under
versions that nobody has seen, and with them a list that it signs by itself (``trust.upkeep``).

**The audit log** lacks what was written since the backup, and goes on with the numbers that stood
there. An entry says so; heads that were noted down since are not in the log any more.

Generations and revisions of settings need nothing: devices say which they know, and are continued
from there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.errors import FieldwiseError
from fieldwise.trust import Role
from orchestrator.audit.entry import happened
from orchestrator.backup_format import Head, invalid
from orchestrator.federation import machine
from orchestrator.federation.campaign import Campaign
from orchestrator.replica_ports import Installation
from orchestrator.rights import Login, Operator
from orchestrator.rollout.backbone import Backbone
from orchestrator.rollout.halting import halted
from orchestrator.rollout.rollout import Rollout
from orchestrator.storage.sql.audit import append
from orchestrator.storage.sql.campaign_rows import campaign_of, campaign_values, text_of
from orchestrator.storage.sql.copying import belongs_to, count_from, fill
from orchestrator.storage.sql.replicas import ONLY
from orchestrator.storage.sql.rollout_rows import rollout_of, rollout_values
from orchestrator.storage.sql.rollouts import tell
from orchestrator.storage.sql.rows import backbone_of
from orchestrator.storage.sql.tables import (
    backbones,
    campaign_rounds,
    campaigns,
    leadership,
    restorations,
    rollouts,
    trust_metadata,
)

SIGNED_ANEW = (Role.SNAPSHOT.value, Role.TIMESTAMP.value)
RESTORER = Operator("restore", Login.ITSELF)
TERMS_SKIPPED = 2**32  # a new leader every second since the backup, for 136 years


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored database: rollouts that stand still, campaigns that ended, and backbones."""

    halted: tuple[Rollout, ...]
    ended: tuple[Campaign, ...]
    backbones: tuple[Backbone, ...]


async def restore_into(
    connection: AsyncConnection,
    head: Head,
    parts: Iterable[tuple[str, bytes]],
    own: Installation,
    now: float,
    *,
    halt: bool,
) -> Restored:
    """Fill an empty database, in a transaction that is to be undone where this fails.

    Args:
        connection: In that transaction.
        head: What the backup is of.
        parts: Names of tables, with lines of rows.
        own: To whom the database has to belong.
        now: Seconds since 1970.
        halt: Whether rollouts are to stand still, and campaigns to end.

    Raises:
        FieldwiseError: ``BACKUP_INVALID``.
    """
    await fill(connection, head.tables_version, head.tables, parts)
    try:
        await _check_belongs(connection, head, own)
        read = [rollout_of(row) for row in (await connection.execute(select(rollouts))).mappings()]
        found = (await connection.execute(select(campaigns))).mappings()
        given = [campaign_of(row) for row in found]
        named = (await connection.execute(select(backbones))).mappings()
        published = tuple(backbone_of(row) for row in named)
    except (msgspec.MsgspecError, ValueError, FieldwiseError) as error:
        raise invalid(f"what it holds of the fleet is damaged: {error}") from error
    stopped = [each for each in read if await _halt(connection, each, now)] if halt else []
    ended = [each for each in given if await _end(connection, each, now)] if halt else []
    if halt:
        highest = max([int(now), *(each.number for each in given)])
        await connection.run_sync(count_from, campaigns, highest)
    await connection.execute(delete(trust_metadata).where(trust_metadata.c.role.in_(SIGNED_ANEW)))
    await _begin_term(connection)
    span = {"made_at": head.made_at, "restored_at": now}
    await connection.execute(insert(restorations).values(span))
    await append(connection, happened(RESTORER, "Restore", "database", now, after=span))
    return Restored(tuple(stopped), tuple(ended), published)


async def _check_belongs(connection: AsyncConnection, head: Head, own: Installation) -> None:
    if await belongs_to(connection, head.tables) not in {None, own}:
        raise invalid("its database belongs to another authority than its keys")


async def _halt(connection: AsyncConnection, rollout: Rollout, now: float) -> bool:
    stands, events = halted(rollout, now)
    if not events:
        return False
    values = {"revision": stands.revision, **rollout_values(stands)}
    statement = update(rollouts).where(rollouts.c.number == rollout.number).values(values)
    await connection.execute(statement)
    await tell(connection, rollout.number, events)
    return True


async def _end(connection: AsyncConnection, campaign: Campaign, now: float) -> bool:
    ended = machine.halted(campaign, now)
    values = {"revision": ended.revision, "worker_token": None, **campaign_values(ended)}
    mine = campaigns.c.number == campaign.number
    await connection.execute(update(campaigns).where(mine).values(values))
    if (last := ended.round) is not None:
        of_it = campaign_rounds.c.campaign == campaign.number
        same = and_(of_it, campaign_rounds.c.number == last.number)
        content = {"content": text_of(last)}
        await connection.execute(update(campaign_rounds).where(same).values(content))
    return campaign.runs


async def _begin_term(connection: AsyncConnection) -> None:
    """Begin a term of nobody's, which lapsed long ago: the first that asks leads."""
    known = (await connection.execute(select(leadership.c.term))).scalar_one_or_none() or 0
    nobodys = {"process": "", "place": "", "expires_at": 0.0, "unbroken_since": 0.0}
    await connection.execute(delete(leadership))
    await connection.execute(
        insert(leadership).values(number=ONLY, term=known + TERMS_SKIPPED, **nobodys)
    )
