"""Who checks in, asked of every store: many at one moment, each for himself."""

import asyncio

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import Caller
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, caller, join


async def told(stores: Stores, *callers: Caller) -> list[str]:
    """What each hears who asks at the same moment: his own name, or a fault."""
    asked = (stores.check_ins.visitor(each) for each in callers)
    heard = await asyncio.gather(*asked, return_exceptions=True)
    faults = [each for each in heard if isinstance(each, BaseException)]
    assert all(isinstance(each, FieldwiseError) for each in faults), faults
    return [
        each.fault if isinstance(each, FieldwiseError) else each.standing.device for each in heard
    ]


async def test_callers_of_one_moment_do_not_pass_for_each_other(stores: Stores) -> None:
    for name in ("d1", "d2", "gone"):
        await join(stores, name)
    await stores.members.remove("gone", NOW)
    one, two = caller("d1"), caller("d2")
    exchanged = Caller("d1", two.fingerprint), Caller("d2", one.fingerprint)
    own = await told(stores, one, two, caller("gone"), caller("stranger"), one, *exchanged)
    assert own[:2] == ["d1", "d2"]
    assert own[2:5] == [Fault.DEVICE_REMOVED, Fault.DEVICE_UNKNOWN, "d1"]
    assert own[5:] == [Fault.CERTIFICATE_INVALID, Fault.CERTIFICATE_INVALID]


async def test_more_callers_than_one_look_takes_all_hear(stores: Stores) -> None:
    names = [f"d{number}" for number in range(20)]
    for name in names:
        await join(stores, name)
    for count in (1, 2, 3, 5, 17, 20):
        assert await told(stores, *map(caller, names[:count])) == names[:count]
