"""An error is a fault and a sentence, and brings its entry of the catalogue."""

import pytest

from fieldwise.errors import CATALOGUE, Fault, FieldwiseError


def test_an_error_is_its_sentence() -> None:
    error = FieldwiseError(Fault.NOT_FOUND, "there is no device d7")
    assert str(error) == error.sentence == "there is no device d7"
    assert error.entry is CATALOGUE[Fault.NOT_FOUND]


def test_the_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CATALOGUE[Fault.NOT_FOUND] = CATALOGUE[Fault.BUSY]  # type: ignore[index]  # that is the test


def test_names_of_faults_are_words_for_a_wire() -> None:
    assert all(fault.replace("-", "").isalpha() and fault.islower() for fault in Fault)
