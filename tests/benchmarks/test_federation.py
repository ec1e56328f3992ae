import numpy as np
import pytest

from benchmarks.federation_accuracy import Numbered, figures
from benchmarks.federation_devices import DEVICES, campaign, sent_bytes, sights, update
from fieldwise.federation import Consent

WIDTH, CLASSES = 16, 9


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
    assert found["statistics, from 1"] == pytest.approx(found["centralised"], abs=1e-9)
    assert found["weights, from 1"] > found["local"] + 20
    assert found["fedavg 20, rate 16"] > found["fedavg 1, rate 16"] - 5
