"""Installations that tests found, back up and restore."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.app import running
from orchestrator.config import OrchestratorSettings
from orchestrator.contents import bundles_of
from orchestrator.leadership import Replica
from orchestrator.publishing import Publishing
from orchestrator.rollout.phases import Phase
from orchestrator.storage.sql.database import Database
from orchestrator.storage.sql.stores import sql_stores
from orchestrator.storage.stores import Stores
from tests.bundles import tiny_bundle
from tests.fleet_records import SetClock, join, order, report, roll_out, sighting

LISTEN = {f"{name}_listen": "127.0.0.1:0" for name in ("device", "operator", "metrics")}
KINDS = ("sqlite", "postgresql")
PHASES = (Phase.COMPLETE, Phase.RUNNING, Phase.REVERTED)

Make = Callable[..., OrchestratorSettings]


def nobody_hears(_step: str, _done: int, _total: int) -> None:
    """Take no notice."""


async def founded(settings: OrchestratorSettings, folder: Path) -> OrchestratorSettings:
    """Found a fleet of three devices, a backbone that was pushed and some rollouts."""
    async with running(settings):
        pass
    async with sql_stores(settings.database) as stores:
        publishing = Publishing(
            stores.backbones, await bundles_of(settings), SetClock(), folder, 1 << 30
        )
        await publishing.publish(pieces(tiny_bundle(folder / "tiny.bundle").read_bytes()))
        for device in ("d1", "d2", "d3"):
            await join(stores, device, site="berlin")
        for number, phase in enumerate(PHASES, start=1):
            begun = await order(stores, await roll_out(stores), number, "d1", "d2")
            await stores.rollouts.save(replace(begun, phase=phase))
        await stores.check_ins.keep([sighting("d1", report(5, generation=3))])
        await stores.leadership.claim(Replica("p", "there"), 15)
    return settings


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


@asynccontextmanager
async def refused(fault: Fault, told: str = "") -> AsyncIterator[None]:
    with pytest.raises(FieldwiseError) as caught:
        yield
    assert caught.value.fault is fault, caught.value.sentence
    assert told in caught.value.sentence


async def is_untouched(settings: OrchestratorSettings) -> bool:
    """Tell whether an installation holds neither keys nor a fleet."""
    names = {each.name for each in settings.folder.glob("**/*") if each.is_file()}
    if names - {"lock", "fieldwise.sqlite", "fieldwise.sqlite-wal", "fieldwise.sqlite-shm"}:
        return False
    database = Database(settings.database)
    try:
        async with database.read() as connection:
            kind = "sqlite_master" if database.is_sqlite else "information_schema.tables"
            mine = "" if database.is_sqlite else " WHERE table_schema = 'public'"
            counted = await connection.execute(text(f"SELECT count(*) FROM {kind}{mine}"))
            return bool(counted.scalar_one() == 0)
    finally:
        await database.dispose()


async def everything(stores: Stores) -> list[object]:
    found = [await stores.devices.get(each) for each in ("d1", "d2", "d3")]
    standings = sorted(await stores.devices.standings(), key=lambda each: each.device)
    return [*found, *standings, await stores.tickets.get("open")]
