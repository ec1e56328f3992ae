"""The chart's own test, as a cluster would run it, against real orchestrators."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.beforehand import create_authority
from orchestrator.publisher_file import all_online, write_publisher
from tests import charts, installations
from tests.databases import PostgreSql
from tests.installations import PROGRAMS, Ports, quiet_ports
from tests.object_stores import SeaweedFs
from tests.orchestrators import environment, serving

# A device changes its backbone three times: a minute on a machine that is busy.
pytestmark = pytest.mark.timeout(900)
SCRIPT = charts.CHART / "files" / "selftest" / "selftest.py"
PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1")
TOKEN = "a-token-of-a-secret-store"


@dataclass(frozen=True, slots=True)
class Production:
    """Two replicas of the chart, on a real database and a real bucket.

    Devices and operators call one, and devices that have joined the other.
    """

    objects: list[charts.Manifest]
    secrets: installations.Secrets
    operator: dict[str, str]

    def json(self, *arguments: str) -> Any:
        done = subprocess.run(
            [PROGRAMS / "fieldwise", *arguments, "--json"],
            env=self.operator,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return json.loads(done.stdout)


@contextmanager
def production(folder: Path, postgresql: PostgreSql, seaweedfs: SeaweedFs) -> Iterator[Production]:
    """Install the chart's set of values for production as far as one machine goes."""
    ports = quiet_ports(8)
    joining, devices = Ports(*ports[:4]), Ports(*ports[4:])
    bucket = seaweedfs.bucket()
    objects = charts.rendered_with(
        "replicas",
        "settings.check_in_seconds=1",
        "settings.busy_check_in_seconds=1",
        f'operators.address="127.0.0.1:{joining.operator_listen}"',
        f'devices.address="127.0.0.1:{devices.device_listen}"',
        f'bundles.s3.url="s3://{bucket.name}/{bucket.prefix}"',
        f'bundles.s3.endpoint="{bucket.endpoint}"',
        'bundles.s3.publicEndpoint=""',
        'bundles.s3.region="us-east-1"',
    )
    secrets = {
        "fleet-token": {"token": TOKEN},
        "fleet-database": {"uri": postgresql.create()},
        "fleet-bucket": {"accessKey": bucket.access_key, "secretKey": bucket.secret_key},
    }
    migrate(objects, secrets, folder)
    _, root = create_authority(folder, "plant-7")
    write_publisher(folder / "publisher.json", all_online())
    with ExitStack() as stack:
        for name, replica in (("joining", joining), ("devices", devices)):
            volume = folder / name
            for key in ("authority", "publisher"):
                (volume / key).mkdir(parents=True)
                (volume / key / f"{key}.json").symlink_to(folder / f"{key}.json")
            stack.enter_context(installations.orchestrator(objects, secrets, volume, replica))
        nobodys = {name: text for name, text in os.environ.items() if "FIELDWISE" not in name}
        told = {"ADDRESS": f"127.0.0.1:{joining.operator_listen}", "TOKEN": TOKEN, "CA": str(root)}
        operator = {**nobodys, **{f"FIELDWISE_{name}": text for name, text in told.items()}}
        yield Production(objects, secrets, operator)


def migrate(objects: list[charts.Manifest], secrets: installations.Secrets, folder: Path) -> None:
    """Run the chart's Job to its end."""
    job = charts.named(objects, "Job", "-migration")
    [container] = job["spec"]["template"]["spec"]["containers"]
    variables = installations.variables_of(container, secrets)
    command = [*container["command"], *container["args"]]
    log = folder / "migration.log"
    with installations.running(command, variables, log) as process:
        assert process.wait(installations.START_SECONDS) == 0, log.read_text()
    assert "version of the tables" in log.read_text()


def selftest(variables: Mapping[str, str], seconds: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT],
        env={**variables, "SELFTEST_SECONDS": str(seconds)},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )


def test_an_installation_that_works_passes_and_keeps_no_device(
    tmp_path: Path, postgresql: PostgreSql, seaweedfs: SeaweedFs
) -> None:
    with production(tmp_path, postgresql, seaweedfs) as installed:
        ended = selftest(installed.operator, 600)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told = ended.stdout.splitlines()
        served = [each.rpartition(" ")[2] for each in told if "the device serves" in each]
        assert served == [f"fieldwise-selftest:{number}.0.0" for number in (1, 2, 1)]
        assert told[-1] == "selftest: passed"
        assert not [each for each in told if "NOT TAKEN BACK" in each]
        assert installed.json("device", "list") == []
        assert [each["revoked"] for each in installed.json("ticket", "list")] == [True]
        kinds = [each["kind"] for each in installed.json("rollout", "list")]
        assert kinds == ["undo", "forward", "forward"]


def test_an_installation_that_tells_devices_a_wrong_address_fails_and_keeps_no_device(
    tmp_path: Path,
) -> None:
    """As a load balancer would that passes one of the two ports only."""
    with serving(tmp_path / "data", *PACE, "--device-address=127.0.0.1:1") as orchestrator:
        ended = selftest(environment(orchestrator.folder), 45)
        assert ended.returncode == 1, ended.stdout
        assert "FAILED: rollout r1 ended with 24" in ended.stdout
        assert "The device's log:" in ended.stdout
        assert orchestrator.json("device", "list") == []


def test_without_a_server_it_fails_in_a_sentence(tmp_path: Path) -> None:
    ended = selftest(environment(tmp_path / "nowhere"), 60)
    assert ended.returncode == 1
    assert "FAILED: fieldwise ticket: " in ended.stdout
    assert "Traceback" not in ended.stderr
