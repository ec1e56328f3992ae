"""Power that goes under an agent while it becomes a member, is one, and leaves.

One life is recorded call by call: it applies, is let in, follows its publisher, renews, and leaves.
Then power goes before and after everything that makes any of that durable. What is left is what
was there before the write or after it, whole; a real agent starts on it, and trusts a publisher
where it is a member and nowhere else.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agent.device.clock import SystemClock
from agent.device.database import Database
from agent.device.identity import IdentityFolder
from agent.device.trust import DatabasePublisher
from fieldwise.errors import FieldwiseError
from fieldwise.trust import Role
from tests.bundles import CLASSES, class_images
from tests.fakes.agent_process import END_SECONDS
from tests.faults.conftest import Tried
from tests.faults.forked import Mother
from tests.faults.forked_agent import ForkedAgent
from tests.faults.memberships import fleet_with_backbone, live, made
from tests.faults.power import Loss, contents, disk_after, explained
from tests.faults.recording import Kind, Op, Reader, children, command
from tests.faults.test_power_lost import FORGOTTEN

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        shutil.which("strace") is None,
        reason="there is no strace here (`make services` gets it where there is apt)",
    ),
]
WAYS = (Loss.ALL, Loss.NONE, Loss.SOME)
SHARES = 6  # of the points, for the workers of pytest-xdist
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Life:
    """What an agent did to its disk."""

    before: Path
    root: Path
    ops: Sequence[Op]


@pytest.fixture(scope="session")
def life(tmp_path_factory: pytest.TempPathFactory, mother: Mother) -> Life:
    folder = tmp_path_factory.mktemp("m")
    with fleet_with_backbone(tmp_path_factory.mktemp("w")) as (server, backbones):
        agent = made(mother, folder, backbones)
        shutil.copytree(agent.folder, folder / "before")
        trace, marks, aged = folder / "trace", folder / "marks", folder / "aged"
        trap = json.dumps({"mark_membership": str(marks), "grow_old": str(aged)})
        started = [sys.executable, "-m", "tests.faults.trapped", "agent", trap, "run"]
        with subprocess.Popen(
            [*command(trace), *started], env=agent.environment, stderr=subprocess.DEVNULL
        ) as recorded:
            try:
                live(agent, server, aged)
            finally:
                # strace passes the signal on only to what it started: end that by its own id.
                (child,) = children(recorded.pid)
                os.kill(child, 15)
            recorded.wait(END_SECONDS)
    before = folder / "before"
    return Life(before, agent.folder, Reader(agent.folder, marks, before).read(trace))


def writes(ops: Sequence[Op]) -> Iterator[tuple[int, int, str]]:
    """Where something of a membership begins to be written, where it has been, and what."""
    begun: dict[str, int] = {}
    for number, op in enumerate(ops):
        mark = json.loads(op.data) if op.kind is Kind.MARK else {}
        if "begun" in mark:
            begun[mark["begun"]] = number
        elif "ended" in mark:
            yield begun.pop(mark["ended"]), number + 1, mark["ended"]


def places(ops: Sequence[Op]) -> list[int]:
    """Before and after all that makes something of a membership durable or visible."""
    return sorted(
        {
            place
            for begin, end, _ in writes(ops)
            for number in range(begin, end)
            if ops[number].kind in (Kind.SYNC, Kind.RENAME, Kind.UNLINK)
            for place in (number, number + 1)
        }
    )


def read(folder: Path) -> State:
    """What a folder says of a membership."""
    identity = IdentityFolder(folder / "identity")
    member, applied = identity.read(), identity.application()
    with closing(Database(folder / "state.sqlite")) as database:
        trusted = DatabasePublisher(database, folder / "metadata", SystemClock()).trusted()
    return {
        "member": member.certificate.hex() if member else "",
        "applied": applied.fingerprint if applied else "",
        "trusts": [trusted.version(role) for role in Role],
    }


def left(life: Life, place: int, way: Loss, folder: Path, chance: Random) -> Path:
    """Lose power at a place; returns the state folder."""
    disk = disk_after(life.before, life.root, life.ops[:place])
    disk.lose_power(folder / "s", way, chance)
    return folder / "s"


@pytest.fixture(scope="session")
def said(life: Life, tmp_path_factory: pytest.TempPathFactory) -> dict[int, State]:
    """What is there before and after each write where no power goes, by its place."""
    found = {}
    for place in sorted({place for begin, end, _ in writes(life.ops) for place in (begin, end)}):
        folder = tmp_path_factory.mktemp("n")
        found[place] = read(left(life, place, Loss.NONE, folder, Random(0)))
        shutil.rmtree(folder)
    return found


def possible(life: Life, said: dict[int, State], place: int) -> dict[str, list[Any]]:
    """Of each part, what was there before the writes that are under way, and after them."""
    under_way = [(begin, end) for begin, end, _ in writes(life.ops) if begin < place < end]
    before = max((each for each in said if each <= place), default=min(said))
    states = [said[before], *(said[each] for pair in under_way for each in pair)]
    return {part: [each[part] for each in states] for part in said[before]}


def test_the_recorded_life_writes_as_the_model_says(life: Life, tmp_path: Path) -> None:
    """Everything kept, the model's folder is the folder that the agent left."""
    assert contents(left(life, len(life.ops), Loss.NONE, tmp_path, Random(0))) == contents(
        life.root
    )


def test_the_recorded_life_comes_to_every_write(life: Life, said: dict[int, State]) -> None:
    done = [name for _, _, name in writes(life.ops)]
    assert set(done) == {
        *(f"IdentityFolder.{name}" for name in ("apply", "write", "pending_key", "remove")),
        *(f"DatabasePublisher.{name}" for name in ("begin", "refresh")),
    }
    assert done.count("IdentityFolder.write") == 1 + 2
    assert len({each["member"] for each in said.values()}) == 1 + 3
    assert any(all(each["trusts"]) for each in said.values())
    assert said[max(said)] == {"member": "", "applied": "", "trusts": [0] * len(Role)}


@pytest.mark.parametrize("what", ["files", "folders", "database"])
def test_a_member_that_forgets_to_sync_is_noticed(
    what: str, life: Life, said: dict[int, State], tmp_path: Path
) -> None:
    ops = [
        replace(op, kind=Kind.MARK, data=b"{}")
        if op.kind is Kind.SYNC and FORGOTTEN[what](Path(op.path))
        else op
        for op in life.ops
    ]
    assert ops != life.ops
    forgetful = replace(life, ops=ops)

    def is_noticed(place: int) -> bool:
        state = left(forgetful, place, Loss.ALL, tmp_path / f"{place}", Random(0))
        try:
            return read(state) != said[place]
        except FieldwiseError:
            return True

    assert any(is_noticed(end) for _, end, _ in writes(life.ops))


@pytest.mark.parametrize("share", range(SHARES))
def test_whenever_power_goes_a_device_is_a_member_wholly_or_not_at_all(
    share: int,
    life: Life,
    said: dict[int, State],
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    wanted = places(life.ops)[share::SHARES]
    chance = Random(share)
    tried("power lost under a member", len(wanted) * len(WAYS))
    for place in wanted:
        for way in WAYS:
            folder = tmp_path_factory.mktemp("c")
            state = left(life, place, way, folder, chance)
            with explained(f"power lost at op {place}, {way} of what was not durable is gone"):
                found, may_be = read(state), possible(life, said, place)
                for part, value in found.items():
                    assert value in may_be[part], part
                assert_comes_back(ForkedAgent(mother, state), found)
            shutil.rmtree(folder)


def assert_comes_back(agent: ForkedAgent, found: State) -> None:
    agent.start()
    try:
        with agent.device() as device:
            status = device.status()
            assert device.predict(class_images("red", 1)[0]).best in CLASSES
        assert bool(status.fleet) == bool(found["member"])
        assert bool(status.publisher.root_version) == bool(found["member"])
        if found["applied"] and not found["member"]:
            assert status.joining is not None
            assert status.joining.fingerprint == found["applied"]
    finally:
        agent.kill()
    assert not list(agent.folder.glob("*.altered")), "the ledger seems to have been altered"
