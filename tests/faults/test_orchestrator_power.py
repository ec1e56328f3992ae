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
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from aggregator.app import SystemClock
from aggregator.campaigning import Campaigning
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.rpc.client import WorkerClient, open_channel
from fieldwise import identity
from fieldwise.bundle import decode_manifest, digest_of
from fieldwise.federation import RowKind
from orchestrator.connection import read_connection
from orchestrator.contents import UPDATES
from tests.bundles import tiny_bundle
from tests.fakes.agent_process import END_SECONDS, wait_until
from tests.faults.conftest import Tried
from tests.faults.days import renew
from tests.faults.fleets import ForkedOrchestrator, announced, ask
from tests.faults.forked import Mother
from tests.faults.lives import Holds, Life, has_audited, has_signed, let_in, look, rotate
from tests.faults.partners import band, see_through
from tests.faults.power import Disk, Loss, contents, explained
from tests.faults.recording import Kind, Reader, children, command
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
IDLE = "--federation-aggregator=cat"  # a child that does nothing: the test aggregates itself
TAKEN = """SELECT digest FROM campaign_updates JOIN campaigns ON campaign = campaigns.number
WHERE state = 'taken' AND phase = 'running'"""
SHARES = 6  # of the points, for the workers of pytest-xdist


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
            [*command(folder / "trace"), *started, "serve", "--json", *LISTEN, IDLE],
            env=environment(life.root),
            stdout=output,
            stderr=errors,
        ) as recorded,
    ):
        try:
            wait_until(lambda: announced(folder / "log.out") is not None)
            live(life, folder)
        finally:
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
    let_in(life, kept.device_id)
    for number, name in enumerate(("used", "bad")):
        path = tiny_bundle(folder / name, name=name, seed=number)
        ask(life.root, "backbone", "push", str(path))
        life.note(f"{name} was pushed", has_backbone(name))
        life.note("it was signed", has_signed(life))
    roll_out(life)
    federate(life)
    rotate(life)
    life.note("it was written down", has_audited(life))


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


def federate(life: Life) -> None:
    """Two devices come to two heads, of which the first is offered again; one withdraws."""
    bundle = life.ask("backbone", "show", "used")["digest"]
    partners = band(life, "gives=means", bundle, [RowKind.MEANS] * 2)
    plan = ("used", "--class=red", "--cohort=gives=means", "--rounds=2", "--pause=0s")
    made = life.ask("federation", "start", *plan)["id"]
    life.note("a campaign was started", lambda seen: made in seen.campaigns)
    with worker(life, made) as client:
        aggregating = Thread(target=aggregate, args=(client,), daemon=True)
        aggregating.start()
        see_through(life, made, partners)
        aggregating.join(END_SECONDS)
    life.note("a campaign came to its end", has_heads(made, 2))
    life.ask("federation", "head", "rollback", made, "1", "--yes")
    life.note("a head was taken back", has_heads(made, 3))
    left = life.ask("federation", "start", *plan)["id"]
    with worker(life, left) as client:
        assert client.open_round().round == 1

    def has_given() -> bool:
        partners[0].take_part()
        return bool(life.ask("federation", "show", left)["round"]["taken"])

    wait_until(has_given)
    life.note("an update was taken", lambda seen: has_taken(seen.campaigns[left]))
    life.ask("federation", "stop", left, "--yes")
    life.note("it was stopped", lambda seen: seen.campaigns[left]["phase"] == "stopped")
    partners[0].withdraw()


@contextmanager
def worker(life: Life, campaign: str) -> Iterator[WorkerClient]:
    """What an aggregator of a campaign asks by, with the token that its own child got."""
    token, connection = life.root / "aggregators" / campaign / "token", read_connection(life.root)
    assert connection is not None
    wait_until(token.exists)
    with open_channel(connection.address, connection.authority.encode()) as channel:
        yield WorkerClient(channel, token.read_text().strip())


def aggregate(client: WorkerClient) -> None:
    with capture_logs():  # which would get in between what commands print in this process
        Campaigning(client, FlowerStrategies(), SystemClock(), Random(1)).run()


def has_taken(campaign: dict[str, Any]) -> bool:
    return bool(campaign["phase"] == "stopped" or campaign["round"]["taken"] == 1)


def has_heads(campaign: str, count: int) -> Holds:
    return lambda seen: len(seen.heads[campaign]) >= count


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
    "folders": lambda path: path.name in {"data", "operator", "bundles", "sha256"},
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
    with ForkedOrchestrator(mother, folder, IDLE):
        seen = look(folder)
        for answered, told, holds in life.answered:
            assert answered > moment or holds(seen), f"{told}, and it is forgotten"
        for each in seen.backbones.values():
            assert_whole(folder, each["digest"])
        for heads in seen.heads.values():
            for each in heads:
                content(folder / "bundles", each["digest"])
        assert ask(folder, "ticket", "create")["token"]
    with closing(sqlite3.connect(folder / "fieldwise.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        taken = database.execute(TAKEN).fetchall()
    for (digest,) in taken:
        content(folder / "bundles" / UPDATES, digest)


def assert_whole(folder: Path, digest: str) -> None:
    """A bundle that is listed is there, byte for byte."""
    for file in decode_manifest(content(folder / "bundles", digest)).files:
        content(folder / "bundles", file.digest)


def content(folder: Path, named: str) -> bytes:
    """What is kept under a digest, byte for byte."""
    path = folder / "sha256" / named
    found = path.read_bytes() if path.exists() else b""
    assert digest_of(found) == named, f"{named[:12]} is not there, or not whole"
    return found
