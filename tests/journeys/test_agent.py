"""A real agent and a real orchestrator: joining, learning, a new backbone, leaving."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from agent.cli.output import INTERRUPTED
from fieldwise.client import Device
from tests.bundles import CLASSES, class_folder, class_images, tiny_bundle
from tests.fakes.agent_process import END_SECONDS, PROGRAM, AgentProcess, wait_until
from tests.orchestrators import Orchestrator, serving

PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1")


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Orchestrator]:
    with serving(tmp_path / "data", *PACE) as running:
        yield running


def publish(orchestrator: Orchestrator, bundle: Path, title: str) -> None:
    orchestrator.json("backbone", "push", str(bundle))
    orchestrator.json("rollout", "start", title)


def teach_all(device: Device) -> None:
    for name in CLASSES:
        for number, image in enumerate(class_images(name, 12)):
            device.teach(image, name, burst=f"{name} {number}")


def right_of(device: Device) -> int:
    """How many of 20 new images it knows."""
    asked = [(name, image) for name in CLASSES for image in class_images(name, 5, seed=8)]
    return sum(device.predict(image).best == name for name, image in asked)


def test_a_device_joins_learns_changes_its_backbone_and_leaves(
    agent: AgentProcess, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    agent.start()  # before joining: everything local works
    joined = agent.ask("join", orchestrator.json("ticket", "create")["token"])
    publish(orchestrator, tiny_bundle(tmp_path / "one"), "tiny:1.0.0")
    with agent.device() as device:
        wait_until(lambda: device.status().backbone == "tiny:1.0.0")
        teach_all(device)
        second = tiny_bundle(tmp_path / "two", seed=2, version="2.0.0", width=48)
        publish(orchestrator, second, "tiny:2.0.0")
        wait_until(lambda: device.status().backbone == "tiny:2.0.0")
        assert right_of(device) >= 16
    listed = orchestrator.json("device", "list")
    assert [each["id"] for each in listed] == [joined["device_id"]]
    ledger = agent.ask("ledger", "--entries", "1000")
    kinds = {"enrolment", "check-in", "download request", "metadata request"}
    assert set(ledger["totals"]) == kinds
    assert ledger["totals"]["enrolment"]["messages"] == 1
    said = {word for each in ledger["entries"] for word in each["summary"].split()}
    assert said.isdisjoint(CLASSES)
    assert agent.ask("leave")["told"] is True
    assert agent.ask("status")["fleet"] == ""
    assert agent.stop() == 0


def test_a_device_learns_on_while_its_orchestrator_is_away(
    agent: AgentProcess, tmp_path: Path
) -> None:
    with serving(tmp_path / "data", *PACE) as orchestrator:
        agent.ask("join", orchestrator.json("ticket", "create")["token"])
        publish(orchestrator, tiny_bundle(tmp_path / "one"), "tiny:1.0.0")
        agent.start()
        with agent.device() as device:
            wait_until(lambda: device.status().backbone == "tiny:1.0.0")
    with agent.device() as device:
        wait_until(lambda: device.status().check_in_error != "")
        teach_all(device)
    agent.kill()
    agent.start()
    with agent.device() as device:
        assert right_of(device) >= 16
        status = device.status()
        report = device.learning_report()
        counts = status.learning
        recorded = counts.samples + counts.select_samples + counts.judge_samples
        assert (report.tested, len(report.heads)) == (recorded, 4)
        assert report.can_tell
        assert status.fleet
        assert status.update.phase == "active"
    assert agent.ask("leave") == {"told": False, "wiped": False}


def test_settings_of_a_cohort_reach_its_device_and_outlive_a_restart(
    agent: AgentProcess, orchestrator: Orchestrator, tmp_path: Path
) -> None:
    assert agent.ask("backbone", "install", tiny_bundle(tmp_path / "one"))
    joined = agent.ask("join", orchestrator.json("ticket", "create", "--tag=line=4")["token"])
    agent.start()
    own = agent.ask("status")["settings"]
    assert agent.ask("status")["settings_revision"] == 0
    wanted = ("exemplar_bytes_max=1048576", "retention_days=7")
    assert orchestrator.json("settings", "apply", "--cohort=line=5", *wanted)["devices"] == 0
    assert orchestrator.json("settings", "apply", "--cohort=line=4", *wanted)["devices"] == 1
    with agent.device() as device:
        wait_until(lambda: device.status().settings_revision > 0)
        noise = np.random.default_rng(1).integers(0, 256, (40, 256, 256, 3), dtype=np.uint8)
        for number, image in enumerate(noise):
            device.teach(image, "noise", burst=f"{number}")
        assert 0 < device.status().learning.exemplar_bytes <= 1 << 20
    agent.kill()
    agent.start()
    kept = agent.ask("status")
    revision = kept["settings_revision"]
    assert revision > 0
    assert kept["settings"] == {**own, "exemplar_bytes_max": 1 << 20, "retention_days": 7}
    assert "images 1.0 MiB, kept 7 days" in agent.run("status").stdout

    def is_told() -> bool:
        shown = orchestrator.json("device", "show", joined["device_id"])
        assert shown["settings"]["revision"] == revision
        return bool(shown["report"]["settings_revision"] == revision)

    wait_until(is_told)
    assert orchestrator.json("settings", "apply", "shrinkage=0.5")["devices"] == 1
    with agent.device() as device:
        wait_until(lambda: device.status().settings_revision > revision)
    assert agent.ask("status")["settings"] == {**own, "shrinkage": 0.5}


def watched_by_a_relative_name(agent: AgentProcess, folder: Path) -> None:
    (folder / "photos" / "green").mkdir(parents=True)
    watcher = subprocess.Popen(
        [PROGRAM, "watch", "photos/", "--json"],
        env=agent.environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert watcher.stdout is not None
        assert watcher.stderr is not None
        assert watcher.stderr.readline() == f"watching {folder}/photos\n"
        shutil.copy(folder / "images" / "green" / "1.png", folder / "photos" / "green")
        taught = msgspec.json.decode(watcher.stdout.readline())
        assert taught["file"] == f"{folder}/photos/green/1.png"
        assert taught["share"]
        shutil.copy(folder / "images" / "green" / "2.png", folder / "photos")
        told = msgspec.json.decode(watcher.stdout.readline())
        assert told["file"] == f"{folder}/photos/2.png"
        assert told["backbone"] == "tiny:1.0.0"
    finally:
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(END_SECONDS) == INTERRUPTED
        watcher.communicate()


def test_commands_and_a_watched_folder_go_through_the_daemon(
    agent: AgentProcess, tmp_path: Path
) -> None:
    agent.start()
    images = class_folder(tmp_path / "images", count=3)
    assert agent.ask("backbone", "install", tiny_bundle(tmp_path / "one"))
    for name in CLASSES:
        agent.ask("teach", name, *sorted((images / name).iterdir()), "--independent")
    (answer,) = agent.ask("predict", images / "red" / "0.png")
    lesson = agent.ask("feedback", answer["id"], "crimson")
    assert lesson["sample_id"] == answer["id"]
    watched_by_a_relative_name(agent, tmp_path)
    second = agent.run("run")
    assert (second.returncode, "another process" in second.stderr) == (5, True)
    assert agent.ask("leave", "--wipe") == {"told": False, "wiped": True}
    assert agent.process is not None
    assert agent.process.wait(30) == 0
    assert not agent.folder.exists()
