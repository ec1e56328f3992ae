import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from fieldwise.affine import AffineMap
from fieldwise.affine_file import HEADER_BYTES_MAX, ViewMap, bytes_between, decode, encode
from fieldwise.errors import Fault, FieldwiseError

OLD, NEW = 6, 4


def view_map(seed: int = 0) -> ViewMap:
    chance = np.random.default_rng(seed)
    part = chance.normal(0, 0.05, (NEW, 9))
    narrow = (chance.normal(0, 0.3, (NEW, OLD)), chance.normal(0, 0.1, NEW), part @ part.T)
    matrix, offset, residual = (each.astype(np.float32).astype(np.float64) for each in narrow)
    return ViewMap("size128", AffineMap(matrix, offset, (residual + residual.T) / 2, 250, 0.25))


def refused(content: bytes, widths: tuple[int, ...] = (NEW,)) -> None:
    with pytest.raises(FieldwiseError) as caught:
        decode(content, widths)
    assert caught.value.fault is Fault.BUNDLE_INVALID


def changed(**tensors: np.ndarray) -> bytes:
    held = load(encode([view_map()]))
    named = {f"0.{name}": each for name, each in tensors.items()}
    return save(held | named, metadata())


def metadata(**changes: object) -> dict[str, str]:
    view = {"source": "size128", "pairs": 250, "error": 0.25}
    return {"fieldwise": json.dumps({"format": 1, "views": [view]} | changes)}


def test_maps_come_back_and_give_the_same_bytes() -> None:
    maps = [view_map(0), view_map(1)]
    content = encode(maps)
    found = decode(content, (NEW, NEW))
    assert [each.source for each in found] == ["size128", "size128"]
    for one, other in zip(maps, found, strict=True):
        np.testing.assert_array_equal(one.through.matrix, other.through.matrix)
        np.testing.assert_array_equal(one.through.offset, other.through.offset)
        np.testing.assert_allclose(one.through.residual, other.through.residual, atol=1e-9)
        assert (other.through.pairs, other.through.error) == (250, 0.25)
    assert encode(found) == content


@given(st.binary(max_size=400))
def test_rubbish_is_refused(content: bytes) -> None:
    refused(content)


@given(st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_a_damaged_file_is_refused_or_read_as_a_map(place: int, value: int) -> None:
    content = bytearray(encode([view_map()]))
    content[place % len(content)] = value
    try:
        found = decode(bytes(content), (NEW,))
    except FieldwiseError as error:
        assert error.fault is Fault.BUNDLE_INVALID  # noqa: PT017 - it need not be refused
    else:
        assert np.isfinite(found[0].through.residual).all()


@pytest.mark.parametrize(
    "content",
    [
        changed(matrix=np.full((NEW, OLD), np.nan, np.float32)),
        changed(matrix=np.full((NEW, OLD), 1e9, np.float32)),
        changed(matrix=np.zeros((NEW + 1, OLD), np.float32)),
        changed(matrix=np.zeros((NEW, 0), np.float32)),
        changed(matrix=np.zeros((NEW, OLD), np.float64)),
        changed(matrix=np.zeros((1, NEW, OLD), np.float32)),
        changed(offset=np.zeros(NEW - 1, np.float32)),
        changed(residual=np.zeros(3, np.float32)),
        changed(residual=-np.ones(10, np.float32)),
        changed(residual=np.full(10, 50, np.float32)),
        changed(residual=np.array([1e-3, 1, 0, 0, 1e-3, 0, 0, 1e-3, 0, 1e-3], np.float32)),
        save(load(encode([view_map()])) | {"more": np.zeros(1, np.float32)}, metadata()),
        save(load(encode([view_map()])), metadata(format=2)),
        save(load(encode([view_map()])), metadata(views=[])),
        save(load(encode([view_map()])), metadata(more=1)),
        save(load(encode([view_map()]))),
    ],
)
def test_what_no_publisher_can_have_fitted_is_refused(content: bytes) -> None:
    refused(content)


@pytest.mark.parametrize("widths", [(), (NEW + 1,), (NEW, NEW)])
def test_a_map_to_other_views_is_refused(widths: tuple[int, ...]) -> None:
    refused(encode([view_map()]), widths)


def test_a_file_cut_short_is_refused_wherever_it_ends() -> None:
    content = encode([replace(view_map(), source="main")])
    for end in range(0, len(content), 7):
        refused(content[:end])


def test_no_file_of_maps_is_larger_than_the_widths_of_both_backbones_allow() -> None:
    maps = [view_map(0), view_map(1)]
    numbers = sum(each.through.matrix.size + NEW + NEW * (NEW + 1) // 2 for each in maps)
    bound = bytes_between([3, OLD], [NEW, NEW])
    assert len(encode(maps)) < bound == 8 + HEADER_BYTES_MAX + 4 * numbers
