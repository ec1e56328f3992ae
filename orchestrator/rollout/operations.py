"""What operators do with backbones and rollouts."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import parse_selector
from orchestrator.paging import Page, PageRequest
from orchestrator.ports import BackboneStore, Clock, Permits, RolloutStore
from orchestrator.rollout.backbone import parse_reference
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.machine import Command, Rollout, obey

SAVES_MAX = 20  # the controller writes every few seconds: more lost races than this are a defect


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stopped rollout, with the devices that may still start and for how many seconds at most."""

    rollout: Rollout
    may_still_start: int
    within_seconds: int


class Rollouts:
    """The use cases over rollouts.

    Args:
        rollouts: Where they are kept.
        backbones: What can be rolled out.
        controller: What gives the first orders at once.
        clock: What time it is.
    """

    def __init__(
        self,
        rollouts: RolloutStore,
        backbones: BackboneStore,
        controller: Controller,
        clock: Clock,
    ) -> None:
        self._rollouts = rollouts
        self._backbones = backbones
        self._controller = controller
        self._clock = clock

    async def start(self, backbone: str, cohort: str) -> Rollout:
        """Bring a backbone to a cohort, and give the orders.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for the backbone, ``INVALID_ARGUMENT`` for a bad reference
                or selector.
        """
        selector = parse_selector(cohort)
        found = await self._backbones.find(parse_reference(backbone))
        rollout = await self._rollouts.add(found, selector, self._clock.now())
        return await self._insist(rollout.number, self._controller.look_at)

    async def stop(self, rollout_id: str) -> Stopped:
        """Let no further device of a rollout start.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or ``ILLEGAL_COMMAND`` where it does not run.
        """
        number = rollout_number(rollout_id)
        await self._insist(number, self._save_stopped)
        rollout = await self._insist(number, self._controller.look_at)
        now = self._clock.now()
        return _stopped(rollout, await self._rollouts.permits(rollout.number, now), now)

    async def get(self, rollout_id: str) -> Rollout:
        """Return a rollout with counts as of now.

        Where others keep changing it, as while many newcomers are welcomed, they are as of the last
        look that was saved.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        rollout = await self._rollouts.get(rollout_number(rollout_id))
        try:
            return await self._controller.look_at(rollout)
        except FieldwiseError as error:
            if error.fault is not Fault.CONFLICT:
                raise
        return await self._rollouts.get(rollout.number)

    async def list(self, page: PageRequest) -> Page[Rollout]:
        """Return rollouts, newest first, with counts as of the controller's last look."""
        return await self._rollouts.list(page)

    async def _save_stopped(self, rollout: Rollout) -> Rollout:
        return await self._rollouts.save(obey(rollout, Command.STOP, self._clock.now()))

    async def _insist(self, number: int, deed: Callable[[Rollout], Awaitable[Rollout]]) -> Rollout:
        """Do it to the rollout as it is now, again where another writer was faster."""
        for _ in range(SAVES_MAX):
            try:
                return await deed(await self._rollouts.get(number))
            except FieldwiseError as error:
                if error.fault is not Fault.CONFLICT:
                    raise
        raise FieldwiseError(
            Fault.CONFLICT, f"the rollout r{number} changed {SAVES_MAX} times while being saved"
        )


def rollout_number(rollout_id: str) -> int:
    """Read ``r7``.

    Raises:
        FieldwiseError: ``NOT_FOUND`` for what cannot be a rollout's name.
    """
    if not re.fullmatch(r"r[1-9][0-9]{0,17}", rollout_id):
        raise FieldwiseError(Fault.NOT_FOUND, f"there is no rollout {rollout_id[:32]!r}")
    return int(rollout_id[1:])


def _stopped(rollout: Rollout, permits: Permits, now: float) -> Stopped:
    if permits.devices == 0:
        return Stopped(rollout, 0, 0)
    return Stopped(rollout, permits.devices, max(1, round(permits.until - now + 0.5)))
