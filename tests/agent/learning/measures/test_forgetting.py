import pytest

from agent.learning.measures.forgetting import (
    Recall,
    after_checkpoint,
    backward_transfer,
    forgetting,
)


def after(*checkpoints: dict[str, tuple[int, int]]) -> dict[str, Recall]:
    recalls: dict[str, Recall] = {}
    for tallies in checkpoints:
        recalls = after_checkpoint(recalls, tallies)
    return recalls


def test_forgetting_is_the_best_share_less_the_present_one() -> None:
    recalls = after({"a": (10, 6)}, {"a": (10, 9), "b": (4, 4)}, {"a": (10, 5), "b": (4, 3)})
    assert forgetting(recalls.values()) == pytest.approx(((0.9 - 0.5) + (1.0 - 0.75)) / 2)
    assert backward_transfer(recalls.values()) == pytest.approx(((0.5 - 0.6) + (0.75 - 1.0)) / 2)


def test_a_head_that_only_improves_has_negative_forgetting() -> None:
    recalls = after({"a": (10, 4)}, {"a": (10, 8)})
    assert forgetting(recalls.values()) == pytest.approx(-0.4)
    assert recalls["a"].peak == pytest.approx(0.8)


def test_nothing_is_said_of_classes_measured_once() -> None:
    recalls = after({"a": (10, 4)})
    assert forgetting(recalls.values()) is None
    assert backward_transfer(recalls.values()) is None


def test_a_class_that_is_held_out_no_more_keeps_its_past_and_says_nothing_now() -> None:
    recalls = after({"a": (10, 9)}, {"a": (10, 8), "b": (2, 1)}, {"b": (2, 2)})
    assert recalls["a"] == Recall(0, 0, 0.9, 0.9, 2)
    assert forgetting(recalls.values()) == pytest.approx(-0.5)
    again = after_checkpoint(recalls, {"a": (10, 3), "b": (0, 0)})
    assert forgetting(again.values()) == pytest.approx(0.6)


def test_a_class_without_samples_is_not_measured() -> None:
    assert after({"a": (0, 0)}) == {}
