"""How many connections fit into the files that a process may open."""

import resource

import pytest
from structlog.testing import capture_logs

from orchestrator.world import FILES_KEPT, connections_within

Limits = tuple[int, int]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[Limits]:
    """The process's limits of open files, soft and hard; the last is in force."""
    set_to: list[Limits] = [(1024, 8192)]
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: set_to[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, limits: set_to.append(limits))
    return set_to


def test_the_soft_limit_is_raised_as_far_as_is_needed(files: list[Limits]) -> None:
    assert connections_within(1000, 100) == 1000
    assert files[-1] == (1000 + 100 + FILES_KEPT, 8192)


def test_a_limit_that_is_high_enough_is_left_alone(files: list[Limits]) -> None:
    files.append((65_536, 65_536))
    assert connections_within(1000, 100) == 1000
    assert files[-1] == (65_536, 65_536)


def test_where_files_do_not_suffice_fewer_are_taken_and_the_log_says_so(
    files: list[Limits],
) -> None:
    with capture_logs() as logs:
        taken = connections_within(20_000, 2000)
    assert files[-1] == (8192, 8192)
    assert taken == 20_000 * (8192 - FILES_KEPT) // 22_000
    assert [each["log_level"] for each in logs] == ["warning"]


def test_no_hard_limit_is_none(files: list[Limits]) -> None:
    files.append((1024, resource.RLIM_INFINITY))
    assert connections_within(20_000, 2000) == 20_000
    assert files[-1][1] == resource.RLIM_INFINITY


def test_this_process_itself_keeps_its_hard_limit() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert connections_within(1, 1) == 1
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == before[1]
