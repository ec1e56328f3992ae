import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldwise import readings
from fieldwise.bundle import READINGS_MAX, Readings
from fieldwise.errors import Fault, FieldwiseError

FORM = Readings(3, (1.0, 10.0, 0.0), (2.0, 5.0, 1.0))
SAMPLE = np.array([3, 20, -1], np.float32)


def refused(sample: object, words: str) -> None:
    with pytest.raises(FieldwiseError, match=words) as caught:
        readings.fit(sample, FORM)  # type: ignore[arg-type]  # rubbish on purpose
    assert caught.value.fault is Fault.READINGS_INVALID


def test_readings_are_standardised_as_the_bundle_states() -> None:
    found = readings.to_input(readings.fit(SAMPLE, FORM)[None], FORM)
    assert found.dtype == np.float32
    assert found.tolist() == [[1.0, 2.0, -1.0]]


def test_what_is_remembered_is_what_was_read() -> None:
    content = readings.encode(SAMPLE)
    assert readings.is_encoded(content)
    assert np.array_equal(readings.decode(content), SAMPLE)
    assert np.array_equal(readings.fit(content, FORM), SAMPLE)


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (np.array([1, np.nan, 3], np.float32), "reading 2 is nan"),
        (np.array([1, 2, np.inf], np.float32), "reading 3 is inf"),
        (np.array([1, 2], np.float32), "2 readings; the backbone takes 3"),
        (np.array([1, 2, 3, 4], np.float32), "4 readings; the backbone takes 3"),
        (np.zeros(READINGS_MAX + 1, np.float32), "the limit is 1,024"),
        (np.zeros(0, np.float32), r"float32\[0\]"),
        (np.zeros((1, 3), np.float32), r"float32\[1, 3\]"),
        (np.zeros(3, np.float64), "float64"),
        (np.zeros(3, np.uint8), "uint8"),
        (b"", "not readings"),
        (b"\xff\xd8\xff", "not readings"),
        (readings.MARK + b"123", "not readings"),
        (readings.MARK, r"float32\[0\]"),
        (readings.MARK + b"\xff" * 12, "nan"),
    ],
    ids=str,
)
def test_what_is_no_reading_is_refused(sample: bytes | NDArray[np.float32], words: str) -> None:
    refused(sample, words)


@given(st.binary(max_size=200))
def test_rubbish_is_refused(content: bytes) -> None:
    assume(not content.startswith(readings.MARK))
    refused(content, "not readings")


@given(st.binary(max_size=64))
def test_rubbish_behind_the_mark_is_read_or_refused(content: bytes) -> None:
    try:
        found = readings.decode(readings.MARK + content)
    except FieldwiseError as error:
        assert error.fault is Fault.READINGS_INVALID  # noqa: PT017 -- either outcome is right
    else:
        assert np.isfinite(found).all()


@pytest.mark.parametrize("numbers", [[1e39], [float("nan")], [[1.0]]])
def test_numbers_that_float32_cannot_hold_are_refused(numbers: list[float]) -> None:
    with pytest.raises(FieldwiseError) as caught:
        readings.of_numbers(numbers)
    assert caught.value.fault is Fault.READINGS_INVALID


def test_whole_numbers_are_readings_too() -> None:
    assert readings.of_numbers([1, 2]).tolist() == [1.0, 2.0]
