"""Looking at the whole fleet at once: for the metrics, and for ``fieldwise status``.

The cost of a look grows with the fleet, what comes out does not: counts by a few words, and
distributions. Metrics therefore look every few seconds and scrapes see the newest ``Snapshot``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fieldwise import __version__
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from orchestrator.fleet.device import DeviceState, Standing
from orchestrator.fleet.directory import overview_of
from orchestrator.fleet.ranking import (
    UNKNOWN,
    Cohort,
    Worst,
    cohorts,
    most_used,
    versions,
    worst,
)
from orchestrator.fleet.readings import Measure, Spread
from orchestrator.paging import PAGE_SIZE_MAX, PageRequest
from orchestrator.ports import BackboneStore, Clock, DeviceStore, RolloutStore, TicketStore
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Place
from orchestrator.rollout.rollout import Rollout
from orchestrator.trust.upkeep import Remaining
from orchestrator.views import FleetView

BACKBONES_MAX = 20  # more versions than anyone runs side by side; the rest is counted as "other"
AGENTS_MAX = 10  # versions of the agent in one fleet
ROLLOUTS_MAX = 10  # more than anyone runs side by side
EXPIRING_DAYS = (0, 1, 7)  # how soon a device's certificate ends; 0 counts those that have ended
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The fleet at one moment, already counted."""

    taken_at: float = 0.0
    states: Mapping[DeviceState, int] = field(default_factory=dict)
    backbones: Mapping[str, int] = field(default_factory=dict)
    targets: Mapping[str, int] = field(default_factory=dict)
    agents: Mapping[str, int] = field(default_factory=dict)
    updates: Mapping[UpdatePhase, int] = field(default_factory=dict)
    failures: Mapping[UpdateFailure, int] = field(default_factory=dict)
    holds: Mapping[UpdateHold, int] = field(default_factory=dict)
    spreads: Mapping[Measure, Spread] = field(default_factory=dict)
    phases: Mapping[Phase, int] = field(default_factory=dict)
    rollouts: tuple[Rollout, ...] = ()  # the newest, at most ``ROLLOUTS_MAX``
    other_places: Mapping[Place, int] = field(default_factory=dict)
    expiring: Mapping[int, int] = field(default_factory=dict)
    tickets_open: int = 0
    applicants: int = 0  # told by whoever knows them
    metadata: tuple[Remaining, ...] = ()  # told so, too
    cohorts: Mapping[str, Cohort] = field(default_factory=dict)
    worst: Worst = field(default_factory=Worst)


def snapshot_of(
    standings: Sequence[Standing],
    rollouts: Iterable[Rollout],
    titles: Mapping[str, str],
    spreads: Mapping[Measure, Spread],
    *,
    expiring: Mapping[int, int],
    tickets_open: int,
    now: float,
) -> Snapshot:
    """Count a fleet.

    Args:
        standings: Every member.
        rollouts: Those of which devices may still move.
        titles: NAME:VERSION by digest of every backbone that is known.
        spreads: Distributions of what members report.
        expiring: Certificates that end within so many days.
        tickets_open: Tickets that still admit a device.
        now: Seconds since 1970.
    """
    watched = tuple(rollouts)
    overview = overview_of(standings, now)
    ranked = sorted(watched, key=lambda each: -each.number)
    others: Counter[Place] = Counter()
    for rollout in ranked[ROLLOUTS_MAX:]:
        others.update(rollout.counts)
    return Snapshot(
        taken_at=now,
        states=overview.states,
        backbones=most_used(_titled(overview.bundles, titles), BACKBONES_MAX),
        targets=most_used(_titled(overview.targets, titles), BACKBONES_MAX),
        agents=most_used(versions(overview.agents), AGENTS_MAX),
        updates=overview.updates,
        failures=overview.failures,
        holds=overview.holds,
        spreads={**spreads, **overview.spreads},
        phases=Counter(rollout.phase for rollout in watched),
        rollouts=tuple(ranked[:ROLLOUTS_MAX]),
        other_places=others,
        expiring=expiring,
        tickets_open=tickets_open,
    )


def _titled(bundles: Mapping[str, int], titles: Mapping[str, str]) -> Mapping[str, int]:
    named: Counter[str] = Counter()
    for digest, devices in bundles.items():
        named[titles.get(digest, UNKNOWN)] += devices
    return named


class Survey:
    """Looks at everything that is kept.

    Args:
        fleet: Name of the fleet.
        devices: Its members.
        backbones: What was published.
        rollouts: What is brought to whom.
        tickets: Who else may join.
        clock: What time it is.
        tag: The tag that devices are grouped by for the metrics; empty for none.
        worst_devices: How many of the worst devices the metrics name.
    """

    def __init__(
        self,
        fleet: str,
        devices: DeviceStore,
        backbones: BackboneStore,
        rollouts: RolloutStore,
        tickets: TicketStore,
        clock: Clock,
        tag: str = "",
        worst_devices: int = 0,
    ) -> None:
        self._fleet = fleet
        self._devices = devices
        self._backbones = backbones
        self._rollouts = rollouts
        self._tickets = tickets
        self._clock = clock
        self._tag = tag
        self._worst_devices = worst_devices

    async def snapshot(self) -> Snapshot:
        """Count the fleet for the metrics.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` without the store.
        """
        now = self._clock.now()
        standings = await self._devices.standings()
        seen = snapshot_of(
            standings,
            await self._rollouts.watched(),
            await self.titles(),
            await self._devices.spreads(),
            expiring={
                days: await self._devices.count_expiring(now + days * DAY_SECONDS)
                for days in EXPIRING_DAYS
            },
            tickets_open=await self._tickets.count_open(now),
            now=now,
        )
        values = await self._devices.tagged(self._tag) if self._tag else None
        return replace(
            seen,
            cohorts=cohorts(standings, values, now) if values is not None else {},
            worst=worst(standings, self._worst_devices, now),
        )

    async def fleet_view(self) -> FleetView:
        """Count the fleet for an operator.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` without the store.
        """
        seen = await self.snapshot()
        return FleetView(
            version=__version__,
            fleet=self._fleet,
            devices_by_state={state.value: count for state, count in seen.states.items()},
            devices_by_backbone=seen.backbones,
            rollouts_running=seen.phases.get(Phase.RUNNING, 0),
            tickets_open=seen.tickets_open,
            rollouts_by_phase={phase.value: count for phase, count in seen.phases.items()},
        )

    async def titles(self) -> dict[str, str]:
        """Return NAME:VERSION by digest of the newest thousand backbones."""
        page = await self._backbones.list(PageRequest(size=PAGE_SIZE_MAX))
        return {each.digest: each.manifest.title for each in page.items}

    async def devices_by_digest(self) -> Mapping[str, int]:
        """Count devices by digest of the backbone in use."""
        return await self._devices.count_backbones()
