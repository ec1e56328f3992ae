"""Signed backbones put together: a file of other keys is told of at the start."""

from pathlib import Path

from structlog.testing import capture_logs

from orchestrator import vouching
from orchestrator.config import OrchestratorSettings
from orchestrator.leadership import Replica
from orchestrator.leading import Leading
from orchestrator.publisher_file import PUBLISHER_FILE, all_online, write_publisher
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from tests.fleet_records import SetClock


async def started(folder: Path, stores: Stores, clock: SetClock) -> list[str]:
    """Start over what is there, lead and sign; returns what was complained of at the start."""
    leading = Leading(stores.leadership, Replica("p", "place"), 60, clock)
    with capture_logs() as logged:
        made = await vouching.trust(
            OrchestratorSettings(data_folder=folder), stores, clock, leading
        )
    await leading.claim()
    await made.keeping.refresh()
    return [each["event"] for each in logged]


async def test_a_file_of_other_keys_than_the_root_names_is_complained_of_at_the_start(
    tmp_path: Path,
) -> None:
    clock = SetClock()
    stores = memory_stores(now=clock.now)
    assert await started(tmp_path, stores, clock) == []
    assert await started(tmp_path, stores, clock) == []
    write_publisher(tmp_path / PUBLISHER_FILE, all_online())
    [complaint] = await started(tmp_path, stores, clock)
    assert "lacks the online key" in complaint
