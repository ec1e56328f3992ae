import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.learning.measures.calibration import (
    BIN_SAMPLES_MIN,
    BINS_MAX,
    SAMPLES_MIN,
    TEMPERATURE_MAX,
    TEMPERATURE_MIN,
    UNKNOWN,
    bins,
    calibrate,
    confidence_error,
    fit_temperature,
)

Drawn = tuple[NDArray[np.float32], NDArray[np.int64]]


def drawn(seed: int, samples: int, classes: int, temperature: float) -> Drawn:
    """Scores and labels that are drawn from softmax(scores / temperature)."""
    chance = np.random.default_rng(seed)
    scores = chance.normal(0, 4, (samples, classes)).astype(np.float32)
    noise = chance.gumbel(size=scores.shape)
    return scores, (scores / temperature + noise).argmax(axis=1)


def likelihood(scores: NDArray[np.float32], labels: NDArray[np.int64], temperature: float) -> float:
    scaled = scores.astype(np.float64) / temperature
    top = scaled.max(axis=1)
    total = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
    return float((scaled[np.arange(len(labels)), labels] - total).mean())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_labels_were_drawn_with_is_found(temperature: float) -> None:
    found = fit_temperature(*drawn(1, 20_000, 8, temperature))
    assert found == pytest.approx(temperature, rel=0.05)


@given(st.integers(0, 10_000), st.integers(2, 12), st.floats(0.3, 8.0))
@settings(max_examples=40, deadline=None)
def test_no_other_temperature_makes_the_labels_likelier(
    seed: int, classes: int, temperature: float
) -> None:
    scores, labels = drawn(seed, 200, classes, temperature)
    found = fit_temperature(scores, labels)
    best = likelihood(scores, labels, found)
    for other in np.geomspace(TEMPERATURE_MIN, TEMPERATURE_MAX, 60):
        assert best >= likelihood(scores, labels, float(other)) - 1e-9


def test_calibrating_brings_the_error_down_to_what_chance_leaves() -> None:
    report = calibrate(*drawn(2, 3000, 10, 4.0))
    assert report.error_before > 0.2
    assert report.error_after < 0.04  # 0.4 / sqrt(200), the number in a bin, is 0.028
    assert report.temperature != 1.0
    assert sum(each.samples for each in report.bins) == 3000


def test_too_few_samples_leave_the_temperature_alone() -> None:
    report = calibrate(*drawn(3, SAMPLES_MIN - 1, 5, 4.0))
    assert report.temperature == 1.0
    assert report.error_after == report.error_before


def test_no_samples_or_no_class_say_nothing() -> None:
    nothing = calibrate(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert (nothing.samples, nothing.temperature, nothing.bins) == (0, 1.0, ())
    headless = calibrate(np.zeros((3, 0), np.float32), np.full(3, UNKNOWN))
    assert (headless.samples, headless.temperature) == (3, 1.0)


def test_classes_that_the_head_does_not_know_count_as_wrong_and_choose_nothing() -> None:
    scores, labels = drawn(4, 400, 6, 2.0)
    alone = fit_temperature(scores, labels)
    unknown = np.full(400, UNKNOWN)
    mixed = np.concatenate([scores, scores]), np.concatenate([labels, unknown])
    assert fit_temperature(*mixed) == pytest.approx(alone)
    assert calibrate(*mixed).error_after > calibrate(scores, labels).error_after + 0.2
    assert fit_temperature(scores, unknown) == 1.0


@pytest.mark.parametrize("samples", [30, 60, 600])
def test_a_head_that_was_always_right_is_believed_as_far_as_that_tells(samples: int) -> None:
    labels = np.arange(samples) % 4
    sure = np.zeros((samples, 4), np.float32)
    sure[np.arange(samples), labels] = 9
    found = calibrate(sure, labels)
    assert found.bins[0].confidence == pytest.approx(samples / (samples + 1), rel=1e-6)
    assert fit_temperature(sure[:, :1], labels * 0) >= TEMPERATURE_MIN  # a single class


def test_a_head_that_is_wrong_with_conviction_is_told_to_know_nothing() -> None:
    scores = np.tile(np.array([[9, 0]], np.float32), (80, 1))
    assert fit_temperature(scores, np.ones(80, np.int64)) == pytest.approx(
        TEMPERATURE_MAX, rel=1e-6
    )


def test_bins_hold_equal_numbers_and_never_too_few() -> None:
    confidences = np.linspace(0.1, 1.0, 130)
    held = bins(confidences, confidences > 0.5)
    assert len(held) == 130 // BIN_SAMPLES_MIN
    assert {each.samples for each in held} <= {21, 22}
    assert len(bins(np.linspace(0, 1, 5000), np.ones(5000, bool))) == BINS_MAX


def test_the_error_is_the_distance_of_confidence_from_accuracy() -> None:
    confidences = np.full(100, 0.8)
    right = np.arange(100) % 2 == 0
    assert confidence_error(confidences, right) == pytest.approx(0.3)
    assert confidence_error(np.zeros(0), np.zeros(0, bool)) == 0.0


def test_huge_scores_neither_overflow_nor_warn() -> None:
    scores = np.array([[1e30, -1e30], [3e38, 0]] * 40, np.float32)
    report = calibrate(scores, np.zeros(80, np.int64))
    assert np.isfinite([report.temperature, report.error_before, report.error_after]).all()
