"""Others' rows beside own ones: to the bit the own head where nothing is theirs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.federation.standing import Mix
from agent.learning.heads.head import Head, LinearHead, predict
from agent.learning.heads.network import HiddenHead
from agent.learning.trained_rows import MixedRows, TrainedRows, mixed, scale_between

WIDTH, UNIT = 5, 4096.0
DICE = np.random.default_rng(4)
CENTRES = DICE.normal(size=(5, WIDTH)).astype(np.float32)


def drawn(classes: str, seed: int, scale: float = 1.0) -> tuple[NDArray[np.float32], ...]:
    dice = np.random.default_rng(seed)
    rows = scale * (CENTRES[["abcde".index(each) for each in classes]] + dice.normal(0, 0.1, WIDTH))
    return rows.astype(np.float32), np.zeros(len(classes), np.float32)


def own(classes: str = "abc") -> LinearHead:
    return LinearHead(tuple(classes), *drawn(classes, 1, 3.0), UNIT)


def others(classes: str = "abce", scale: float = 1.0) -> TrainedRows:
    return TrainedRows(tuple(classes), *drawn(classes, 2, scale))


def samples(classes: str, each: int = 20) -> tuple[NDArray[np.int16], list[str]]:
    dice = np.random.default_rng(9)
    names = [name for name in classes for _ in range(each)]
    centres = CENTRES[["abcde".index(name) for name in names]]
    rows = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    return np.rint((rows + dice.normal(0, 0.2, rows.shape)) * UNIT).astype(np.int16), names


def test_with_nothing_of_the_others_it_is_the_own_head_to_the_bit() -> None:
    head = mixed(own(), others(), Mix(own=1.0, scale=7.0))
    assert head.classes == own().classes
    assert np.array_equal(head.weights, own().weights)
    assert np.array_equal(head.offsets, own().offsets)


def test_classes_that_only_others_know_are_there_only_where_they_are_wanted() -> None:
    assert mixed(own(), others(), Mix(own=0.0)).classes == ("a", "b", "c")
    wanted = mixed(own(), others(), Mix(own=0.0, scale=3.0, foreign=True))
    assert wanted.classes == ("a", "b", "c", "e")
    grid, names = samples("abce")
    assert np.mean(np.array(predict(wanted, grid)) == names) > 0.9


def test_where_no_class_is_known_to_both_the_own_head_stays() -> None:
    alone = own("ab")
    assert mixed(alone, others("de"), Mix(own=0.0, foreign=True)) is alone


@pytest.mark.parametrize("share", [0.75, 0.5, 0.25, 0.0])
def test_what_is_added_to_every_row_of_the_others_changes_nothing(share: float) -> None:
    theirs = others("abe")
    moved = TrainedRows(theirs.classes, theirs.weights + 5, theirs.offsets - 3)
    mix = Mix(own=share, scale=2.0, foreign=True)
    plain, other = mixed(own(), theirs, mix), mixed(own(), moved, mix)
    assert np.allclose(plain.weights, other.weights, atol=1e-4)
    assert np.allclose(plain.offsets, other.offsets, atol=1e-4)
    assert np.array_equal(plain.weights[2], own().weights[2])  # c is the device's alone


def test_the_scale_makes_up_for_how_long_rows_are() -> None:
    grid, names = samples("abcd")
    short, long = (scale_between(own(), others("abcd", scale), grid, names) for scale in (0.5, 4.0))
    assert short == pytest.approx(8 * long, rel=1e-4)
    again = scale_between(own(), TrainedRows(own().classes, *drawn("abc", 1, 3.0)), grid, names)
    assert again == pytest.approx(1)
    assert scale_between(own(), others("de"), grid, names) == 1.0


class Kept:
    """A head that is replaced."""

    def __init__(self, head: Head) -> None:
        self.head = head


def test_it_follows_the_own_head_and_leaves_one_with_a_hidden_layer_alone() -> None:
    kept = Kept(own())
    keeper = MixedRows(kept, others(), Mix(own=0.5, scale=3.0))
    first = keeper.head
    assert keeper.head is first
    kept.head = own("abcd")
    assert keeper.head.classes == ("a", "b", "c", "d")
    zeros = np.zeros(3, np.float32)
    hidden = np.zeros((3, WIDTH), np.float32)
    kept.head = HiddenHead(("a",), hidden, zeros, zeros[None], zeros[:1], UNIT)
    assert keeper.head is kept.head
