import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from aggregator.keeping import decode, encode
from aggregator.work import Kept
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head_file import KEY


def some() -> dict[int, Kept]:
    return {
        each: Kept(each + 1, {"m_t": np.full(4, each, np.float32), "v_t": np.ones(4, np.float32)})
        for each in (1, 5)
    }


def metadata(**changes: object) -> dict[str, str]:
    return {KEY: msgspec.json.encode({"format": 1, "strategy": "FedAdam"} | changes).decode()}


def tensors(**changes: np.ndarray) -> dict[str, np.ndarray]:
    found = {"ids": np.array([1, 5]), "steps": np.array([2, 6])}
    return found | {"m_t": np.zeros((2, 4), np.float32)} | changes


def refused(content: bytes, strategy: str = "FedAdam") -> None:
    with pytest.raises(FieldwiseError) as caught:
        decode(content, strategy)
    assert caught.value.fault is Fault.STATE_DAMAGED


def test_what_a_strategy_keeps_comes_back() -> None:
    found = decode(encode("FedAdam", some()), "FedAdam")
    assert {each: kept.steps for each, kept in found.items()} == {1: 2, 5: 6}
    assert np.array_equal(found[5].arrays["m_t"], np.full(4, 5))
    assert encode("FedAdam", found) == encode("FedAdam", some())


def test_a_strategy_that_keeps_nothing_has_no_file() -> None:
    assert encode("FedAvg", {1: Kept(3, {})}) == b""
    assert encode("FedAvg", {}) == b""


def test_what_the_tests_below_damage_is_valid_before() -> None:
    assert list(decode(save(tensors(), metadata()), "FedAdam")) == [1, 5]


def test_what_another_strategy_kept_is_refused() -> None:
    refused(save(tensors(), metadata()), "FedYogi")


@given(st.binary(max_size=300))
def test_rubbish_is_refused(content: bytes) -> None:
    refused(content)


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": np.array([5, 1])},
        {"ids": np.array([0, 1])},
        {"ids": np.array([1.0, 5.0])},
        {"steps": np.array([-1, 2])},
        {"steps": np.array([2**40, 2])},
        {"steps": np.array([2])},
        {"m_t": np.zeros((1, 4), np.float32)},
        {"m_t": np.zeros((2, 4))},
        {"m_t": np.full((2, 4), np.nan, np.float32)},
        {"m_t": np.zeros(2, np.float32)},
    ],
)
def test_what_no_strategy_keeps_is_refused(changes: dict[str, np.ndarray]) -> None:
    refused(save(tensors(**changes), metadata()))


@pytest.mark.parametrize("changes", [{"format": 2}, {"strategy": ""}, {"surplus": 1}])
def test_metadata_that_does_not_hold_is_refused(changes: dict[str, object]) -> None:
    refused(save(tensors(), metadata(**changes)))
