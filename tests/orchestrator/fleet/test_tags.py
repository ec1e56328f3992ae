import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.tags import changed, check_tags


def test_tags_come_back_sorted() -> None:
    assert list(check_tags({"site": "berlin", "app.io/line": "3"})) == ["app.io/line", "site"]


@pytest.mark.parametrize(
    "tags",
    [{"": "a"}, {"a": ""}, {"a b": "c"}, {"a": "b,c"}, {"a=": "b"}, {"a": "é"}, {"a": "x" * 64}],
)
def test_a_tag_that_no_selector_could_name_is_refused(tags: dict[str, str]) -> None:
    with pytest.raises(FieldwiseError) as caught:
        check_tags(tags)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_what_is_both_written_and_taken_away_is_written() -> None:
    assert changed({"a": "1", "b": "2"}, {"a": "3"}, ["a", "b", "c"]) == {"a": "3"}


def test_a_device_holds_so_many_tags() -> None:
    full = {f"k{number}": "v" for number in range(32)}
    assert len(changed(full, {"k0": "w"}, [])) == 32
    with pytest.raises(FieldwiseError) as caught:
        changed(full, {"k32": "v"}, [])
    assert caught.value.fault is Fault.OVER_LIMIT
