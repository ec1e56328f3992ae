"""The owner's hook: real commands, also those that misbehave."""

import asyncio
import os
import signal
import stat
from pathlib import Path

import pytest

from agent.device.hook import SAID_BYTES, Hook


def script(folder: Path, text: str) -> Path:
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def lives(process: int) -> bool:
    try:
        told = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return told.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(("status", "met"), [(0, True), (1, False), (75, False)])
async def test_status_zero_means_yes_and_any_other_not_now(
    tmp_path: Path, status: int, met: bool
) -> None:
    assert await Hook(script(tmp_path, f"exit {status}"))() is met


async def test_a_hook_that_is_not_there_means_not_now(tmp_path: Path) -> None:
    assert await Hook(tmp_path / "none")() is False


async def test_a_hook_killed_by_a_signal_means_not_now(tmp_path: Path) -> None:
    assert await Hook(script(tmp_path, "kill -9 $$"))() is False


async def test_a_hook_that_never_ends_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    hook = Hook(script(tmp_path, f"sleep 600 & echo $! > {mark}; wait"), seconds=1.0)
    assert await hook() is False
    child = int(mark.read_text())
    for _ in range(10_000):  # killed it is, but it dies when the system comes to it
        if not lives(child):
            break
        await asyncio.sleep(0.01)
    assert not lives(child)


@pytest.mark.parametrize("leaves", ["sleep 600 &", "setsid sleep 600 &"])
async def test_an_answer_does_not_wait_for_what_the_hook_left_behind(
    tmp_path: Path, leaves: str
) -> None:
    mark = tmp_path / "mark"
    hook = Hook(script(tmp_path, f"echo yes; {leaves} echo $! > {mark}; exit 0"), seconds=300.0)
    async with asyncio.timeout(200):  # else it would be heard only as one that took too long
        assert await hook() is True
    if "setsid" in leaves:
        os.kill(int(mark.read_text()), signal.SIGKILL)


async def test_rubbish_is_read_to_the_end_and_hardly_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rubbish = "head -c 3000000 /dev/zero | tr '\\0' 'x'; printf '\\033[2J\\n\\377'; exit 3"
    assert await Hook(script(tmp_path, rubbish))() is False
    said = capsys.readouterr().out
    assert "x" * SAID_BYTES in said
    assert "x" * (SAID_BYTES + 1) not in said


async def test_what_a_hook_leaves_behind_as_another_user_does_not_spoil_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_group: int, _signal: int) -> None:  # as where only a daemon of root's is left
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refuse)
    assert await Hook(script(tmp_path, "exit 0"))() is True


async def test_a_hook_that_cannot_be_ended_is_left_alone_and_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mark, genuine = tmp_path / "mark", os.killpg
    groups: list[int] = []

    def refuse(group: int, _signal: int) -> None:  # as where it has become another user
        groups.append(group)
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refuse)
    hook = Hook(script(tmp_path, f"echo . >> {mark}; sleep 600"), seconds=0.5, end_seconds=0.1)
    assert await hook() is False
    assert await hook() is False
    assert (len(groups), capsys.readouterr().out.count("cannot be ended")) == (1, 1)
    genuine(groups[0], signal.SIGKILL)
    assert hook._left is not None
    await hook._left.wait()
    begun = mark.read_text() if mark.exists() else ""
    (tmp_path / "hook").write_text("#!/bin/sh\nexit 0\n")
    assert begun in {"", ".\n"}
    assert await hook() is True
