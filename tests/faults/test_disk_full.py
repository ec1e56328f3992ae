"""A disk that fills up under a real daemon: lessons are refused, none that it took is lost."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import class_images, tiny_bundle
from tests.fakes.agent_process import AgentProcess

MIB = 1 << 20
LESSONS_MAX = 200
CAP_SYS_ADMIN = 21
Fill = Callable[[AgentProcess], ExitStack]


def may_mount() -> bool:
    """Whether this process may make file systems: root outside a container that forbids it."""
    status = Path("/proc/self/status").read_text()
    capabilities = int(status.split("CapEff:")[1].split()[0], 16)
    return bool(capabilities >> CAP_SYS_ADMIN & 1)


@contextmanager
def small_disk(place: Path) -> Iterator[Fill]:
    """A file system of 64 MiB, and a file that fills it to the last MiB."""
    place.mkdir()
    options = ("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place))
    subprocess.run(["mount", *options], check=True)

    def fill(agent: AgentProcess) -> ExitStack:
        ballast = place / "ballast"
        disk = os.statvfs(place)
        ballast.write_bytes(bytes(disk.f_bavail * disk.f_frsize - MIB))
        freed = ExitStack()
        freed.callback(ballast.unlink)
        return freed

    try:
        yield fill
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def short_files(place: Path) -> Iterator[Fill]:
    """A limit on the size of the daemon's files, which takes no rights."""
    place.mkdir()

    def fill(agent: AgentProcess) -> ExitStack:
        assert agent.process is not None
        pid = agent.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (MIB, hard))
        freed = ExitStack()
        freed.callback(resource.prlimit, pid, resource.RLIMIT_FSIZE, before)
        return freed

    yield fill


DISKS = {
    "small disk": pytest.param(
        small_disk, marks=pytest.mark.skipif(not may_mount(), reason="mounting takes root")
    ),
    "short files": pytest.param(short_files),
}


@pytest.mark.parametrize("disk", DISKS.values(), ids=DISKS.keys())
def test_a_daemon_without_room_refuses_lessons_serves_on_and_recovers(
    disk: Callable[[Path], AbstractContextManager[Fill]], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        fill = stack.enter_context(disk(tmp_path / "d"))
        agent = AgentProcess(tmp_path / "d" / "s", commit_samples="1")
        assert agent.run("backbone", "install", tiny_bundle(tmp_path / "b")).returncode == 0
        agent.start()
        stack.callback(agent.stop)
        with agent.device() as device:
            with fill(agent):
                taken = teach_until_refused(device)
                assert 1 < taken < LESSONS_MAX
                assert device.predict(class_images("red", 1)[0]).best == "noise"
                assert counted(device) == taken
            teach(device, LESSONS_MAX)
        agent.kill()
        agent.start()
        with agent.device() as device:
            assert counted(device) == taken + 1


def teach_until_refused(device: Device) -> int:
    taken: list[int] = []
    with pytest.raises(FieldwiseError) as caught:
        teach_on(device, taken)
    assert caught.value.fault is Fault.DISK_FULL
    assert "no room" in caught.value.sentence
    return len(taken)


def teach_on(device: Device, taken: list[int]) -> None:
    for number in range(LESSONS_MAX):
        teach(device, number)
        taken.append(number)


def teach(device: Device, number: int) -> None:
    """Teach an image that does not compress."""
    image = np.random.default_rng(number).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    device.teach(image, "noise", burst=f"{number}")


def counted(device: Device) -> int:
    learning = device.status().learning
    return learning.samples + learning.select_samples + learning.judge_samples


@pytest.mark.skipif(not may_mount(), reason="mounting takes root")
def test_an_agent_begins_and_predicts_on_a_disk_without_a_free_byte(tmp_path: Path) -> None:
    with small_disk(tmp_path / "d"):
        agent = AgentProcess(tmp_path / "d" / "s")
        assert agent.run("backbone", "install", tiny_bundle(tmp_path / "b")).returncode == 0
        agent.start()
        with agent.device() as device:
            lesson = device.teach(class_images("red", 1)[0], "red")
            assert lesson.share == "learn"  # an unnamed scene is, while its class is new
        assert agent.stop() == 0
        with (
            suppress(OSError),
            (tmp_path / "d" / "ballast").open("wb", buffering=0) as ballast,
        ):
            while ballast.write(bytes(4096)):
                pass
        alone = agent.run("status")
        assert alone.returncode == 0, alone.stderr
        agent.start()
        try:
            with agent.device() as device:
                assert device.predict(class_images("red", 1)[0]).best == "red"
        finally:
            agent.stop()
