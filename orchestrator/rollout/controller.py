"""The one loop body of the orchestrator: look at every rollout that may move, save what follows.

Read, reconcile, save; the orders of a look are saved with the rollout in one transaction, and
devices hear them at their check-ins. Nothing is sent from here, so nothing can be sent that was not
saved. Where another writer was faster (an operator's command, another replica), the save is refused
and the next look starts from what that writer left.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import Standing
from orchestrator.ports import BackboneStore, Clock, RolloutStore
from orchestrator.rollout.history import ordered
from orchestrator.rollout.machine import Look, reconcile
from orchestrator.rollout.rollout import Event, Happening, Order, Rollout

BREAK_SECONDS = 600.0  # without a look, after which nobody knows who was heard meanwhile

Orders = Callable[[Rollout, Sequence[Standing], float, Collection[str]], tuple[Order, ...]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants of a rollout beyond what it owes: orders, and their name in history.

    ``orders`` are asked for after the look; one for a device that the look orders is dropped.
    """

    orders: Orders
    told_as: Happening


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
        told: Hears of everything new in the history of a rollout.
    """

    def __init__(
        self,
        rollouts: RolloutStore,
        backbones: BackboneStore,
        clock: Clock,
        told: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self._rollouts = rollouts
        self._told = told
        self._backbones = backbones
        self._clock = clock
        self._looked_at = self._heard_since = clock.now()

    async def look_at_all(self) -> None:
        """Look at every rollout once, the newest first: what two of them want is the newer's.

        Raises:
            FieldwiseError: As the store; a conflict with another writer is no error.
        """
        watched = await self._rollouts.watched()
        self._listening(self._clock.now())
        for rollout in watched:
            try:
                await self.look_at(rollout)
            except FieldwiseError as error:
                if error.fault is not Fault.CONFLICT:
                    raise

    async def look_at(self, rollout: Rollout) -> Rollout:
        """Look at one rollout; return it as saved.

        Raises:
            FieldwiseError: ``CONFLICT`` where another writer saved it since it was read.
        """
        return (await self.carry_out(rollout, rollout)).rollout

    async def carry_out(
        self,
        read: Rollout,
        obeyed: Rollout,
        events: Sequence[Event] = (),
        wish: Wish | None = None,
    ) -> Saved:
        """Look at a rollout that a command has changed, and save both in one.

        Args:
            read: As it was read.
            obeyed: As the command leaves it.
            events: What the command changed.
            wish: What it wants besides.

        Raises:
            FieldwiseError: ``CONFLICT`` where another writer saved it since it was read.
        """
        # In this order: whoever is recalled meanwhile is seen at the next look, and not half-way.
        recalled = await self._backbones.recalled()
        cohort = await self._rollouts.cohort(obeyed)
        now = self._clock.now()
        look = reconcile(obeyed, cohort, now, recalled, self._listening(now))
        wanted = _wanted(look, wish, cohort, now, recalled)
        told = (*events, *look.events)
        if wanted and wish is not None:
            told = (*told, *ordered(wish.told_as, len(wanted), now))
        orders = (*look.orders, *wanted)
        after = replace(look.rollout, watched=True) if wanted else look.rollout
        if after == read and not orders and not told:
            return Saved(read)
        saved = await self._rollouts.save(after, orders, told)
        for event in told:
            self._told(event)
        return Saved(saved, len(orders))

    def _listening(self, now: float) -> float:
        """Return since when this process has listened to devices; a suspended one did not."""
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
