"""The rendered chart in what podman can play of it.

podman 4.3 plays Pods, Deployments, ConfigMaps and claims. What is changed for it, and nothing else:

- a StatefulSet is played as a Deployment;
- Secrets are handed over one by one, as podman reads a Secret of a file and finds no key in it;
- a mount of a part of a volume (subPath) becomes one of the whole volume, a level further up;
- probes are left out, as podman asks them by a program that the images do not have and by timers
  of systemd: the tests ask them as a cluster would;
- a Service is a name of the Pod's own on the network, and its port that of the Pod.

What podman has nothing for is left out: accounts, network policies, and the objects of monitoring.
"""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from tests import charts
from tests.charts import Manifest
from tests.containers import engine
from tests.fakes.agent_process import wait_until

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
PARTS = ("ConfigMap", "PersistentVolumeClaim")


def playable(objects: list[Manifest], wanted: Manifest) -> list[Manifest]:
    """The object ``wanted`` and what its Pod needs, in the form that podman plays."""
    own = copy.deepcopy(wanted)
    if own["kind"] == "StatefulSet":
        own["kind"] = "Deployment"
    [(_, _, spec)] = charts.pods([own])
    for container in spec["containers"]:
        for probe in PROBES:
            container.pop(probe, None)
        for mount in container["volumeMounts"]:
            _mount_whole(mount)
    names = {each for volume in spec["volumes"] for each in _named(volume)}
    parts = [each for each in charts.of_kind(objects, *PARTS) if each["metadata"]["name"] in names]
    return [*(each for each in parts if not _is_there(each)), own]


def _is_there(part: Manifest) -> bool:
    """Whether it is a claim whose volume stands already, which podman would refuse."""
    claim: str = part["metadata"]["name"]
    return (
        part["kind"] == "PersistentVolumeClaim"
        and engine.run("volume", "exists", claim).returncode == 0
    )


def _mount_whole(mount: Manifest) -> None:
    if "subPath" in mount:
        path = mount["mountPath"].removesuffix(f"/{mount.pop('subPath')}")
        assert path != mount["mountPath"]
        mount["mountPath"] = path


def _named(volume: Manifest) -> Iterator[str]:
    if "configMap" in volume:
        yield volume["configMap"]["name"]
    if "persistentVolumeClaim" in volume:
        yield volume["persistentVolumeClaim"]["claimName"]


@contextmanager
def secrets(objects: list[Manifest]) -> Iterator[None]:
    """Hand the chart's Secrets to podman, as JSON in which it finds keys."""
    made = []
    try:
        for each in charts.of_kind(objects, "Secret"):
            name = each["metadata"]["name"]
            engine.told("secret", "create", name, "-", given=json.dumps(each["data"]))
            made.append(name)
        yield
    finally:
        for name in made:
            engine.told("secret", "rm", name)


@contextmanager
def played(objects: list[Manifest], wanted: Manifest, *names: str) -> Iterator[str]:
    """Play an object under names of the network; give the name of its container.

    Its Pod is gone when the block ends; a claim's volume stays to the end of all tests.
    """
    text = yaml.safe_dump_all(playable(objects, wanted))
    aliases = ",".join(f"alias={name}" for name in names)
    network = f"{engine.NETWORK}:{aliases}" if names else engine.NETWORK
    pod = wanted["metadata"]["name"] + ("" if wanted["kind"] == "Pod" else "-pod-0")
    [(_, _, spec)] = charts.pods([wanted])
    engine.told("kube", "play", f"--network={network}", "-", given=text)
    try:
        yield f"{pod}-{spec['containers'][0]['name']}"
    finally:
        engine.told("kube", "down", "-", given=text)


def await_probes(container: Manifest, host: str) -> None:
    """Wait until all the probes of a container are answered as a cluster wants it."""
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    for name in PROBES:
        asked = container[name]["httpGet"]
        url = f"http://{host}:{ports[asked['port']]}{asked['path']}"
        wait_until(lambda url=url: _answers(url))


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=10).close()
    except (URLError, OSError):
        return False
    return True
