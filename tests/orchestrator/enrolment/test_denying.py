"""Calls under way of devices that may call no more, on a clock that the test moves."""

import asyncio

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.enrolment.denying import CallsUnderWay, Denying
from orchestrator.fleet.device import CLOCKS_SECONDS
from orchestrator.identity_ports import ShutOut
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, SetClock, caller, join

LATER = NOW + 1e9


async def call(calls: CallsUnderWay, device: str, ends_at: float = LATER) -> None:
    """A call that would last for ever."""
    with calls.one(caller(device), ends_at):
        await asyncio.Event().wait()


def fault_of(task: "asyncio.Task[None]") -> Fault:
    error = task.exception()
    assert isinstance(error, FieldwiseError)
    return error.fault


async def test_a_call_under_way_ends_when_its_device_is_denied_and_others_go_on() -> None:
    calls = CallsUnderWay()
    first, second = (asyncio.create_task(call(calls, name)) for name in ("d1", "d2"))
    await asyncio.sleep(0)
    assert calls.shut(ShutOut(denied=frozenset({"d1"})), NOW) == 1
    await asyncio.wait((first,))
    assert fault_of(first) is Fault.DEVICE_DENIED
    assert calls.shut(ShutOut(removed=frozenset({"d2"})), NOW) == 1
    await asyncio.wait((second,))
    assert fault_of(second) is Fault.DEVICE_REMOVED
    assert not first.cancelled()


async def test_a_call_ends_with_the_certificate_that_it_began_with() -> None:
    calls = CallsUnderWay()
    task = asyncio.create_task(call(calls, "d1", ends_at=NOW + 10))
    await asyncio.sleep(0)
    assert calls.shut(ShutOut(), NOW + 10) == 0
    assert calls.shut(ShutOut(), NOW + 11) == 1
    await asyncio.wait((task,))
    assert fault_of(task) is Fault.CERTIFICATE_INVALID


async def test_who_is_known_to_be_denied_begins_no_call() -> None:
    calls = CallsUnderWay()
    calls.shut(ShutOut(denied=frozenset({"d1"}), removed=frozenset({"d2"})), NOW)
    for device, fault in (("d1", Fault.DEVICE_DENIED), ("d2", Fault.DEVICE_REMOVED)):
        with pytest.raises(FieldwiseError) as caught:
            await call(calls, device)
        assert caught.value.fault is fault
    assert calls.denied == 1


async def test_a_call_that_its_device_gives_up_is_given_up() -> None:
    calls = CallsUnderWay()
    task = asyncio.create_task(call(calls, "d1"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()


async def test_a_call_that_has_ended_is_not_ended_again() -> None:
    calls = CallsUnderWay()
    with calls.one(caller("d1"), LATER):
        pass
    assert calls.shut(ShutOut(denied=frozenset({"d1"})), NOW) == 0
    await asyncio.sleep(0)  # nothing is left that would cancel this test


class Away:
    """A store that cannot be reached."""

    async def shut_out(self, removed_since: float) -> ShutOut:
        raise FieldwiseError(Fault.UNAVAILABLE, f"away since {removed_since}")


@pytest.fixture
async def stores() -> Stores:
    made = memory_stores()
    for device in ("d1", "d2"):
        await join(made, device)
    return made


async def test_a_denial_is_in_force_here_before_it_is_answered(stores: Stores) -> None:
    calls = CallsUnderWay()
    denying = Denying(stores.denials, calls, SetClock())
    task = asyncio.create_task(call(calls, "d1"))
    await asyncio.sleep(0)
    await denying.deny("d1")
    await asyncio.wait((task,))
    assert fault_of(task) is Fault.DEVICE_DENIED
    assert [each.device for each in await denying.list()] == ["d1"]
    assert await denying.allow("d1")
    assert not await denying.allow("d1")
    again = asyncio.create_task(call(calls, "d1"))
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


async def test_what_another_replica_removed_ends_calls_here_whatever_its_clock_says(
    stores: Stores,
) -> None:
    calls, clock = CallsUnderWay(), SetClock()
    denying = Denying(stores.denials, calls, clock)
    task = asyncio.create_task(call(calls, "d2"))
    await asyncio.sleep(0)
    clock.pass_by(3600)
    assert await denying.look() == 0
    await stores.members.remove("d2", clock.now() - CLOCKS_SECONDS)  # by a clock that is behind
    clock.pass_by(1)
    assert await denying.look() == 1
    await asyncio.wait((task,))
    assert fault_of(task) is Fault.DEVICE_REMOVED


async def test_without_the_store_those_who_were_denied_stay_out(stores: Stores) -> None:
    calls, clock = CallsUnderWay(), SetClock()
    denying = Denying(stores.denials, calls, clock)
    await denying.deny("d1")
    away = Denying(Away(), calls, clock)  # type: ignore[arg-type]  # all that is asked of it
    with pytest.raises(FieldwiseError):
        await away.look()
    with pytest.raises(FieldwiseError) as caught:
        await call(calls, "d1")
    assert caught.value.fault is Fault.DEVICE_DENIED


async def test_a_removal_during_an_outage_is_found_after_it(stores: Stores) -> None:
    calls, clock = CallsUnderWay(), SetClock()
    denying = Denying(stores.denials, calls, clock)
    await denying.look()
    clock.pass_by(10)
    await stores.members.remove("d1", clock.now())
    clock.pass_by(86_400)  # it could not look for a day
    task = asyncio.create_task(call(calls, "d1"))
    await asyncio.sleep(0)
    assert await denying.look() == 1
    await asyncio.wait((task,))
    assert fault_of(task) is Fault.DEVICE_REMOVED
