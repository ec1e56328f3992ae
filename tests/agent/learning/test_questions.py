import numpy as np
from numpy.typing import NDArray

from agent.learning.questions import Candidate, Choice, Reason, choose, day_of

WIDTH = 8
NOTHING = np.zeros((0, WIDTH), np.int16)


def candidate(
    name: str,
    margin: float = 1.0,
    novelty: float | None = None,
    dissent: float = 0.0,
    *,
    novel: bool = False,
) -> Candidate:
    return Candidate(name, margin, novelty, novel, dissent)


def apart(count: int) -> NDArray[np.int16]:
    """Features at right angles."""
    return 4096 * np.eye(WIDTH, dtype=np.int16)[:count]


def test_what_the_head_is_sure_of_is_not_asked() -> None:
    sure = [candidate("a", margin=0.9), candidate("b", margin=0.5)]
    assert choose(sure, apart(2), NOTHING, 10) == []


def test_the_closest_margin_comes_first() -> None:
    found = choose(
        [candidate("a", 0.4), candidate("b", 0.1), candidate("c", 0.2)], apart(3), NOTHING, 2
    )
    assert found == [Choice("b", Reason.UNCERTAIN), Choice("c", Reason.UNCERTAIN)]


def test_the_new_comes_before_disagreement_and_that_before_doubt() -> None:
    asked = [
        candidate("doubt", margin=0.0),
        candidate("split", margin=0.9, dissent=0.5),
        candidate("new", margin=0.9, novelty=0.01, novel=True),
        candidate("newer", margin=0.9, novelty=0.001, novel=True),
    ]
    found = choose(asked, apart(4), NOTHING, 10)
    assert [(each.id, each.reason) for each in found] == [
        ("newer", Reason.NOVEL),
        ("new", Reason.NOVEL),
        ("split", Reason.DISAGREEMENT),
        ("doubt", Reason.UNCERTAIN),
    ]


def test_ten_frames_of_one_scene_are_one_question() -> None:
    scene = np.full((10, WIDTH), 1000, np.int16)
    scene += np.random.default_rng(1).integers(-30, 31, scene.shape).astype(np.int16)
    frames = [candidate(f"f{number}", margin=0.01 * number) for number in range(10)]
    other = candidate("other", margin=0.3)
    found = choose([*frames, other], np.vstack([scene, apart(1)]), NOTHING, 10)
    assert [each.id for each in found] == ["f0", "other"]


def test_what_looks_like_something_asked_or_labelled_is_passed_over() -> None:
    asked = [candidate("a", 0.1), candidate("b", 0.2)]
    assert [each.id for each in choose(asked, apart(2), apart(1), 10)] == ["b"]


def test_never_more_than_the_count() -> None:
    asked = [candidate(f"{number}", 0.1) for number in range(WIDTH)]
    assert len(choose(asked, apart(WIDTH), NOTHING, 3)) == 3
    assert choose(asked, apart(WIDTH), NOTHING, 0) == []


def test_equal_worth_is_ordered_the_same_every_time() -> None:
    asked = [candidate(name, 0.1) for name in "cab"]
    assert [each.id for each in choose(asked, apart(3), NOTHING, 3)] == ["a", "b", "c"]


def test_nothing_to_choose_from_is_no_question() -> None:
    assert choose([], NOTHING, NOTHING, 5) == []


def test_features_without_length_harm_nothing() -> None:
    blank = np.zeros((2, WIDTH), np.int16)
    found = choose([candidate("a", 0.1), candidate("b", 0.2)], blank, NOTHING, 5)
    assert [each.id for each in found] == ["a", "b"]


def test_a_day_begins_at_midnight_of_universal_time() -> None:
    assert (day_of(0.0), day_of(86_399.9), day_of(86_400.0), day_of(-1.0)) == (0, 0, 1, -1)
