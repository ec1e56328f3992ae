import json
from pathlib import Path

import pytest

from agent.update.vouched import (
    Signed,
    Trusted,
    check_listed,
    check_manifest,
    ends_before,
    read_list,
    read_signed,
)
from fieldwise.archive import unpack
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import FLOOR_FIELD, Listed, Role
from tests.bundles import tiny_bundle
from tests.fakes.trusted import FAR, listed_of, trusted_list

DIGEST = "a" * 64
ONE = Listed(DIGEST, 700, "tiny", "1.0.0", 3)


def content(**changed: object) -> bytes:
    target = {
        "length": 700,
        "hashes": {"sha256": DIGEST},
        "custom": {"name": "tiny", "version": "1.0.0", "epoch": 3},
    }
    signed = {"version": 4, "expires": FAR, "targets": {f"bundles/{DIGEST}.json": target}}
    return json.dumps({"signed": {**signed, **changed}}).encode()


def fault_of(content: bytes) -> Fault:
    with pytest.raises(FieldwiseError) as raised:
        read_list(content)
    return raised.value.fault


def test_a_list_says_its_bundles_its_floor_and_until_when_it_holds() -> None:
    found = read_list(content(**{FLOOR_FIELD: 2}))
    assert found.listed == {DIGEST: ONE}
    assert (found.floor_epoch, found.signed) == (2, Signed(4, FAR))


def test_a_list_that_lets_others_sign_a_part_of_it_is_refused() -> None:
    assert fault_of(content(delegations={"keys": {}, "roles": []})) is Fault.METADATA_INVALID


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"signed": 3}',
        b"[" * 100_000,
        content(version="4"),
        content(expires=None),
        content(targets=[]),
        content(targets={"bundles/x.json": {}}),
        content(targets={f"bundles/{DIGEST}.json": None}),
        content(targets={f"bundles/{DIGEST}.json": {"length": 1, "hashes": {}, "custom": {}}}),
        content(targets={"../../etc/passwd": {"length": 1, "hashes": {"sha256": DIGEST}}}),
        content(**{FLOOR_FIELD: -1}),
        content(**{FLOOR_FIELD: True}),
        content(**{FLOOR_FIELD: "9"}),
    ],
)
def test_rubbish_is_refused_as_a_whole(rubbish: bytes) -> None:
    assert fault_of(rubbish) is Fault.METADATA_INVALID


def test_what_is_not_on_the_list_is_not_vouched_for() -> None:
    with pytest.raises(FieldwiseError, match="not on version 1") as raised:
        check_listed(trusted_list(ONE), "b" * 64)
    assert raised.value.fault is Fault.NOT_VOUCHED
    with pytest.raises(FieldwiseError, match="on no list"):
        check_listed(Trusted({Role.ROOT: Signed(1, FAR)}), DIGEST)


def test_what_is_below_the_floor_is_refused_even_where_it_is_listed() -> None:
    assert check_listed(trusted_list(ONE, floor=3), DIGEST) == ONE
    with pytest.raises(FieldwiseError, match="below 4") as raised:
        check_listed(trusted_list(ONE, floor=4), DIGEST)
    assert raised.value.fault is Fault.BELOW_FLOOR


def test_what_a_bundle_says_itself_counts_whatever_the_list_says_of_it(
    tmp_path: Path,
) -> None:
    digest, manifest = unpack(tiny_bundle(tmp_path / "b"), tmp_path / "store")
    lied = Listed(digest, listed_of(digest, manifest).length, "tiny", "9", manifest.epoch + 10)
    trusted = trusted_list(lied, floor=manifest.epoch + 1)
    check_listed(trusted, digest)
    with pytest.raises(FieldwiseError) as raised:
        check_manifest(trusted, lied, manifest)
    assert raised.value.fault is Fault.BELOW_FLOOR
    longer = listed_of(digest, manifest, 1)
    with pytest.raises(FieldwiseError) as raised:
        check_manifest(trusted_list(longer), longer, manifest)
    assert raised.value.fault is Fault.NOT_VOUCHED


def test_without_a_network_only_what_publishers_sign_has_an_end() -> None:
    soon = {Role.TIMESTAMP: Signed(1, "2026-01-01T00:00:00Z"), Role.TARGETS: Signed(1, FAR)}
    assert ends_before(Trusted({**soon, Role.ROOT: Signed(1, FAR)}), "2026-06-01T00:00:00Z") is None
    over = {**soon, Role.TARGETS: Signed(1, "2026-06-01T00:00:00Z")}
    assert ends_before(Trusted(over), "2026-06-01T00:00:00Z") is Role.TARGETS
    assert ends_before(Trusted(), "2026-06-01T00:00:00Z") is None


def test_version_and_end_of_anything_can_be_shown() -> None:
    assert read_signed(content()) == Signed(4, FAR)
