import pytest

from agent.learning.names import check_burst_name, stored_class_name
from fieldwise.errors import Fault, FieldwiseError


def test_two_spellings_of_one_name_are_one_class() -> None:
    assert stored_class_name("c\u0327ilek") == stored_class_name("çilek") == "çilek"


@pytest.mark.parametrize("name", ["", " a", "a\n", "a\u0301\u200b", "x" * 129])
def test_names_that_cannot_be_shown_are_refused(name: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        stored_class_name(name)
    assert caught.value.fault is Fault.CLASS_INVALID


def test_a_scene_may_have_any_short_printable_name_or_none() -> None:
    assert check_burst_name("") == ""
    assert check_burst_name("shelf 3") == "shelf 3"
    for name in ("a\0", "ü" * 65):
        with pytest.raises(FieldwiseError) as caught:
            check_burst_name(name)
        assert caught.value.fault is Fault.INVALID_ARGUMENT
