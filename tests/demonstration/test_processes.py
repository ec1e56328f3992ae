import sys
import time
from pathlib import Path

import pytest

from demonstration import processes
from fieldwise.errors import FieldwiseError

SLEEPS = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('up', flush=True); time.sleep(600)"
    ),
]


def wait_until_up(log: Path) -> None:
    for _ in range(6000):
        if "up" in log.read_text():
            return
        time.sleep(0.01)
    pytest.fail("the program did not start")


def test_a_program_ends_with_its_context(tmp_path: Path) -> None:
    with processes.Program(SLEEPS, processes.environment(), tmp_path / "log") as child:
        wait_until_up(tmp_path / "log")
        assert child.running
    assert not child.running


def test_a_program_that_does_not_listen_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.1)
    with processes.Program(DEAF, processes.environment(), tmp_path / "log") as child:
        wait_until_up(tmp_path / "log")
    assert not child.running


def test_a_program_ends_when_something_else_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117 - the child must be named inside
        with processes.Program(SLEEPS, processes.environment(), tmp_path / "log") as child:
            raise KeyboardInterrupt
    assert not child.running


def test_a_program_that_ended_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; print('no room'); sys.exit(5)"]
    with processes.Program(words, processes.environment(), tmp_path / "log") as child:
        child.wait()
        with pytest.raises(FieldwiseError, match=r"ended with status 5:\n  no room"):
            child.check()


def test_free_ports_differ() -> None:
    assert len(set(processes.free_ports(3))) == 3


def test_settings_of_this_shell_do_not_reach_the_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDWISE_AGENT_THREADS", "7")
    variables = processes.environment(FIELDWISE_TOKEN="ours")
    assert "FIELDWISE_AGENT_THREADS" not in variables
    assert variables["FIELDWISE_TOKEN"] == "ours"
