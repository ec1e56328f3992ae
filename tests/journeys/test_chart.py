"""What the chart would run, run here: the same commands, settings and keys, without a cluster.

Only where things lie and which ports are taken is changed, as on one machine they would meet.
"""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from orchestrator.config import OrchestratorSettings, load_settings
from orchestrator.storage.blobs import REFUSALS
from orchestrator.storage.buckets import Bucket, opened
from tests import charts
from tests.object_stores import free_ports

pytestmark = pytest.mark.timeout(300)
PROGRAMS = Path(sys.executable).parent
PARTS = ("master.port", "volume.port", "filer.port", "s3.port")
SEAWEEDFS = (*PARTS, *(f"{each}.grpc" for each in PARTS))
START_SECONDS = 120
PAUSE_SECONDS = 0.1


def secrets_of(objects: list[charts.Manifest], container: charts.Manifest) -> dict[str, str]:
    """The variables of a container, those from Secrets decoded."""
    kept = {each["metadata"]["name"]: each["data"] for each in charts.of_kind(objects, "Secret")}
    variables = {}
    for name, source in charts.environment(container).items():
        given = source
        if isinstance(source, Mapping):
            wanted = source["secretKeyRef"]
            given = base64.b64decode(kept[wanted["name"]][wanted["key"]]).decode()
        variables[name] = given
    return variables


@contextmanager
def started(
    command: list[str], variables: Mapping[str, str], log: Path
) -> "Iterator[subprocess.Popen[bytes]]":
    kept = {name: text for name, text in os.environ.items() if "FIELDWISE" not in name}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**kept, **variables}, stdout=output, stderr=output)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def answered(url: str, process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Ask until there is an answer of 200."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=10) as response:
                return str(response.read().decode()).strip()
        except (URLError, OSError):
            time.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{url} did not answer:\n{log.read_text()[-3000:]}")


def test_the_pod_starts_on_an_empty_volume_answers_its_probes_and_stops_in_order(
    tmp_path: Path,
) -> None:
    objects = charts.rendered("default")
    container = charts.the_container(objects)
    volume, file = tmp_path / "volume", tmp_path / "fieldwise.toml"
    volume.mkdir()
    ports = dict(zip(("8443", "8444", "9464"), free_ports(3), strict=True))
    text = charts.settings_file(objects).replace("/var/lib/fieldwise", str(volume))
    for inside, free in ports.items():
        text = text.replace(f'"0.0.0.0:{inside}"', f'"127.0.0.1:{free}"')
    file.write_text(text)
    variables = {**secrets_of(objects, container), "FIELDWISE_CONFIG": str(file)}
    program = str(PROGRAMS / container["command"][0])
    log = tmp_path / "log"
    with started([program, *container["args"]], variables, log) as process:
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = container[kind]["httpGet"]["path"]
            assert answered(f"http://127.0.0.1:{ports['9464']}{path}", process, log)
        assert (volume / "data" / "authority.json").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_SECONDS) == 0
    assert {each.name for each in volume.iterdir()} == {"data"}


def test_the_object_store_of_an_evaluation_takes_the_program_s_key_and_no_other(
    tmp_path: Path,
) -> None:
    objects = charts.rendered("evaluation")
    found = settings_of(objects, tmp_path)
    assert found.bundle_endpoint == "http://edge-fieldwise-objects.fleet.svc:8333"
    ports = dict(zip(SEAWEEDFS, free_ports(len(SEAWEEDFS)), strict=True))
    name, _, prefix = found.bundle_url.removeprefix("s3://").partition("/")
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    key, secret = found.bundle_access_key, found.bundle_secret_key
    bucket = opened(Bucket(name, prefix, endpoint, "", key, secret))
    stranger = opened(Bucket(name, prefix, endpoint, "", key, "another"))
    log = tmp_path / "log"
    with started(object_store(objects, tmp_path, ports), {}, log) as process:
        put_as_soon_as_it_takes_something(bucket, process, log)
        with pytest.raises(REFUSALS):
            obstore.put(stranger, "told", b"spoiled")
        assert obstore.get(bucket, "told").bytes() == b"content"


def settings_of(objects: list[charts.Manifest], folder: Path) -> OrchestratorSettings:
    """What the program of a set of values would run with, its keys among it."""
    file = folder / "fieldwise.toml"
    file.write_text(charts.settings_file(objects))
    variables = secrets_of(objects, charts.the_container(objects))
    del variables["FIELDWISE_CONFIG"]
    return load_settings(file, variables, {}).settings


def object_store(
    objects: list[charts.Manifest], folder: Path, ports: Mapping[str, int]
) -> list[str]:
    """The command of the object store's container, in a folder and on ports of this machine."""
    pod = charts.named(objects, "StatefulSet", "-objects")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    keys = charts.named(objects, "Secret", "-objects")["data"]
    (folder / "identities.json").write_bytes(base64.b64decode(keys["identities.json"]))
    (folder / "data").mkdir()
    arguments = "\n".join(container["args"])
    moved = {"/etc/seaweedfs": folder, "=/data": f"={folder / 'data'}", "0.0.0.0": "127.0.0.1"}
    for inside, outside in moved.items():
        arguments = arguments.replace(inside, str(outside))
    program = str(PROGRAMS / container["command"][0])
    return [program, *arguments.split("\n"), *(f"-{name}={port}" for name, port in ports.items())]


def put_as_soon_as_it_takes_something(
    bucket: S3Store, process: "subprocess.Popen[bytes]", log: Path
) -> None:
    """It makes the bucket that is not there."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            obstore.put(bucket, "told", b"content")
        except (BaseError, OSError):
            time.sleep(PAUSE_SECONDS)
        else:
            return
    raise AssertionError(f"the object store did not start:\n{log.read_text()[-3000:]}")
