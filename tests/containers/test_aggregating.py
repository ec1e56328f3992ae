"""A campaign on a cluster, from the chart to the head: orchestrator and aggregator in containers.

The orchestrator's Pod, played by podman, asks a real API server for the Job with the account and
the rights that the chart gives. What the cluster then has of it, a Job with its Secret, is played
by podman in turn. Two devices outside give what they learned.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestrator.kubernetes.access import ACCOUNT
from tests import charts
from tests.charts import Manifest
from tests.containers import engine, playing
from tests.containers.engine import AGGREGATOR, GATEWAY
from tests.containers.forwarding import forwarded
from tests.containers.test_chart import FIRST, INSIDE, SELFTEST, Installation, learn, served
from tests.containers.watching import Watched, watched
from tests.fakes.agent_process import AgentProcess, wait_until
from tests.kubernetes.accounts import PROGRAM, rights_of_chart
from tests.kubernetes.aggregators import Cluster
from tests.kubernetes.api import ApiServer
from tests.kubernetes.servers import running_api_server

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

JOBS = "federation.jobs.enabled=true"
API_PORT = 6443
SERVICE = f"{PROGRAM}-operators.{charts.NAMESPACE}.svc"
PLAN = ("--class=low", "--class=high")
TELEMETRY = "telemetry.flower.ai"
ASK = f"import socket; socket.getaddrinfo({TELEMETRY!r}, 443)"
OWN_ADDRESS = """
import socket
route = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
route.connect(("192.0.2.1", 9))  # which sends nothing
print(route.getsockname()[0])
"""


@dataclass(frozen=True, slots=True)
class Site:
    """What the tests talk to: the installation, its cluster, and all that goes over the bridge."""

    installation: Installation
    cluster: Cluster
    seen: Watched


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        stack.enter_context(engine.network())
        seen = stack.enter_context(watched())
        server = stack.enter_context(running_api_server(GATEWAY))
        port = urlsplit(server.url).port
        assert port is not None
        near = partial(asyncio.open_connection, "127.0.0.1", port)
        stack.enter_context(forwarded({API_PORT: near}))
        objects = installed(server)
        folder = tmp_path_factory.mktemp("operator")
        installation = stack.enter_context(served(objects, folder))
        yield Site(installation, Cluster(server, charts.NAMESPACE), seen)


def installed(server: ApiServer) -> list[Manifest]:
    """Bring to the cluster what Jobs need of the chart; return all that is played of it.

    The Pod finds the cluster as a kubelet would tell it.
    """
    server.make_namespace(charts.NAMESPACE)
    accounts = rights_of_chart(server, charts.NAMESPACE, JOBS)
    place = {"HOST": GATEWAY, "PORT": str(API_PORT)}
    told = [{"name": f"KUBERNETES_SERVICE_{each}", "value": value} for each, value in place.items()]
    others = {
        "federation.jobs.enabled": True,
        "extraEnv": told,
        "extraVolumes": [{"name": "account", "configMap": {"name": "account"}}],
        "extraVolumeMounts": [{"name": "account", "mountPath": str(ACCOUNT), "readOnly": True}],
    }
    objects = playing.rendered("default", others)
    accounts.give(charts.workload(objects))
    data = {
        "token": server.token_of_account(charts.NAMESPACE, PROGRAM),
        "ca.crt": server.authority.read_text(),
        "namespace": charts.NAMESPACE,
    }
    account = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "account"}}
    return [*objects, {**account, "data": data}]


@pytest.fixture
def agents(site: Site, tmp_path: Path) -> Iterator[list[AgentProcess]]:
    """Two devices outside that have learned, and whose owners have named all classes."""
    ticket = site.installation.inside("fieldwise", "ticket", "create", "--uses=2", "--json")
    made = []
    with ExitStack() as stack:
        for name in ("a", "b"):
            agent = AgentProcess(tmp_path / name, probation_minutes="0", shared_classes="all")
            agent.ask("join", json.loads(ticket)["token"])
            agent.start()
            stack.callback(agent.stop)
            made.append(agent)
        site.installation.roll_out(FIRST)
        for agent in made:
            wait_until(lambda agent=agent: agent.ask("status")["backbone"] == FIRST)
            learn(agent.ask, SELFTEST / "readings.csv")
        yield made


@contextmanager
def aggregating(site: Site, campaign: str) -> Iterator[str]:
    """Play the Pod of the Job that the cluster has for a campaign; yield its container."""
    job, secret = site.cluster.made(campaign)
    with playing.played([{**secret, "kind": "Secret"}], playing.pod_of(job)) as container:
        yield container


def test_a_campaign_of_two_devices_comes_to_a_head_by_a_job_of_the_cluster(
    site: Site, agents: list[AgentProcess]
) -> None:
    operate = site.installation.operate
    campaign = operate("federation", "start", FIRST, *PLAN)["id"]
    with aggregating(site, campaign) as container:
        found = json.loads(engine.told("exec", container, "python", "-c", INSIDE))
        address = engine.told("exec", container, "python", "-c", OWN_ADDRESS)
        for agent in agents:  # until they agree there is nothing to do
            agent.ask("consent", "weights")
        status = engine.told("wait", container)
        log = engine.told("logs", container)
    assert status == "0", log
    wait_until(
        lambda: sum(operate("federation", "show", campaign)["head"]["outcomes"].values()) == 2
    )
    assert found == {
        "user": [65532, 65532],
        "rights": 0,
        "no_new_rights": 1,
        "system_calls_filtered": True,
        "writes": ["/tmp/x"],
    }
    assert {port for _, port in site.seen.calls[address]} == {53, 8444}
    assert {name[: len(SERVICE)] for name in site.seen.names[address]} == {SERVICE}
    site.cluster.await_gone(campaign)


def test_a_call_that_leads_nowhere_would_have_been_seen(site: Site) -> None:
    """The program of the test above is the one that would say so: the watch is not blind."""
    network = (f"--network={engine.NETWORK}", *engine.RESTRICTED, "--entrypoint=python")
    assert engine.run("run", "--rm", *network, AGGREGATOR, "-c", ASK).returncode != 0
    asked = {name for names in site.seen.names.values() for name in names}
    assert [name for name in asked if name.startswith(TELEMETRY)]
