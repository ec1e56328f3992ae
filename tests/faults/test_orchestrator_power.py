"""Power that goes under an orchestrator: what it had answered is kept, and it goes on.

One life is recorded call by call, from the first start in an empty folder on: everything that
operators and devices have it write, and an end in order. Then power goes before everything that
makes something durable or visible, and a real orchestrator starts on what is left.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fieldwise import identity
from fieldwise.bundle import decode_manifest, digest_of
from tests.bundles import tiny_bundle
from tests.fakes.agent_process import END_SECONDS, wait_until
from tests.faults.conftest import Tried
from tests.faults.days import renew
from tests.faults.fleets import ForkedOrchestrator, announced, ask
from tests.faults.forked import Mother
from tests.faults.power import Disk, Loss, contents, explained
from tests.faults.recording import Kind, Op, Reader, children, command
from tests.orchestrators import LISTEN, environment, join

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        shutil.which("strace") is None,
        reason="there is no strace here (`make services` gets it where there is apt)",
    ),
]
WAYS = (Loss.ALL, Loss.SOME)
SHARES = 6  # of the points, for the workers of pytest-xdist
Holds = Callable[["Seen"], bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """What an orchestrator says of itself after a start."""

    tickets: dict[str, Any]
    devices: dict[str, Any]
    backbones: dict[str, Any]
    rollouts: dict[str, Any]


@dataclass(slots=True)
class Life:
    """What an orchestrator did to its disk, and what it had answered at which moment."""

    root: Path
    left: Path
    answered: list[tuple[float, str, Holds]] = field(default_factory=list)
    ops: Sequence[Op] = ()

    def note(self, told: str, holds: Holds) -> None:
        """Remember an answer, and what has to hold from now on."""
        self.answered.append((time.time(), told, holds))


@pytest.fixture(scope="session")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("q")
    life = Life(folder / "data", folder / "left")
    life.root.mkdir(mode=0o700)
    started = [sys.executable, "-m", "tests.faults.trapped", "orchestrator", "{}"]
    with (
        (folder / "log.out").open("wb") as output,
        (folder / "log.err").open("wb") as errors,
        subprocess.Popen(
            [*command(folder / "trace"), *started, "serve", "--json", *LISTEN],
            env=environment(life.root),
            stdout=output,
            stderr=errors,
        ) as recorded,
    ):
        wait_until(lambda: announced(folder / "log.out") is not None)
        live(life, folder)
        # strace passes the signal on only to what it started: end that by its own id.
        (child,) = children(recorded.pid)
        os.kill(child, signal.SIGTERM)
        recorded.wait(END_SECONDS)
    life.root.rename(life.left)
    life.root.mkdir()  # the recorded life began in an empty folder
    life.ops = Reader(life.root, folder / "marks").read(folder / "trace")
    return life


def live(life: Life, folder: Path) -> None:
    """Everything that an orchestrator writes for operators and devices, answer by answer."""
    ticket = ask(life.root, "ticket", "create", "--tag=kind=kept", "--uses=2")
    named = ticket["ticket"]["id"]
    life.note("a ticket was made", lambda seen: named in seen.tickets)
    kept, gone = (join(ticket["token"], identity.generate_key()) for _ in range(2))
    life.note("a device joined", lambda seen: kept.device_id in seen.devices)
    for sequence in (1, 2):
        kept.check_in(sequence=sequence)
    renew(kept)
    ask(life.root, "ticket", "revoke", named)
    life.note("a ticket was revoked", lambda seen: seen.tickets[named]["revoked"])
    ask(life.root, "device", "tag", kept.device_id, "line=3")
    tags = {"kind": "kept", "line": "3"}
    life.note("a device was tagged", lambda seen: seen.devices[kept.device_id]["tags"] == tags)
    ask(life.root, "settings", "apply", "retention_days=3")
    life.note(
        "settings were given",
        lambda seen: seen.devices[kept.device_id]["settings"]["settings"]["retention_days"] == 3,
    )
    ask(life.root, "device", "remove", gone.device_id, "--yes")
    life.note("a device was removed", lambda seen: gone.device_id not in seen.devices)
    for number, name in enumerate(("used", "bad")):
        path = tiny_bundle(folder / name, name=name, seed=number)
        ask(life.root, "backbone", "push", str(path))
        life.note(f"{name} was pushed", has_backbone(name))
    roll_out(life)


def has_backbone(name: str) -> Holds:
    return lambda seen: name in seen.backbones


def roll_out(life: Life) -> None:
    """One rollout that is stopped, and one whose bundle is recalled."""
    stopped = ask(life.root, "rollout", "start", "used", "--cohort=kind=kept")["id"]
    life.note("a rollout was started", lambda seen: stopped in seen.rollouts)
    ask(life.root, "rollout", "pause", stopped)
    life.note("it was paused", lambda seen: seen.rollouts[stopped]["phase"] != "running")
    ask(life.root, "rollout", "start", "bad", "--cohort=kind=kept")
    ask(life.root, "backbone", "recall", "bad", "--yes")
    life.note("a backbone was recalled", lambda seen: seen.backbones["bad"]["recalled_at"])


def places(life: Life) -> list[int]:
    """Before everything that makes something durable or visible, and at the end."""
    syncs = [number for number, op in enumerate(life.ops) if op.kind in (Kind.SYNC, Kind.RENAME)]
    return [*syncs, len(life.ops)]


def test_the_recorded_life_writes_as_the_model_says(life: Life, tmp_path: Path) -> None:
    """Everything kept, the model's folder is the folder that the orchestrator left."""
    disk = Disk(life.root)
    for op in life.ops:
        disk.take(op)
    disk.lose_power(tmp_path / "data", Loss.NONE, Random(0))
    assert contents(tmp_path / "data") == contents(life.left)


# What an orchestrator may forget to make durable.
FORGOTTEN: dict[str, Callable[[Path], bool]] = {
    "database": lambda path: path.name.startswith("fieldwise.sqlite"),
    "bundles": lambda path: path.parent.name == "sha256",
    "folders": lambda path: path.suffix == "" and path.name in {"data", "bundles", "sha256"},
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_an_orchestrator_that_forgets_to_sync_is_noticed(
    what: str, life: Life, orchestrators: Mother, tmp_path: Path
) -> None:
    disk, forgotten = Disk(life.root), 0
    for op in life.ops:
        forgets = op.kind is Kind.SYNC and FORGOTTEN[what](Path(op.path))
        disk.take(replace(op, kind=Kind.MARK) if forgets else op)
        forgotten += forgets
    assert forgotten
    disk.lose_power(tmp_path / "data", Loss.ALL, Random(0))
    with pytest.raises(AssertionError):
        assert_goes_on(orchestrators, tmp_path / "data", life, len(life.ops))


@pytest.mark.parametrize("share", range(SHARES))
def test_whenever_power_goes_the_orchestrator_keeps_what_it_answered(
    share: int,
    life: Life,
    orchestrators: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    wanted = places(life)[share::SHARES]
    chance, disk, passed = Random(share), Disk(life.root), 0
    tried("power lost under the orchestrator", len(wanted) * len(WAYS))
    for place in wanted:
        for op in life.ops[passed:place]:
            disk.take(op)
        passed = place
        for way in WAYS:
            folder = tmp_path_factory.mktemp("c")
            disk.lose_power(folder / "data", way, chance)
            with explained(f"power lost at op {place}, {way} of what was not durable is gone"):
                assert_goes_on(orchestrators, folder / "data", life, place)
            shutil.rmtree(folder)


def assert_goes_on(mother: Mother, folder: Path, life: Life, place: int) -> None:
    """It starts on what is left, keeps what it had answered, and answers further."""
    moment = life.ops[place - 1].seconds if place else 0.0
    with ForkedOrchestrator(mother, folder):
        seen = look(folder)
        for answered, told, holds in life.answered:
            assert answered > moment or holds(seen), f"{told}, and it is forgotten"
        for each in seen.backbones.values():
            assert_whole(folder, each["digest"])
        assert ask(folder, "ticket", "create")["token"]
    with closing(sqlite3.connect(folder / "fieldwise.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def look(folder: Path) -> Seen:
    def listed(kind: str, key: str = "id") -> dict[str, Any]:
        return {each[key]: each for each in ask(folder, kind, "list", "--limit=0")}

    return Seen(listed("ticket"), listed("device"), listed("backbone", "name"), listed("rollout"))


def assert_whole(folder: Path, digest: str) -> None:
    """A bundle that is listed is there, byte for byte."""

    def content(named: str) -> bytes:
        path = folder / "bundles" / "sha256" / named
        found = path.read_bytes() if path.exists() else b""
        assert digest_of(found) == named, f"{named[:12]} is not there, or not whole"
        return found

    for file in decode_manifest(content(digest)).files:
        content(file.digest)
