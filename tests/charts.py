"""The chart as the real helm renders it, and what of it every test asks for."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm" / "fieldwise"
VALUE_SETS = ROOT / "tests" / "helm" / "values"
RELEASE, NAMESPACE = "edge", "fleet"
VERSION = re.search(
    r"^wheel_version=(.+)$", (ROOT / "tools/install_chart_tools.sh").read_text(), re.MULTILINE
)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fieldwise"

# What a cluster of today has beside Kubernetes's own, for templates that ask.
APIS = ("policy/v1", "autoscaling/v2", "gateway.networking.k8s.io/v1/TLSRoute")
LONG_RUNNING = ("Deployment", "StatefulSet")

Manifest = dict[str, Any]


def helm() -> str:
    """The program that `make services` brings; without it the test fails, and says so."""
    assert VERSION is not None
    own = CACHE / f"chart-{VERSION[1]}" / "helm"
    found = str(own) if own.exists() else shutil.which("helm")
    assert found is not None, "there is no helm here: `make services` gets it"
    return found


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run helm to its end, with nobody's settings of it."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("HELM_")}
    return subprocess.run(
        [helm(), *arguments], capture_output=True, text=True, timeout=120, check=False, env=kept
    )


def template(*arguments: str) -> "subprocess.CompletedProcess[str]":
    named = ("template", RELEASE, str(CHART), f"--namespace={NAMESPACE}")
    return run(*named, *(f"--api-versions={each}" for each in APIS), *arguments)


def value_sets() -> list[str]:
    return sorted(path.stem for path in VALUE_SETS.glob("*.yaml"))


def release_of(name: str) -> list[Manifest]:
    """The objects of the defaults under another release's name."""
    done = run("template", name, str(CHART), f"--namespace={NAMESPACE}")
    assert done.returncode == 0, done.stderr
    return manifests(done.stdout)


def values_of(name: str) -> str:
    return f"--values={VALUE_SETS / name}.yaml"


@cache
def rendered(name: str) -> list[Manifest]:
    """The objects of a set of values; tests share them, and change nothing."""
    return rendered_with(name)


def rendered_with(name: str, *settings: str) -> list[Manifest]:
    """The objects of a set of values with further ones, as helm's --set-json takes them."""
    done = template(values_of(name), *(f"--set-json={each}" for each in settings))
    assert done.returncode == 0, done.stderr
    return manifests(done.stdout)


def refusal(name: str, *settings: str) -> str:
    """Why a set of values with further ones is refused; one that is not fails the test."""
    done = template(values_of(name), *(f"--set-json={each}" for each in settings))
    assert done.returncode != 0, "it was rendered"
    return done.stderr


def manifests(text: str) -> list[Manifest]:
    return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]


def of_kind(objects: list[Manifest], *kinds: str) -> list[Manifest]:
    return [each for each in objects if each["kind"] in kinds]


def named(objects: list[Manifest], kind: str, suffix: str = "") -> Manifest:
    """The one object of a kind under the release's name and a suffix."""
    wanted = f"{RELEASE}-fieldwise{suffix}"
    [found] = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == wanted]
    return found


def workload(objects: list[Manifest]) -> Manifest:
    """The orchestrator's Deployment or StatefulSet."""
    [found] = [
        each for each in of_kind(objects, *LONG_RUNNING) if component(each) == "orchestrator"
    ]
    return found


def component(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"]["app.kubernetes.io/component"])


def pods(objects: list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Name, metadata and spec of every Pod that the objects would make."""
    for each in objects:
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield name, each["metadata"], each["spec"]
        elif "template" in each.get("spec", {}):
            yield name, each["spec"]["template"]["metadata"], each["spec"]["template"]["spec"]


def containers(objects: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for name, _, spec in pods(objects):
        for each in (*spec.get("initContainers", ()), *spec["containers"]):
            yield f"{name}/{each['name']}", each


def the_container(objects: list[Manifest]) -> Manifest:
    """The orchestrator's own."""
    container: Manifest = workload(objects)["spec"]["template"]["spec"]["containers"][0]
    return container


def settings_file(objects: list[Manifest]) -> str:
    """The text of the program's settings."""
    [found] = [
        each["data"]["fieldwise.toml"]
        for each in of_kind(objects, "ConfigMap")
        if "fieldwise.toml" in each.get("data", {})
    ]
    return str(found)


def environment(container: Manifest) -> Mapping[str, Any]:
    variables = container.get("env", ())
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in variables}


def nodes(tree: Any) -> Iterator[Any]:
    """Every mapping, list and value in a tree."""
    yield tree
    if isinstance(tree, dict):
        for below in tree.values():
            yield from nodes(below)
    elif isinstance(tree, list):
        for below in tree:
            yield from nodes(below)
