"""A disk that is full at every kind of write of an orchestrator: of its stores, bundles and files.

The kinds are the functions of the orchestrator that write, as its source has them. Each is refused
once by the kernel, in a day of a small fleet; then there is room again. Whoever asked is told and
asks again, the agent predicts all the while, and the day has its effect.
"""

from pathlib import Path
from typing import Any

import pytest

import orchestrator
from tests.faults.conftest import Tried
from tests.faults.days import Fleet, commits, spend_a_day_with
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.trails import trail_of
from tests.faults.writers import writers
from tests.orchestrators import LISTEN, environment, run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
PROGRAM = Path(orchestrator.__file__).parent
WRITERS = frozenset({"put_async", "write_private", "unpack"})
BY_STARTS = {  # what is written before anybody is served; only the last of them at every start
    "orchestrator.home:open_token": ("orchestrator.home", 1),
    "orchestrator.home:_store_authority": ("orchestrator.home", 2),
    "orchestrator.home:open_place": ("orchestrator.home", 3),
    "orchestrator.publisher_file:write_publisher": ("orchestrator.publisher_file", 1),
    "orchestrator.connection:write_connection": ("orchestrator.connection", 1),
}
BY_RESTORING = {"orchestrator.keys:put_keys"}  # what no server writes, but `fieldwise restore`
# What is not on a disk of this machine.
ELSEWHERE = {
    "orchestrator.storage.buckets:_read_or_write": "an object store has a disk of its own",
    "orchestrator.cli.federation:_write": "an operator has one, too",
    "orchestrator.cli.trust:_write": "so has whoever fetches metadata",
    "orchestrator.workshop:_write": "and a publisher",
    "orchestrator.enrolment.reviving:Reviving._checked": "what it unpacks are eight bytes",
}


def kinds() -> list[str]:
    """Every function of the orchestrator that writes a file, as MODULE:FUNCTION."""
    return [
        f"{'.'.join(path.relative_to(PROGRAM.parent).with_suffix('').parts)}:{name}"
        for path in sorted(PROGRAM.rglob("*.py"))
        for name in writers(path, WRITERS)
    ]


def test_what_is_written_at_a_start_is_listed_whole() -> None:
    assert {*BY_STARTS, *BY_RESTORING, *ELSEWHERE} <= set(kinds())


@pytest.mark.parametrize("method", commits())
def test_an_orchestrator_outlives_a_full_disk_at_a_commit(
    method: str, fleet: Fleet, tmp_path: Path, tried: Tried
) -> None:
    tried("a full disk at a write of the orchestrator")
    trail = tmp_path / "trail"
    fleet.server.die({"leave_no_room_at_commit": {"method": method, "trail": str(trail)}})
    spend_a_day_with(fleet, method)
    assert trail_of(trail) == [{"full": method}]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kind", sorted(set(kinds()) - {*BY_STARTS, *BY_RESTORING, *ELSEWHERE}))
def test_an_orchestrator_outlives_a_full_disk_at_a_write_of_a_bundle(
    kind: str, count: int, fleet: Fleet, tmp_path: Path, tried: Tried
) -> None:
    tried("a full disk at a write of the orchestrator")
    trail, (module, _, function) = tmp_path / "trail", kind.partition(":")
    trap = {"module": module, "function": function, "count": count, "trail": str(trail)}
    fleet.server.die({"leave_no_room": trap})
    spend_a_day_with(fleet, function)
    if count == 1:
        assert trail_of(trail) == [{"full": function}]


@pytest.mark.parametrize("kind", [*BY_STARTS, "migrate"])
def test_a_first_start_without_room_says_so_and_the_next_one_succeeds(
    kind: str, orchestrators: Mother, tmp_path: Path, tried: Tried
) -> None:
    tried("a full disk at a write of the orchestrator")
    trail, folder = tmp_path / "trail", tmp_path / "data"
    if kind == "migrate":
        trap: dict[str, Any] = {"leave_no_room_at_commit": {"method": kind, "trail": str(trail)}}
    else:
        module, count = BY_STARTS[kind]
        given: dict[str, Any] = {"module": module, "function": "write_private", "count": count}
        trap = {"leave_no_room": {**given, "trail": str(trail)}}
    child = orchestrators.fork(
        ["serve", "--json", *LISTEN], environment(folder), tmp_path / "first", trap
    )
    child.wait()
    assert len(trail_of(trail)) == 1
    assert "Traceback" not in child.told()
    assert "free space" in child.told(), child.told()
    with ForkedOrchestrator(orchestrators, folder) as server:
        assert server.ask("device", "list") == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_restoration_without_room_fills_nothing_and_the_next_one_succeeds(
    count: int, orchestrators: Mother, tmp_path: Path, tried: Tried
) -> None:
    tried("a full disk at a write of the orchestrator")
    file, trail, folder = tmp_path / "backup", tmp_path / "trail", tmp_path / "restored"
    with ForkedOrchestrator(orchestrators, tmp_path / "data") as server:
        ticket = server.ask("ticket", "create")["ticket"]["id"]
        assert run(tmp_path / "data", "backup", str(file)).status == 0
    keys = {"module": "orchestrator.keys", "function": "write_private", "count": count}
    child = orchestrators.fork(
        ["restore", str(file), "--json"],
        environment(folder),
        tmp_path / "first",
        {"leave_no_room": {**keys, "trail": str(trail)}},
    )
    child.wait()
    assert len(trail_of(trail)) == 1
    assert "free space" in child.told(), child.told()
    assert run(folder, "restore", str(file)).status == 0
    with ForkedOrchestrator(orchestrators, folder) as server:
        assert [each["id"] for each in server.ask("ticket", "list")] == [ticket]
