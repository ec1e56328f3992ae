import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.strategies import DEVICES_MIN, KNOWN, mistakes


def found(name: str, **options: float) -> tuple[str, ...]:
    return tuple(mistakes(name, options))


@pytest.mark.parametrize("name", KNOWN)
def test_a_strategy_is_fine_without_options_and_with_the_one_that_all_have(name: str) -> None:
    assert found(name) == found(name, devices_min=1.0) == ()


def test_a_name_that_is_none_is_told_with_those_that_are() -> None:
    [told] = found("fedavg", beta=0.1)
    assert told.startswith("strategy: ")
    assert all(name in told for name in KNOWN)


def test_every_option_that_is_wrong_is_told() -> None:
    told = found("FedAvgM", beta=0.1, server_momentum=1.0, server_learning_rate=0.0)
    no_option = "options: FedAvgM has no option 'beta'; "
    assert told == (
        f"{no_option}it has server_learning_rate, server_momentum, devices_min",
        "options: server_momentum of FedAvgM is 1; write a number from 0, below 1",
        "options: server_learning_rate of FedAvgM is 0; write a number above 0, below 100",
    )


def test_counts_are_whole_numbers() -> None:
    [told] = found("Krum", num_malicious_nodes=0.5)
    assert "a whole number from 0 on" in told
    assert found("Krum", num_malicious_nodes=2.0) == ()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", KNOWN)
def test_what_is_not_finite_is_no_option(name: str, value: float) -> None:
    for option in (*KNOWN[name].options, DEVICES_MIN):
        assert len(tuple(mistakes(name, {option: value}))) == 1


@given(st.text() | st.sampled_from(list(KNOWN)), st.dictionaries(st.text(), st.floats()))
def test_nothing_however_odd_makes_them_raise(name: str, options: dict[str, float]) -> None:
    assert all(": " in each and "; " in each for each in mistakes(name, options))
