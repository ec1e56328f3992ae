"""The chart with its defaults, played by podman: one replica on a volume, devices outside.

Its Pod runs from the image with the rights, settings, keys and volumes of the chart. Devices are
processes of this machine, and one is a container of the agent's image; what stands between them is
a bridge, and the address that the chart tells devices is where podman publishes the Pod's ports.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import charts, installations
from tests.charts import Manifest
from tests.containers import engine, playing
from tests.containers.engine import AGENT, GATEWAY
from tests.fakes.agent_process import AgentProcess, wait_until

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

Ask = Callable[..., Any]

SELFTEST = charts.CHART / "files" / "selftest"
FIRST, SECOND = "fieldwise-selftest:1.0.0", "fieldwise-selftest:2.0.0"
INSIDE = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def writes(path):
    try:
        open(path, "w").close()
        return True
    except OSError:
        return False
print(json.dumps({
    "user": [os.getuid(), os.getgid()],
    "rights": int(status["CapBnd"], 16),
    "no_new_rights": int(status["NoNewPrivs"]),
    "system_calls_filtered": int(status["Seccomp"]) == 2,
    "writes": [path for path in ("/x", "/opt/fieldwise/x", "/etc/fieldwise/x", "/tmp/x",
                                 "/var/lib/fieldwise/x") if writes(path)],
}))
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """The chart as it is played, and how an operator outside reaches it."""

    objects: list[Manifest]
    container: str
    operator: dict[str, str]

    def inside(self, *command: str) -> str:
        """Give a command as ``kubectl exec`` would; return what it printed."""
        return engine.told("exec", self.container, *command)

    def operate(self, *arguments: str) -> Any:
        """Give a command from outside; return its JSON."""
        done = self.command(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [installations.PROGRAMS / "fieldwise", *arguments],
            env=self.operator,
            capture_output=True,
            text=True,
            timeout=engine.END_SECONDS,
            check=False,
        )

    def roll_out(self, backbone: str) -> None:
        """Publish a backbone of the chart's own test and bring it to every device."""
        version = backbone.rpartition(":")[2]
        self.operate("backbone", "push", str(SELFTEST / f"selftest-{version[0]}.bundle"))
        rollout = self.operate("rollout", "start", backbone)["id"]
        ended = self.command("rollout", "watch", rollout, "--within=10m")
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("operator")
    with engine.network(), served(playing.rendered("default", {}), folder) as installation:
        yield installation


@contextmanager
def served(objects: list[Manifest], folder: Path) -> Iterator[Installation]:
    """Play the chart's workload on the network that there is; operators keep files in a folder."""
    authority = folder / "authority.pem"
    token = installations.made_up(objects)["edge-fieldwise-operator-token"]["token"]
    nobodys = {name: text for name, text in os.environ.items() if "FIELDWISE" not in name}
    told = {"ADDRESS": f"{GATEWAY}:8444", "TOKEN": token, "CA": str(authority)}
    operator = {**nobodys, **{f"FIELDWISE_{name}": text for name, text in told.items()}}
    names = playing.service_names(objects)
    with (
        playing.secrets(objects),
        playing.played(objects, charts.workload(objects), *names) as container,
    ):
        playing.await_probes(charts.the_container(objects), GATEWAY)
        installation = Installation(objects, container, operator)
        authority.write_text(installation.inside("fieldwise", "authority", "show"))
        yield installation


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[list[AgentProcess]]:
    """Two devices outside, with nothing on them yet."""
    made = [AgentProcess(tmp_path / name, probation_minutes="0") for name in ("a", "b")]
    yield made
    for agent in made:
        if agent.process is not None:
            agent.stop()


def test_the_pod_has_the_rights_that_the_chart_gives_it_and_no_more(
    installed: Installation,
) -> None:
    found = json.loads(installed.inside("python", "-c", INSIDE))
    assert found == {
        "user": [65532, 65532],
        "rights": 0,
        "no_new_rights": 1,
        "system_calls_filtered": True,
        "writes": ["/tmp/x", "/var/lib/fieldwise/x"],
    }


def test_devices_outside_join_learn_and_are_rolled_out_to(
    installed: Installation, agents: list[AgentProcess]
) -> None:
    """One of three is a container that has no more rights than the orchestrator's."""
    ticket = installed.inside("fieldwise", "ticket", "create", "--uses=3", "--json")
    token = json.loads(ticket)["token"]
    for agent in agents:
        agent.ask("join", token)
    with contained_agent(token) as ask:
        for agent in agents:
            agent.start()
        devices = [*(agent.ask for agent in agents), ask]
        installed.roll_out(FIRST)
        for device in devices:
            assert device("status")["backbone"] == FIRST
        for agent in agents:
            learn(agent.ask, SELFTEST / "readings.csv")
        learn(ask, Path("/selftest/readings.csv"))
        installed.roll_out(SECOND)
        for device in devices:
            wait_until(lambda device=device: device("status")["backbone"] == SECOND)
        listed = installed.operate("device", "list")
        assert len(listed) == 3


def learn(ask: Ask, readings: Path) -> None:
    for name in ("low", "high"):
        ask("teach", name, str(readings), "--label", "state", "--independent")
    said = {
        each["classes"][0]["name"] for each in ask("predict", str(readings), "--label", "state")
    }
    assert said == {"low", "high"}


@contextmanager
def contained_agent(token: str) -> Iterator[Ask]:
    """A device that is a container: joined, and running until the block ends."""
    shared = (
        f"--network={engine.NETWORK}",
        *engine.RESTRICTED,
        "--volume=fieldwise-test-device:/var/lib/fieldwise",
        f"--volume={SELFTEST}:/selftest:ro",
        "--env=FIELDWISE_AGENT_PROBATION_MINUTES=0",
    )
    name = "fieldwise-test-agent"

    def ask(*arguments: str) -> Any:
        return json.loads(engine.told("exec", name, "fieldwise-agent", *arguments, "--json"))

    try:
        engine.told("run", "--rm", *shared, AGENT, "join", token)
        engine.told("run", "--detach", f"--name={name}", *shared, AGENT)
        wait_until(lambda: engine.run("exec", name, "fieldwise-agent", "status").returncode == 0)
        yield ask
        engine.told("stop", "--time=120", name)
        assert engine.inspected("container", name)["State"]["ExitCode"] == 0
    finally:
        engine.run("rm", "--force", "--ignore", name)
        engine.run("volume", "rm", "--force", "fieldwise-test-device")


def test_the_chart_s_own_test_passes_from_its_image(installed: Installation) -> None:
    pod = charts.named(installed.objects, "Pod", "-selftest")
    with playing.played(installed.objects, pod) as container:
        status = engine.told("wait", container)
        log = engine.told("logs", container)
    assert status == "0", log
    assert log.splitlines()[-1] == "selftest: passed"


def test_it_starts_again_on_its_volume_and_stops_in_order(installed: Installation) -> None:
    """Last, as it ends what the others use; the fleet and its token are those of before."""
    fleet = installed.operate("status")
    engine.told("stop", "--time=60", installed.container)
    assert engine.inspected("container", installed.container)["State"]["ExitCode"] == 0
    engine.told("start", installed.container)
    playing.await_probes(charts.the_container(installed.objects), GATEWAY)
    assert installed.operate("status")["fleet"] == fleet["fleet"]
