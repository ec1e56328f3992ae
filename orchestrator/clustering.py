"""What an orchestrator asks a cluster for, put together: who may lead, who operates, Jobs.

The official client of Kubernetes takes seconds to load and 60 MB, so it is loaded where a setting
asks for it. Election, logins and Jobs have connections of their own: however many people log in, a
leader renews its Lease.
"""

import platform
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.admission import Admission, ClusterAdmission
from orchestrator.config import OrchestratorSettings
from orchestrator.leadership import Election
from orchestrator.ports import Clock, Entropy
from orchestrator.replica_ports import LeadershipStore
from orchestrator.rights import OperatorLogin
from orchestrator.worker_ports import Way, Workers

if TYPE_CHECKING:
    from orchestrator.kubernetes.access import Access

REVIEW_SECONDS = 5.0  # a person waits for it; an API server that is well answers in 10 ms
REVIEWS_MAX = 8
JOB_SECONDS = 10.0  # nobody waits for it, and admission may ask others
JOBS_MAX = 2
ELECTIONS_MAX = 2  # one at a time, and one that was given up and has not ended yet
# Of the time in which another is to lead; the rest is for two looks at a Lease and their calls.
LEASED = 2 / 3
# A ninth of a Lease: within what is trusted of one, each of three claims has time for two calls.
LEASE_CALLS = 9
LEASE_CALL_SECONDS_MIN = 1.0


@dataclass(frozen=True, slots=True)
class Elected:
    """Where leadership is decided, how long a lease lasts, what share of it may be trusted."""

    store: LeadershipStore
    seconds: float
    trusted: float


def elected(settings: OrchestratorSettings, terms: LeadershipStore, stack: ExitStack) -> Elected:
    """Return where leadership is decided.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where no cluster is found.
    """
    if settings.leader_election is not Election.KUBERNETES:
        return Elected(terms, settings.lease_seconds, 1.0)
    from orchestrator.kubernetes.election import TRUSTED, LeaseLeadership  # noqa: PLC0415 - 60 MB
    from orchestrator.kubernetes.leases import KubernetesLease  # noqa: PLC0415 - 60 MB

    leased = settings.lease_seconds * LEASED
    patience = max(LEASE_CALL_SECONDS_MIN, leased / LEASE_CALLS)
    access, namespace = _access(settings, patience, ELECTIONS_MAX, stack)
    lease = KubernetesLease(access, namespace, settings.kubernetes_lease)
    return Elected(LeaseLeadership(lease, terms, platform.node()), leased, TRUSTED)


def admission(
    settings: OrchestratorSettings,
    ours: Admission,
    stack: ExitStack,
) -> Admission:
    """Return what lets operators in.

    Args:
        settings: Which way is chosen.
        ours: What lets in where the cluster is not asked.
        stack: What ends with the orchestrator.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where no cluster is found.
    """
    if settings.operator_login is not OperatorLogin.KUBERNETES:
        return ours
    from orchestrator.kubernetes.reviews import KubernetesPeople  # noqa: PLC0415 - 60 MB

    access, namespace = _access(settings, REVIEW_SECONDS, REVIEWS_MAX, stack)
    audience = settings.kubernetes_audience
    return ClusterAdmission(
        KubernetesPeople(access, namespace, audience),
        f"`kubectl create token NAME --audience {audience}` makes one",
        settings.operator_login_seconds,
        time.monotonic,
    )


def jobs(
    settings: OrchestratorSettings, way: Way, clock: Clock, entropy: Entropy, stack: ExitStack
) -> Workers:
    """Return what runs aggregators as Jobs.

    Args:
        settings: Where the file is that says what they are like.
        way: How they reach this orchestrator.
        clock: What time it is.
        entropy: What their names are made of.
        stack: What ends with the orchestrator.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where no cluster is found, or for the file.
    """
    from orchestrator.kubernetes.jobs import WorkerJobs, read_form  # noqa: PLC0415 - 60 MB

    assert settings.federation_job is not None
    form = read_form(settings.federation_job, settings.kubernetes_lease)
    access, namespace = _access(settings, JOB_SECONDS, JOBS_MAX, stack)
    return WorkerJobs(access, namespace, form, way, clock, entropy)


def _access(
    settings: OrchestratorSettings, seconds: float, calls_max: int, stack: ExitStack
) -> "tuple[Access, str]":
    from orchestrator.kubernetes.access import Access, find_cluster  # noqa: PLC0415 - 60 MB

    place = find_cluster(settings.kubernetes_config)
    access = Access(place, seconds, calls_max)
    stack.callback(access.close)
    return access, settings.kubernetes_namespace or place.namespace
