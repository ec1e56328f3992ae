from dataclasses import replace

import numpy as np
import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, Row, RowKind, Update
from orchestrator.federation.campaign import Campaign
from orchestrator.federation.content import FEATURE_MAX, SAMPLES_MAX, VALUE_MAX, check_update
from orchestrator.federation.machine import opened
from tests.campaigns import WIDTH, campaign, update
from tests.fleet_records import NOW

MEANS = opened(campaign(7), 2, NOW)
EXACT = opened(campaign(7, level=Consent.STATISTICS), 2, NOW)
WEIGHTS = opened(campaign(7, kind=RowKind.WEIGHTS), 2, NOW)


def refused(found: Campaign, made: Update) -> str:
    with pytest.raises(FieldwiseError) as caught:
        check_update(found, made)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    return caught.value.sentence


def with_values(made: Update, value: float) -> Update:
    rows = tuple(replace(row, values=np.full_like(row.values, value)) for row in made.rows)
    return replace(made, rows=rows)


@pytest.mark.parametrize("found", [MEANS, EXACT, WEIGHTS], ids=["means", "exact", "weights"])
@pytest.mark.parametrize("value", [0.0, 3.0, -3.0, 4096.0])
def test_what_samples_come_to_is_taken(found: Campaign, value: float) -> None:
    check_update(found, update(found, value))


def test_a_class_that_the_campaign_does_not_have_is_refused() -> None:
    check_update(MEANS, update(MEANS, classes=(3,)))
    assert "no class 4" in refused(MEANS, update(MEANS, classes=(1, 4)))


@pytest.mark.parametrize("samples", [0, 1, 9, SAMPLES_MAX + 1, 2**60])
def test_too_few_samples_or_more_than_there_can_be_are_refused(samples: int) -> None:
    refused(MEANS, update(MEANS, samples=samples))


def test_a_campaign_may_want_more_samples_of_a_class() -> None:
    wanting = opened(campaign(7, samples_min=30), 2, NOW)
    check_update(wanting, update(wanting, samples=30))
    refused(wanting, update(wanting, samples=29))


@pytest.mark.parametrize("found", [MEANS, WEIGHTS], ids=["means", "weights"])
@pytest.mark.parametrize("value", [VALUE_MAX * 2, -VALUE_MAX * 2, 3e38])
def test_huge_numbers_are_refused(found: Campaign, value: float) -> None:
    refused(found, with_values(update(found), value))


def test_sums_beyond_what_so_many_samples_have_are_refused() -> None:
    made = update(EXACT, 0.0, samples=20)
    refused(EXACT, with_values(made, 20.0 * FEATURE_MAX + 1))


def test_a_scatter_beyond_what_so_many_samples_have_is_refused() -> None:
    made = update(EXACT)
    scatter = tuple(np.full_like(each, 1e18) for each in made.scatter)
    refused(EXACT, replace(made, scatter=scatter))


def test_a_scatter_that_is_less_than_that_of_the_means_is_refused() -> None:
    made = update(EXACT, 5.0)
    check_update(EXACT, made)
    for scatter in (
        tuple(np.zeros_like(each) for each in made.scatter),
        tuple(each * 0.99 for each in made.scatter),
    ):
        refused(EXACT, replace(made, scatter=scatter))
    last = made.scatter[-1].copy()
    last[-1] = 0.0
    refused(EXACT, replace(made, scatter=(*made.scatter[:-1], last)))


def test_only_the_diagonal_has_a_least_value() -> None:
    rows = (Row(1, 10, np.array([10.0, -10.0] * (WIDTH // 2))),)
    scatter = tuple(np.outer(rows[0].values / 10, rows[0].values / 10) * 10 for _ in range(1))
    made = replace(
        update(EXACT, classes=(1,)),
        rows=rows,
        scatter=tuple(each[np.triu_indices(WIDTH)] for each in scatter),
    )
    check_update(EXACT, made)
