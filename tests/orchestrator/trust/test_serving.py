"""Metadata as devices get it: by name, remembered, and never in the way of a check-in."""

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role
from orchestrator.storage.memory import memory_stores
from orchestrator.trust.serving import REMEMBERED_MAX, REMEMBERED_SECONDS, Serving
from orchestrator.trust_ports import Kept, TrustStore
from tests.fleet_records import SetClock


def kept(role: Role, version: int) -> Kept:
    return Kept(role, version, f'"{role} {version}"'.encode())


async def test_metadata_is_had_by_its_name() -> None:
    stores, clock = memory_stores(), SetClock()
    serving = Serving(stores.trust, clock)
    await stores.trust.keep([kept(role, 3) for role in Role])
    for role in (Role.ROOT, Role.TARGETS, Role.SNAPSHOT):
        assert await serving.get(f"3.{role}.json") == kept(role, 3).content
    assert await serving.get("timestamp.json") == kept(Role.TIMESTAMP, 3).content
    for name in ("4.root.json", "2.targets.json"):
        with pytest.raises(FieldwiseError) as caught:
            await serving.get(name)
        assert caught.value.fault is Fault.NOT_FOUND


async def test_a_new_root_is_found_at_once_and_a_new_timestamp_soon() -> None:
    stores, clock = memory_stores(), SetClock()
    serving = Serving(stores.trust, clock)
    assert await serving.root() == b""
    assert await serving.hint() == 0
    with pytest.raises(FieldwiseError):
        await serving.get("1.root.json")
    await stores.trust.keep([kept(role, 1) for role in Role])
    assert await serving.get("1.root.json") == kept(Role.ROOT, 1).content
    clock.pass_by(REMEMBERED_SECONDS)
    assert await serving.root() == kept(Role.ROOT, 1).content
    assert await serving.hint() == 1
    await stores.trust.keep([kept(Role.TIMESTAMP, 2)])
    assert await serving.hint() == 1
    clock.pass_by(REMEMBERED_SECONDS)
    assert await serving.hint() == 2
    clock.pass_by(-3600)
    await stores.trust.keep([kept(Role.TIMESTAMP, 3)])
    assert await serving.hint() == 3


async def test_what_this_replica_signed_is_told_at_once() -> None:
    """A rollout starts right after its bundle was listed: devices have to find it there."""
    stores = memory_stores()
    serving = Serving(stores.trust, SetClock())
    await stores.trust.keep([kept(role, 1) for role in Role])
    assert await serving.hint() == 1
    await stores.trust.keep([kept(Role.TIMESTAMP, 2)])
    serving.forget_newest()
    assert await serving.get("timestamp.json") == kept(Role.TIMESTAMP, 2).content


async def test_a_timestamp_is_never_an_older_one_however_often_it_is_asked_for() -> None:
    """A device that is about to begin a backbone must find it on the list that it is led to."""
    stores = memory_stores()
    serving, other = Serving(stores.trust, SetClock()), Serving(stores.trust, SetClock())
    for version in range(1, 5):
        await stores.trust.keep([kept(Role.TIMESTAMP, version)])
        for each in (serving, other):
            assert await each.get("timestamp.json") == kept(Role.TIMESTAMP, version).content
            await each.hint()


async def test_what_is_remembered_is_bounded() -> None:
    stores = memory_stores()
    serving = Serving(stores.trust, SetClock())
    for version in range(1, REMEMBERED_MAX + 10):
        await stores.trust.keep([kept(Role.ROOT, version)])
        await serving.get(f"{version}.root.json")
    assert len(serving._remembered) == REMEMBERED_MAX


async def test_without_the_store_check_ins_get_no_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(self: TrustStore, roles: object) -> None:
        raise FieldwiseError(fault, "the database does not answer")

    stores = memory_stores()
    monkeypatch.setattr(type(stores.trust), "newest", away)
    fault = Fault.UNAVAILABLE
    assert await Serving(stores.trust, SetClock()).hint() == 0
    fault = Fault.STATE_DAMAGED
    with pytest.raises(FieldwiseError):
        await Serving(stores.trust, SetClock()).hint()
