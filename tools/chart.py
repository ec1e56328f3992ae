"""What the chart says of its values and of the program's settings, from where each is written.

A value's meaning is the comment above it in values.yaml, from ``# --`` on; it holds for everything
below the value that has no comment of its own. The settings that may stand under ``settings`` are
the program's, but for those that the chart sets itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from orchestrator.config import OrchestratorSettings
from tools import tables

CHART = Path(__file__).resolve().parent.parent / "helm" / "fieldwise"
VALUES, SCHEMA = CHART / "values.yaml", CHART / "values.schema.json"
KEY = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z][A-Za-z0-9_]*):")
TOLD, CONTINUED = re.compile(r"^ *# -- (.*)"), re.compile(r"^ *# ?(.*)")

# Set by values of their own, or fixed: where it listens, keeps things and is found.
OF_THE_CHART = frozenset(
    {
        "advertise_hosts",
        "authority_file",
        "bundle_access_key",
        "bundle_endpoint",
        "bundle_folder",
        "bundle_public_endpoint",
        "bundle_region",
        "bundle_secret_key",
        "bundle_url",
        "data_folder",
        "database_url",
        "device_address",
        "device_listen",
        "federation_address",
        "federation_job",
        "fleet",
        "health_listen",
        "kubernetes_audience",
        "kubernetes_config",
        "kubernetes_lease",
        "kubernetes_namespace",
        "leader_election",
        "metrics_listen",
        "operator_address",
        "operator_listen",
        "oidc_audience",
        "oidc_ca",
        "oidc_clients",
        "oidc_issuer",
        "oidc_name_claim",
        "oidc_roles",
        "oidc_roles_claim",
        "operator_login",
        "operator_token",
        "publisher_file",
    }
)


@dataclass(frozen=True, slots=True)
class Described:
    """A value with its default, as JSON, and its meaning."""

    path: str
    default: str
    meaning: str


def values() -> Iterator[str]:
    """The table of the chart's values."""
    rows = ((f"`{each.path}`", f"`{each.default}`", each.meaning) for each in described())
    return tables.table(("value", "default", "meaning"), rows)


def described() -> Iterator[Described]:
    """Every value that has a comment, in the order of the file."""
    text = VALUES.read_text()
    defaults = yaml.safe_load(text)
    trail: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        if found := TOLD.match(line):
            comment = [found[1]]
        elif comment and (found := CONTINUED.match(line)):
            comment.append(found[1])
        elif found := KEY.match(line):
            indent = len(found["indent"])
            trail = [*(each for each in trail if each[0] < indent), (indent, found["name"])]
            if comment:
                path = [name for _, name in trail]
                yield Described(".".join(path), _default(defaults, path), " ".join(comment))
            comment = []


def undescribed() -> list[str]:
    """Values that neither they themselves nor anything above them explains."""
    told = {each.path for each in described()}
    return [
        ".".join(path)
        for path in _leaves(yaml.safe_load(VALUES.read_text()))
        if not any(".".join(path[:length]) in told for length in range(1, len(path) + 1))
    ]


def schema() -> str:
    """The schema of values with the program's settings of today."""
    whole = json.loads(SCHEMA.read_text())
    whole["properties"]["settings"] = settings_schema()
    return json.dumps(whole, indent=2) + "\n"


def settings_schema() -> dict[str, Any]:
    """The settings that an operator of the chart may choose, with their bounds."""
    shapes = msgspec.json.schema(OrchestratorSettings, schema_hook=_path)["$defs"]
    own: Mapping[str, Any] = shapes["OrchestratorSettings"]["properties"]
    chosen = {name: _inline(own[name], shapes) for name in sorted(set(own) - OF_THE_CHART)}
    return {"type": "object", "additionalProperties": False, "properties": chosen}


def _inline(node: Any, shapes: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(each, shapes) for each in node]
    if not isinstance(node, dict):
        return node
    named = shapes[node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else {}
    merged = {**named, **node}
    left_out = {"$ref", "default", "title"}
    return {key: _inline(each, shapes) for key, each in merged.items() if key not in left_out}


def _path(kind: type) -> dict[str, Any]:
    assert kind is Path
    return {"type": "string", "minLength": 1}


def _default(defaults: Any, path: list[str]) -> str:
    for name in path:
        defaults = defaults[name]
    return json.dumps(defaults)


def _leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, dict) and node:
        for name, below in node.items():
            yield from _leaves(below, (*path, name))
    else:
        yield path
