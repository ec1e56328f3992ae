"""What operators do with devices: look, tag, steer, take out, and see the fleet as a whole."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Device, DeviceState, Standing, state_of
from orchestrator.fleet.settings import DeviceSettings
from orchestrator.fleet.tags import check_tags
from orchestrator.paging import Page, PageRequest
from orchestrator.ports import Clock, DeviceStore, MembershipStore


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device with the state it is in at the moment of asking."""

    device: Device
    state: DeviceState


@dataclass(frozen=True, slots=True)
class Overview:
    """The fleet in numbers: its size bounds none of the keys.

    ``accuracies`` holds the test-then-train accuracy of each device that has labelled samples in
    its window, 0 to 1, in no order. ``bundles`` counts devices by digest of the backbone in use.
    """

    states: Mapping[DeviceState, int]
    bundles: Mapping[str, int]
    accuracies: tuple[float, ...]


class Directory:
    """The use cases over one fleet.

    Args:
        devices: Where members are kept.
        membership: Who belongs to the fleet.
        clock: What time it is.
    """

    def __init__(self, devices: DeviceStore, membership: MembershipStore, clock: Clock) -> None:
        self._devices = devices
        self._membership = membership
        self._clock = clock

    async def get(self, device_id: str) -> SeenDevice:
        """Return a member.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        return self._seen(await self._devices.get(device_id))

    async def list(self, cohort: str, page: PageRequest) -> Page[SeenDevice]:
        """Return the members that a selector takes, by id.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for a bad selector or page token.
        """
        found = await self._devices.list(parse_selector(cohort), page)
        return Page(tuple(self._seen(device) for device in found.items), found.next_token)

    async def update_tags(
        self, device_id: str, put: Mapping[str, str], drop: Iterable[str]
    ) -> SeenDevice:
        """Write some tags of a device and take others away.

        Raises:
            FieldwiseError: ``NOT_FOUND``, or as ``tags.changed`` for the result.
        """
        await self._devices.change_tags(device_id, check_tags(put), frozenset(drop))
        return await self.get(device_id)

    async def remove(self, device_id: str) -> None:
        """Take a device out of the fleet: whatever it calls is refused from now on.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        await self._membership.remove(device_id, self._clock.now())

    async def apply_settings(self, cohort: str, settings: DeviceSettings) -> int:
        """Give a cohort new settings; return how many devices got a new revision.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for a bad selector.
        """
        return await self._devices.apply_settings(parse_selector(cohort), settings)

    def _seen(self, device: Device) -> SeenDevice:
        return SeenDevice(device, state_of(device.standing, self._clock.now()))


def overview_of(standings: Iterable[Standing], now: float) -> Overview:
    """Count a fleet by state and backbone, every state with a number."""
    states: Counter[DeviceState] = Counter(dict.fromkeys(DeviceState, 0))
    bundles: Counter[str] = Counter()
    accuracies: list[float] = []
    for standing in standings:
        states[state_of(standing, now)] += 1
        if standing.bundle_in_use is not None:
            bundles[standing.bundle_in_use] += 1
        if standing.window_samples > 0:
            accuracies.append(standing.window_correct / standing.window_samples)
    return Overview(states, bundles, tuple(accuracies))
