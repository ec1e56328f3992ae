"""Values that nobody thought of together either work or are refused in a sentence.

Switches are thrown by seeded dice, several hundred of their pairs among them; what is rendered has
to be valid and to hold together, and what is not has to be one of the chart's own refusals: never a
template's error, which no operator could read.
"""

import json
import random
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest

from tests import charts

if TYPE_CHECKING:
    import subprocess

SEEDS = range(24)
SWITCHES: Mapping[str, tuple[Any, ...]] = {
    "replicaCount": (1, 1, 2),
    "persistence.enabled": (True, False),
    "persistence.existingClaim": ("", "claim"),
    "database.existingSecret": ("", "database"),
    "authority.existingSecret": ("", "authority"),
    "publisher.existingSecret": ("", "publisher"),
    "operatorToken.existingSecret": ("", "token"),
    "bundles.s3.url": ("", "s3://fleet/bundles"),
    "bundles.s3.existingSecret": ("", "bucket"),
    "bundles.existingClaim": ("", "", "bundles"),
    "evaluation.enabled": (False, False, True),
    "kubernetes.leaderElection.enabled": (False, True),
    "kubernetes.login.enabled": (False, False, True),
    "kubernetes.login.rbac": (True, False),
    "kubernetes.login.roles.create": (True, False),
    "kubernetes.login.roles.aggregate": (False, True),
    "migration.enabled": (True, False),
    "migration.useHelmHooks": (True, False),
    "serviceAccount.create": (True, False),
    "devices.service.type": ("ClusterIP", "NodePort", "LoadBalancer"),
    "devices.service.nodePort": (None, 30443),
    "devices.ingress.enabled": (False, True),
    "devices.ingress.host": ("", "devices.example.org"),
    "devices.ingress.className": ("nginx", ""),
    "operators.route.enabled": (False, True),
    "operators.route.hostnames": ([], ["fleet.example.org"]),
    "operators.route.parentRefs": ([], [{"name": "edge"}]),
    "operators.publicIngress.enabled": (False, True),
    "operators.publicIngress.host": ("", "console.example.org"),
    "operators.publicIngress.existingSecret": ("", "own"),
    "operators.publicIngress.certificate.enabled": (False, True),
    "operators.publicIngress.certificate.issuerRef": ({}, {"name": "letsencrypt"}),
    "metrics.serviceMonitor.enabled": (False, True),
    "autoscaling.enabled": (False, False, True),
    "resources": ({}, {"requests": {"cpu": "1"}}),
    "podDisruptionBudget.enabled": (False, True),
    "podDisruptionBudget.minAvailable": (None, 1, "50%"),
    "networkPolicy.enabled": (True, False),
    "networkPolicy.operatorsFrom": ([], [{"podSelector": {}}]),
    "networkPolicy.egress.enabled": (False, True),
    "topologySpreadConstraints": (
        [],
        [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    ),
    "probes.kind": ("auto", "grpc", "http"),
    "preStopSeconds": (0, 5),
    "terminationGracePeriodSeconds": (None, 20, 60),
    "settings.drain_seconds": (0, 10),
    "test.enabled": (True, False),
    "commonLabels": ({}, {"team": "edge"}),
    "commonAnnotations": ({}, {"contact": "edge"}),
    "fleetName": ("", "plant-7"),
}
OWN = "execution error at (fieldwise/templates/configmap.yaml"


def thrown(seed: int) -> dict[str, Any]:
    """A third of the switches, each in one of its positions."""
    dice = random.Random(seed)
    chosen = dice.sample(sorted(SWITCHES), len(SWITCHES) // 3)
    return {name: dice.choice(SWITCHES[name]) for name in chosen}


@cache
def done(base: str, seed: int) -> "subprocess.CompletedProcess[str]":
    settings = [f"--set-json={name}={json.dumps(value)}" for name, value in thrown(seed).items()]
    return charts.template(charts.values_of(base), *settings)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("base", ["default", "replicas"])
def test_what_is_not_refused_in_a_sentence_is_valid(base: str, seed: int) -> None:
    ended = done(base, seed)
    if ended.returncode:
        assert OWN in ended.stderr, ended.stderr
        return
    objects = charts.manifests(ended.stdout)
    for each in objects:
        if not {"monitoring.coreos.com", "cert-manager.io", "gateway.networking.k8s.io"} & {
            each["apiVersion"].partition("/")[0]
        }:
            kubernetes_validate.validate(each, "1.37", strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))
    for name, _, spec in charts.pods(objects):
        volumes = {each["name"] for each in spec["volumes"]}
        used = {each["name"] for one in spec["containers"] for each in one["volumeMounts"]}
        assert used <= volumes, name


def test_the_dice_bring_both_what_works_and_what_is_refused() -> None:
    codes = [done("default", seed).returncode for seed in SEEDS]
    assert 0 < sum(code == 0 for code in codes) < len(codes)


def test_the_longest_name_of_a_release_leaves_room_for_every_ending() -> None:
    """A label has 63 characters, and the names of objects become labels of Pods."""
    objects = charts.release_of("r" * 53)
    assert all(len(each["metadata"]["name"]) <= 63 for each in objects)
    for each in objects:
        assert all(len(value) <= 63 for value in each["metadata"]["labels"].values())
