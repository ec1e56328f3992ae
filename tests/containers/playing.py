"""The rendered chart in what podman can play of it.

podman 4.3 plays Pods, Deployments, ConfigMaps and claims. What is changed for it, and nothing else:

- a StatefulSet is played as a Deployment, a Job as the Pod that it makes;
- Secrets are handed over one by one, as podman reads a Secret of a file and finds no key in it, and
  one that is mounted becomes a ConfigMap, as podman breaks down over it;
- a mount of a part of a volume (subPath) becomes one of the whole volume, a level further up, which
  is written to where another volume is mounted below it;
- probes are left out, as podman asks them by a program that the images do not have and by timers
  of systemd, and none by gRPC: the tests ask those by HTTP as a cluster would;
- a Service is a name of the Pod's own on the network, and its port that of the Pod.

What podman has nothing for is left out: accounts, network policies, and the objects of monitoring.
"""

import base64
import copy
import json
from collections.abc import Iterator, Mapping
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
# For every set of values: the images of here, the way in over the bridge, no long waits.
SETTINGS = {
    "image.registry": "localhost",
    "image.tag": engine.TAG,
    "image.pullPolicy": "Never",
    "test.image.registry": "localhost",
    "test.image.tag": engine.TAG,
    "test.image.pullPolicy": "Never",
    "federation.jobs.image.registry": "localhost",
    "federation.jobs.image.tag": engine.TAG,
    "federation.jobs.image.pullPolicy": "Never",
    "devices.address": f"{engine.GATEWAY}:8443",
    "operators.address": f"{engine.GATEWAY}:8444",
    "probes.kind": "http",
    "settings.check_in_seconds": 1,
    "settings.busy_check_in_seconds": 1,
}


def rendered(values: str, others: Mapping[str, object]) -> list[Manifest]:
    """A set of values as it is played, with others that the test needs."""
    settings = {**SETTINGS, **others}
    told = (f"{name}={json.dumps(value)}" for name, value in settings.items())
    return charts.rendered_with(values, *told)


def service_names(objects: list[Manifest]) -> list[str]:
    """The names under which a cluster would reach the Pod."""
    return [
        f"{each['metadata']['name']}.{charts.NAMESPACE}.svc"
        for each in charts.of_kind(objects, "Service")
    ]


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
        _let_mounts_in(container["volumeMounts"])
    mounted = [_mount_as_settings(objects, each) for each in spec["volumes"] if "secret" in each]
    names = {each for volume in spec["volumes"] for each in _named(volume)}
    parts = [*mounted]
    parts += [each for each in charts.of_kind(objects, *PARTS) if each["metadata"]["name"] in names]
    return [*(each for each in parts if not _is_there(each)), own]


def _let_mounts_in(mounts: list[Manifest]) -> None:
    """Where another volume is mounted below one, a place for it has to be made there."""
    for mount in mounts:
        if any(each["mountPath"].startswith(f"{mount['mountPath']}/") for each in mounts):
            mount.pop("readOnly", None)


def _mount_as_settings(objects: list[Manifest], volume: Manifest) -> Manifest:
    """Let a volume be made of a ConfigMap with what its Secret holds; return that."""
    source = volume.pop("secret")
    [secret] = [
        each
        for each in charts.of_kind(objects, "Secret")
        if each["metadata"]["name"] == source["secretName"]
    ]
    name = f"{source['secretName']}-mounted"
    volume["configMap"] = {"name": name, **{k: v for k, v in source.items() if k == "items"}}
    data = {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": data,
    }


def pod_of(job: Manifest) -> Manifest:
    """The Pod that a Job makes first."""
    template = job["spec"]["template"]
    metadata = {**template["metadata"], "name": job["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


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
