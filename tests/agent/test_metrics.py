"""The agent's own metrics: all that status tells in numbers, on this machine, and nothing else."""

import asyncio
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.metrics import HOST, Told, shown
from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import CLASSES, class_images
from tests.fakes.agent_inside import asking, running


@contextmanager
def kept_port() -> Iterator[int]:
    """A port that nobody else gets meanwhile: bound, and left to whoever listens."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind((HOST, 0))
        yield kept.getsockname()[1]


def scraped(port: int) -> Mapping[str, float]:
    with urlopen(f"http://{HOST}:{port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    assert not [name for name in CLASSES if f'"{name}"' in text]
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def learn(device: Device) -> None:
    for name in CLASSES:
        for number, image in enumerate(class_images(name, 8)):
            device.teach(image, name, burst=f"{name} {number}")
            device.predict(image)
    device.report_skipped(3)


async def test_a_device_shows_what_it_is_and_does(tmp_path: Path) -> None:
    with kept_port() as port:
        await lived(tmp_path, port)


async def lived(folder: Path, port: int) -> None:
    async with running(folder, metrics_port=port) as agent:
        before = await asyncio.to_thread(scraped, port)
        await asking(agent, learn)
        status = await agent.household.status()
        after = await asyncio.to_thread(scraped, port)
    name = "fieldwise_agent_"
    unknown = ("accuracy_ratio", "prediction_seconds 0.5", "learning_seconds", "drift_ratio")
    assert not [each for each in unknown if f"{name}{each}" in before]  # nobody knows yet
    assert f"{name}clock_offset_seconds" not in after  # it has no fleet to compare with
    assert after[f"{name}predictions_total"] == 32
    assert after[f"{name}skipped_frames_total"] == 3
    assert after[f"{name}learned_samples"] == status.learning.samples > 0
    assert after[f"{name}classes"] == len(CLASSES)
    right = status.learning.window_correct / status.learning.window_samples
    assert after[f"{name}accuracy_ratio"] == right
    assert after[f"{name}update active"] == 1
    assert after[f"{name}prediction_seconds 0.99"] > 0
    assert after[f"{name}learning_seconds"] > 0
    assert f"{name}drift_ratio" in after
    assert after[f"{name}member"] == 0
    assert after["process_resident_memory_bytes"] > 0


def test_every_number_of_a_status_is_shown_or_said_otherwise() -> None:
    """A field that is new in a report is shown, or named here with where it is."""
    told_elsewhere = {
        "resident_bytes": "process_resident_memory_bytes",
        "window_samples": "a ratio's whole",
        "window_correct": "accuracy_ratio",
        "window_last_label_correct": "last_label_accuracy_ratio",
        "samples": "learned_samples",
        "prediction_p50_micros": "prediction_seconds",
        "prediction_p99_micros": "prediction_seconds",
        "learning_p50_micros": "learning_seconds",
        "novelty_samples": "novel_ratio",
        "novelty_novel": "novel_ratio",
        "calibration_samples": "whether calibration_error_ratio is known",
        "calibration_error_permille": "calibration_error_ratio",
        "drift_permille": "drift_ratio",
        "skipped": "skipped_frames",
        "clock_off_seconds": "clock_offset_seconds",
    }
    source = Path(sys.modules[shown.__module__].__file__ or "").read_text()
    names = {
        each.name
        for shape in (VitalSigns, LearningCounters, LearningSigns)
        for each in fields(shape)
    }
    assert {name for name in names - set(told_elsewhere) if f'"{name}"' not in source} == set()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    def tell() -> Told:
        raise AssertionError

    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(FieldwiseError) as caught, shown(taken.getsockname()[1], tell):
            pass
    assert caught.value.fault is Fault.SETTING_INVALID
    assert "metrics_port" in caught.value.sentence


async def test_without_the_library_the_agent_says_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "agent.metrics", None)
    async with running(tmp_path, backbone=False) as agent:
        agent.settings = type(agent.settings)(
            state_folder=agent.settings.state_folder, metrics_port=1
        )
        with pytest.raises(FieldwiseError) as caught, agent.showing():
            pass
    assert caught.value.fault is Fault.EXTRA_MISSING
