"""The demonstration over real processes, with backbones so small that it takes seconds."""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from demonstration import backbones, streams
from demonstration.cli import playing
from tests.bundles import Spoiled, class_folder, spoiled_bundle, tiny_bundle

Children = Callable[[], list[psutil.Process]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return class_folder(tmp_path / "photos", count=12, size=32)


def pack_instead(monkeypatch: pytest.MonkeyPatch, first: Path, second: Path) -> None:
    def pack_both(pool: ThreadPoolExecutor) -> tuple[Future[Path], Future[Path]]:
        return pool.submit(lambda: first), pool.submit(lambda: second)

    monkeypatch.setattr(backbones, "pack_both", pack_both)
    monkeypatch.setattr(streams, "FOLDER_LIMITS", streams.Limits(3, 8, 4))


@pytest.fixture
def children() -> Children:
    """Processes of ours that were not there before the test."""

    def ours() -> list[psutil.Process]:
        found = psutil.Process().children()
        return [each for each in found if "fieldwise" in " ".join(each.cmdline())]

    already = ours()
    return lambda: [each for each in ours() if each not in already]


@pytest.mark.timeout(300)
def test_the_whole_story_goes_well_and_leaves_no_process_behind(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, children: Children
) -> None:
    first = tiny_bundle(tmp_path / "first", name="one")
    second = tiny_bundle(tmp_path / "second", name="two", seed=1)
    pack_instead(monkeypatch, first, second)
    shown = Console(file=StringIO(), width=120)
    status = playing.play(photos, tmp_path / "report.json", None, shown)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["problems"] == []
    assert status == 0
    assert {device["after"]["backbone"] for device in report["devices"]} == {"two:1.0.0"}
    assert {device["before"]["backbone"] for device in report["devices"]} == {"one:1.0.0"}
    assert report["kill"]["samples_before"] == report["kill"]["samples_after"] == 24
    kinds = {each["kind"] for device in report["devices"] for each in device["departed"]}
    assert {"check-in", "enrolment"} <= kinds
    assert children() == []


@pytest.mark.timeout(300)
def test_a_backbone_that_devices_refuse_is_said_and_ends_with_status_1(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, children: Children
) -> None:
    first = tiny_bundle(tmp_path / "first", name="one")
    pack_instead(monkeypatch, first, spoiled_bundle(tmp_path / "second", Spoiled.GOLDEN))
    shown = Console(file=StringIO(), width=120)
    assert playing.play(photos, tmp_path / "report.json", None, shown) == playing.FAILED
    report = json.loads((tmp_path / "report.json").read_text())
    assert any("golden-mismatch" in line for line in report["problems"])
    # The fleet stops the rollout at the first device that says so: the others may never start.
    said = [line for line in report["problems"] if "instead of spoiled:1.0.0" in line]
    assert len(said) == 3
    assert children() == []
