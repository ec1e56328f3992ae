import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError


@pytest.mark.parametrize(
    "name", ["a", "Granny Smith", "Äpfel 100 %", "りんご", "🍎", "../up", "x" * 128]
)
def test_names_of_any_language_pass_as_they_are(name: str) -> None:
    assert check_class_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " a",
        "a ",
        "a\n",
        "a\tb",
        "a\0b",
        "a\x1b[31m",
        "\u202eevil",
        "right\u2066to\u2069left",
        "zero\u200bwidth",
        "soft\u00adhyphen",
        "\ufeffmark",
        "half\ud800",
        "A\u0308pfel",
        "x" * 129,
    ],
    ids=ascii,
)
def test_names_that_deceive_or_break_a_line_are_refused(name: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        check_class_name(name)
    assert caught.value.fault is Fault.CLASS_INVALID
    assert caught.value.sentence.isascii()


@given(st.text())
def test_whatever_passes_fits_on_the_wire_and_on_a_line(name: str) -> None:
    try:
        check_class_name(name)
    except FieldwiseError:
        return
    assert len(name.encode()) <= 512
    assert name.splitlines() == [name]
