import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import SELECTOR_BYTES_MAX, parse_selector


@pytest.mark.parametrize(
    ("text", "taken", "left"),
    [
        ("", [{}, {"site": "berlin"}], []),
        ("site=berlin", [{"site": "berlin", "line": "3"}], [{}, {"site": "paris"}]),
        ("site!=berlin", [{}, {"site": "paris"}], [{"site": "berlin"}]),
        ("line", [{"line": "3"}], [{}, {"site": "berlin"}]),
        ("site=berlin, line != 3", [{"site": "berlin"}], [{"site": "berlin", "line": "3"}]),
    ],
)
def test_a_selector_takes_whom_it_says(
    text: str, taken: list[dict[str, str]], left: list[dict[str, str]]
) -> None:
    selector = parse_selector(text)
    assert all(selector.matches(tags) for tags in taken)
    assert not any(selector.matches(tags) for tags in left)


def test_a_selector_has_one_normal_form() -> None:
    assert str(parse_selector(" site = berlin,line!=3 ,line,site=berlin")) == (
        "site=berlin,line!=3,line"
    )


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "a,",
        "=b",
        "a=",
        "a==b",
        "a=b=c",
        "a!b",
        "a b",
        "-a",
        "a=ü",
        "a\nb",
        "k" * 64,
        "a!=",
        "\0",
    ],
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        parse_selector(text)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("text", [",".join("abcdefghijklmnopq"), "ü" * SELECTOR_BYTES_MAX])
def test_a_selector_has_its_limits(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        parse_selector(text)
    assert caught.value.fault is Fault.OVER_LIMIT


@given(st.text(max_size=2000))
def test_rubbish_is_refused_or_has_a_normal_form(text: str) -> None:
    try:
        selector = parse_selector(text)
    except FieldwiseError:
        return
    assert parse_selector(str(selector)) == selector
