"""What a new pair has to stand, and how seldom a good one is taken back."""

from random import Random

import pytest
from msgspec.structs import replace

from agent.update.probation import (
    QUESTIONS,
    Baseline,
    Probation,
    ProbationRules,
    Seen,
    evidence_of_loss,
    evidence_of_rate,
    is_over,
    shown,
    slow_seconds,
)
from fieldwise.update import UpdateFailure

RULES = ProbationRules()
BAR = QUESTIONS / RULES.alpha
LONG_RECORD = Baseline(predictions=10_000, failures=0, p99_micros=20_000)


def found(seen: Seen, baseline: Baseline = LONG_RECORD) -> UpdateFailure | None:
    return shown(Probation("d", baseline, seen), RULES)


@pytest.mark.parametrize(
    ("seen", "failure"),
    [
        (Seen(), None),
        (Seen(predictions=200), None),
        (Seen(predictions=1, failures=1), UpdateFailure.PROBATION_ERRORS),
        (Seen(predictions=200, failures=5), UpdateFailure.PROBATION_ERRORS),
        (Seen(predictions=200, slow=2), None),
        (Seen(predictions=200, slow=10), UpdateFailure.PROBATION_LATENCY),
        (Seen(samples=20, only_old=9, scenes=20, scenes_worse=9), UpdateFailure.PROBATION_ACCURACY),
        (Seen(samples=20, only_old=5, scenes=20, scenes_worse=5), None),
        (Seen(samples=2000, only_old=30, scenes=2000, scenes_worse=30), None),  # certain and tiny
        (Seen(samples=30, only_old=9, only_new=9, scenes=9, scenes_worse=9), None),
    ],
)
def test_a_pair_is_taken_back_for_what_is_shown(seen: Seen, failure: UpdateFailure | None) -> None:
    assert found(seen) is failure


def test_what_the_old_pair_failed_at_as_often_is_no_reason() -> None:
    shaky = Baseline(predictions=1000, failures=100)
    assert found(Seen(predictions=200, failures=22), shaky) is None
    assert found(Seen(predictions=200, failures=60), shaky) is UpdateFailure.PROBATION_ERRORS


def test_one_failure_beside_a_short_record_is_not_yet_a_reason() -> None:
    assert found(Seen(predictions=1, failures=1), Baseline()) is None
    assert found(Seen(predictions=2, failures=2), Baseline()) is UpdateFailure.PROBATION_ERRORS


def test_slow_is_what_takes_a_multiple_of_the_old_tail_and_makes_wait() -> None:
    assert slow_seconds(Baseline(p99_micros=20_000), RULES) == RULES.latency_floor_seconds
    assert slow_seconds(Baseline(p99_micros=50_000), RULES) == pytest.approx(0.2)
    assert slow_seconds(Baseline(), RULES) == float("inf")


def test_it_is_over_after_predictions_or_after_time() -> None:
    assert not is_over(Seen(predictions=199, seconds=599), RULES)
    assert is_over(Seen(predictions=200), RULES)
    assert is_over(Seen(seconds=600), RULES)
    assert is_over(Seen(), replace(RULES, predictions=0))
    assert is_over(Seen(), replace(RULES, seconds=0))


@pytest.mark.parametrize(("share", "rate"), [(1 / 40, 1e-4), (1 / 20, 0.01)])
def test_within_its_length_probation_mostly_finds(share: float, rate: float) -> None:
    """The figures that stand beside the settings."""
    chance, caught = Random(1), 0
    for _ in range(200):
        events = 0
        for trial in range(1, RULES.predictions + 1):
            events += chance.random() < share
            if evidence_of_rate(events, trial, rate) >= BAR:
                caught += 1
                break
    assert caught > 100


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1])
def test_looking_after_every_prediction_takes_back_no_more_than_stated(rate: float) -> None:
    chance, taken_back, runs = Random(2), 0, 1000
    for _ in range(runs):
        events = 0
        for trial in range(1, RULES.predictions + 1):
            events += chance.random() < rate
            if evidence_of_rate(events, trial, rate) >= BAR:
                taken_back += 1
                break
    assert taken_back <= runs * RULES.alpha / QUESTIONS


def test_looking_after_every_scene_takes_back_no_more_than_stated() -> None:
    chance, taken_back, runs = Random(3), 0, 2000
    for _ in range(runs):
        seen = Seen()
        for _scene in range(200):
            worse = chance.random() < 0.5
            seen = replace(
                seen,
                scenes_worse=seen.scenes_worse + worse,
                scenes_better=seen.scenes_better + (not worse),
            )
            if evidence_of_loss(seen) >= BAR:
                taken_back += 1
                break
    assert taken_back <= runs * RULES.alpha / QUESTIONS


@pytest.mark.parametrize("count", [0, 10**3, 10**6, 2**40])
def test_no_count_is_too_great_to_weigh(count: int) -> None:
    evidence_of_rate(count, count, 0.01)
    evidence_of_rate(0, count, 0.01)
    evidence_of_rate(count, 2 * count, 0.5)
    evidence_of_loss(Seen(scenes_worse=count, scenes_better=count))
    evidence_of_loss(Seen(scenes_worse=0, scenes_better=count))
