import math

import pytest

from aggregator.flower.strategies import STOCK, devices_min, maker
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.strategies import KNOWN


def refusal(name: str, options: dict[str, float]) -> str:
    with pytest.raises(FieldwiseError) as caught:
        maker(name, options)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    return caught.value.sentence


@pytest.mark.parametrize("name", KNOWN)
def test_a_strategy_is_known_by_the_name_that_flower_has_for_it(name: str) -> None:
    assert type(maker(name, {})()).__name__ == name
    assert list(STOCK) == list(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_what_a_plan_may_say_flower_takes(name: str) -> None:
    lowest = {each: option.low for each, option in KNOWN[name].options.items()}
    highest = {
        each: option.high - 1 if option.is_whole else math.nextafter(option.high, 0)
        for each, option in KNOWN[name].options.items()
    }
    for options in (lowest, highest):
        assert type(maker(name, options)()).__name__ == name


def test_options_are_arguments_of_the_strategy() -> None:
    made = maker("FedAvgM", {"server_momentum": 0.9, "server_learning_rate": 0.5})()
    assert (made.server_momentum, made.server_learning_rate) == (0.9, 0.5)
    krum = maker("Krum", {"num_malicious_nodes": 2.0})()
    assert isinstance(krum.num_malicious_nodes, int)


@pytest.mark.parametrize("name", ["fedavg", "", "FedProx", "QFedAvg", "FedXgbBagging", "Result"])
def test_what_rows_cannot_be_aggregated_by_is_refused_with_what_can(name: str) -> None:
    assert "FedTrimmedAvg" in refusal(name, {})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("FedAvg", {"fraction_train": 0.5}),
        ("FedAvg", {"server_momentum": 0.5}),
        ("Krum", {"num_malicious_nodes": 1.5}),
        ("FedTrimmedAvg", {"beta": 0.5}),
        ("FedTrimmedAvg", {"beta": -0.1}),
        ("FedAvgM", {"initial": 1.0}),
    ],
)
def test_options_that_a_strategy_does_not_have_or_refuses_are_refused(
    name: str, options: dict[str, float]
) -> None:
    assert name in refusal(name, options)


@pytest.mark.parametrize("value", [0.0, -1.0, 1.5])
def test_how_many_devices_a_class_needs_is_a_whole_number(value: float) -> None:
    assert "devices_min" in refusal("FedAvg", {"devices_min": value})


def test_it_is_an_option_of_every_strategy_and_two_unless_said_otherwise() -> None:
    assert devices_min({}) == 2
    assert devices_min({"devices_min": 3.0}) == 3
    for name in KNOWN:
        maker(name, {"devices_min": 1.0})
