from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.learning.carrying import Target, carry, estimated, with_exact, without
from fieldwise import head, head_file
from fieldwise.affine import AffineMap, PairSums, fit
from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics, empty, learn

TRANSFORM = Transform()
UNIT = 4096.0
OLD, NEW = 6, 5
OLD_TO, NEW_TO = Target("a" * 64, TRANSFORM), Target("b" * 64, TRANSFORM)
NAMES = ("apple", "pear", "plum")
Rows = NDArray[np.int16]


def samples(seed: int, count: int, width: int = OLD) -> tuple[Rows, list[str]]:
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, len(NAMES), count)
    centres = np.random.default_rng(5).normal(0, 0.3, (len(NAMES), width))
    rows = centres[labels] + chance.normal(0, 0.1, (count, width))
    return np.rint(np.clip(rows, -1, 1) * UNIT).astype(np.int16), [NAMES[each] for each in labels]


def of(rows: Rows, names: list[str], target: Target = OLD_TO) -> Statistics:
    return learn(empty(target.bundle, TRANSFORM, rows.shape[1]), rows, names)


def identity(width: int = OLD) -> AffineMap:
    return AffineMap(np.eye(width), np.zeros(width), np.zeros((width, width)), 100, 0.0)


def affine(noise: float = 0.0) -> AffineMap:
    chance = np.random.default_rng(8)
    matrix = chance.normal(0, 0.2, (NEW, OLD))
    return AffineMap(matrix, chance.normal(0, 0.1, NEW), noise**2 * np.eye(NEW), 50, 0.1)


def through(found: AffineMap, rows: Rows) -> Rows:
    moved = rows / UNIT @ found.matrix.T + found.offset
    return np.rint(np.clip(moved, -1, 1) * UNIT).astype(np.int16)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_the_identity_with_nothing_left_over_gives_the_very_statistics(
    seed: int, count: int
) -> None:
    rows, names = samples(seed, count)
    statistics = of(rows, names)
    assert carry(statistics, identity(), OLD_TO).same_as(statistics)


def test_sums_carried_are_those_of_the_samples_carried_one_by_one() -> None:
    rows, names = samples(1, 300)
    found = affine()
    carried, wanted = carry(of(rows, names), found, NEW_TO), of(through(found, rows), names, NEW_TO)
    assert carried.classes == wanted.classes
    np.testing.assert_array_equal(carried.counts, wanted.counts)
    np.testing.assert_allclose(carried.sums, wanted.sums, atol=UNIT)
    np.testing.assert_allclose(carried.scatter, wanted.scatter, rtol=0.01, atol=2e4 * UNIT / 10)


def test_what_the_map_leaves_over_scatters_once_for_every_sample() -> None:
    rows, names = samples(2, 200)
    plain, noisy = (carry(of(rows, names), affine(each), NEW_TO) for each in (0.0, 0.1))
    grown = np.diag(noisy.scatter - plain.scatter) / (200 * UNIT**2)
    np.testing.assert_allclose(grown, 0.01, rtol=1e-3)


def test_a_forgotten_class_keeps_no_mean_when_it_is_carried() -> None:
    rows, names = samples(3, 200)
    left = head.forget_class(of(rows, names), "plum")
    carried = carry(left, affine(), NEW_TO)
    assert carried.classes == ("apple", "pear")
    assert carried.orphans == left.orphans
    means = carried.sums / np.sqrt(carried.counts)[:, None]
    within = carried.scatter - means.T @ means
    kept = left.sums / np.sqrt(left.counts)[:, None]
    wanted = affine().matrix @ (left.scatter - kept.T @ kept) @ affine().matrix.T
    np.testing.assert_allclose(within, wanted, atol=1e-4 * np.abs(wanted).max() + 20 * NEW)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_exemplars_does_not_matter(seed: int) -> None:
    rows, names = samples(4, 80)
    held = slice(0, 30)
    order = np.random.default_rng(seed).permutation(30)
    new = through(affine(), rows)

    def result(places: NDArray[np.int64]) -> Statistics:
        labels = [names[place] for place in places]
        left = without(of(rows, names), of(rows[places], labels))
        return with_exact(carry(left, affine(0.1), NEW_TO), of(new[places], labels, NEW_TO), 0.5)

    assert result(order).same_as(result(np.arange(80)[held]))


@given(st.integers(0, 60))
def test_exemplars_never_count_twice(held: int) -> None:
    rows, names = samples(6, 60)
    left = without(of(rows, names), of(rows[:held], names[:held]))
    exact = of(through(affine(), rows)[:held], names[:held], NEW_TO)
    result = with_exact(carry(left, affine(), NEW_TO), exact, 1.0)
    assert result.total == 60
    assert sum(estimated(left).values()) == 60 - held


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_with_all_samples_held_the_result_is_the_ideal_to_the_bit(share: float) -> None:
    rows, names = samples(7, 50)
    ideal = of(through(affine(), rows), names, NEW_TO)
    left = without(of(rows, names), of(rows, names))
    assert not left.total
    assert with_exact(carry(left, affine(0.3), NEW_TO), ideal, share).same_as(ideal)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_every_mix_keeps_the_means_and_can_be_written_learned_on_and_taken_back(
    share: float,
) -> None:
    rows, names = samples(9, 120)
    new = through(affine(), rows)
    left = without(of(rows, names), of(rows[:40], names[:40]))
    exact = of(new[:40], names[:40], NEW_TO)
    carried = carry(left, affine(0.1), NEW_TO)
    result = with_exact(carried, exact, share)
    np.testing.assert_array_equal(result.sums, head.merge(carried, exact).sums)
    assert head_file.decode(head_file.encode(result)).same_as(result)
    more, labels = samples(10, 30, NEW)
    assert head.unlearn(learn(result, more, labels), more, labels).same_as(result)
    means = result.sums / np.sqrt(result.counts)[:, None]
    within = result.scatter - means.T @ means
    assert np.linalg.eigvalsh(within).min() > 0


def test_a_share_of_none_takes_the_covariance_of_the_exemplars() -> None:
    rows, names = samples(11, 300)
    new = through(affine(), rows)
    left = without(of(rows, names), of(rows[:90], names[:90]))
    exact = of(new[:90], names[:90], NEW_TO)
    result = with_exact(carry(left, affine(0.3), NEW_TO), exact, 0.0)

    def covariance(statistics: Statistics, spare: int) -> NDArray[np.float64]:
        means = statistics.sums / np.sqrt(statistics.counts)[:, None]
        found: NDArray[np.float64] = (statistics.scatter - means.T @ means) / spare
        return found

    np.testing.assert_allclose(
        covariance(result, result.total), covariance(exact, 87), rtol=1e-4, atol=10
    )


def test_exemplars_whose_features_were_computed_again_may_differ_a_little() -> None:
    rows, names = samples(12, 20)
    again = rows + np.int16(3)
    left = without(of(rows, names), of(again, names))
    assert left.total == 0
    assert left.classes == ()


@pytest.mark.parametrize(
    "rubbish",
    [
        replace(affine(), matrix=np.full((NEW, OLD), np.nan)),
        replace(affine(), offset=np.full(NEW, 1e9)),
        replace(affine(), residual=-np.eye(NEW)),
        replace(affine(), matrix=np.full((NEW, OLD), 1e200)),
        replace(affine(), matrix=np.zeros((NEW, OLD + 1))),
    ],
)
def test_a_map_that_leads_nowhere_is_refused(rubbish: AffineMap) -> None:
    rows, names = samples(13, 20)
    with np.errstate(all="ignore"), pytest.raises(FieldwiseError) as caught:
        carry(of(rows, names), rubbish, NEW_TO)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_a_fitted_map_carries_classes_that_no_exemplar_shows() -> None:
    rows, names = samples(14, 600)
    new = through(affine(), rows)
    shown = [place for place, name in enumerate(names) if name != "plum"][:80]
    sums = PairSums((UNIT, UNIT), (OLD, NEW))
    sums.add(rows[shown], new[shown], keep=True)
    found = fit(sums)
    assert found is not None
    left = without(of(rows, names), of(rows[shown], [names[each] for each in shown]))
    result = carry(left, found, NEW_TO)
    place = result.classes.index("plum")
    wanted = new[[each == "plum" for each in names]].mean(axis=0)
    np.testing.assert_allclose(result.sums[place] / result.counts[place], wanted, atol=0.01 * UNIT)
