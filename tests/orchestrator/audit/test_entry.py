"""Entries keep to their bounds, whatever somebody is called or asks for."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.audit import entry
from orchestrator.audit.entry import ENTRY_BYTES_MAX, PART_BYTES_MAX, Head, Kind, read, sealed
from orchestrator.rights import Login, Operator
from tests.audits import ALICE
from tests.fleet_records import NOW

TEXT = st.text(st.characters(codec="utf-8"), max_size=3000)


@given(TEXT, TEXT, TEXT)
def test_an_entry_has_its_bounds_and_is_read_as_it_was_written(
    name: str, thing: str, told: str
) -> None:
    who = Operator(name, Login.OIDC, name)
    begun = entry.begun(who, "M" * 64, thing, {"a": told}, {"b": told}, NOW)
    ended = entry.ended(begun, 1, NOW, "ok", told=told, after={"c": told})
    for deed in (begun, ended):
        kept = sealed(deed, Head())
        assert len(kept.content.encode()) <= ENTRY_BYTES_MAX
        found = read(kept.content)
        assert found is not None
        assert (found.number, found.who, found.kind) == (1, deed.who, deed.kind)


def test_the_largest_entry_keeps_the_bound() -> None:
    worst = "\x01" * 4000  # six bytes each in JSON
    who = Operator(worst, Login.KUBERNETES, worst)
    part = {"k": "a" * (PART_BYTES_MAX - 10)}
    begun = entry.begun(who, "M" * 64, worst, part, part, NOW)
    ended = entry.ended(begun, 2**53, NOW, "x" * 32, told=worst, after=part)
    for deed in (begun, ended):
        assert len(sealed(deed, Head()).content.encode()) <= ENTRY_BYTES_MAX


def test_what_is_too_long_stands_there_with_its_size_and_digest() -> None:
    long = {"plan": "x" * PART_BYTES_MAX}
    assert set(entry.bounded(long)) == {"bytes", "sha256"}
    assert entry.bounded(long) == entry.bounded(dict(long))
    assert entry.bounded(long) != entry.bounded({"plan": "y" * PART_BYTES_MAX})
    assert entry.bounded({"plan": "short"}) == {"plan": "short"}


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 100_000, "\ud800", '{"number":1}'])
def test_rubbish_is_no_entry(text: str) -> None:
    assert read(text) is None


def test_a_text_over_the_bound_is_not_even_read() -> None:
    kept = sealed(entry.happened(ALICE, "M", "", NOW), Head())
    padded = kept.content[:-1] + " " * ENTRY_BYTES_MAX + "}"
    assert msgspec.json.decode(padded)["number"] == 1
    assert read(padded) is None


def test_fields_of_a_newer_version_are_no_rubbish() -> None:
    kept = sealed(entry.happened(ALICE, "M", "", NOW), Head())
    found = read(kept.content[:-1] + ',"newer":1}')
    assert found is not None
    assert found.kind is Kind.HAPPENED
