"""What a check-in needs to know of its device, for many devices by one statement.

Most of what a single statement costs is not in its rows: a transaction's begin and end, hops
between threads, a plan. So the callers of one moment share one. A caller whose row does not come,
because of what he is or holds, is looked at by himself: whoever refuses says why.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, bindparam, exists

from orchestrator.check_in_ports import Visitor
from orchestrator.fleet.device import Caller
from orchestrator.fleet.diagnosis import OpenRequest
from orchestrator.rollout.phases import FORWARD
from orchestrator.rollout.rollout import Kind
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.denials import is_denied
from orchestrator.storage.sql.rows import (
    SETTINGS,
    federation_of,
    ledger_of,
    select_standings,
    settings_of,
    standing_of,
)
from orchestrator.storage.sql.tables import (
    backbones,
    device_keys,
    devices,
    diagnoses,
    reports,
    rollouts,
)

CALLERS_MAX = 256
# Devices call once a minute and wait for seconds; ten thousand of them are three or four in this.
PAUSE_SECONDS = 0.02


async def rows_of(database: Database, callers: Sequence[Caller]) -> Mapping[Caller, RowMapping]:
    """Return the rows of those callers who are members and hold a key of their own.

    Raises:
        FieldwiseError: As ``Database.read``.
    """
    by_key = {(each.device, each.fingerprint): each for each in callers}
    keys = [*by_key]
    # Few lengths mean few plans: databases keep one for each.
    keys += keys[-1:] * ((1 << (len(keys) - 1).bit_length()) - len(keys))
    ids, fingerprints = zip(*keys, strict=True)
    async with database.read() as connection:
        found = await connection.execute(_VISITORS, {"ids": ids, "fingerprints": fingerprints})
        rows = found.mappings().all()
    known = ((by_key.get((row["id"], row["called_with"])), row) for row in rows)
    return {caller: row for caller, row in known if caller is not None}


def _recalled(digest: ColumnElement[str | None]) -> ColumnElement[bool]:
    known = backbones.alias()
    return exists().where(known.c.digest == digest, known.c.recalled_at.is_not(None))


def select_affairs() -> Select[Any]:
    """Select all that check-ins need to know of members."""
    own = rollouts.c.number == devices.c.rollout
    affairs = select_standings(
        *SETTINGS,
        rollouts.c.phase,
        rollouts.c.kind,
        rollouts.c.digest.label("rollout_digest"),
        _recalled(reports.c.bundle_in_use).label("runs_recalled"),
        _recalled(devices.c.target_digest).label("wants_recalled"),
        diagnoses.c.id.label("diagnosis"),
        diagnoses.c.expires_at.label("diagnosis_expires_at"),
        reports.c.federation,
        reports.c.ledger,
        devices.c.key_fingerprint,
        devices.c.key_in_use,
    )
    asked = diagnoses.c.open_of == devices.c.id
    return affairs.outerjoin(rollouts, own).outerjoin(diagnoses, asked)


def visitor_of(row: RowMapping, *, is_welcome: bool) -> Visitor:
    """Read a row of ``select_affairs``."""
    standing = standing_of(row)
    target, phase = standing.target, row["phase"]
    # Nothing else of the rollout counts here, and its plan need not be read at every check-in.
    back = row["kind"] == Kind.RECALL or (target and target.digest != row["rollout_digest"])
    starts = target is not None and (back or phase in FORWARD) and not row["wants_recalled"]
    asked = OpenRequest(row["diagnosis"], row["diagnosis_expires_at"]) if row["diagnosis"] else None
    told = federation_of(row["federation"])
    serves = row["runs_recalled"]
    known = (settings_of(row), bool(starts), is_welcome, serves, asked, told)
    return Visitor(standing, *known, ledger_of(row["ledger"]))


# A key belongs to one device, and only a caller who comes with his own finds a row.
_VISITORS = (
    select_affairs()
    .add_columns(device_keys.c.fingerprint.label("called_with"))
    .join(
        device_keys,
        and_(
            device_keys.c.device == devices.c.id,
            device_keys.c.fingerprint.in_(bindparam("fingerprints", expanding=True)),
        ),
    )
    .where(devices.c.id.in_(bindparam("ids", expanding=True)), ~is_denied())
)
