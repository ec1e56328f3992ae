from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadSpace, RowKind
from fieldwise.global_head import GlobalHead, Limits, decode, encode, means_of
from fieldwise.head_file import KEY

SPACE = HeadSpace("a" * 64, "b" * 64, (3, 2))
CLASSES = ("apple", "çilek", "pear")


def means() -> GlobalHead:
    dice = np.random.default_rng(3)
    return GlobalHead(
        "c7",
        RowKind.MEANS,
        Consent.WEIGHTS,
        SPACE,
        (1, 4, 9),
        CLASSES,
        np.array([30, 12, 10]),
        dice.normal(0, 100, (3, 5)).astype(np.float32),
        (dice.normal(size=(2, 3)).astype(np.float32), dice.normal(size=(2, 2)).astype(np.float32)),
    )


def weights() -> GlobalHead:
    rows = np.arange(18, dtype=np.float32).reshape(3, 6)
    return replace(means(), kind=RowKind.WEIGHTS, rows=rows, factors=())


def statistics() -> GlobalHead:
    counts = np.array([30, 12, 10])
    sums = np.random.default_rng(4).integers(-1000, 1000, (3, 5)).astype(np.float64)
    scatter = (np.arange(6.0), np.arange(3.0))
    return replace(
        means(),
        level=Consent.STATISTICS,
        rows=means_of(counts, sums),
        factors=(),
        sums=sums,
        scatter=scatter,
    )


HEADS = {"means": means, "weights": weights, "statistics": statistics}


def same(one: GlobalHead, other: GlobalHead) -> bool:
    def held(head: GlobalHead) -> tuple[np.ndarray, ...]:
        exact = () if head.sums is None else (head.sums,)
        return (head.counts, head.rows, *head.factors, *exact, *head.scatter)

    def said(head: GlobalHead) -> tuple[object, ...]:
        return (head.campaign, head.kind, head.level, head.space, head.ids, head.classes)

    pairs = zip(held(one), held(other), strict=True)
    return said(one) == said(other) and all(np.array_equal(*pair) for pair in pairs)


def metadata(**changes: object) -> dict[str, str]:
    content = {
        "format": 1,
        "campaign": "c7",
        "kind": "means",
        "level": "weights",
        "space": {"bundle": "a" * 64, "transform": "b" * 64, "widths": [3, 2]},
        "classes": list(CLASSES),
    }
    return {KEY: msgspec.json.encode(content | changes).decode()}


def tensors(**changes: np.ndarray) -> dict[str, np.ndarray]:
    head = means()
    found = {"ids": np.array(head.ids), "counts": head.counts, "rows": head.rows}
    found |= {"0.factor": head.factors[0], "1.factor": head.factors[1]}
    return found | changes


def exact_tensors(**changes: np.ndarray) -> dict[str, np.ndarray]:
    head = statistics()
    assert head.sums is not None
    found = {"ids": np.array(head.ids), "counts": head.counts, "sums": head.sums}
    found |= {"0.scatter": head.scatter[0], "1.scatter": head.scatter[1]}
    return found | changes


def refusal(content: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(FieldwiseError) as caught:
        decode(content, limits, Fault.INVALID_ARGUMENT)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
    return caught.value.sentence


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_comes_back_to_the_bit(kind: str) -> None:
    head = HEADS[kind]()
    assert same(decode(encode(head)), head)
    assert encode(decode(encode(head))) == encode(head)


def test_a_head_without_factors_or_without_classes_comes_back_too() -> None:
    bare = replace(means(), factors=())
    assert same(decode(encode(bare)), bare)
    nothing = replace(
        bare,
        ids=(),
        classes=(),
        counts=np.zeros(0, np.int64),
        rows=np.zeros((0, 5), np.float32),
    )
    assert same(decode(encode(nothing)), nothing)


def test_arrays_that_lie_crosswise_are_written_as_they_read() -> None:
    crosswise = replace(means(), rows=np.asfortranarray(means().rows))
    assert encode(crosswise) == encode(means())


def test_what_the_tests_below_damage_is_valid_before() -> None:
    assert same(decode(save(tensors(), metadata())), means())
    assert same(decode(save(exact_tensors(), metadata(level="statistics"))), statistics())


@given(st.binary(max_size=300))
def test_rubbish_is_refused(content: bytes) -> None:
    refusal(content)


@given(st.integers(0, 3000), st.integers(1, 255), st.sampled_from(sorted(HEADS)))
def test_a_damaged_file_is_refused_or_a_head_within_bounds(
    place: int, change: int, kind: str
) -> None:
    content = bytearray(encode(HEADS[kind]()))
    content[place % len(content)] ^= change
    try:
        found = decode(bytes(content))
    except FieldwiseError as error:
        assert error.fault is Fault.STATE_DAMAGED  # noqa: PT017  # both endings are right
    else:
        assert found.rows.shape == HEADS[kind]().rows.shape
        assert np.isfinite(found.rows).all()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("kind", HEADS)
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    content = encode(HEADS[kind]())
    refusal(content[: int(len(content) * share)])


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"campaign": ""},
        {"campaign": "c" * 33},
        {"kind": "gradients"},
        {"kind": "weights"},
        {"level": "off"},
        {"level": "statistics"},
        {"space": {"bundle": "a", "transform": "b" * 64, "widths": [3, 2]}},
        {"space": {"bundle": "a" * 64, "transform": "b" * 64, "widths": [2, 3]}},
        {"space": {"bundle": "a" * 64, "transform": "b" * 64, "widths": []}},
        {"space": {"bundle": "a" * 64, "transform": "b" * 64, "widths": [8192] * 8}},
        {"classes": ["apple", "pear"]},
        {"classes": ["apple", "apple", "pear"]},
        {"classes": ["", "apple", "pear"]},
        {"surplus": 1},
    ],
)
def test_metadata_that_does_not_hold_is_refused(changes: dict[str, object]) -> None:
    refusal(save(tensors(), metadata(**changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": np.array([1, 4, 4])},
        {"ids": np.array([0, 4, 9])},
        {"ids": np.array([1, 4, 2**32])},
        {"ids": np.array([1.0, 4.0, 9.0])},
        {"counts": np.array([30, 0, 10])},
        {"counts": np.array([2**62, 2**62, 2**62])},
        {"counts": np.array([30, 12])},
        {"rows": np.full((3, 5), np.nan, np.float32)},
        {"rows": np.full((3, 5), np.inf, np.float32)},
        {"rows": np.full((3, 5), 1e30, np.float32)},
        {"rows": np.zeros((3, 5))},
        {"rows": np.zeros((1, 5), np.float32)},
        {"0.factor": np.zeros((4, 3), np.float32)},
        {"0.factor": np.zeros((0, 3), np.float32)},
        {"0.factor": np.full((2, 3), np.nan, np.float32)},
        {"1.factor": np.zeros((2, 3), np.float32)},
        {"2.factor": np.zeros((2, 3), np.float32)},
        {"surplus": np.zeros(1)},
    ],
)
def test_numbers_that_no_head_has_are_refused(changes: dict[str, np.ndarray]) -> None:
    refusal(save(tensors(**changes), metadata()))


@pytest.mark.parametrize(
    "changes",
    [
        {"sums": np.full((3, 5), 0.5)},
        {"sums": np.full((3, 5), np.nan)},
        {"sums": np.full((3, 5), 1e9)},
        {"sums": np.zeros((3, 5), np.float32)},
        {"0.scatter": np.zeros(5)},
        {"0.scatter": np.full(6, np.inf)},
        {"0.scatter": np.full(6, 0.25)},
        {"1.scatter": np.full(3, 1e300)},
        {"rows": np.zeros((3, 5), np.float32)},
    ],
)
def test_statistics_that_no_samples_have_are_refused(changes: dict[str, np.ndarray]) -> None:
    refusal(save(exact_tensors(**changes), metadata(level="statistics")))


def test_statistics_of_weights_are_refused() -> None:
    refusal(save(exact_tensors(), metadata(level="statistics", kind="weights")))


def test_a_factor_is_there_for_every_view_or_for_none() -> None:
    some = tensors()
    del some["1.factor"]
    refusal(save(some, metadata()))


def test_a_head_over_the_limits_is_refused() -> None:
    content = encode(means())
    assert "bytes" in refusal(content, Limits(bytes_max=100))
    assert "classes" in refusal(content, Limits(classes_max=2))
    assert "5-d" in refusal(content, Limits(width_max=4))


def test_a_file_without_our_metadata_is_refused() -> None:
    refusal(save(tensors()))
