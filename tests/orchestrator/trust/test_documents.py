"""Metadata from anywhere: what is none of ours is refused in one sentence, never believed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import BYTES_MAX, FLOOR_FIELD, Role
from orchestrator.trust.documents import (
    Document,
    check_signed,
    check_successor,
    describes,
    is_signed,
    read,
    signatures_missing,
    signed_by,
)
from orchestrator.trust.drafting import new_list, new_root, new_snapshot, new_timestamp, signed
from tests.fleet_records import NOW
from tests.publishers import Publisher, key, listed

LATER = NOW + 1000


def refused(deed: Callable[[], object]) -> FieldwiseError:
    with pytest.raises(FieldwiseError) as caught:
        deed()
    assert caught.value.fault is Fault.METADATA_INVALID
    return caught.value


@pytest.fixture(scope="module")
def publisher() -> Publisher:
    return Publisher()


def state_of(publisher: Publisher) -> dict[Role, Document]:
    targets = publisher.list(3, listed())
    snapshot = signed(new_snapshot(5, LATER, targets), [publisher.online])
    timestamp = signed(new_timestamp(7, LATER, snapshot), [publisher.online])
    documents = (publisher.root(), targets, snapshot, timestamp)
    return {each.role: each for each in documents}


@pytest.mark.parametrize("role", list(Role))
def test_metadata_is_read_as_it_was_signed(publisher: Publisher, role: Role) -> None:
    state = state_of(publisher)
    again = read(role, state[role].content)
    assert (again.version, again.expires_at) == (state[role].version, state[role].expires_at)
    assert is_signed(again, state[Role.ROOT])
    assert again.signers == state[role].signers


@pytest.mark.parametrize("role", list(Role))
def test_metadata_of_another_kind_is_not_taken_for_it(publisher: Publisher, role: Role) -> None:
    for other, document in state_of(publisher).items():
        if other is not role:
            refused(lambda document=document: read(role, document.content))  # type: ignore[misc]  # called at once


@pytest.mark.parametrize("role", list(Role))
def test_a_number_that_no_signature_can_be_over_is_refused(
    publisher: Publisher, role: Role
) -> None:
    """TUF signs canonical JSON, which has whole numbers alone."""
    content = state_of(publisher)[role].content
    spoiled = content.replace(b'"signed":{', b'"signed":{"x":1.5,').replace(
        b'"signed": {', b'"signed": {"x": 1.5,'
    )
    assert spoiled != content
    refused(lambda: read(role, spoiled))


@given(st.sampled_from(list(Role)), st.binary(max_size=300))
def test_rubbish_is_refused(role: Role, content: bytes) -> None:
    refused(lambda: read(role, content))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(list(Role)), st.data())
def test_metadata_with_a_field_that_is_something_else_is_refused_or_harmless(
    role: Role, data: st.DataObject
) -> None:
    state = STATE
    wire = json.loads(state[role].content)
    field = data.draw(st.sampled_from(sorted(wire["signed"])))
    wire["signed"][field] = data.draw(JSON)
    try:
        found = read(role, json.dumps(wire).encode())
    except FieldwiseError as error:
        assert error.fault is Fault.METADATA_INVALID  # noqa: PT017 - either end is fine
        return
    unchanged = found.body.signed_bytes == state[role].body.signed_bytes
    assert unchanged or not is_signed(found, state[Role.ROOT])


def changed(document: Document, change: Callable[[dict[str, Any]], None]) -> bytes:
    wire = json.loads(document.content)
    change(wire["signed"])
    return json.dumps(wire).encode()


def test_a_list_that_delegates_is_refused(publisher: Publisher) -> None:
    def delegate(fields: dict[str, Any]) -> None:
        fields["delegations"] = {"keys": {}, "roles": []}

    error = refused(lambda: read(Role.TARGETS, changed(publisher.list(), delegate)))
    assert "delegates" in error.sentence


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", True, 2**60])
def test_a_version_that_could_not_be_is_refused(publisher: Publisher, version: object) -> None:
    def set_version(fields: dict[str, Any]) -> None:
        fields["version"] = version

    for role, document in state_of(publisher).items():
        content = changed(document, set_version)
        refused(lambda role=role, content=content: read(role, content))  # type: ignore[misc]  # called at once


@pytest.mark.parametrize("floor", [-1, "1", 1.5, None, True])
def test_a_floor_that_is_no_epoch_is_refused(publisher: Publisher, floor: object) -> None:
    def set_floor(fields: dict[str, Any]) -> None:
        fields[FLOOR_FIELD] = floor

    refused(lambda: read(Role.TARGETS, changed(publisher.list(), set_floor)))


def test_what_is_over_its_limit_is_not_parsed() -> None:
    for role in Role:
        error = refused(lambda role=role: read(role, b"[" * (BYTES_MAX[role] + 1)))  # type: ignore[misc]  # called at once
        assert "the limit is" in error.sentence
        refused(lambda role=role: read(role, b"[" * BYTES_MAX[role]))  # type: ignore[misc]  # called at once


def test_one_key_under_two_ids_is_refused_so_that_it_does_not_count_twice() -> None:
    publisher = Publisher(roots=2, threshold=2)
    first, second = publisher.roots

    def twice(fields: dict[str, Any]) -> None:
        fields["keys"][second.key_id] = fields["keys"][first.key_id]

    error = refused(lambda: read(Role.ROOT, changed(publisher.root(), twice)))
    assert "another id" in error.sentence


def test_a_root_that_nobody_could_sign_for_is_refused() -> None:
    publisher = Publisher()
    publisher.threshold = 2
    refused(publisher.root)

    def forget(fields: dict[str, Any]) -> None:
        del fields["keys"][publisher.online.key_id]

    publisher.threshold = 1
    refused(lambda: read(Role.ROOT, changed(publisher.root(), forget)))


def test_signatures_are_collected_until_there_are_enough() -> None:
    publisher = Publisher(roots=3, lists=1, threshold=2)
    draft = new_root(1, LATER, publisher.holders)
    assert signatures_missing(draft, draft) == 2
    one = signed(draft, publisher.roots[:1])
    assert signatures_missing(one, one) == 1
    assert signed_by(one, one) == {publisher.roots[0].key_id}
    assert "lacks 1 of the 2" in refused(lambda: check_signed(one, one)).sentence
    again = signed(one, publisher.roots[:1])
    assert signatures_missing(again, again) == 1
    stranger = signed(one, [key()])
    assert signatures_missing(stranger, stranger) == 1
    two = signed(one, publisher.roots[2:])
    check_signed(two, two)


def test_a_root_follows_only_with_signatures_of_the_old_keys_and_the_new() -> None:
    old, new = Publisher(), Publisher()
    first = old.root(1)
    check_successor(new.root(2, *old.roots), first)
    refused(lambda: check_successor(new.root(2), first))
    refused(lambda: check_successor(old.root(2).__class__(Role.ROOT, *_unsigned(new, old)), first))
    with pytest.raises(FieldwiseError) as caught:
        check_successor(new.root(3, *old.roots), first)
    assert caught.value.fault is Fault.CONFLICT


def _unsigned(new: Publisher, old: Publisher) -> tuple[bytes, Any]:
    """A root of new keys that only the old ones signed."""
    made = signed(new_root(2, LATER, new.holders), old.roots)
    return made.content, made.body


def test_a_snapshot_means_one_list_to_the_byte(publisher: Publisher) -> None:
    state = state_of(publisher)
    assert describes(state[Role.SNAPSHOT], state[Role.TARGETS])
    assert describes(state[Role.TIMESTAMP], state[Role.SNAPSHOT])
    other = publisher.list(3, listed("2"))
    assert not describes(state[Role.SNAPSHOT], other)
    assert not describes(state[Role.SNAPSHOT], publisher.list(4, listed()))


def test_a_list_of_as_many_backbones_as_are_promised_fits(publisher: Publisher) -> None:
    items = [listed(f"1.0.{n}") for n in range(3000)]
    found = signed(new_list(1, LATER, items, 3), publisher.lists)
    assert len(found.listed) == 3000
    assert found.floor == 3


STATE = state_of(Publisher())
