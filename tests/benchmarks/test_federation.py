import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import federation_hostile, federation_own
from benchmarks.federation_accuracy import figures
from benchmarks.federation_devices import DEVICES, campaign, sent_bytes, sights, update
from benchmarks.federation_programs import memory, processor_seconds, tree
from benchmarks.federation_scoring import Numbered
from benchmarks.federation_table import table
from fieldwise.federation import Consent
from tests.fakes.embedder import WIDTH, ProjectionEmbedder

CLASSES = 9


def drawn(dice: np.random.Generator, each: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(1, CLASSES + 1), each)
    centres = np.abs(np.random.default_rng(3).normal(size=(CLASSES + 1, WIDTH)))
    raw = np.sqrt(np.abs(centres[labels] + dice.normal(0, 0.4, (len(labels), WIDTH))))
    grid = np.rint(raw / np.linalg.norm(raw, axis=1, keepdims=True) * 4096).astype(np.int16)
    return grid, labels


@pytest.fixture
def of() -> Numbered:
    dice = np.random.default_rng(1)
    return Numbered(
        tuple(f"class {each}" for each in range(CLASSES)), *drawn(dice, 90), *drawn(dice, 30)
    )


def test_every_sample_is_dealt_to_one_device_and_every_class_to_somebody(of: Numbered) -> None:
    for seed in range(5):
        dealt = sights(of.train, of.train_labels, seed)
        assert len(dealt) == DEVICES
        together = np.concatenate([each.labels for each in dealt])
        assert np.array_equal(np.sort(together), np.sort(of.train_labels))


def test_an_update_has_the_classes_of_which_there_is_enough(of: Numbered) -> None:
    sight = sights(of.train, of.train_labels, 1)[0]
    for level in (Consent.WEIGHTS, Consent.STATISTICS):
        about = campaign(WIDTH, of.classes, level, {})
        sent = update(sight, about, 10)
        counts = {int(each): int((sight.labels == each).sum()) for each in sight.classes}
        assert {row.class_id: row.samples for row in sent.rows} == {
            each: count for each, count in counts.items() if count >= 10
        }
        assert sent_bytes(sent) > 0


def test_statistics_of_all_samples_are_worth_what_learning_at_one_place_is(of: Numbered) -> None:
    (found,) = figures(of, seeds=1)
    assert found["statistics.from_1"] == pytest.approx(found["centralised"], abs=1e-9)
    assert found["weights.from_1.devices_min_1"] > found["local"] + 20
    assert found["fedavg_20.from_1.best_rate"] > found["fedavg_1.from_1.best_rate"] - 5


def test_differences_are_paired_and_fedavg_counts_by_its_best_rate(of: Numbered) -> None:
    (found,) = figures(of, seeds=1)
    name = "weights.from_10.devices_min_1"
    for minimum in (10, 1):
        start = f"fedavg_20.from_{minimum}.rate_"
        best = max(value for each, value in found.items() if each.startswith(start))
        over = found[f"{name}.over_fedavg_20.from_{minimum}"]
        assert over == pytest.approx(found[name] - best)
    sent = found[f"{name}.bytes_ratio_to_fedavg_20"] * found["fedavg_20.kb_a_device"]
    assert sent == pytest.approx(found[f"{name}.kb_a_device"])


def test_what_is_no_update_at_all_costs_what_silence_costs(of: Numbered) -> None:
    (found,) = federation_hostile.figures(of, seeds=1)
    for setting in federation_hostile.SETTINGS:
        for strategy in federation_hostile.STRATEGIES:
            for attack in ("not_a_number", "huge"):
                name = f"{setting.name}.{strategy}.{attack}.cost_beside_silence"
                assert found[name] == 0


def test_a_median_bears_what_an_average_does_not(of: Numbered) -> None:
    (found,) = federation_hostile.figures(of, seeds=1)
    attack = "mislabelled_inflated.cost"
    assert found[f"all.from_1.FedMedian.{attack}"] <= 2
    assert found[f"all.from_1.FedAvg.{attack}"] > found[f"all.from_1.FedMedian.{attack}"]


def test_attacks_change_what_they_say_and_nothing_else(of: Numbered) -> None:
    sight = sights(of.train, of.train_labels, 1)[0]
    sent = update(sight, campaign(WIDTH, of.classes, Consent.WEIGHTS, {}), 1)
    attacks = federation_hostile.ATTACKS
    flipped, turned = attacks["sign_flipped"](sent), attacks["mislabelled"](sent)
    assert np.array_equal(flipped.rows[0].values, -sent.rows[0].values)
    assert [row.class_id for row in turned.rows] == [row.class_id for row in sent.rows]
    assert np.array_equal(turned.rows[0].values, sent.rows[1].values)
    assert {row.samples for row in attacks["inflated"](sent).rows} == {10**8}


def test_a_device_without_an_adopted_head_is_as_right_as_before(of: Numbered) -> None:
    (found,) = federation_own.figures(of, ProjectionEmbedder(), seeds=1)
    for name in ("weights.from_1", "statistics.from_10"):
        assert found[f"{name}.adopted"] == pytest.approx(found["local"] + found[f"{name}.gain"])
        assert found[f"{name}.devices_that_lost"] <= found[f"{name}.devices_that_adopted"]


def test_the_table_has_a_column_for_each_set_and_says_what_was_not_measured() -> None:
    found = {"a.centralised": 60.0, "a.local": 10.0, "a.local.sd": 1.25, "b.centralised": 50.0}
    lines = list(table(found))
    assert lines[0] == "| what is shared | a | b |"
    assert lines[2] == "| nothing, each device's own head | 10.0 ± 1.2 | - |"
    assert list(table({"round.s": 1.0})) == []


def test_the_kernel_tells_time_and_memory_of_a_process_and_all_it_started() -> None:
    child = "import time; sum(range(3_000_000)); print('done', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"done\n"
            assert process.pid in tree(os.getpid())
            assert processor_seconds(process.pid) > 0
            told = memory(process.pid)
            assert told["peak_mb"] >= told["rss_mb"] >= told["pss_mb"] > 1
        finally:
            process.kill()
