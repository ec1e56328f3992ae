"""Requests for diagnoses in a database.

``open_of`` names the device while a request is its open one: it is unique, so no two replicas ask
the same device at once, and a check-in finds it without a look at the others.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fieldwise.diagnosis import Diagnosis, DiagnosisStep
from orchestrator.fleet.diagnosis import KEPT_MAX, Answer, Request, is_open, takes
from orchestrator.storage import refusals
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.tables import devices, diagnoses


class SqlDiagnoses:
    """``DiagnosisStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, request: Request) -> Request:
        if not refusals.can_be(request.device):
            raise refusals.no_device(request.device)
        async with self._database.write() as connection:
            await _hold(connection, request.device)
            kept = await _kept(connection, request.device)
            if kept and is_open(kept[0], request.asked_at):
                return kept[0]
            await _close(connection, request.device)
            await connection.execute(insert(diagnoses).values(_values_of(request)))
            oldest = [each.id for each in (request, *kept)[KEPT_MAX:]]
            await connection.execute(delete(diagnoses).where(diagnoses.c.id.in_(oldest)))
        return request

    async def list(self, device_id: str) -> Sequence[Request]:
        if not refusals.can_be(device_id):
            return ()
        async with self._database.read() as connection:
            return await _kept(connection, device_id)

    async def answer(self, device_id: str, request_id: str, answer: Answer, at: float) -> bool:
        of_id = select(diagnoses).where(
            diagnoses.c.id == request_id, diagnoses.c.device == device_id
        )
        async with self._database.write() as connection:
            row = (await connection.execute(of_id.with_for_update())).mappings().one_or_none()
            found = None if row is None else _request_of(row)
            if found is None or not takes(found, at) or found.step is answer.step:
                return False
            told = {
                "step": answer.step.value,
                "answered_at": at,
                "content": _text(answer.diagnosis),
            }
            if answer.step is not DiagnosisStep.WAITING:
                told["open_of"] = None
            change = update(diagnoses).where(diagnoses.c.id == request_id).values(told)
            await connection.execute(change)
        return True


async def _hold(connection: AsyncConnection, device_id: str) -> None:
    """Hold a member's row, so that nobody else asks it meanwhile.

    Raises:
        FieldwiseError: ``NOT_FOUND``.
    """
    member = select(devices.c.id).where(devices.c.id == device_id, devices.c.removed_at.is_(None))
    if (await connection.execute(member.with_for_update())).one_or_none() is None:
        raise refusals.no_device(device_id)


async def _close(connection: AsyncConnection, device_id: str) -> None:
    """Let nothing be open whose time is over."""
    over = update(diagnoses).where(diagnoses.c.open_of == device_id)
    await connection.execute(over.values(open_of=None))


async def _kept(connection: AsyncConnection, device_id: str) -> Sequence[Request]:
    statement = (
        select(diagnoses).where(diagnoses.c.device == device_id).order_by(diagnoses.c.number.desc())
    )
    rows = (await connection.execute(statement)).mappings().all()
    return [_request_of(row) for row in rows]


def _values_of(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "device": request.device,
        "asked_at": request.asked_at,
        "expires_at": request.expires_at,
        "open_of": request.device,
    }


def _request_of(row: RowMapping) -> Request:
    content = row["content"]
    return Request(
        id=row["id"],
        device=row["device"],
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        step=DiagnosisStep(row["step"]) if row["step"] else None,
        answered_at=row["answered_at"],
        diagnosis=None if content is None else msgspec.json.decode(content, type=Diagnosis),
    )


def _text(diagnosis: Diagnosis | None) -> str | None:
    return None if diagnosis is None else msgspec.json.encode(diagnosis).decode()
