"""The one loop body of the orchestrator: look at every rollout that may move, save what follows.

Read, reconcile, save; the orders of a look are saved with the rollout in one transaction, and
devices hear them at their check-ins. Nothing is sent from here, so nothing can be sent that was not
saved. Where another writer was faster (an operator's command, another replica), the save is refused
and the next look starts from what that writer left.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import Standing
from orchestrator.ports import BackboneStore, Clock, RolloutStore
from orchestrator.rollout.history import ordered
from orchestrator.rollout.machine import Look, reconcile
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.rollout import Event, Happening, Order, Rollout

BREAK_SECONDS = 600.0  # without a look, after which nobody knows who was heard meanwhile

Orders = Callable[[Rollout, Sequence[Standing], float, Collection[str]], tuple[Order, ...]]


async def _every_one(_digest: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants of a rollout beyond what it owes: orders, and their name in history.

    ``orders`` are asked for after the look; one for a device that the look orders is dropped.
    Without ``told_as`` the history tells nothing of them beside what it tells anyway.
    """

    orders: Orders
    told_as: Happening | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """A rollout as saved, and how many devices it gave a new target."""

    rollout: Rollout
    ordered: int = 0


class Controller:
    """Keeps rollouts going.

    Args:
        rollouts: Where rollouts and the devices of their cohorts are kept.
        backbones: Where it is known what was recalled.
        clock: What time it is.
        told: Hears of everything new in the history of a rollout, and of which.
        unbroken_since: Tells since when devices could be heard without a break; without it, what
            this process alone has seen of that.
        is_listed: Tells whether devices take a backbone, by what its publisher has signed.
    """

    def __init__(
        self,
        rollouts: RolloutStore,
        backbones: BackboneStore,
        clock: Clock,
        told: Callable[[Event, Rollout], None] = lambda *_: None,
        unbroken_since: Callable[[float], float] | None = None,
        is_listed: Callable[[str], Awaitable[bool]] = _every_one,
    ) -> None:
        self._is_listed = is_listed
        self._rollouts = rollouts
        self._told = told
        self._backbones = backbones
        self._clock = clock
        self._unbroken_since = unbroken_since or _Listening(clock.now()).since

    async def look_at_all(self, term: int | None = None) -> None:
        """Look at every rollout once, the newest first: what two of them want is the newer's.

        Args:
            term: In which this replica leads; None where there is no other.

        Raises:
            FieldwiseError: As the store; a conflict with another writer is no error.
        """
        watched = await self._rollouts.watched()
        self._unbroken_since(self._clock.now())
        for rollout in watched:
            try:
                await self.look_at(rollout, term)
            except FieldwiseError as error:
                if error.fault is not Fault.CONFLICT:
                    raise

    async def look_at(self, rollout: Rollout, term: int | None = None) -> Rollout:
        """Look at one rollout; return it as saved.

        Raises:
            FieldwiseError: ``CONFLICT`` where another writer saved it since it was read.
        """
        return (await self.carry_out(rollout, rollout, term=term)).rollout

    async def carry_out(
        self,
        read: Rollout,
        obeyed: Rollout,
        events: Sequence[Event] = (),
        wish: Wish | None = None,
        term: int | None = None,
    ) -> Saved:
        """Look at a rollout that a command has changed, and save both in one.

        Args:
            read: As it was read.
            obeyed: As the command leaves it.
            events: What the command changed.
            wish: What it wants besides.
            term: In which this replica leads; None for what an operator asks for.

        Raises:
            FieldwiseError: ``CONFLICT`` where another writer saved it since it was read.
        """
        # In this order: whoever is recalled meanwhile is seen at the next look, and not half-way.
        recalled = await self._backbones.recalled()
        asks = obeyed.phase is Phase.RUNNING  # nobody else has devices begin who may refuse
        unlisted = asks and not await self._is_listed(obeyed.digest)
        cohort = await self._rollouts.cohort(obeyed)
        now = self._clock.now()
        since = self._unbroken_since(now)
        look = reconcile(obeyed, cohort, now, recalled, since, unlisted=unlisted)
        wanted = _wanted(look, wish, cohort, now, recalled)
        told = (*events, *look.events)
        if wanted and wish is not None and wish.told_as is not None:
            told = (*told, *ordered(wish.told_as, len(wanted), now))
        orders = (*look.orders, *wanted)
        after = replace(look.rollout, watched=True) if wanted else look.rollout
        if after == read and not orders and not told:
            return Saved(read)
        saved = await self._rollouts.save(after, orders, told, term)
        for event in told:
            self._told(event, saved)
        return Saved(saved, len(orders))


class _Listening:
    """Since when a process alone has listened to devices; a suspended one did not."""

    def __init__(self, now: float) -> None:
        self._looked_at = self._heard_since = now

    def since(self, now: float) -> float:
        if not 0 <= now - self._looked_at <= BREAK_SECONDS:
            self._heard_since = now
        self._looked_at = now
        return self._heard_since


def _wanted(
    look: Look,
    wish: Wish | None,
    cohort: Sequence[Standing],
    now: float,
    recalled: Collection[str],
) -> tuple[Order, ...]:
    if wish is None:
        return ()
    owed = {order.device for order in look.orders}
    found = wish.orders(look.rollout, cohort, now, recalled)
    return tuple(order for order in found if order.device not in owed)
