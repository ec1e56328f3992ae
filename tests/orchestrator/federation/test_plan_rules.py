import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadSpace, RowKind
from orchestrator.federation.plan import CampaignPlan
from orchestrator.federation.plan_rules import (
    CLASSES_MAX,
    UPDATE_BYTES_MAX,
    check_size,
    checked,
    mistakes,
)
from tests.campaigns import SPACE, plan

WIDE = HeadSpace("a" * 64, "b" * 64, (1280, 1280))


def found(allowed: bool = True, **changes: object) -> tuple[str, ...]:
    return mistakes(plan(**changes), statistics_allowed=allowed)


def test_a_plan_of_a_backbone_and_classes_is_fine() -> None:
    assert found(allowed=False) == ()
    assert checked(plan(), statistics_allowed=False) == plan()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"backbone": ""}, "backbone"),
        ({"backbone": "UPPER CASE"}, "backbone"),
        ({"cohort": "=="}, "cohort"),
        ({"classes": ()}, "classes"),
        ({"classes": ("apple", "")}, "classes"),
        ({"classes": ("apple", " pear")}, "classes"),
        ({"classes": ("apple", "pear", "apple")}, "classes"),
        ({"classes": tuple(map(str, range(CLASSES_MAX + 1)))}, "classes"),
        ({"level": Consent.OFF}, "level"),
        ({"strategy": "no name"}, "strategy"),
        ({"strategy": "../FedAvg"}, "strategy"),
        ({"options": {"a b": 1.0}}, "options"),
        ({"options": {"beta": math.nan}}, "options"),
        ({"options": {f"o{n}": 1.0 for n in range(17)}}, "options"),
        ({"strategy": "FedMedain"}, "strategy"),
        ({"strategy": "FedProx", "options": {"proximal_mu": 0.1}}, "strategy"),
        ({"strategy": "FedMedian", "options": {"beta": 0.1}}, "options"),
        ({"strategy": "Krum", "options": {"num_malicious_nodes": 1.5}}, "options"),
        ({"options": {"devices_min": 0.0}}, "options"),
        ({"rounds": -1}, "rounds"),
        ({"quorum": 1}, "quorum"),
        ({"participants": 3, "quorum": 4}, "participants"),
        ({"over_selection": -0.1}, "over_selection"),
        ({"over_selection": math.nan}, "over_selection"),
        ({"deadline_seconds": 1}, "deadline"),
        ({"pause_seconds": -1}, "pause"),
        ({"rounds": 0, "pause_seconds": 0}, "pause"),
        ({"norm_max": math.inf}, "norm_max"),
        ({"noise": 0.1}, "noise"),
        ({"samples_min": 9}, "samples_min"),
    ],
)
def test_a_mistake_is_told_with_its_key(changes: dict[str, Any], key: str) -> None:
    [told] = found(**changes)
    assert told.startswith(f"{key}: ")
    assert "; " in told


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"kind": RowKind.WEIGHTS}, "kind"),
        ({"strategy": "FedMedian"}, "strategy"),
        ({"options": {"beta": 1.0}}, "strategy"),
        ({"norm_max": 1.0}, "norm_max, noise"),
    ],
)
def test_statistics_are_merged_exactly_or_not_at_all(changes: dict[str, Any], key: str) -> None:
    assert found(level=Consent.STATISTICS) == ()
    [told] = found(level=Consent.STATISTICS, **changes)
    assert told.startswith(f"{key}: ")


def test_statistics_need_a_word_of_the_installation() -> None:
    [told] = found(allowed=False, level=Consent.STATISTICS)
    assert "federation_statistics" in told


def test_every_mistake_is_told_at_once() -> None:
    options = {"beta": 0.5, "server_momentum": 0.9}
    wrong = plan(quorum=0, samples_min=1, classes=(), strategy="FedTrimmedAvg", options=options)
    with pytest.raises(FieldwiseError) as caught:
        checked(wrong, statistics_allowed=True)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    keys = [line.partition(":")[0] for line in caught.value.sentence.splitlines()]
    assert keys == ["classes", "options", "options", "quorum", "samples_min"]


@given(
    st.builds(
        CampaignPlan,
        backbone=st.text(),
        classes=st.lists(st.text()).map(tuple),
        cohort=st.text(),
        kind=st.sampled_from(RowKind),
        level=st.sampled_from(Consent),
        strategy=st.text(),
        options=st.dictionaries(st.text(), st.floats()),
        rounds=st.integers(),
        quorum=st.integers(),
        participants=st.integers(),
        over_selection=st.floats(),
        deadline_seconds=st.integers(),
        pause_seconds=st.integers(),
        norm_max=st.floats(),
        noise=st.floats(),
        samples_min=st.integers(),
    ),
    st.booleans(),
)
def test_no_plan_however_odd_makes_the_rules_raise(odd: CampaignPlan, allowed: bool) -> None:
    assert all(": " in each for each in mistakes(odd, statistics_allowed=allowed))


def test_a_plan_whose_updates_nobody_could_take_is_refused() -> None:
    check_size(plan(), SPACE)
    check_size(plan(level=Consent.STATISTICS), WIDE)
    classes = tuple(map(str, range(CLASSES_MAX)))
    with pytest.raises(FieldwiseError) as caught:
        check_size(plan(classes=classes), WIDE)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    assert f"{UPDATE_BYTES_MAX:,}" in caught.value.sentence
    check_size(plan(classes=classes), HeadSpace("a" * 64, "b" * 64, (1280,)))
    huge = HeadSpace("a" * 64, "b" * 64, (8192,))
    with pytest.raises(FieldwiseError, match="ask for weights"):
        check_size(plan(level=Consent.STATISTICS), huge)
