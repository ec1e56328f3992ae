"""Federation, put together: campaigns, their rounds, what devices give, and their aggregators.

Aggregators are processes of this machine, or Jobs where a setting says what such a Job is like. The
official client of Kubernetes is loaded for those alone.
"""

import os
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from orchestrator import clustering
from orchestrator.config import OrchestratorSettings
from orchestrator.federation.admitting import WorkerAdmission
from orchestrator.federation.campaigns import Campaigns
from orchestrator.federation.offering import Offering
from orchestrator.federation.receiving import Receiving
from orchestrator.federation.rounds import Rounds
from orchestrator.federation.supervising import Supervising
from orchestrator.federation.surveying import CampaignSurvey
from orchestrator.federation.sweeping import Sweeping
from orchestrator.federation_ports import UpdateFiles
from orchestrator.home import emptied
from orchestrator.ports import BundleStore, Clock, Entropy
from orchestrator.rpc.campaigns import CampaignServicer, CampaignUseCases
from orchestrator.rpc.interceptors import WorkersOnly
from orchestrator.rpc.workers import WorkerServicer, WorkerUseCases
from orchestrator.storage.stores import Stores
from orchestrator.worker_ports import Way, Workers
from orchestrator.worker_processes import PREFIX, WorkerProcesses, found_program, no_program


@dataclass(frozen=True, slots=True)
class Federation:
    """The use cases of federation, and what they stand on."""

    settings: OrchestratorSettings
    stores: Stores
    heads: BundleStore
    files: UpdateFiles
    clock: Clock
    entropy: Entropy
    campaigns: Campaigns
    rounds: Rounds
    offering: Offering
    receiving: Receiving
    sweeping: Sweeping
    survey: CampaignSurvey

    @property
    def gate(self) -> WorkersOnly:
        """What lets aggregators in."""
        return WorkersOnly(WorkerAdmission(self.stores.campaigns, self.clock).admit)

    @property
    def servicers(self) -> tuple[CampaignServicer, WorkerServicer]:
        return (
            CampaignServicer(
                CampaignUseCases(self.campaigns, self.rounds, self.heads, self._check_workers)
            ),
            WorkerServicer(WorkerUseCases(self.rounds, self.heads, self.files)),
        )

    def supervising(self, workers: Workers, ended: Callable[[], None]) -> Supervising:
        return Supervising(self.stores.campaigns, workers, self.entropy, time.monotonic, ended)

    def _check_workers(self) -> None:
        """Refuse a campaign that nothing of this installation could aggregate.

        Raises:
            FieldwiseError: ``EXTRA_MISSING``.
        """
        program = self.settings.federation_aggregator
        if self.settings.federation_job is None and found_program(program) is None:
            raise no_program(program)


def federation(
    settings: OrchestratorSettings,
    stores: Stores,
    heads: BundleStore,
    files: UpdateFiles,
    clock: Clock,
    entropy: Entropy,
) -> Federation:
    """Put the use cases together."""
    offering = Offering(stores.campaigns, stores.contributions, clock)
    return Federation(
        settings=settings,
        stores=stores,
        heads=heads,
        files=files,
        clock=clock,
        entropy=entropy,
        campaigns=Campaigns(
            stores.campaigns,
            stores.backbones,
            clock,
            statistics_allowed=settings.federation_statistics,
        ),
        rounds=Rounds(stores.campaigns, stores.contributions, clock, entropy),
        offering=offering,
        receiving=Receiving(offering, stores.contributions, files, clock),
        sweeping=Sweeping(stores.contributions, files, clock),
        survey=CampaignSurvey(stores.campaigns),
    )


def workers_of(
    made: Federation, near: str, told: str, authority: bytes, stack: ExitStack
) -> Workers:
    """Return what runs aggregators here.

    Args:
        made: Federation.
        near: host:port of the operator port on this machine.
        told: The same as others reach it.
        authority: Certificate of the fleet's authority, PEM.
        stack: What ends with the orchestrator.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` for an unusable file, or where no cluster is found.
    """
    settings = made.settings
    if settings.federation_job is None:
        folder = emptied(settings.folder / "aggregators")
        logs = {f"{PREFIX}LOG_LEVEL": settings.log_level, f"{PREFIX}LOG_FORM": settings.log_form}
        program, way = (settings.federation_aggregator,), Way(near, authority)
        return WorkerProcesses(program, folder, way, logs | os.environ)
    way = Way(settings.federation_address or told, authority)
    return clustering.jobs(settings, way, made.clock, made.entropy, stack)


def look(
    made: Federation, supervising: Supervising, term: Callable[[], int | None]
) -> Callable[[], Awaitable[None]]:
    """Return what the leader does again and again; whoever leads no more lets its workers go.

    Files are swept last: a disk that is away must not keep aggregators from being looked after.
    """

    async def looked() -> None:
        leads_in = term()
        if leads_in is not None:
            await made.rounds.look_at_all(leads_in)
        await supervising.look(leads_in)
        if leads_in is not None:
            await made.sweeping.sweep()

    return looked
