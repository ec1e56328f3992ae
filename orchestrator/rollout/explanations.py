"""What is known of a device when an operator asks why it runs what it runs."""

from collections.abc import Mapping

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Standing
from orchestrator.paging import PAGE_SIZE_MAX, Page, PageRequest, page_of
from orchestrator.ports import BackboneStore, Clock, DeviceStore, RolloutStore
from orchestrator.rollout.explaining import Known, concerns, explain, placed
from orchestrator.rollout.machine import host_of
from orchestrator.rollout.operations import rollout_number
from orchestrator.rollout.orders import wave_in
from orchestrator.rollout.phases import ADDING
from orchestrator.rollout.places import Place
from orchestrator.rollout.rollout import Kind, Rollout
from orchestrator.rollout_views import ExplanationView, RolloutDeviceView

READ_AT_ONCE = 1000  # devices, in search of those at one place


class Explanations:
    """The use case of ``explain``.

    Args:
        devices: Its members.
        rollouts: What is brought to whom.
        backbones: What they are called, and what was recalled.
        clock: What time it is.
    """

    def __init__(
        self,
        devices: DeviceStore,
        rollouts: RolloutStore,
        backbones: BackboneStore,
        clock: Clock,
    ) -> None:
        self._devices = devices
        self._rollouts = rollouts
        self._backbones = backbones
        self._clock = clock

    async def explain(self, device_id: str) -> ExplanationView:
        """Explain a device.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        device = await self._devices.get(device_id)
        standing, said = device.standing, device.report.publisher if device.report else None
        known = Known(
            standing,
            self._clock.now(),
            await self._home(standing),
            await self._coming(standing, device.tags),
            await self._titles(),
            await self._backbones.recalled(),
            said.trouble if said else None,
        )
        rollout, wave = concerns(known)
        return ExplanationView(
            device_id,
            known.title(standing.target.digest) if standing.target else "",
            rollout.id if rollout else "",
            wave,
            explain(known),
        )

    async def devices(
        self, rollout_id: str, place: str, page: PageRequest
    ) -> Page[RolloutDeviceView]:
        """Return the devices of a rollout's cohort by id, of one place or, without any, of all.

        Raises:
            FieldwiseError: ``NOT_FOUND`` for the rollout, ``INVALID_ARGUMENT`` for the place.
        """
        if place and place not in set(Place):
            known = ", ".join(Place)
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"{place!r} is no place of a device; there are {known}"
            )
        rollout = await self._rollouts.get(rollout_number(rollout_id))
        recalled, now = await self._backbones.recalled(), self._clock.now()
        after, size = page.after or "", READ_AT_ONCE if place else page.limit + 1
        found: list[RolloutDeviceView] = []
        while len(found) <= page.limit:
            read = await self._rollouts.cohort(rollout, after, size)
            for standing in read:
                where, reason = placed(Known(standing, now, home=rollout, recalled=recalled))
                if not place or where == place:
                    wave = wave_in(rollout, standing.device) + 1
                    found.append(RolloutDeviceView(standing.device, wave, where, reason))
            if len(read) < size:
                break
            after = read[-1].device
        return page_of(found[: page.limit + 1], page, lambda each: each.id)

    async def _home(self, standing: Standing) -> Rollout | None:
        if standing.rollout == 0:
            return None
        try:
            return await self._rollouts.get(standing.rollout)
        except FieldwiseError as error:
            if error.fault is not Fault.NOT_FOUND:
                raise
            return None

    async def _coming(self, standing: Standing, tags: Mapping[str, str]) -> Rollout | None:
        """Return the newest rollout that is still to come to a device."""
        newest = (await self._rollouts.list(PageRequest(size=PAGE_SIZE_MAX))).items
        for rollout in newest:
            later = rollout.number > standing.rollout and rollout.kind is not Kind.RECALL
            if later and rollout.phase in ADDING and _takes(rollout, tags):
                return rollout
        return host_of(newest, standing, tags) if standing.rollout == 0 else None

    async def _titles(self) -> Mapping[str, str]:
        page = await self._backbones.list(PageRequest(size=PAGE_SIZE_MAX))
        return {each.digest: each.manifest.title for each in page.items}


def _takes(rollout: Rollout, tags: Mapping[str, str]) -> bool:
    return parse_selector(rollout.cohort).matches(tags)
