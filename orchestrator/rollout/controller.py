"""The one loop body of the orchestrator: look at every rollout that may move, save what follows.

Read, reconcile, save; the orders of a look are saved with the rollout in one transaction, and
devices hear them at their check-ins. Nothing is sent from here, so nothing can be sent that was not
saved. Where another writer was faster (an operator's stop, another replica), the save is refused
and the next look starts from what that writer left.
"""

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.ports import Clock, RolloutStore
from orchestrator.rollout.machine import Rollout, reconcile


class Controller:
    """Keeps rollouts going.

    Args:
        rollouts: Where rollouts and the devices of their cohorts are kept.
        clock: What time it is.
    """

    def __init__(self, rollouts: RolloutStore, clock: Clock) -> None:
        self._rollouts = rollouts
        self._clock = clock

    async def look_at_all(self) -> None:
        """Look at every rollout once, the newest first: what two of them want is the newer's.

        Raises:
            FieldwiseError: As the store; a conflict with another writer is no error.
        """
        for rollout in await self._rollouts.watched():
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
        cohort = await self._rollouts.cohort(rollout)
        seen, orders = reconcile(rollout, cohort, self._clock.now())
        if seen == rollout and not orders:
            return rollout
        return await self._rollouts.save(seen, orders)
