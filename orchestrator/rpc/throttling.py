"""Who calls too often is told when to come back, before anything is done for him.

Devices are known by their certificates, so each has buckets of its own, one for each method: they
stand before the look whether it is a member, which costs the database a question. Callers of the
other port have no identity yet: they are limited by their address, where that is theirs, and all of
them together. Where a proxy stands in between, all of them have its address: then the limit by
address has to be off (``address_limits``), and the one for all together is what is left.

Tokens of operators are guessed at a bounded rate: an address that came with a wrong one has few
more tries, each of which may cost a question to a cluster or an issuer. A right one costs none, and
passes all the same where it was right a while ago, so that nobody locks those out who share an
address with him.
"""

import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from fieldwise.calls import Call, Watcher
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.wire import PACKAGE
from orchestrator.metric_names import Excess
from orchestrator.metrics import FleetMetrics
from orchestrator.rates import (
    CHECK_IN_BURST,
    DEVICE_RATES,
    OTHERWISE,
    Buckets,
    Rate,
    address_of,
)
from orchestrator.rpc.interceptors import bearer, device_named

ENROLMENT = f"{PACKAGE}.Enrolment"
CHECK_IN = "CheckIn"
CALLS_PER_DEVICE = 8  # under way: two downloads, an update, and what a dead connection left behind

STRANGERS_MAX = 200  # calls under way of callers that nobody knows: joining, health, reflection
STRANGERS_PER_ADDRESS = 20
# A site of some hundred devices joins from one address.
ADDRESS_RATE = Rate(300, 10.0)
# All who join: a tenth of a core goes into signing at most.
EVERYBODY_RATE = Rate(2000, 100.0)
WRONG_TOKENS = Rate(20, 1 / 3)  # by address: who mistypes does so less often
WRONG_TOKENS_OF_ALL = Rate(200, 10.0)  # where addresses tell nothing
TOKENS_KEPT = 1024  # of operators and aggregators that were right lately, as digests

Monotonic = Callable[[], float]


class PerDevice:
    """A layer that bounds what one device may call; it reads who that is from the certificate.

    Args:
        check_ins_per_second: Over time; the other rates are ``DEVICE_RATES``.
        metrics: Where refusals are counted.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        check_ins_per_second: float,
        metrics: FleetMetrics,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        rates = {**DEVICE_RATES, CHECK_IN: Rate(CHECK_IN_BURST, check_ins_per_second)}
        self._buckets = {method: Buckets(rate) for method, rate in rates.items()}
        self._other = Buckets(OTHERWISE)
        self._under_way = _UnderWay()
        self._refuse = _Refusals(metrics)
        self._monotonic = monotonic

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        device, method = device_named(call), call.method.name
        buckets = self._buckets.get(method, self._other)
        if wait := buckets.take(device, self._monotonic()):
            raise self._refuse.rate(method, Excess.DEVICE_RATE, "this device", buckets.rate, wait)
        if self._under_way[device] >= CALLS_PER_DEVICE:
            raise self._refuse.places(method, Excess.DEVICE_CALLS, "this device", CALLS_PER_DEVICE)
        with self._under_way.one_of(device):
            yield None


class PerAddress:
    """A layer that bounds what callers without an identity may call, and how often they guess.

    Args:
        by_address: Whether addresses are the callers' own.
        metrics: Where refusals are counted.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self, *, by_address: bool, metrics: FleetMetrics, monotonic: Monotonic = time.monotonic
    ) -> None:
        self._by_address = by_address
        self._addresses = Buckets(ADDRESS_RATE)
        self._guesses = Buckets(WRONG_TOKENS if by_address else WRONG_TOKENS_OF_ALL)
        self._everybody = Buckets(EVERYBODY_RATE)
        self._under_way = _UnderWay()
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._refuse = _Refusals(metrics)
        self._monotonic = monotonic

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        address = address_of(call.context.peer()) if self._by_address else ""
        service = call.method.service
        known = service.startswith(f"{PACKAGE}.") and service != ENROLMENT
        limited = self._guessing(call, address) if known else self._strange(call, address)
        with limited:
            yield None

    @contextmanager
    def _strange(self, call: Call, address: str) -> Iterator[None]:
        method, now, told = call.method.name, self._monotonic(), "this address"
        if address and (wait := self._addresses.take(address, now)):
            rate = self._addresses.rate
            raise self._refuse.rate(method, Excess.ADDRESS_RATE, told, rate, wait)
        if wait := self._everybody.take("", now):
            rate = self._everybody.rate
            raise self._refuse.rate(method, Excess.EVERYBODY_RATE, "everybody", rate, wait)
        if address and self._under_way[address] >= STRANGERS_PER_ADDRESS:
            most = STRANGERS_PER_ADDRESS
            raise self._refuse.places(method, Excess.ADDRESS_CALLS, told, most)
        if self._under_way.total() >= STRANGERS_MAX:
            raise self._refuse.places(method, Excess.EVERYBODY_CALLS, "everybody", STRANGERS_MAX)
        with self._under_way.one_of(address):
            yield

    @contextmanager
    def _guessing(self, call: Call, address: str) -> Iterator[None]:
        token, now = hashlib.sha256(bearer(call.context).encode()).digest(), self._monotonic()
        is_guess = token not in self._right
        if is_guess and (wait := self._guesses.take(address, now)):
            rate, told = self._guesses.rate, "tokens that are new here"
            raise self._refuse.rate(call.method.name, Excess.GUESSES, told, rate, wait)
        try:
            yield
        except FieldwiseError as error:
            if error.fault is Fault.UNAUTHENTICATED:
                self._right.pop(token, None)
            raise
        if is_guess:
            self._guesses.give_back(address)
        self._right[token] = None
        self._right.move_to_end(token)
        if len(self._right) > TOKENS_KEPT:
            self._right.popitem(last=False)


class _UnderWay(Counter[str]):
    @contextmanager
    def one_of(self, key: str) -> Iterator[None]:
        self[key] += 1
        try:
            yield
        finally:
            self[key] -= 1
            if not self[key]:
                del self[key]


class _Refusals:
    """Counts a refusal and says it: how much is allowed, and when there will be room."""

    def __init__(self, metrics: FleetMetrics) -> None:
        self._metrics = metrics

    def rate(
        self, method: str, excess: Excess, who: str, rate: Rate, wait: float
    ) -> FieldwiseError:
        self._metrics.throttled(method, excess)
        sentence = f"{method}: {who} may have {rate}; try again in {wait:.1f} s"
        return FieldwiseError(Fault.BUSY, sentence)

    def places(self, method: str, excess: Excess, who: str, most: int) -> FieldwiseError:
        self._metrics.throttled(method, excess)
        return FieldwiseError(Fault.BUSY, f"{method}: {who} has {most} calls under way already")
