"""SIGKILL of the orchestrator before and after everything it writes, and at random instants.

Around each kill goes a day of a small fleet: tickets, a device that joins, tags, settings, a bundle
that is pushed and rolled out to a real agent. Whoever asked asks again, as people and devices do.
At the end the day has had its effect, once, and the agent predicted all the while.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

import orchestrator.storage.sql
from fieldwise import identity
from tests.bundles import class_images, tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.fleets import ForkedOrchestrator, insist
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent
from tests.faults.traps import SIDES, trail_of
from tests.orchestrators import Member, join

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
SQL = Path(orchestrator.storage.sql.__file__).parent
RANDOM_DAYS, KILLS_A_DAY = 5, 10
# What no day of a fleet that goes well comes to; the reason stands beside each.
NOT_IN_A_DAY = frozenset({"SqlRollouts.recall"})  # it withholds a backbone for good; see below


def writes() -> list[str]:
    """Every method of the stores that opens a transaction to write, as the source has them."""
    found = []
    for path in sorted(SQL.glob("*.py")):
        for kind in ast.parse(path.read_text()).body:
            members = kind.body if isinstance(kind, ast.ClassDef) else [kind]
            prefix = f"{kind.name}." if isinstance(kind, ast.ClassDef) else ""
            found += [
                f"{prefix}{member.name}"
                for member in members
                if isinstance(member, ast.AsyncFunctionDef) and _opens(member)
            ]
    return found


def _opens(function: ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr == "write"
        for each in ast.walk(function)
    )


@dataclass(slots=True)
class Fleet:
    """One orchestrator and one agent that joined it, for all tests of a process."""

    server: ForkedOrchestrator
    agent: ForkedAgent
    folder: Path
    days: int = 0
    failures: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def orchestrators() -> Iterator[Mother]:
    with Mother("orchestrator") as running:
        yield running


@pytest.fixture(scope="module")
def fleet(
    orchestrators: Mother, mother: Mother, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("o")
    flags = ("--check-in-seconds=1",)
    agent = ForkedAgent(mother, folder / "s", probation_minutes="0")
    bundle = tiny_bundle(folder / "first", name="first", starter=True)
    assert "in use" in agent.run_forked("backbone", "install", bundle)
    agent.start()
    with ForkedOrchestrator(orchestrators, folder / "data", *flags) as server:
        ticket = server.ask("ticket", "create", "--tag=kind=agent")
        agent.run_forked("join", ticket["token"])
        with Client(agent.socket) as client:
            yield Fleet(server, agent, folder)
        assert client.failures == []
        agent.stop()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", writes())
def test_an_orchestrator_killed_at_a_write_goes_on(
    method: str, side: str, fleet: Fleet, tmp_path: Path, tried: Tried
) -> None:
    tried("kill -9 of the orchestrator at a write")
    trail = tmp_path / "trail"
    fleet.server.die({"die_at_write": {"method": method, "side": side, "trail": str(trail)}})
    spend_a_day(fleet)
    if method in NOT_IN_A_DAY:
        recall(fleet)
    deaths = trail_of(trail)
    assert [death["method"] for death in deaths] == [method]


@pytest.mark.parametrize("seed", range(RANDOM_DAYS))
def test_an_orchestrator_killed_at_random_instants_goes_on(
    seed: int, fleet: Fleet, tried: Tried
) -> None:
    tried("kill -9 of the orchestrator at a random instant", KILLS_A_DAY)
    chance, over = Random(seed), Event()
    fleet.server.die(None)

    def kill() -> None:
        for _ in range(KILLS_A_DAY):
            over.wait(chance.uniform(0.2, 2.0))
            assert fleet.server.child is not None
            fleet.server.child.kill()

    killer = Thread(target=kill)
    killer.start()
    while killer.is_alive():
        spend_a_day(fleet)
    killer.join()
    spend_a_day(fleet)


def spend_a_day(fleet: Fleet) -> None:
    """Everything that operators and devices do; each asks again until it is answered."""
    server, day = fleet.server, fleet.days
    fleet.days += 1
    ticket = server.ask("ticket", "create", "--uses=1")
    key = identity.generate_key()
    member = insist(lambda: join(ticket["token"], key))
    insist(lambda: member.check_in(settings_revision=3))
    renew(member)
    server.ask("device", "tag", member.device_id, "line=3")
    server.ask("settings", "apply", f"retention_days={day + 1}")
    server.ask("ticket", "revoke", ticket["ticket"]["id"])
    roll_out(fleet, day)
    newcomer(fleet, day)
    server.ask("device", "remove", member.device_id, "--yes")
    assert member.device_id not in {each["id"] for each in server.ask("device", "list")}


def renew(member: Member) -> None:
    from fieldwise.v1alpha1 import device_pb2

    request = device_pb2.RenewRequest(
        certificate_request=identity.certificate_request(identity.generate_key())
    )

    def ask() -> object:
        with member.calling() as stub:
            return stub.Renew(request, timeout=60)

    insist(ask)


def roll_out(fleet: Fleet, day: int) -> None:
    """Push a further bundle and bring it to the agent."""
    name = f"day{day}"
    path = tiny_bundle(fleet.folder / name, name=name, seed=day % 3, starter=True)
    fleet.server.ask("backbone", "push", str(path))
    before = {each["id"] for each in fleet.server.ask("rollout", "list")}
    fleet.server.ask("rollout", "start", name, "--cohort=kind=agent")
    with fleet.agent.device() as device:
        wait_until(lambda: device.status().backbone == f"{name}:1.0.0", seconds=170)
        assert device.predict(class_images("red", 1)[0]).best
    (newest, *_) = fleet.server.ask("rollout", "list")
    assert newest["id"] not in before

    def is_complete() -> bool:
        return bool(fleet.server.ask("rollout", "show", newest["id"])["phase"] == "complete")

    wait_until(is_complete, seconds=170)


def newcomer(fleet: Fleet, day: int) -> None:
    """A device that joins later is welcomed to what has been rolled out."""
    ticket = fleet.server.ask("ticket", "create", "--tag=kind=agent")
    key = identity.generate_key()
    member = insist(lambda: join(ticket["token"], key))
    orders = insist(lambda: member.check_in(sequence=day + 1))
    assert orders.target.generation
    fleet.server.ask("device", "remove", member.device_id, "--yes")


def recall(fleet: Fleet) -> None:
    name = f"day{fleet.days - 1}"
    fleet.server.ask("backbone", "recall", name, "--yes")
    with fleet.agent.device() as device:
        wait_until(lambda: device.status().backbone != f"{name}:1.0.0")
