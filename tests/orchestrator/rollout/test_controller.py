"""What the controller tells of what it saved; what it decides is tested with the operations."""

from collections.abc import Sequence

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.rollout import Actor, Event, Happening, Order, Rollout
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.memory_contents import Contents
from orchestrator.storage.memory_rollouts import MemoryRollouts
from tests.fleet_records import SetClock, roll_out


class Refusing(MemoryRollouts):
    """Rollouts that another writer always saves first."""

    async def save(
        self,
        rollout: Rollout,
        orders: Sequence[Order] = (),
        events: Sequence[Event] = (),
        *_rest: object,
        **_named: object,
    ) -> Rollout:
        raise FieldwiseError(Fault.CONFLICT, "another was faster")


async def heard_by_holding(*, refusing: bool) -> Sequence[Event]:
    contents, clock = Contents(), SetClock()
    stores, heard = memory_stores(contents), list[Event]()
    rollout = await roll_out(stores)
    store = Refusing(contents) if refusing else stores.rollouts
    controller = Controller(store, stores.backbones, clock, lambda event, _: heard.append(event))
    operator = Rollouts(store, stores.backbones, controller, clock)
    if refusing:
        with pytest.raises(FieldwiseError):
            await operator.hold(rollout.id)
    else:
        await operator.hold(rollout.id)
        await controller.look_at_all()
    return heard


async def test_what_happens_to_a_rollout_is_told_once() -> None:
    heard = await heard_by_holding(refusing=False)
    assert [(each.kind, each.actor) for each in heard] == [(Happening.HELD, Actor.OPERATOR)]


async def test_what_was_not_saved_did_not_happen() -> None:
    assert await heard_by_holding(refusing=True) == []
