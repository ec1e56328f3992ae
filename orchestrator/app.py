"""The one place where an orchestrator is put together, started and stopped.

First start makes everything that is missing: data folder, fleet, authority, token, tables. Stopping
goes the other way round: readiness is taken back, calls under way get their time, what waits in
memory is written, and only then the database and the folder are let go.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from fieldwise import __version__
from orchestrator import addresses, clustering, federating, joining, vouching
from orchestrator.config import OrchestratorSettings
from orchestrator.connection import Connection, write_connection
from orchestrator.contents import bundles_of, update_files_of
from orchestrator.enrolment.applying import Applications
from orchestrator.enrolment.authority import Authority
from orchestrator.federating import Federation
from orchestrator.fleet.answering import Answering
from orchestrator.fleet.check_in import CheckIns, Pace
from orchestrator.fleet.diagnosing import Diagnosing
from orchestrator.fleet.directory import Directory
from orchestrator.home import emptied, held, open_authority, open_place
from orchestrator.leadership import Replica
from orchestrator.leading import Leading
from orchestrator.loops import Repeated, repeating, turn
from orchestrator.metric_names import Loop
from orchestrator.metrics import FleetMetrics
from orchestrator.metrics_http import MetricsServer
from orchestrator.operating import Operating, operating, root_token
from orchestrator.ports import BundleStore, Clock, Entropy
from orchestrator.publishing import Publishing
from orchestrator.readiness import Readiness, holds_fleet
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.explanations import Explanations
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.previewing import Previews
from orchestrator.rollout.withholding import Withholding
from orchestrator.rpc.applicants import AdmissionServicer
from orchestrator.rpc.credentials import ServerCertificate
from orchestrator.rpc.devices import DeviceServicer
from orchestrator.rpc.health import health_served
from orchestrator.rpc.operating_rollouts import RolloutUseCases
from orchestrator.rpc.operators import OperatorServicer, OperatorUseCases
from orchestrator.rpc.server import PortLimits, Servers, Services, operators_of
from orchestrator.started import Started, started_at
from orchestrator.storage.sql.stores import sql_stores
from orchestrator.storage.stores import Stores
from orchestrator.survey import Survey
from orchestrator.trust.keeping import LOOK_SECONDS
from orchestrator.trusting import Identities, identities
from orchestrator.vouching import Trust
from orchestrator.world import SystemClock, SystemEntropy, connections_within, disk_room

FLUSH_SECONDS = 1.0  # of liveness and counters, what a crash may lose
AUDIT_SECONDS = 30.0  # between two looks at where the audit log ends
READINESS_SECONDS = 2.0  # supervisors ask every few seconds
PROCESS_BYTES = 8  # of chance in the name of a process: no two have met


@dataclass(frozen=True, slots=True)
class _Ground:
    """What an orchestrator stands on."""

    settings: OrchestratorSettings
    authority: Authority
    stores: Stores
    bundles: BundleStore
    clock: Clock
    entropy: Entropy
    metrics: FleetMetrics
    leading: Leading
    operating: Operating
    federation: Federation
    applications: Applications
    trust: Trust
    identities: Identities


@dataclass(frozen=True, slots=True)
class _Parts:
    """The use cases over it."""

    check_ins: CheckIns
    directory: Directory
    diagnosing: Diagnosing
    controller: Controller
    about_rollouts: RolloutUseCases
    survey: Survey
    publishing: Publishing


@asynccontextmanager
async def running(settings: OrchestratorSettings) -> AsyncIterator[Started]:
    """Run an orchestrator for as long as the context lasts.

    Raises:
        FieldwiseError: ``STATE_LOCKED``, ``STATE_DAMAGED``, ``SETTING_INVALID`` or ``UNAVAILABLE``,
            with nothing left running.
    """
    async with AsyncExitStack() as stack:
        ground = await _prepare(settings, stack)
        parts = _assemble(ground)
        deeds = _deeds(ground, parts)
        stack.push_async_callback(turn, deeds[Loop.FLUSH], ground.metrics)
        resign = Repeated(Loop.LEAD, 0, ground.leading.resign)
        stack.push_async_callback(turn, resign, ground.metrics)
        await turn(deeds[Loop.LEAD], ground.metrics)
        await turn(deeds[Loop.TRUST], ground.metrics)
        await turn(deeds[Loop.METRICS], ground.metrics)
        await turn(deeds[Loop.AUDIT], ground.metrics)
        await stack.enter_async_context(repeating(tuple(deeds.values()), ground.metrics))
        started, readiness = await _open_ports(ground, parts, stack)
        look = Repeated(Loop.READINESS, READINESS_SECONDS, readiness.look)
        await turn(look, ground.metrics)
        federate = _federate(ground, started, stack)
        await stack.enter_async_context(repeating((look, federate), ground.metrics))
        yield started


async def _prepare(settings: OrchestratorSettings, stack: AsyncExitStack) -> _Ground:
    clock, entropy, folder = SystemClock(), SystemEntropy(), settings.folder
    stack.enter_context(held(folder))
    token = root_token(settings, entropy)
    bundles = await bundles_of(settings)
    stores = await stack.enter_async_context(
        sql_stores(settings.database, settings.database_connections_max)
    )
    authority = open_authority(
        folder,
        settings.fleet,
        entropy,
        clock.now(),
        has_fleet=await _holds_fleet(stores),
        kept_in=settings.authority_file,
    )
    metrics = FleetMetrics(__version__)
    closing = stack.enter_context(ExitStack())
    elected = clustering.elected(settings, stores.leadership, closing)
    files = await update_files_of(settings)
    replica = Replica(entropy.token(PROCESS_BYTES).hex(), open_place(folder, entropy))
    leading = Leading(
        elected.store, replica, elected.seconds, clock, metrics.leads, elected.trusted
    )
    applications = joining.applications(settings, stores, authority.fleet, clock)
    about = await identities(settings, stores, authority, clock, entropy, metrics, applications)
    return _Ground(
        settings=settings,
        authority=authority,
        stores=stores,
        bundles=bundles,
        clock=clock,
        entropy=entropy,
        metrics=metrics,
        leading=leading,
        operating=operating(settings, token, stores, clock, entropy, metrics.audit, closing),
        federation=federating.federation(settings, stores, bundles, files, clock, entropy),
        applications=applications,
        identities=about,
        trust=await vouching.trust(settings, stores, clock, leading),
    )


async def _holds_fleet(stores: Stores) -> bool:
    return await holds_fleet(stores.devices, stores.tickets, stores.backbones, stores.rollouts)


def _assemble(ground: _Ground) -> _Parts:
    stores, clock, settings = ground.stores, ground.clock, ground.settings
    metrics = ground.metrics
    controller = Controller(
        stores.rollouts,
        stores.backbones,
        clock,
        metrics.rollout_told,
        ground.leading.unbroken_since,
        ground.trust.keeping.is_listed,
    )
    survey = Survey(
        ground.authority.fleet,
        stores.devices,
        stores.backbones,
        stores.rollouts,
        stores.tickets,
        clock,
        settings.metrics_tag,
        settings.metrics_worst_devices,
    )
    return _Parts(
        check_ins=CheckIns(
            stores.check_ins,
            clock,
            _pace(settings),
            metrics.update_ended,
            ground.federation.offering,
            metrics.ledger_rewritten,
        ),
        directory=Directory(stores.devices, stores.members, clock),
        diagnosing=Diagnosing(stores.diagnoses, stores.devices, clock, ground.entropy),
        controller=controller,
        about_rollouts=RolloutUseCases(
            Rollouts(stores.rollouts, stores.backbones, controller, clock, ground.trust.keeping),
            Previews(stores.rollouts, stores.backbones, clock, ground.trust.keeping),
            Explanations(stores.devices, stores.rollouts, stores.backbones, clock),
            survey,
        ),
        survey=survey,
        publishing=Publishing(
            stores.backbones,
            ground.bundles,
            clock,
            emptied(settings.folder / "uploads"),
            settings.bundle_bytes_max,
            ground.trust.keeping,
        ),
    )


def _pace(settings: OrchestratorSettings) -> Pace:
    return Pace(
        idle_seconds=settings.check_in_seconds,
        busy_seconds=settings.busy_seconds,
        busy_calls_per_second=settings.busy_check_ins_per_second,
    )


def _deeds(ground: _Ground, parts: _Parts) -> dict[Loop, Repeated]:
    async def look(_term: int) -> None:
        figures = await ground.federation.survey.figures()
        waiting = await ground.applications.count_waiting()
        metadata = await ground.trust.keeping.remaining()
        seen = replace(await parts.survey.snapshot(), applicants=waiting, metadata=metadata)
        ground.metrics.show(seen, figures)

    settings, leading = ground.settings, ground.leading
    look_at_all = leading.led(parts.controller.look_at_all)
    deeds = (
        Repeated(Loop.FLUSH, FLUSH_SECONDS, parts.check_ins.flush),
        Repeated(Loop.LEAD, leading.pause_seconds, leading.claim),
        Repeated(Loop.RECONCILE, settings.reconcile_seconds, look_at_all),
        joining.sweeping(ground.applications, leading),
        Repeated(Loop.METRICS, settings.metrics_seconds, leading.led(look)),
        Repeated(Loop.TRUST, LOOK_SECONDS, leading.led(ground.trust.keeping.look)),
        Repeated(Loop.AUDIT, AUDIT_SECONDS, leading.led(ground.operating.custody.look)),
        *ground.identities.looks(),
    )
    return {each.loop: each for each in deeds}


def _federate(ground: _Ground, started: Started, stack: AsyncExitStack) -> Repeated:
    settings = ground.settings
    workers = federating.workers_of(
        ground.federation,
        started.near_address,
        started.operator_address,
        ground.identities.roots,
        stack.enter_context(ExitStack()),
    )
    supervising = ground.federation.supervising(workers, ground.metrics.aggregator_ended)
    stack.push_async_callback(supervising.let_go)
    look = federating.look(ground.federation, supervising, ground.leading.term)
    return Repeated(Loop.FEDERATE, settings.reconcile_seconds, look)


async def _open_ports(
    ground: _Ground, parts: _Parts, stack: AsyncExitStack
) -> tuple[Started, Readiness]:
    settings = ground.settings
    servers = _servers(ground)
    ports = servers.listen(settings.device_listen, settings.operator_listen)
    started = started_at(settings, ground.authority.fleet, *ports)
    readiness = Readiness(
        partial(_holds_fleet, ground.stores), servers.show_health, ground.clock, time.monotonic
    )
    _watch(ground, readiness, parts.check_ins)
    metrics = MetricsServer(
        settings.metrics_listen,
        ground.metrics.registry,
        readiness.is_ready_for_devices,
        readiness.is_alive,
    )
    stack.callback(metrics.close)
    health = await _open_health(settings.health_listen, readiness, stack)
    await servers.serve(_services(ground, parts, started))
    stack.push_async_callback(servers.stop, settings.drain_seconds)
    stack.push_async_callback(readiness.end)
    _tell_connection(ground, started)
    shown = addresses.local(settings.metrics_listen, metrics.port)
    signs = await ground.trust.keeping.lists()
    told = replace(started, metrics_address=shown, health_address=health, signs_backbones=signs)
    return told, readiness


def _tell_connection(ground: _Ground, started: Started) -> None:
    """Tell commands on this machine how to connect, now and when what is trusted changes."""

    def tell() -> None:
        roots, token = ground.identities.roots.decode(), ground.operating.token
        connection = Connection(started.near_address, roots, token)
        write_connection(ground.settings.folder, connection)

    tell()
    ground.identities.rotating.changed = tell


async def _open_health(listen: str, readiness: Readiness, stack: AsyncExitStack) -> str:
    if not listen:
        return ""
    served = health_served(listen, readiness.is_ready_for_devices, readiness.is_alive)
    return addresses.local(listen, await stack.enter_async_context(served))


def _watch(ground: _Ground, readiness: Readiness, check_ins: CheckIns) -> None:
    ground.metrics.watch(readiness.is_ready, lambda: check_ins.waiting)
    settings = ground.settings
    ground.metrics.watch_disk("data", partial(disk_room, settings.folder))
    if settings.bucket is None:
        ground.metrics.watch_disk("bundles", partial(disk_room, settings.bundles))


def _servers(ground: _Ground) -> Servers:
    settings = ground.settings
    hosts = addresses.certified(
        settings.advertise_hosts, (settings.device_listen, settings.operator_listen)
    )
    return Servers(
        ServerCertificate(ground.identities.rotating.authorities, hosts, ground.clock),
        (
            ground.identities.gate,
            ground.operating.gate,
            ground.federation.gate,
        ),
        ground.operating.audit,
        ground.metrics,
        PortLimits(
            settings.calls_max,
            settings.connection_age_seconds,
            settings.device_check_ins_per_second,
            settings.address_limits,
            connections_within(settings.connections_max, operators_of(settings.connections_max)),
        ),
    )


def _services(ground: _Ground, parts: _Parts, started: Started) -> Services:
    campaigns, workers = ground.federation.servicers
    accounts, audit = ground.operating.servicers
    return Services(
        devices=DeviceServicer(
            Answering(parts.check_ins, ground.clock, ground.settings.check_in_seconds),
            ground.identities.enrolment,
            ground.bundles,
            Withholding(ground.stores.backbones, ground.clock),
            parts.diagnosing,
            ground.federation.receiving,
            ground.trust.serving,
            device_address=started.device_address,
            downloads_max=ground.settings.downloads_max,
            downloaded=ground.metrics.downloaded,
            trust_hint=ground.identities.rotating.hint,
        ),
        enrolment=ground.identities.joining(
            ground.trust.serving,
            started.device_address,
            by_address=ground.settings.address_limits,
        ),
        operators=OperatorServicer(
            OperatorUseCases(
                enrolment=ground.identities.enrolment,
                directory=parts.directory,
                diagnosing=parts.diagnosing,
                publishing=parts.publishing,
                backbones=ground.stores.backbones,
                about_rollouts=parts.about_rollouts,
                survey=parts.survey,
                write_ticket=joining.ticket_writer(
                    ground.identities.rotating.authorities, started.operator_address
                ),
            )
        ),
        admission=AdmissionServicer(ground.applications),
        campaigns=campaigns,
        workers=workers,
        accounts=accounts,
        audit=audit,
        identities=ground.identities.servicer,
        trust=ground.trust.servicer,
    )
