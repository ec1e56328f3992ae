import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from fieldwise import head
from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics
from fieldwise.head_file import KEY, Limits, decode, encode

BUNDLE = "a" * 64
WIDTH = 5


def some() -> Statistics:
    rows = np.random.default_rng(3).integers(-4096, 4097, (40, WIDTH)).astype(np.int16)
    names = [["apple", "çilek", "pear"][place % 3] for place in range(40)]
    return head.learn(head.empty(BUNDLE, Transform(), WIDTH), rows, names)


def metadata(**changes: object) -> dict[str, str]:
    content = {
        "format": 1,
        "bundle": BUNDLE,
        "transform": msgspec.to_builtins(Transform()),
        "classes": ["apple", "pear", "çilek"],
    }
    return {KEY: msgspec.json.encode(content | changes).decode()}


def tensors(**changes: np.ndarray) -> dict[str, np.ndarray]:
    found = some()
    triangle = found.scatter[np.triu_indices(WIDTH)]
    return {"counts": found.counts, "sums": found.sums, "scatter": triangle} | changes


def refusal(content: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(FieldwiseError) as caught:
        decode(content, limits, Fault.BUNDLE_INVALID)
    assert caught.value.fault is Fault.BUNDLE_INVALID
    return caught.value.sentence


def test_statistics_come_back_to_the_bit() -> None:
    assert decode(encode(some())).same_as(some())
    assert encode(decode(encode(some()))) == encode(some())


def test_orphans_come_back_too() -> None:
    found = head.forget_class(some(), "apple")
    assert found.orphans == 14
    assert decode(encode(found)).same_as(found)


def test_a_head_with_nothing_but_orphans_comes_back_too() -> None:
    found = some()
    for name in found.classes:
        found = head.forget_class(found, name)
    assert (found.total, found.orphans) == (0, 40)
    assert decode(encode(found)).same_as(found)


@pytest.mark.parametrize("orphans", [-1, 2**54, 2**29, "many", 1.5])
def test_orphans_that_cannot_be_are_refused(orphans: object) -> None:
    assert refusal(save(tensors(), metadata(orphans=orphans)))


def test_no_sample_at_all_comes_back_too() -> None:
    nothing = head.empty(BUNDLE, Transform(), WIDTH)
    assert decode(encode(nothing)).same_as(nothing)


def test_only_the_triangle_is_stored() -> None:
    wide = head.empty(BUNDLE, Transform(), 200)
    assert len(encode(wide)) < 8 * 200 * 201 / 2 + 1000


def test_what_the_tests_below_damage_is_valid_before() -> None:
    assert decode(save(tensors(), metadata())).same_as(some())


@given(st.binary(max_size=300))
def test_rubbish_is_refused(content: bytes) -> None:
    refusal(content)


@given(st.integers(0, 2000), st.integers(1, 255))
def test_a_damaged_header_is_refused_or_harmless(place: int, change: int) -> None:
    content = bytearray(encode(some()))
    content[place % 200] ^= change
    try:
        found = decode(bytes(content))
    except FieldwiseError as error:
        assert error.fault is Fault.STATE_DAMAGED  # noqa: PT017  # both endings are right
    else:
        assert found.width == WIDTH


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(share: float) -> None:
    content = encode(some())
    refusal(content[: int(len(content) * share)])


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"bundle": "short"},
        {"classes": ["apple", "pear"]},
        {"classes": ["pear", "apple", "çilek"]},
        {"classes": ["apple", "apple", "çilek"]},
        {"classes": ["", "apple", "çilek"]},
        {"surplus": 1},
        {"transform": {"power": 2}},
    ],
)
def test_metadata_that_does_not_hold_is_refused(changes: dict[str, object]) -> None:
    refusal(save(tensors(), metadata(**changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"counts": np.array([1, 0, 1])},
        {"counts": np.array([14, -13, 13])},
        {"counts": np.array([2**62, 2**62, 2**62])},
        {"counts": np.array([14.0, 13.0, 13.0])},
        {"counts": np.array([[14, 13, 13]])},
        {"sums": np.full((3, WIDTH), 0.5)},
        {"sums": np.full((3, WIDTH), np.nan)},
        {"sums": np.full((3, WIDTH), 1e9)},
        {"sums": np.zeros((3, 0))},
        {"sums": np.zeros(3)},
        {"scatter": np.zeros(4)},
        {"scatter": np.full(15, np.inf)},
        {"scatter": np.full(15, 1e300)},
        {"scatter": np.full(15, 0.25)},
        {"surplus": np.zeros(1)},
    ],
)
def test_numbers_that_no_samples_have_are_refused(changes: dict[str, np.ndarray]) -> None:
    refusal(save(tensors(**changes), metadata()))


def test_a_file_without_our_metadata_is_refused() -> None:
    refusal(save(tensors()))
    refusal(save(tensors(), {"other": "x"}))


def test_limits_hold() -> None:
    content = encode(some())
    assert "the limit is 100" in refusal(content, Limits(bytes_max=100))
    assert "3 classes" in refusal(content, Limits(classes_max=2))
    assert "5-d" in refusal(content, Limits(width_max=4))
