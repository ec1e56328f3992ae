"""What operators do with devices: look, tag, steer, take out, and see the fleet as a whole."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Device, DeviceState, Standing, state_of
from orchestrator.fleet.readings import LOSS_BOUNDS, SILENCE_BOUNDS, Measure, Spread, spread_of
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

    ``bundles`` counts devices by digest of the backbone in use, ``targets`` by that of the one they
    should use, where a rollout has told them, ``agents`` by the agent's version,
    ``updates`` by the phase of the newest update, ``failures`` and ``holds`` by why it failed and
    what it waits for. ``spreads`` has the measures that no report has the number of.
    """

    states: Mapping[DeviceState, int]
    bundles: Mapping[str, int]
    targets: Mapping[str, int]
    agents: Mapping[str, int]
    updates: Mapping[UpdatePhase, int]
    failures: Mapping[UpdateFailure, int]
    holds: Mapping[UpdateHold, int]
    spreads: Mapping[Measure, Spread]


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


def overview_of(standings: Collection[Standing], now: float) -> Overview:
    """Count a fleet, every state with a number."""
    updates = [standing.update for standing in standings]
    return Overview(
        states=dict.fromkeys(DeviceState, 0)
        | Counter(state_of(standing, now) for standing in standings),
        bundles=Counter(each.bundle_in_use for each in standings if each.bundle_in_use is not None),
        targets=Counter(each.target.digest for each in standings if each.target is not None),
        agents=Counter(standing.agent_version for standing in standings),
        updates=Counter(update.phase for update in updates),
        failures=Counter(update.failure for update in updates if update.failure),
        holds=Counter(update.hold for update in updates if update.hold),
        spreads={
            Measure.SILENCE: spread_of(SILENCE_BOUNDS, _silences(standings, now)),
            Measure.LOSS: spread_of(LOSS_BOUNDS, _losses(standings)),
        },
    )


def _silences(standings: Iterable[Standing], now: float) -> Iterator[float]:
    return (max(0.0, now - each.seen_at) for each in standings if each.seen_at is not None)


def _losses(standings: Iterable[Standing]) -> Iterator[float]:
    """Yield the loss of accuracy that each device's newest comparison showed."""
    for standing in standings:
        if standing.verdict is not None and (samples := standing.verdict.overall.samples):
            overall = standing.verdict.overall
            yield (overall.only_old - overall.only_new) / samples
