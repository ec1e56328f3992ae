"""The chart as production has it, played by podman: database, bucket and Secrets, and no volume.

The values are those of ``tests/helm/values/replicas.yaml``. PostgreSQL and the object store are
processes of this machine, which the containers reach over their bridge; the migration's Pod comes
first, as helm lets it, and then one replica, as podman plays no more of a Deployment.
"""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestrator.beforehand import create_authority
from orchestrator.publisher_file import all_online, write_publisher
from tests import charts
from tests.charts import Manifest
from tests.containers import engine, playing
from tests.containers.engine import GATEWAY
from tests.containers.forwarding import forwarded
from tests.databases import PostgreSql
from tests.fakes.agent_process import wait_until
from tests.object_stores import ACCESS_KEY, SECRET_KEY, SeaweedFs

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

PUBLISHER_FILE = "publisher.json"
SETTINGS = {
    "replicaCount": 1,
    "autoscaling.enabled": False,
    "bundles.s3.endpoint": f"http://{GATEWAY}:8333",
    "bundles.s3.publicEndpoint": "",
}


def secret(name: str, **content: str) -> Manifest:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in content.items()}
    return {"kind": "Secret", "metadata": {"name": name}, "data": data}


def secrets(folder: Path, database: str) -> list[Manifest]:
    """What docs/kubernetes.md lets an operator make before."""
    authority, root = create_authority(folder, "plant-7")
    files = {"authority.json": authority.read_text(), "authority.pem": root.read_text()}
    bucket = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    publisher = folder / PUBLISHER_FILE
    write_publisher(publisher, all_online())
    return [
        secret("fleet-authority", **files),
        secret("fleet-publisher", **{PUBLISHER_FILE: publisher.read_text()}),
        secret("fleet-database", uri=f"postgresql://postgres:x@{GATEWAY}:5432/{database}"),
        secret("fleet-bucket", **bucket),
        secret("fleet-token", token="a-token-of-a-secret-store"),
    ]


@pytest.fixture
def objects(
    tmp_path: Path, postgresql: PostgreSql, seaweedfs: SeaweedFs
) -> Iterator[list[Manifest]]:
    """All that is rendered, with the Secrets, and what it needs of this machine."""
    url = urlsplit(postgresql.create())
    folder = url.query.removeprefix("host=")
    bucket = seaweedfs.bucket()
    place = {"bundles.s3.url": f"s3://{bucket.name}/{bucket.prefix}"}
    made = secrets(tmp_path, url.path.removeprefix("/"))
    port = urlsplit(seaweedfs.endpoint).port
    assert port is not None
    with ExitStack() as stack:
        stack.enter_context(engine.network())
        stack.enter_context(
            forwarded(
                {
                    5432: partial(asyncio.open_unix_connection, f"{folder}/.s.PGSQL.5432"),
                    8333: partial(asyncio.open_connection, "127.0.0.1", port),
                }
            )
        )
        stack.enter_context(playing.secrets(made))
        yield [*playing.rendered("replicas", {**SETTINGS, **place}), *made]


def test_a_replica_without_a_volume_serves_after_its_migration(objects: list[Manifest]) -> None:
    migration = playing.pod_of(charts.named(objects, "Job", "-migration"))
    with playing.played(objects, migration) as container:
        status = engine.told("wait", container)
        assert status == "0", engine.told("logs", container)
    names = playing.service_names(objects)
    with playing.played(objects, charts.workload(objects), *names) as container:
        playing.await_probes(charts.the_container(objects), GATEWAY)
        test = charts.named(objects, "Pod", "-selftest")
        with playing.played(objects, test) as selftest:
            status = engine.told("wait", selftest)
            log = engine.told("logs", selftest)
        assert status == "0", log + engine.told("logs", container)
        assert log.splitlines()[-1] == "selftest: passed"
        status_of = ("exec", container, "fieldwise", "status", "--json")
        # A server that is kept from its database for seconds, as on a busy machine, says so.
        wait_until(lambda: engine.run(*status_of).returncode == 0)
        assert json.loads(engine.told(*status_of))["fleet"] == "plant-7"
        engine.told("stop", "--time=60", container)
        assert engine.inspected("container", container)["State"]["ExitCode"] == 0
