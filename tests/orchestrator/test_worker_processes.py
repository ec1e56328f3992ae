import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.federation.worker_token import worker_token
from orchestrator.worker_ports import Way, WorkerState
from orchestrator.worker_processes import WorkerProcesses

TOKEN = worker_token("c1", bytes(32))
WAY = Way("127.0.0.1:8444", b"-----BEGIN CERTIFICATE-----\n")
PROGRAM = Path(sys.executable).name
# Says what it was given, then does as its argument says.
CHILD = """
import json, os, signal, sys
folder = sys.argv[1]
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(folder + "/draft", "w") as file:
    json.dump({"environment": dict(os.environ), "pid": os.getpid()}, file)
os.rename(folder + "/draft", folder + "/told")
if sys.argv[2] == "fails":
    sys.exit(7)
sys.stdin.read()
if sys.argv[2] == "deaf":
    import time
    while True:
        time.sleep(60)
"""
SECRETS = {"FIELDWISE_OPERATOR_TOKEN": "of-the-operator", "AWS_SECRET_ACCESS_KEY": "of-the-bucket"}
LOOKS_MAX = 1000


class Case:
    """A runner of children that behave in one way, and what the last child was given."""

    def __init__(self, folder: Path, behaviour: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        command = (PROGRAM, "-c", CHILD, str(folder), behaviour)
        self.workers = WorkerProcesses(command, folder / "aggregators", WAY, environment)

    async def told(self) -> dict[str, object]:
        path = self.folder / "told"
        for _ in range(LOOKS_MAX):
            if path.exists():
                return dict(json.loads(path.read_text()))
            await asyncio.sleep(0.05)
        raise AssertionError("the child never came up")

    async def state(self, wanted: WorkerState) -> WorkerState:
        for _ in range(LOOKS_MAX):
            if (await self.workers.look())["c1"] is wanted:
                break
            await asyncio.sleep(0.05)
        return (await self.workers.look())["c1"]


@pytest.fixture
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    made = Case(tmp_path, getattr(request, "param", "waits"), {**os.environ, **SECRETS})
    yield made
    await made.workers.let_go()


def is_there(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has asked about its end does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def content_of(name: str) -> tuple[bytes, int]:
    path = Path(name)
    return path.read_bytes(), stat.S_IMODE(path.stat().st_mode)


async def test_a_child_is_told_the_way_and_its_token_and_no_other_secret(case: Case) -> None:
    await case.workers.start("c1", TOKEN)
    given = (await case.told())["environment"]
    assert isinstance(given, dict)
    assert given["FIELDWISE_AGGREGATOR_ADDRESS"] == WAY.address
    assert given["FIELDWISE_AGGREGATOR_TIED"] == "true"
    assert content_of(given["FIELDWISE_AGGREGATOR_CA"]) == (WAY.authority, 0o600)
    assert content_of(given["FIELDWISE_AGGREGATOR_TOKEN_FILE"]) == (f"{TOKEN}\n".encode(), 0o600)
    assert not set(SECRETS) & set(given)
    assert TOKEN not in given.values()


async def test_a_child_that_is_stopped_is_gone_with_its_token(case: Case) -> None:
    await case.workers.start("c1", TOKEN)
    pid = (await case.told())["pid"]
    assert await case.state(WorkerState.RUNS) is WorkerState.RUNS
    await case.workers.stop("c1")
    assert isinstance(pid, int)
    assert not is_there(pid)
    assert await case.workers.look() == {}
    assert list((case.folder / "aggregators").iterdir()) == []


@pytest.mark.parametrize("case", ["deaf"], indirect=True)
async def test_a_child_that_does_not_listen_is_ended_all_the_same(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.worker_processes.ENDING_SECONDS", 0.2)
    await case.workers.start("c1", TOKEN)
    pid = (await case.told())["pid"]
    await case.workers.stop("c1")
    assert isinstance(pid, int)
    assert not is_there(pid)


@pytest.mark.parametrize("case", ["fails"], indirect=True)
async def test_a_child_that_ended_is_seen_and_can_be_started_again(case: Case) -> None:
    for _ in range(2):
        await case.workers.start("c1", TOKEN)
        assert await case.state(WorkerState.ENDED) is WorkerState.ENDED
        await case.workers.stop("c1")


async def test_a_child_ends_when_whoever_started_it_is_gone(tmp_path: Path) -> None:
    script = f"""
import asyncio, os
from pathlib import Path
from orchestrator.worker_ports import Way
from orchestrator.worker_processes import WorkerProcesses
async def main():
    folder = Path({str(tmp_path)!r})
    command = ({PROGRAM!r}, "-c", {CHILD!r}, str(folder), "waits")
    workers = WorkerProcesses(command, folder / "a", Way("127.0.0.1:1", b""), os.environ)
    await workers.start("c1", {TOKEN!r})
    while not (folder / "told").exists():
        await asyncio.sleep(0.05)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    await parent.wait()
    pid = json.loads((tmp_path / "told").read_text())["pid"]
    for _ in range(LOOKS_MAX):
        if not is_there(pid):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the child outlived its parent")


async def test_all_children_are_let_go_at_once(case: Case) -> None:
    for campaign in ("c1", "c2", "c3"):
        await case.workers.start(campaign, TOKEN)
    await case.workers.let_go()
    assert await case.workers.look() == {}


async def test_a_program_that_is_not_installed_is_named(tmp_path: Path) -> None:
    workers = WorkerProcesses(("no-such-program-here",), tmp_path, WAY, {})
    with pytest.raises(FieldwiseError) as raised:
        await workers.start("c1", TOKEN)
    assert raised.value.fault is Fault.EXTRA_MISSING
    assert "no-such-program-here" in raised.value.sentence
    assert await workers.look() == {}


async def test_what_is_not_there_is_stopped_without_a_word(case: Case) -> None:
    await case.workers.stop("c9")
