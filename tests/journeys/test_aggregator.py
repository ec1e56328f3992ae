"""The program ``fieldwise-aggregator`` as whoever starts it sees it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.orchestrating import MemoryOrchestrator
from tests.fakes.updates import campaign, means
from tests.fakes.worker_service import TOKEN, Running, WorkerService, serving

PROGRAM = Path(sys.executable).parent / "fieldwise-aggregator"
SECONDS = 60


class Held(MemoryOrchestrator):
    """Answers nothing about updates until it is told to, and says when it is asked."""

    __slots__ = ("asked_for_updates", "go_on")

    def __init__(self, *given: object) -> None:
        super().__init__(*given)
        self.asked_for_updates, self.go_on = threading.Event(), threading.Event()

    def updates(self, number: int) -> Iterator[object]:
        self.asked_for_updates.set()
        assert self.go_on.wait(SECONDS)
        yield from MemoryOrchestrator.updates(self, number)


def rounds(count: int) -> list[object]:
    return [
        [
            (alias, means({1: (20, 5.0 * alias), 2: (20, 7.0)}, round_number=number))
            for alias in (1, 2, 3)
        ]
        for number in range(1, count + 1)
    ]


def environment(running: Running, folder: Path, token: str = TOKEN) -> dict[str, str]:
    (folder / "token").write_text(f"{token}\n")
    (folder / "authority.pem").write_bytes(running.roots)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    own = {
        "ADDRESS": running.address,
        "CA": str(folder / "authority.pem"),
        "TOKEN_FILE": str(folder / "token"),
        "WORK_FOLDER": str(folder),
        "TIED": "true",
        "LOG_FORM": "json",
    }
    return kept | {f"FIELDWISE_AGGREGATOR_{name}": value for name, value in own.items()}


@contextmanager
def started(variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [PROGRAM],
        env=variables,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        for stream in (process.stdin, process.stderr):
            if stream is not None:
                stream.close()


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    assert process.stderr is not None
    said = process.stderr.read()
    return process.wait(SECONDS), said


def test_it_works_through_a_campaign_and_ends_with_it(tmp_path: Path) -> None:
    behind = MemoryOrchestrator(campaign(strategy="FedMedian"), rounds(2))
    with (
        serving(WorkerService(behind)) as running,
        started(environment(running, tmp_path)) as process,
    ):
        code, said = finished(process)
    assert (code, list(behind.committed)) == (0, [1, 2]), said
    assert said.count('"a round was committed"') == 2
    assert TOKEN not in said
    assert "Sampled" not in said
    assert {each.name for each in tmp_path.iterdir()} == {"token", "authority.pem"}


def test_killed_in_the_middle_of_a_round_it_goes_on_where_it_was(tmp_path: Path) -> None:
    behind = Held(campaign(), rounds(2))
    with serving(WorkerService(behind)) as running:
        variables = environment(running, tmp_path)
        with started(variables) as process:
            assert behind.asked_for_updates.wait(SECONDS)
            process.kill()
            process.wait(SECONDS)
        behind.go_on.set()
        with started(variables) as process:
            code, said = finished(process)
    assert (code, list(behind.committed)) == (0, [1, 2]), said


def test_where_another_took_over_it_ends_with_the_code_that_says_so(tmp_path: Path) -> None:
    behind = MemoryOrchestrator(campaign(), rounds(1))
    with (
        serving(WorkerService(behind)) as running,
        started(environment(running, tmp_path, "c7.old")) as process,
    ):
        assert finished(process)[0] == 3
    assert behind.committed == {}


@pytest.mark.parametrize("how", ["its starter ends", "it is told to"])
def test_it_ends_at_once_when(tmp_path: Path, how: str) -> None:
    behind = Held(campaign(), rounds(1))
    with (
        serving(WorkerService(behind)) as running,
        started(environment(running, tmp_path)) as process,
    ):
        assert behind.asked_for_updates.wait(SECONDS)
        if how == "it is told to":
            process.send_signal(signal.SIGTERM)
        else:
            assert process.stdin is not None
            process.stdin.close()
        code = process.wait(SECONDS)
        behind.go_on.set()
    assert code == 130
    assert behind.committed == {}


def test_without_its_settings_it_says_which_are_missing(tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with started(kept) as process:
        code, said = finished(process)
    assert code == 2
    for name in ("ADDRESS", "CA", "TOKEN_FILE"):
        assert f"FIELDWISE_AGGREGATOR_{name}" in said


def test_a_token_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    behind = MemoryOrchestrator(campaign(), rounds(1))
    with serving(WorkerService(behind)) as running:
        variables = environment(running, tmp_path)
        (tmp_path / "token").unlink()
        with started(variables) as process:
            code, said = finished(process)
    assert code == 2
    assert "cannot be read" in said
