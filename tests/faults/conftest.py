"""What tests of faults share: the mother of their processes, and a table of what was tried."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.forked import Mother

Tried = Callable[[str, int], None]
POINTS = "points tried"


@pytest.fixture(scope="session")
def mother() -> Iterator[Mother]:
    with Mother("agent") as running:
        yield running


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
