"""A rollout that is stopped while replies are on their way: nobody begins who was not counted.

In the whole simulation that is rare. Here there is nothing else: permits are given, replies take as
long as a caller waits, devices begin as late as their permits let them, and an operator stops it
all at some moment.
"""

import asyncio
import heapq
from random import Random

import pytest

from orchestrator.fleet import check_in
from orchestrator.fleet.check_in import CheckIns, Orders
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.plan import Plan
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import NOW, SetClock, backbone, caller, join
from tests.simulation.bundles import Trait
from tests.simulation.devices import CALL_SECONDS, SimulatedDevice
from tests.simulation.storage import Deed, Promise

SEEDS = 60
DEVICES, CALLS = 4, 3
CALLS_WITHIN_SECONDS, STOPPED_WITHIN_SECONDS = 60, 120


class Stop:
    """One rollout, and its stop at some moment."""

    def __init__(self, seed: int) -> None:
        self._dice, self._clock, self._stores = Random(seed), SetClock(NOW), memory_stores()
        stores = self._stores
        controller = Controller(stores.rollouts, stores.backbones, self._clock)
        self._rollouts = Rollouts(stores.rollouts, stores.backbones, controller, self._clock)
        self._check_ins = CheckIns(stores.check_ins, self._clock)
        self._to_come: list[tuple[float, int, Deed]] = []
        self._posted = 0
        self._promise: Promise | None = None

    async def run(self) -> None:
        bundle = backbone("1")
        await self._stores.backbones.add(bundle)
        for place in range(DEVICES):
            name = f"d{place}"
            await join(self._stores, name)
            own = Random(self._dice.getrandbits(64))
            device = SimulatedDevice(name, {bundle.digest: Trait.FINE}, False, NOW, own)
            for _ in range(CALLS):
                self._call_later(device)
        self._rollout = await self._rollouts.start(Plan("lite0:1"))
        self._post(self._dice.uniform(0, STOPPED_WITHIN_SECONDS), self._stop)
        while self._to_come:
            due, _, deed = heapq.heappop(self._to_come)
            self._clock.pass_by(due - self._clock.now())
            await deed()

    def _call_later(self, device: SimulatedDevice) -> None:
        async def call() -> None:
            orders = await self._check_ins.check_in(caller(device.name), device.report())
            if orders.permit is not None:
                arrives = self._dice.uniform(0, CALL_SECONDS)
                self._begin_later(device, orders, arrives, orders.permit.seconds)

        self._post(self._dice.uniform(0, CALLS_WITHIN_SECONDS), call)

    def _begin_later(
        self, device: SimulatedDevice, orders: Orders, arrives: float, permitted: int
    ) -> None:
        async def begin() -> None:
            if device.hear(orders, self._clock.now()) and self._promise is not None:
                self._promise.keep(self._clock.now())

        self._post(arrives + self._dice.uniform(0, permitted), begin)

    async def _stop(self) -> None:
        change = await self._rollouts.pause(self._rollout.id)
        until = self._clock.now() + change.within_seconds
        self._promise = Promise(change.may_still_start, until)

    def _post(self, seconds: float, deed: Deed) -> None:
        self._posted += 1
        heapq.heappush(self._to_come, (self._clock.now() + seconds, self._posted, deed))


def stop_all() -> None:
    for seed in range(SEEDS):
        asyncio.run(Stop(seed).run())


def test_no_more_devices_begin_than_the_operator_was_told() -> None:
    stop_all()


def test_it_is_noticed_where_a_reply_is_thought_to_arrive_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check_in, "DELIVERY_SECONDS", 0)
    with pytest.raises(AssertionError, match="than the operator was told"):
        stop_all()
