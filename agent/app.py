"""The agent put together; nothing else constructs its parts."""

import asyncio
import random
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from agent.checkins import CheckIns, Contact
from agent.collecting import Collector
from agent.config import AgentSettings
from agent.connecting import fleet_and_publisher, unsigned_noted
from agent.daemon import Daemon
from agent.device.allocator import return_memory_early
from agent.device.bundles import BundleFolder
from agent.device.clock import SystemClock
from agent.device.database import Database
from agent.device.federation import DatabaseFederation
from agent.device.folder import StateFolder
from agent.device.heads import HeadFolder
from agent.device.hook import Hook
from agent.device.host import LinuxHost
from agent.device.journal import DatabaseJournal
from agent.device.ledger import LedgerFile
from agent.device.meter import DiskMeter, written_bytes
from agent.device.predictions import DatabasePredictions
from agent.device.room import Room
from agent.device.samples import DatabaseSamples
from agent.diagnosing import Diagnosing
from agent.federation.adopting import Heads
from agent.federation.answering import Rounds
from agent.federation.consenting import Consents
from agent.federation.federating import Federating
from agent.household import Household
from agent.learning.embedder import Embedder, OnnxEmbedder
from agent.learning.envelope import NOTHING, Coming, read_window
from agent.learning.golden import read_golden
from agent.learning.kept import Changes
from agent.learning.settings import LearningSettings
from agent.learning.trial import try_bundle
from agent.learning_rules import learning_settings
from agent.observing import Observer
from agent.pacing import Pacer
from agent.predictions import RecentPredictions
from agent.reporting import Orders, Report, SteeringRevision
from agent.rpc import summaries
from agent.rpc.local import ApplicationService, LocalSockets, OwnerService, Queue
from agent.serving import Serving
from agent.surveying import Surveyor
from agent.troubles import Troubles
from agent.update.comparing import Comparer
from agent.update.fetching import Fetcher
from agent.update.holding import Holds, OwnerRules
from agent.update.installer import Installer
from agent.update.recovery import recover
from agent.update.room import coming_bytes, stored_bytes, update_bytes
from agent.update.signs import BEFORE_SERVING
from agent.update.steps import Steps
from agent.update.watching import Watcher
from agent.update_rules import judging_rules, probation_rules
from agent.upkeep import Upkeep
from agent.wear import WearMeter
from fieldwise import retry
from fieldwise.bundle import FileReference, Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.logs import seen_by
from fieldwise.update import UNDER_WAY

if TYPE_CHECKING:
    from agent.learning.pair import Pair

_log = structlog.get_logger()


class Agent:
    """An agent's parts over one state folder, which is not shared.

    Args:
        settings: What it was told.
        folder: Where its state is, locked by the caller.

    Raises:
        FieldwiseError: ``STATE_DAMAGED``, ``DISK_FULL``.
    """

    def __init__(self, settings: AgentSettings, folder: StateFolder) -> None:
        self.settings = settings
        self.folder = folder
        self._chance = random.Random()  # noqa: S311 - jitter and choice of images, no secret
        self.clock, self.host = SystemClock(), LinuxHost()
        self._incarnation: int | None = None
        room = Room(self.folder, settings.disk_bytes_max)
        self._database = Database(self.folder.database, room)
        self.journal = DatabaseJournal(self._database)
        self.ledger = LedgerFile(self.folder.ledger, self.journal, self.clock)
        self.bundles = BundleFolder(self.folder.bundles, room)
        self.bundles.sweep()
        self.serving = self._serving()
        self.pacer = Pacer(self.clock, time.sleep, lambda: self.serving.settings.cpu_share)
        meter = DiskMeter(room, self._database)
        self.upkeep = Upkeep(self.serving, meter, self.pacer, self._coming)
        given = settings, folder, self._database, self.ledger, self.clock, self._chance
        self.fleet, self.trusting = fleet_and_publisher(*given, self._ahead)
        self._fetcher = self._fetching()
        self._comparer = Comparer(
            self.serving, self._recent, self.clock, partial(judging_rules, settings)
        )
        self._watcher = Watcher(
            self.serving, self.journal, self.clock, partial(probation_rules, settings)
        )
        self.steps = self._steps()
        self.serving.starters = self.steps.starters
        if (pair := recover(self.journal, self.steps.open)) is not None:
            self.serving.open(pair)
        self.wear = WearMeter(
            written_bytes, self.serving.recorded, self.clock, self.serving.predictions_written
        )
        self.installer: Installer[Pair] = Installer(
            self.journal, self.steps, self._holds(), self.clock
        )
        self.federating = self._federating()
        self.observer = self._observer()
        self.troubles = Troubles(self.clock.monotonic)
        self.diagnosing = self._diagnosing()
        surveyor = Surveyor(self.serving, self.wear.wear)
        self.household = Household(
            self.fleet,
            self.installer,
            self.bundles,
            self.observer,
            surveyor,
            self.host,
            self._update_bytes,
            trusting=self.trusting,
            note=unsigned_noted(self.ledger, self.clock),
        )

    def close(self) -> None:
        """Make everything durable; after a wipe leave nothing."""
        self.serving.close()
        self._database.close()
        if self.household.wiping.is_set():
            self.folder.wipe()

    def daemon(self) -> Daemon:
        """The agent as a daemon; to be called inside the loop that runs it."""
        check_ins = CheckIns(
            self.fleet,
            self._report,
            self.installer,
            self._steer,
            self.clock,
            self._chance,
            self.diagnosing.obey,
            self._hear,
        )
        self.household.contact = lambda: check_ins.contact
        self.diagnosing.hurry = self.federating.hurry = check_ins.hurry.set
        return Daemon(
            self.serving,
            self.installer,
            check_ins,
            self.household,
            self.upkeep,
            self._sockets(),
            (self.federating.run, self.trusting.run),
        )

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Show metrics on this machine where the owner set a port for them."""
        port = self.settings.metrics_port
        if not port:
            yield
            return
        try:
            from agent.metrics import Told, shown  # noqa: PLC0415 - an extra, and memory for it
        except ImportError as error:
            raise FieldwiseError(
                Fault.EXTRA_MISSING,
                "metrics_port needs prometheus_client, which the extra [metrics] brings",
            ) from error

        def tell() -> Told:
            contact = self.household.contact()
            status = self.observer.status(self.fleet.membership, contact)
            return Told(status, self.observer.signs(contact), self.ledger.totals())

        with shown(port, tell):
            yield

    async def _report(self, sequence: int) -> Report:
        return await asyncio.to_thread(self._report_now, sequence)

    def _report_now(self, sequence: int) -> Report:
        """A report of this start; on a full disk it has no number yet, and only check-ins wait."""
        if self._incarnation is None:
            self._incarnation = self.journal.next_incarnation()
        return self.observer.report(self._incarnation, sequence, self.household.contact())

    async def _steer(self, revision: SteeringRevision) -> None:
        settings = learning_settings(self.settings, revision.steering)
        await asyncio.to_thread(self.journal.write_steering, revision)
        await asyncio.to_thread(self.serving.configure, settings)
        _log.info("settings in force", revision=revision.revision)

    def _hear(self, orders: Orders) -> None:
        self.federating.hear(orders)
        self.trusting.hear(orders.metadata_version)

    def _ahead(self) -> int:
        return self.household.contact().clock_ahead_seconds

    def _serving(self) -> Serving:
        settings = learning_settings(self.settings, self.journal.steering().steering)
        stored, durable = DatabasePredictions(self._database), self.settings.predictions_durable
        if not durable:
            stored.apply(Changes(gone=tuple(entry.id for entry in stored.entries())))
        self._recent = RecentPredictions(
            self.settings.predictions_kept,
            self.settings.predictions_bytes_max,
            stored if durable else None,
        )
        store = DatabaseSamples(self._database)
        return Serving(
            store, settings, self._recent, self.clock, self._chance, partial(secrets.token_hex, 12)
        )

    def _fetching(self) -> Fetcher:
        variant, delays = self.settings.variant, partial(retry.delays, self._chance)
        return Fetcher(
            self.fleet,
            self.bundles,
            variant,
            self._update_bytes,
            delays,
            self.clock,
            vouching=self.trusting,
        )

    def _update_bytes(self, manifest: Manifest, missing: Iterable[FileReference]) -> int:
        inside = self._database.room_inside()
        return update_bytes(manifest, missing, *self._learned(), inside)

    def _coming(self) -> Coming:
        """What the next backbone will take: one like that in use, or the one that is awaited."""
        learner = self.serving.learner
        if learner is None:
            return NOTHING
        manifest = learner.pair.embedder.manifest
        in_use = sum(file.size for file in manifest.files if self.bundles.has(file))
        learned = self._learned()
        stored, missing = stored_bytes(manifest, *learned), 0
        state = self.installer.state
        with suppress(FieldwiseError):  # a damaged one is told of by whoever brings it into use
            if state.phase in BEFORE_SERVING and (awaited := self._fetcher.awaited(state.wish)):
                other, missing = awaited
                stored = max(stored, stored_bytes(other, *learned))
        return coming_bytes(in_use, self.bundles.held_bytes(), stored, missing)

    def _learned(self) -> tuple[Manifest | None, int, int, LearningSettings]:
        """What decides how much an update stores: bundle, classes, held-out samples, settings."""
        figures, learner = self.serving.figures(), self.serving.learner
        serving = learner.pair.embedder.manifest if learner is not None else None
        held_out = figures.select + figures.judge
        return serving, figures.classes, held_out, self.serving.settings

    def _holds(self) -> Holds:
        settings = self.settings
        rules = OwnerRules(
            read_window(settings.update_window),
            Hook(settings.update_hook) if settings.update_hook is not None else None,
            settings.require_confirmation,
        )
        missing_bytes, is_enough = self._fetcher.missing_bytes, self._comparer.is_enough
        return Holds(rules, self.clock, missing_bytes, is_enough)

    def _steps(self) -> Steps:
        return Steps(
            self._fetcher,
            self.bundles,
            self.journal,
            self.serving,
            self.host,
            self._load,
            try_bundle,
            self.settings.variant,
            comparer=self._comparer,
            watcher=self._watcher,
            vouching=self.trusting,
            paced=self.pacer.paced,
        )

    def _load(
        self, graphs: Sequence[Path], golden: Path, digest: str, manifest: Manifest, variant: str
    ) -> Embedder:
        embedder = OnnxEmbedder(graphs, digest, manifest, variant, self.settings.threads)
        if len(manifest.views) > 1:  # there is something to choose
            samples, _ = read_golden(golden, manifest, variant)
            embedder.measure(list(samples), self.clock.monotonic)
        return embedder

    def _observer(self) -> Observer:
        return Observer(
            self.serving,
            lambda: self.installer.state,
            lambda: self._watcher.standing,
            self.journal.steering,
            self.folder,
            self.host,
            self.clock,
            self.settings.diagnose,
            federation=self.federating.report,
            ledger=self.ledger.head,
            publisher=self.trusting,
        )

    def _federating(self) -> Federating:
        notes = DatabaseFederation(self._database)
        consents = Consents(notes, self.ledger, self.clock, summaries.consent)
        hook = self.settings.update_hook
        files = HeadFolder(
            self.folder.global_heads, Room(self.folder, self.settings.disk_bytes_max)
        )
        rounds = Rounds(
            self.fleet,
            consents,
            notes,
            files,
            self.serving,
            self.settings,
            self.clock,
            conditions=Hook(hook) if hook is not None else None,
            busy=lambda: self.installer.state.phase in UNDER_WAY,
        )
        heads = Heads(self.fleet, files, self.serving, self.settings)
        made = Federating(consents, notes, rounds, heads, self.fleet, self.clock)
        self.serving.forgetting = made.forgetting
        made.restore()
        return made

    def _diagnosing(self) -> Diagnosing:
        def contact() -> Contact:  # the daemon gives the household another
            return self.household.contact()

        collector = Collector(
            self.settings, self.observer, contact, self.ledger.totals, self.troubles, self.host
        )
        rule = self.settings.diagnose
        return Diagnosing(rule, self.journal, self.fleet, collector.collect, self.clock)

    def _sockets(self) -> LocalSockets:
        queue = Queue(self.settings.queue_max)
        application = ApplicationService(self.serving, self.household, queue)
        owner = OwnerService(
            self.household, self.serving, self.ledger, self.diagnosing, self.federating
        )
        mode = int(self.settings.application_socket_mode, 8)
        return LocalSockets(
            (application, self.settings.applications, mode),
            (owner, self.settings.owner_socket),
            queue,
            self.troubles.note,
        )


@contextmanager
def opened(settings: AgentSettings) -> Iterator[Agent]:
    """An agent over its state folder, which nobody else uses meanwhile.

    Raises:
        FieldwiseError: ``STATE_LOCKED``, ``STATE_DAMAGED``, ``DISK_FULL``.
    """
    return_memory_early()
    with StateFolder(settings.state_folder) as folder:
        agent = Agent(settings, folder)
        try:
            yield agent
        finally:
            agent.close()


async def run_daemon(agent: Agent) -> None:
    """Run an agent until it is told to stop.

    Raises:
        FieldwiseError: Where it cannot show metrics that it should: ``SETTING_INVALID`` for a port
            that is taken, ``EXTRA_MISSING``.
    """
    try:
        with agent.showing(), seen_by(agent.troubles.note):
            await agent.daemon().run()
    finally:
        await agent.fleet.close()
