import msgspec
import pytest

from agent.learning.settings import LearningSettings


def test_the_defaults_hold_their_own_bounds() -> None:
    defaults = LearningSettings()
    assert msgspec.convert(msgspec.to_builtins(defaults), LearningSettings) == defaults


@pytest.mark.parametrize(
    "wrong",
    [
        {"shrinkage": 0},
        {"classes_max": 10_001},
        {"exemplar_bytes_max": 1},
        {"window_samples": 0},
        {"holdout": {"select_share": 0.5}},
        {"holdout": {"learned_first": 0}},
        {"unknown": 1},
    ],
)
def test_values_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, LearningSettings)


def test_a_fifth_of_the_scenes_is_held_out_by_default() -> None:
    holdout = LearningSettings().holdout
    assert holdout.select_share + holdout.judge_share == pytest.approx(0.2)
