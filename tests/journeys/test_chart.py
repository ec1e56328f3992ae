"""What the chart would run starts, answers its probes, finds its keys, and stops in order."""

import asyncio
import json
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from fieldwise.bundle import digest_of
from fieldwise.errors import FieldwiseError
from orchestrator.config import OrchestratorSettings, load_settings
from orchestrator.storage.blobs import REFUSALS
from orchestrator.storage.buckets import Bucket, bucket_bundles, opened
from tests import charts, installations
from tests.installations import Ports, quiet_ports

pytestmark = pytest.mark.timeout(300)
PARTS = ("master.port", "volume.port", "filer.port", "s3.port")
SEAWEEDFS = (*PARTS, *(f"{each}.grpc" for each in PARTS))


def test_the_pod_starts_on_an_empty_volume_and_stops_in_order(tmp_path: Path) -> None:
    objects = charts.rendered("default")
    secrets = installations.made_up(objects)
    with installations.orchestrator(objects, secrets, tmp_path, Ports(*quiet_ports(4))) as process:
        assert (tmp_path / "data" / "authority.json").exists()
        assert installations.stop(process) == 0
    told = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(each) for each in told if each.startswith("{")]
    [token] = secrets["edge-fieldwise-operator-token"].values()
    assert not [each for each in told if token in each]


def test_the_object_store_of_an_evaluation_takes_the_program_s_key_and_no_other(
    tmp_path: Path,
) -> None:
    objects = charts.rendered("evaluation")
    found = settings_of(objects, tmp_path)
    assert found.bundle_endpoint == "http://edge-fieldwise-objects.fleet.svc:8333"
    ports = dict(zip(SEAWEEDFS, quiet_ports(len(SEAWEEDFS)), strict=True))
    name, _, prefix = found.bundle_url.removeprefix("s3://").partition("/")
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    key, secret = found.bundle_access_key, found.bundle_secret_key
    bucket = Bucket(name, prefix, endpoint, "", key, secret)
    stranger = opened(replace(bucket, secret_key="another"))
    log = tmp_path / "log"
    with installations.running(object_store(objects, tmp_path, ports), {}, log) as process:
        installations.await_that(lambda: answers(stranger), process, log)
        with pytest.raises(FieldwiseError, match="there is no such bucket"):
            asyncio.run(bucket_bundles(bucket))
        for _ in range(2):
            make_bucket(objects, endpoint)
        assert asyncio.run(size_of_empty(bucket)) == 0
        with pytest.raises(REFUSALS):
            obstore.put(stranger, "told", b"spoiled")


def settings_of(objects: list[charts.Manifest], folder: Path) -> OrchestratorSettings:
    """What the program of a set of values would run with, its keys among it."""
    file = folder / "fieldwise.toml"
    file.write_text(charts.settings_file(objects))
    secrets = installations.made_up(objects)
    variables = installations.variables_of(charts.the_container(objects), secrets)
    del variables["FIELDWISE_CONFIG"]
    return load_settings(file, variables, {}).settings


def object_store(
    objects: list[charts.Manifest], folder: Path, ports: Mapping[str, int]
) -> list[str]:
    """The command of the object store's container, in a folder and on ports of this machine."""
    pod = charts.named(objects, "StatefulSet", "-objects")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    identities = installations.made_up(objects)["edge-fieldwise-objects"]["identities.json"]
    (folder / "identities.json").write_text(identities)
    (folder / "data").mkdir()
    arguments = "\n".join(container["args"])
    moved = {"/etc/seaweedfs": folder, "=/data": f"={folder / 'data'}", "0.0.0.0": "127.0.0.1"}
    for inside, outside in moved.items():
        arguments = arguments.replace(inside, str(outside))
    taken = [f"-{name}={port}" for name, port in ports.items()]
    return [*container["command"], *arguments.split("\n"), *taken]


def answers(stranger: S3Store) -> bool:
    """It refuses a caller with another secret, which it does when it is ready."""
    try:
        obstore.get(stranger, "told")
    except REFUSALS:
        return True
    except (BaseError, OSError):
        return False
    raise AssertionError("whoever says to have a key gets what there is")


def make_bucket(objects: list[charts.Manifest], endpoint: str) -> None:
    """Do what the Pod of the orchestrator does before it starts."""
    [container] = charts.workload(objects)["spec"]["template"]["spec"]["initContainers"]
    variables = installations.variables_of(container, installations.made_up(objects))
    told = tomllib.loads(charts.settings_file(objects))
    assert variables["BUCKET_ENDPOINT"] == told["bundle_endpoint"]
    program, *arguments = [*container["command"], *container["args"]]
    subprocess.run(
        [installations.PROGRAMS / program, *arguments],
        env={**variables, "BUCKET_ENDPOINT": endpoint},
        check=True,
        timeout=installations.START_SECONDS,
    )


async def size_of_empty(bucket: Bucket) -> int | None:
    """Open a bucket as a server does that starts, and look for what it leaves there."""
    return await (await bucket_bundles(bucket)).size(digest_of(b""))
