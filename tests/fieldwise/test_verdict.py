"""Verdicts: counts that cannot be true never become values."""

from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.verdict import COUNT_MAX, Basis, Judgement, PairedCounts, Verdict

COUNTS = PairedCounts(5, 3, 2, 1, scenes=4, scenes_worse=2, scenes_better=1)
VERDICT = Verdict(7, Judgement.ACCEPTED, Basis.LABELLED, COUNTS)


def test_every_sample_is_counted_once() -> None:
    assert COUNTS.samples == 11


@pytest.mark.parametrize(
    "impossible",
    [
        {"scenes": 12},
        {"scenes_worse": 4},
        {"scenes_better": 3},
        {"scenes_worse": 3, "scenes_better": 2},
        {"scenes": 2},
    ],
)
def test_scenes_that_the_samples_cannot_come_from_are_refused(impossible: dict[str, int]) -> None:
    with pytest.raises(FieldwiseError) as refused:
        replace(COUNTS, **impossible)
    assert refused.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("count", [-1, COUNT_MAX + 1])
def test_a_count_that_the_wire_cannot_hold_is_refused(count: int) -> None:
    for change in (
        lambda: replace(COUNTS, both_right=count),
        lambda: replace(VERDICT, compared=count),
    ):
        with pytest.raises(FieldwiseError) as refused:
            change()
        assert refused.value.fault is Fault.OVER_LIMIT
