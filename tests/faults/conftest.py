"""What tests of faults share: the mother of their processes, and a table of what was tried."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from tests.bundles import tiny_bundle
from tests.faults.days import Fleet
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent

POINTS = "points tried"


class Tried(Protocol):
    """Count points of a kind, for the table at the end."""

    def __call__(self, kind: str, points: int = 1) -> None: ...


@pytest.fixture(scope="session")
def mother() -> Iterator[Mother]:
    with Mother("agent") as running:
        yield running


@pytest.fixture(scope="module")
def orchestrators() -> Iterator[Mother]:
    with Mother("orchestrator") as running:
        yield running


@pytest.fixture(scope="module")
def fleets(
    orchestrators: Mother, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ForkedOrchestrator]:
    """An orchestrator that has a backbone, for devices to join."""
    folder = tmp_path_factory.mktemp("w")
    flag = "--check-in-seconds=1"
    with ForkedOrchestrator(orchestrators, folder / "data", flag) as running:
        running.ask("backbone", "push", str(tiny_bundle(folder / "b", name="fleets", starter=True)))
        yield running


@pytest.fixture(scope="module")
def fleet(
    orchestrators: Mother, mother: Mother, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """An orchestrator and an agent that joined it; the agent predicts to the end of the module."""
    folder = tmp_path_factory.mktemp("o")
    agent = ForkedAgent(mother, folder / "s", probation_minutes="0", shared_classes="all")
    bundle = tiny_bundle(folder / "first", name="first", starter=True)
    assert "in use" in agent.run_forked("backbone", "install", bundle)
    agent.start()
    flags = ("--check-in-seconds=1", "--applicant-retry-seconds=1", "--applicant-seconds=20")
    with ForkedOrchestrator(orchestrators, folder / "data", *flags) as server:
        ticket = server.ask("ticket", "create", "--tag=kind=agent")
        agent.run_forked("join", ticket["token"])
        with Client(agent.socket) as client:
            yield Fleet(server, agent, folder)
        assert client.failures == []
        agent.stop()


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Tried:
    """Count points of a kind, for the table at the end; to be called before they are tried."""

    def count(kind: str, points: int = 1) -> None:
        request.node.user_properties.append((POINTS, (kind, points)))

    return count


def pytest_terminal_summary(terminalreporter: Any) -> None:
    points: dict[str, int] = defaultdict(int)
    failures: dict[str, int] = defaultdict(int)
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in getattr(report, "user_properties", ()):
                if name == POINTS and report.when == "call":
                    kind, count = value
                    points[kind] += count
                    failures[kind] += outcome != "passed"
    if points:
        terminalreporter.section("faults")
        width = max(map(len, points))
        for kind in sorted(points):
            terminalreporter.line(
                f"{kind:<{width}}  {points[kind]:>5} points, {failures[kind]:>3} failures"
            )
        total = f"{sum(points.values()):>5} points, {sum(failures.values()):>3} failures"
        terminalreporter.line(f"{'together':<{width}}  {total}")
