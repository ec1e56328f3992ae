from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwise import head
from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import FOLD_ROWS, Accumulator, Statistics

BUNDLE = "a" * 64
WIDTH = 6
NAMES = ["apple", "Birne", "çilek"]
TRANSFORM = Transform()

SAMPLES = st.lists(
    st.tuples(
        st.lists(st.integers(-4096, 4096), min_size=WIDTH, max_size=WIDTH), st.sampled_from(NAMES)
    ),
    max_size=30,
)
type_of_samples = list[tuple[list[int], str]]


def nothing() -> Statistics:
    return head.empty(BUNDLE, TRANSFORM, WIDTH)


def learned(samples: type_of_samples, start: Statistics | None = None) -> Statistics:
    grid = np.array([row for row, _ in samples], np.int16).reshape(len(samples), WIDTH)
    return head.learn(start or nothing(), grid, [name for _, name in samples])


def unlearned(samples: type_of_samples, start: Statistics) -> Statistics:
    grid = np.array([row for row, _ in samples], np.int16).reshape(len(samples), WIDTH)
    return head.unlearn(start, grid, [name for _, name in samples])


def many(count: int) -> type_of_samples:
    rows = np.random.default_rng(count).integers(-4096, 4097, (count, WIDTH))
    return [(row.tolist(), NAMES[place % 3]) for place, row in enumerate(rows)]


def test_the_state_is_counts_sums_and_scatter() -> None:
    found = learned([([1, 2, 0, 0, 0, 0], "pear"), ([3, 0, 0, 0, 0, -1], "fig")])
    assert found.classes == ("fig", "pear")
    assert found.counts.tolist() == [1, 1]
    assert found.sums.tolist() == [[3, 0, 0, 0, 0, -1], [1, 2, 0, 0, 0, 0]]
    assert found.scatter[0].tolist() == [10, 2, 0, 0, 0, -3]
    assert found.total == 2


@given(SAMPLES, st.randoms())
def test_order_leaves_no_trace(samples: type_of_samples, chance: object) -> None:
    shuffled = samples.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's own random.Random
    assert learned(shuffled).same_as(learned(samples))


@given(SAMPLES, st.lists(st.integers(0, 30), max_size=4))
def test_partition_and_merging_leave_no_trace(samples: type_of_samples, cuts: list[int]) -> None:
    borders = [0, *sorted(min(cut, len(samples)) for cut in cuts), len(samples)]
    parts = [learned(samples[start:end]) for start, end in pairwise(borders)]
    merged = nothing()
    for part in reversed(parts):
        merged = head.merge(part, merged)
    assert merged.same_as(learned(samples))


@given(SAMPLES, SAMPLES)
def test_what_is_taken_back_was_never_there(kept: type_of_samples, taken: type_of_samples) -> None:
    assert unlearned(taken, learned(kept + taken)).same_as(learned(kept))


@given(SAMPLES)
def test_learning_one_by_one_is_learning_at_once(samples: type_of_samples) -> None:
    accumulator = Accumulator(nothing())
    for row, name in samples:
        accumulator.learn(np.array([row], np.int16), [name])
    assert accumulator.statistics().same_as(learned(samples))


@settings(max_examples=10)
@given(st.integers(FOLD_ROWS - 2, 2 * FOLD_ROWS + 2))
def test_folding_in_blocks_leaves_no_trace(count: int) -> None:
    samples = many(count)
    rows = np.array([row for row, _ in samples], np.int64)
    assert np.array_equal(learned(samples).scatter, rows.T @ rows)
    assert learned(samples[7:], learned(samples[:7])).same_as(learned(samples))


def test_looking_between_samples_changes_nothing() -> None:
    samples = many(20)
    accumulator = Accumulator(nothing())
    for row, name in samples:
        accumulator.learn(np.array([row], np.int16), [name])
        accumulator.statistics()
    assert accumulator.statistics().same_as(learned(samples))


def test_sums_stay_exact_up_to_the_stated_bound_and_not_one_sample_further() -> None:
    bound = head.samples_max(TRANSFORM)
    assert bound == 2**29
    full = np.full(WIDTH, 4096.0)
    nearly = Statistics(
        BUNDLE,
        TRANSFORM,
        ("apple",),
        np.array([bound - 1]),
        full[None] * (bound - 1),
        np.full((WIDTH, WIDTH), 4096.0**2 * (bound - 1)),
    )
    last = [([4096] * WIDTH, "apple")]
    whole = learned(last, nearly)
    assert whole.scatter[0, 0] == 2.0**53
    assert unlearned(last, whole).same_as(nearly)
    with pytest.raises(FieldwiseError) as caught:
        learned(last, whole)
    assert caught.value.fault is Fault.OVER_LIMIT
    with pytest.raises(FieldwiseError, match="no longer exact"):
        head.merge(whole, learned(last))


def test_after_a_million_samples_of_extreme_values_every_sum_is_exact() -> None:
    """In whole numbers of any length beside it; the bound on an entry is samples times 2**24."""
    rows = np.random.default_rng(1).choice([-4096, -4095, 4095, 4096], (256, WIDTH))
    names = [NAMES[place % 3] for place in range(256)]
    found = head.learn(nothing(), rows.astype(np.int16), names)
    for _ in range(12):
        found = head.merge(found, found)
    assert found.total == 2**20
    whole = rows.astype(object)
    assert (found.scatter.astype(object) == whole.T @ whole * 4096).all()
    assert np.abs(found.scatter).max() <= 2.0**20 * 4096**2
    one_more = learned([([1, 0, -1, 4096, -4096, 1], "apple")], found)
    assert one_more.scatter[0, 0] - found.scatter[0, 0] == 1
    assert one_more.scatter[0, 2] - found.scatter[0, 2] == -1
    assert unlearned([([1, 0, -1, 4096, -4096, 1], "apple")], one_more).same_as(found)


def test_a_coarser_grid_holds_more_samples() -> None:
    assert head.samples_max(Transform(grid_bits=8)) == 2**37
    assert head.samples_max(Transform(grid_bits=14)) == 2**25


@pytest.mark.parametrize(
    "other",
    [
        head.empty("b" * 64, TRANSFORM, WIDTH),
        head.empty(BUNDLE, Transform(power=1), WIDTH),
        head.empty(BUNDLE, TRANSFORM, WIDTH + 1),
    ],
)
def test_statistics_of_another_backbone_are_not_merged(other: Statistics) -> None:
    with pytest.raises(FieldwiseError, match="do not belong together"):
        head.merge(nothing(), other)


def test_rebinding_changes_the_digest_and_nothing_else() -> None:
    found = head.rebind(learned(many(5)), "b" * 64)
    assert found.bundle == "b" * 64
    assert head.rebind(found, BUNDLE).same_as(learned(many(5)))


@pytest.mark.parametrize(
    ("grid", "labels"),
    [
        (np.zeros((1, WIDTH + 1), np.int16), ["x"]),
        (np.zeros((2, WIDTH), np.int16), ["x"]),
        (np.zeros((1, WIDTH), np.float32), ["x"]),
        (np.full((1, WIDTH), 4097, np.int16), ["x"]),
        (np.full((1, WIDTH), -4097, np.int16), ["x"]),
    ],
)
def test_samples_that_do_not_fit_are_refused_and_leave_no_trace(
    grid: np.ndarray, labels: list[str]
) -> None:
    accumulator = Accumulator(nothing())
    with pytest.raises(FieldwiseError) as caught:
        accumulator.learn(grid, labels)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    assert accumulator.statistics().same_as(nothing())


def test_more_than_was_learned_cannot_be_taken_back() -> None:
    found = learned([([1] * WIDTH, "apple")])
    with pytest.raises(FieldwiseError, match="1 samples"):
        unlearned([([1] * WIDTH, "apple")] * 2, found)
    with pytest.raises(FieldwiseError, match="0 samples"):
        unlearned([([1] * WIDTH, "pear")], found)


def test_statistics_cannot_be_written_to() -> None:
    found = learned(many(3))
    with pytest.raises(ValueError, match="read-only"):
        found.sums[0, 0] = 1


def test_a_copy_stays_as_it_was_while_the_accumulator_goes_on() -> None:
    accumulator = Accumulator(learned(many(3)))
    before = accumulator.statistics()
    accumulator.learn(np.ones((1, WIDTH), np.int16), ["apple"])
    assert before.same_as(learned(many(3)))


def rows_of(samples: type_of_samples, name: str) -> np.ndarray:
    found = [row for row, each in samples if each == name]
    return np.array(found, np.int64).reshape(len(found), WIDTH)


def within(statistics: Statistics) -> np.ndarray:
    """The scatter within classes: G less the classes' own parts."""
    own = (statistics.sums / statistics.counts[:, None]).T @ statistics.sums
    found: np.ndarray = statistics.scatter - own
    return found


@given(SAMPLES)
def test_a_class_whose_samples_are_taken_back_first_leaves_nothing(
    samples: type_of_samples,
) -> None:
    gone = [(row, name) for row, name in samples if name == "apple"]
    kept = [(row, name) for row, name in samples if name != "apple"]
    found = head.forget_class(unlearned(gone, learned(samples)), "apple")
    assert found.same_as(learned(kept))
    assert found.orphans == 0


@given(SAMPLES)
def test_a_forgotten_class_leaves_its_scatter_about_its_own_mean_and_nothing_else(
    samples: type_of_samples,
) -> None:
    found = head.forget_class(learned(samples), "apple")
    gone = rows_of(samples, "apple")
    kept = learned([(row, name) for row, name in samples if name != "apple"])
    assert found.classes == kept.classes
    assert np.array_equal(found.sums, kept.sums)
    assert (found.total, found.orphans) == (kept.total, len(gone))
    assert found.scattered == len(samples)
    left = found.scatter - kept.scatter
    if len(gone) > 1:
        about = gone - gone.mean(axis=0)
        assert np.abs(left - about.T @ about).max() <= WIDTH / 2 + 1
    else:
        assert not left.any()


@given(SAMPLES)
def test_what_a_forgotten_class_leaves_is_integer_and_positive_semidefinite(
    samples: type_of_samples,
) -> None:
    kept = learned([(row, name) for row, name in samples if name != "apple"])
    left = head.forget_class(learned(samples), "apple").scatter - kept.scatter
    assert np.array_equal(left, np.rint(left))
    assert np.array_equal(left, left.T)
    assert np.linalg.eigvalsh(left).min() >= -1e-9 * max(1.0, np.abs(left).max())


def test_samples_one_step_apart_leave_no_indefinite_scatter() -> None:
    """Rounded entry by entry, halves would leave ones off the diagonal and zeros on it."""
    rows = [[1, 1, 0, 0, 1, 1], [0, 0, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1], [3, 3, 3, 3, 3, 3]]
    for count in (2, 3, 4):
        found = head.forget_class(learned([(row, "apple") for row in rows[:count]]), "apple")
        assert np.linalg.eigvalsh(found.scatter).min() >= 0


@given(SAMPLES)
def test_the_covariance_of_what_stays_is_not_inflated_by_the_forgotten_mean(
    samples: type_of_samples,
) -> None:
    """The scatter within classes is the same before and after, but for rounding."""
    before = learned(samples)
    after = head.forget_class(before, "apple")
    assert np.abs(within(before) - within(after)).max(initial=0) <= WIDTH / 2 + 1


@given(SAMPLES, SAMPLES)
def test_learning_after_forgetting_stays_exact(
    samples: type_of_samples, later: type_of_samples
) -> None:
    forgotten = head.forget_class(learned(samples), "apple")
    assert unlearned(later, learned(later, forgotten)).same_as(forgotten)
    shifted = head.merge(learned(later), forgotten)
    assert shifted.same_as(learned(later, forgotten))


def test_a_forgotten_name_is_gone_and_the_others_stay_in_order() -> None:
    accumulator = Accumulator(nothing())
    for name in ("pear", "apple", "fig"):
        accumulator.learn(np.ones((1, WIDTH), np.int16), [name])
    assert accumulator.forget_class("apple") == 1
    assert accumulator.classes == ("pear", "fig")
    assert accumulator.count("apple") == 0
    assert accumulator.forget_class("apple") == 0
    accumulator.learn(np.full((1, WIDTH), 7, np.int16), ["apple"])
    assert accumulator.sum_of("apple").tolist() == [7] * WIDTH
    assert accumulator.sum_of("fig").tolist() == [1] * WIDTH
    assert accumulator.total == 3


def test_orphans_count_towards_the_bound_of_exactness() -> None:
    bound = head.samples_max(TRANSFORM)
    full = replace(nothing(), orphans=bound)
    with pytest.raises(FieldwiseError, match="no longer exact"):
        learned([([1] * WIDTH, "apple")], full)
    with pytest.raises(FieldwiseError, match="no longer exact"):
        head.merge(full, learned([([1] * WIDTH, "apple")]))


def test_many_classes_find_room() -> None:
    accumulator = Accumulator(nothing())
    for place in range(100):
        accumulator.learn(np.full((1, WIDTH), place, np.int16), [f"class {place}"])
    assert accumulator.count("class 77") == 1
    assert accumulator.sum_of("class 77").tolist() == [77] * WIDTH
    assert len(accumulator.classes) == 100
    assert accumulator.count("class 100") == 0


@given(SAMPLES, st.integers(1, 40))
def test_a_class_scaled_down_keeps_its_mean_and_stays_a_head(
    samples: type_of_samples, fewer: int
) -> None:
    start = learned([*samples, *many(12)])
    accumulator = Accumulator(start)
    accumulator.fade("apple", fewer)
    found = accumulator.statistics()
    before = dict(zip(start.classes, start.counts.tolist(), strict=True))
    if fewer >= before["apple"]:
        assert found.same_as(head.forget_class(start, "apple"))
        return
    place = found.classes.index("apple")
    assert found.counts[place] == before["apple"] - fewer
    assert found.scattered == start.scattered
    mean = start.sums[start.classes.index("apple")] / before["apple"]
    np.testing.assert_allclose(found.sums[place] / found.counts[place], mean, atol=0.5)
    scaled = found.sums / np.sqrt(found.counts)[:, None]
    assert np.linalg.eigvalsh(found.scatter - scaled.T @ scaled).min() > -1e-3 * start.scattered
