"""Updates survive their way over the wire to the bit, and what is none is refused."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadSpace, Row, RowKind, Update
from fieldwise.federation_messages import (
    CONSENTS,
    KINDS,
    PIECE_VALUES,
    Part,
    UpdateReader,
    parts_of,
    word_of,
)
from fieldwise.v1alpha1 import federation_pb2

SPACE = HeadSpace("ab" * 32, "cd" * 32, (5, 3))


def weights(classes: int = 3, kind: RowKind = RowKind.MEANS) -> Update:
    dice = np.random.default_rng(classes)
    width = SPACE.width + (kind is RowKind.WEIGHTS)
    rows = tuple(
        Row(2 * place + 1, 10 + place, dice.normal(size=width).astype(np.float32))
        for place in range(classes)
    )
    return Update("c7", 4, kind, Consent.WEIGHTS, SPACE, rows, base_version=3)


def statistics(widths: tuple[int, ...] = (5, 3)) -> Update:
    dice = np.random.default_rng(7)
    space = HeadSpace("ab" * 32, "cd" * 32, widths)
    rows = tuple(
        Row(place, 10 * place, np.rint(dice.normal(0, 1e6, space.width))) for place in (1, 4)
    )
    scatter = tuple(np.rint(dice.normal(0, 1e9, each * (each + 1) // 2)) for each in widths)
    return Update("c7", 1, RowKind.MEANS, Consent.STATISTICS, space, rows, scatter)


def read(parts: Sequence[Part]) -> Update:
    header = parts[0]
    assert isinstance(header, federation_pb2.UpdateHeader)
    reader = UpdateReader(header)
    for part in parts[1:]:
        if isinstance(part, federation_pb2.ClassRows):
            reader.rows(part)
        else:
            assert isinstance(part, federation_pb2.ScatterPiece)
            reader.scatter(part)
    return reader.finish()


def same(one: Update, other: Update) -> bool:
    plain = ("campaign", "round", "kind", "level", "space", "base_version")
    rows = [
        [(row.class_id, row.samples, row.values.tobytes()) for row in u.rows] for u in (one, other)
    ]
    scatters = [[each.tobytes() for each in u.scatter] for u in (one, other)]
    equal = all(getattr(one, name) == getattr(other, name) for name in plain)
    return equal and rows[0] == rows[1] and scatters[0] == scatters[1]


@pytest.mark.parametrize(
    "update",
    [weights(), weights(200), weights(kind=RowKind.WEIGHTS), statistics(), statistics((300, 2))],
)
def test_an_update_arrives_as_it_left_within_every_cap(update: Update) -> None:
    parts = list(parts_of(update))
    for part in parts:
        wire.check(part)
    assert same(read(parts), update)


def test_a_wide_scatter_travels_in_pieces() -> None:
    pieces = [
        part
        for part in parts_of(statistics((300, 2)))
        if isinstance(part, federation_pb2.ScatterPiece)
    ]
    assert [(each.view, each.offset) for each in pieces] == [(0, 0), (0, PIECE_VALUES), (1, 0)]


def _header(change: Callable[[Any], None]) -> Callable[[list[Any]], None]:
    return lambda parts: change(parts[0])


def _set(name: str, value: Any) -> Callable[[list[Any]], None]:
    return _header(lambda header: setattr(header, name, value))


def _row(change: Callable[[Any], None]) -> Callable[[list[Any]], None]:
    return lambda parts: change(parts[1].rows[0])


WEIGHTS_SPOILED: dict[str, Callable[[list[Any]], None]] = {
    "no kind": _set("kind", 0),
    "a kind without a meaning": _set("kind", 77),
    "no consent": _set("level", CONSENTS[Consent.OFF]),
    "statistics of weights": _set("level", CONSENTS[Consent.STATISTICS]),
    "no class": _set("rows", 0),
    "more classes than a head has": _set("rows", 10_001),
    "more rows than announced": _set("rows", 2),
    "fewer rows than announced": _set("rows", 4),
    "another digest": _set("content_digest", bytes(32)),
    "a digest that is none": _set("content_digest", b"short"),
    "a bundle that is none": _header(lambda h: setattr(h.space, "bundle_digest", b"x")),
    "no view": _header(lambda h: h.space.ClearField("widths")),
    "an empty view": _header(lambda h: h.space.widths.__setitem__(0, 0)),
    "a view beyond all bounds": _header(lambda h: h.space.widths.__setitem__(0, 2**31)),
    "another width": _header(lambda h: h.space.widths.__setitem__(0, 6)),
    "a class twice": _row(lambda row: setattr(row, "class_id", 3)),
    "class 0": _row(lambda row: setattr(row, "class_id", 0)),
    "no sample": _row(lambda row: setattr(row, "samples", 0)),
    "another count": _row(lambda row: setattr(row, "samples", 11_000)),
    "half a number": _row(lambda row: setattr(row, "values", row.values[:-1])),
    "a number too few": _row(lambda row: setattr(row, "values", row.values[:-4])),
    "no number": _row(lambda row: setattr(row, "values", np.full(8, np.nan, np.float32).tobytes())),
    "without end": _row(
        lambda row: setattr(row, "values", np.full(8, np.inf, np.float32).tobytes())
    ),
    "sums at the level of weights": _row(lambda row: setattr(row, "sums", bytes(64))),
    "a scatter": lambda parts: parts.append(
        federation_pb2.ScatterPiece(view=0, offset=0, values=bytes(8))
    ),
    "nothing but a header": lambda parts: parts.__delitem__(slice(1, None)),
}
STATISTICS_SPOILED: dict[str, Callable[[list[Any]], None]] = {
    "of weights": _set("kind", KINDS[RowKind.WEIGHTS]),
    "no scatter of a view": lambda parts: parts.pop(),
    "views in another order": lambda parts: parts.append(parts.pop(-2)),
    "a scatter twice": lambda parts: parts.append(parts[-1]),
    "an offset beyond": lambda parts: setattr(parts[-1], "offset", 2**40),
    "an empty piece": lambda parts: setattr(parts[-1], "values", b""),
    "a piece too long": lambda parts: setattr(parts[-1], "values", bytes(800)),
    "a scatter in parts of samples": lambda parts: setattr(
        parts[-1], "values", np.full(6, 0.5).tobytes()
    ),
    "sums in parts of samples": _row(lambda row: setattr(row, "sums", np.full(8, 0.5).tobytes())),
    "values beside sums": _row(lambda row: setattr(row, "values", bytes(32))),
}


@pytest.mark.parametrize("spoil", WEIGHTS_SPOILED.values(), ids=WEIGHTS_SPOILED.keys())
def test_what_is_no_update_of_weights_is_refused(spoil: Callable[[list[Any]], None]) -> None:
    parts: list[Any] = list(parts_of(weights()))
    spoil(parts)
    with pytest.raises(FieldwiseError) as raised:
        read(parts)
    assert raised.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("spoil", STATISTICS_SPOILED.values(), ids=STATISTICS_SPOILED.keys())
def test_what_is_no_update_of_statistics_is_refused(spoil: Callable[[list[Any]], None]) -> None:
    parts: list[Any] = list(parts_of(statistics()))
    spoil(parts)
    with pytest.raises(FieldwiseError) as raised:
        read(parts)
    assert raised.value.fault is Fault.INVALID_ARGUMENT


@given(place=st.integers(0, 2**16), bit=st.integers(0, 7))
def test_no_flipped_bit_of_a_row_gets_through(place: int, bit: int) -> None:
    parts: list[Any] = list(parts_of(statistics()))
    row = parts[1].rows[1]
    spoiled = bytearray(row.sums)
    spoiled[place % len(spoiled)] ^= 1 << bit
    row.sums = bytes(spoiled)
    with pytest.raises(FieldwiseError):
        read(parts)


def test_a_number_without_a_meaning_is_no_word() -> None:
    with pytest.raises(FieldwiseError) as raised:
        word_of(CONSENTS, 99)
    assert raised.value.fault is Fault.INVALID_ARGUMENT
