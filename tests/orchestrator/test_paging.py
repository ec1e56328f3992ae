import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.paging import PageRequest, page_of


@pytest.mark.parametrize(
    ("size", "limit"), [(0, 100), (-5, 100), (7, 7), (1000, 1000), (9999, 1000)]
)
def test_a_size_is_coerced(size: int, limit: int) -> None:
    assert PageRequest(size).limit == limit


def test_a_token_brings_back_the_last_key() -> None:
    page = page_of(["a", "b", "ü"], PageRequest(size=2), key=lambda item: item)
    assert page.items == ("a", "b")
    assert PageRequest(token=page.next_token).after == "b"
    assert PageRequest().after is None


@given(st.text(max_size=400))
def test_a_foreign_token_is_refused_or_read(token: str) -> None:
    request = PageRequest(token=token)
    try:
        number = request.after_number
    except FieldwiseError as error:
        assert error.fault is Fault.INVALID_ARGUMENT  # noqa: PT017 - either end is right
        return
    assert number is None or 0 <= number < 2**63
