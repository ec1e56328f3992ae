import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import (
    PIECE_VALUES,
    Consent,
    FederationReport,
    HeadSpace,
    Row,
    RowKind,
    content_bytes,
    content_digest,
    content_of,
    read_content,
    space_of,
    transform_digest,
)
from tests.fleet_records import backbone

SPACE = HeadSpace("a" * 64, "b" * 64, (3, 2))
LEVELS = [
    (RowKind.MEANS, Consent.WEIGHTS),
    (RowKind.WEIGHTS, Consent.WEIGHTS),
    (RowKind.MEANS, Consent.STATISTICS),
]


def rows_of(kind: RowKind, level: Consent, count: int, seed: int = 0) -> tuple[Row, ...]:
    dice = np.random.default_rng(seed)
    number = np.float64 if level is Consent.STATISTICS else np.float32
    width = SPACE.width + (kind is RowKind.WEIGHTS)
    return tuple(
        Row(2 * place + 1, 10 + place, dice.normal(size=width).astype(number))
        for place in range(count)
    )


def scatter_of(level: Consent) -> tuple[np.ndarray, ...]:
    if level is not Consent.STATISTICS:
        return ()
    return tuple(np.arange(float(width * (width + 1) // 2)) for width in SPACE.widths)


@pytest.mark.parametrize("consent", Consent)
def test_each_consent_covers_those_before_it(consent: Consent) -> None:
    order = list(Consent)
    covered = [each for each in order if consent.covers(each)]
    assert covered == order[: order.index(consent) + 1]


@pytest.mark.parametrize(("kind", "level"), LEVELS)
@pytest.mark.parametrize("count", [1, 7])
def test_content_is_read_as_it_was_written(kind: RowKind, level: Consent, count: int) -> None:
    rows, scatter = rows_of(kind, level, count), scatter_of(level)
    content = b"".join(content_of(rows, scatter))
    assert len(content) == content_bytes(SPACE, kind, level, count)
    assert hashlib.sha256(content).digest() == content_digest(rows, scatter)
    found, triangles = read_content(content, SPACE, kind, level, count)
    for one, other in zip(found, rows, strict=True):
        assert (one.class_id, one.samples) == (other.class_id, other.samples)
        assert one.values.dtype == other.values.dtype
        assert (one.values == other.values).all()
    for one, other in zip(triangles, scatter, strict=True):
        assert (one == other).all()
    assert content_digest(found, triangles) == content_digest(rows, scatter)


def test_a_long_scatter_comes_in_pieces() -> None:
    triangle = np.arange(PIECE_VALUES + 5.0)
    pieces = list(content_of((), (triangle,)))
    assert [len(each) for each in pieces] == [8 * PIECE_VALUES, 40]
    assert np.frombuffer(b"".join(pieces)).tolist() == triangle.tolist()


@pytest.mark.parametrize(("kind", "level"), LEVELS)
@given(content=st.binary(max_size=400), count=st.integers(1, 5))
def test_content_of_another_length_is_refused(
    kind: RowKind, level: Consent, content: bytes, count: int
) -> None:
    if len(content) == content_bytes(SPACE, kind, level, count):
        return
    with pytest.raises(FieldwiseError) as caught:
        read_content(content, SPACE, kind, level, count)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_numbers_are_little_endian_whatever_the_machine() -> None:
    row = Row(1, 2, np.array([1.0], dtype=">f4"))
    [content] = content_of((row,))
    assert content == b"\x01\0\0\0" + b"\x02" + b"\0" * 7 + b"\0\0\x80\x3f"


def test_every_part_of_an_update_changes_its_digest() -> None:
    rows, scatter = rows_of(*LEVELS[2], 2), scatter_of(Consent.STATISTICS)
    first, second = rows
    others = {
        content_digest(rows, scatter),
        content_digest((replace(first, class_id=2), second), scatter),
        content_digest((replace(first, samples=11), second), scatter),
        content_digest((replace(first, values=-first.values), second), scatter),
        content_digest((first,), scatter),
        content_digest(rows, scatter[:1]),
        content_digest(rows, (scatter[0] + 1, scatter[1])),
    }
    assert len(others) == 7


def test_a_space_is_of_one_bundle_and_one_transform() -> None:
    first, second = backbone("1"), backbone("2")
    space = space_of(first.digest, first.manifest)
    assert (space.bundle, space.widths, space.width) == (first.digest, (8,), 8)
    assert space.transform == space_of(second.digest, second.manifest).transform
    assert space.bundle != space_of(second.digest, second.manifest).bundle
    assert transform_digest(Transform(power=1.0)) != transform_digest(Transform(power=0.5))


@pytest.mark.parametrize(
    "changes",
    [
        {"round": -1},
        {"round": 2**32},
        {"head_version": -1},
        {"head_version": 2**53 + 1},
        {"blend_permille": 1001},
        {"blend_permille": -1},
    ],
)
def test_a_report_with_a_number_out_of_its_bounds_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(FieldwiseError) as caught:
        FederationReport(Consent.WEIGHTS, **changes)  # type: ignore[arg-type]  # of the tests' own
    assert caught.value.fault is Fault.OVER_LIMIT
