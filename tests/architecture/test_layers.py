"""The contracts of .importlinter notice what they forbid: each is broken on purpose, in a copy."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "aggregator", "bundler", "demonstration", "fieldwise", "orchestrator")
LINTER = Path(sys.executable).parent / "lint-imports"

# Contract, then pairs of the module that gets an import and what it imports. A module that is not
# there yet is made, so that the contract has to ask for its place.
PLANTED: dict[str, tuple[tuple[str, str], ...]] = {
    "programs": (("agent.config", "orchestrator.config"), ("fieldwise.errors", "agent.reporting")),
    "demonstration": (("demonstration.story", "agent.update.machine"),),
    "orchestrator": (
        ("orchestrator.ports", "orchestrator.survey"),
        ("orchestrator.home", "orchestrator.app"),
        ("orchestrator.stranger", ""),
    ),
    "agent": (
        ("agent.learning.names", "agent.ports"),
        ("agent.household", "agent.daemon"),
        ("agent.stranger", ""),
    ),
    "aggregator": (
        ("aggregator.screening", "aggregator.combining"),
        ("aggregator.work", "aggregator.ports"),
        ("aggregator.stranger", ""),
    ),
    "folders": (
        ("agent.learning.samples", "agent.learning.memory"),
        ("orchestrator.fleet.cohort", "orchestrator.fleet.directory"),
        ("orchestrator.enrolment.stranger", ""),
    ),
    "agreed": (("fieldwise.head", "fieldwise.archive"), ("fieldwise.stranger", "")),
    "adapters": (
        ("agent.rpc.client", "agent.device.clock"),
        ("aggregator.rpc.client", "aggregator.flower.grid"),
    ),
    "stores": (("orchestrator.storage.memory", "orchestrator.storage.blobs"),),
    "plans": (("orchestrator.cli.plan_reading", "yaml"), ("orchestrator.config", "yaml")),
    "rules": (
        ("agent.learning.heads.discriminant", "threading"),
        ("agent.learning.holdout", "secrets"),
        ("agent.learning.names", "structlog"),
        ("agent.learning.measures.prequential", "time"),
        ("agent.update.machine", "datetime"),
        ("fieldwise.bundle", "pathlib"),
        ("fieldwise.head", "random"),
        ("orchestrator.enrolment.authority", "time"),
        ("orchestrator.enrolment.authority", "os"),
        ("orchestrator.enrolment.authority", "random"),
        ("orchestrator.fleet.cohort", "datetime"),
        ("orchestrator.fleet.cohort", "uuid"),
        ("orchestrator.fleet.cohort", "tempfile"),
        ("orchestrator.fleet.cohort", "io"),
        ("orchestrator.fleet.device", "google.protobuf"),
        ("orchestrator.rollout.machine", "datetime"),
        ("orchestrator.rollout.machine", "structlog"),
        ("orchestrator.views", "asyncio"),
    ),
    "cases": (
        ("agent.household", "time"),
        ("agent.observing", "uuid"),
        ("agent.update.installer", "subprocess"),
        ("orchestrator.publishing", "grpc"),
        ("orchestrator.survey", "time"),
        ("orchestrator.survey", "os"),
        ("orchestrator.survey", "random"),
    ),
    "inference": (("agent.serving", "onnxruntime"), ("agent.learning.trial", "torch")),
    "cameras": (("agent.app", "cv2"), ("agent.sources.feeding", "cv2")),
    "numerics": (("orchestrator.rollout.machine", "numpy.random"), ("orchestrator.survey", "PIL")),
    "graphs": (("fieldwise.graph", "onnx"), ("agent.learning.embedder", "onnx")),
    "database": (
        ("agent.app", "sqlalchemy"),
        ("agent.daemon", "sqlalchemy"),
        ("agent.household", "sqlalchemy"),
        ("agent.observing", "sqlalchemy"),
        ("orchestrator.addresses", "sqlalchemy"),
        ("orchestrator.connection", "sqlalchemy"),
        ("orchestrator.home", "sqlalchemy"),
        ("orchestrator.metrics", "sqlalchemy.ext.asyncio"),
        ("orchestrator.publishing", "sqlalchemy"),
        ("orchestrator.survey", "sqlalchemy"),
        ("orchestrator.world", "sqlalchemy"),
        ("orchestrator.storage.sql.database", "aiosqlite"),
        ("agent.checkins", "sqlite3"),
    ),
    "buckets": (("orchestrator.storage.memory", "obstore"), ("orchestrator.publishing", "obstore")),
    "clusters": (
        ("orchestrator.clustering", "kubernetes"),
        ("orchestrator.admission", "kubernetes"),
        ("orchestrator.kubernetes.election", "urllib3"),
    ),
    "tokens": (("orchestrator.admission", "jwt"), ("orchestrator.people.claims", "jwt")),
    "seals": (("orchestrator.backup_file", "pyrage"), ("orchestrator.home", "pyrage")),
    "signatures": (
        ("orchestrator.trust.keeping", "tuf"),
        ("agent.app", "securesystemslib"),
        ("agent.device.trust", "tuf"),
    ),
    "federation": (
        ("orchestrator.app", "flwr"),
        ("agent.app", "flwr"),
        ("aggregator.combining", "flwr.app"),
    ),
    "metrics": (("orchestrator.survey", "prometheus_client"), ("agent.app", "prometheus_client")),
    "terminals": (("orchestrator.app", "typer"), ("demonstration.story", "rich")),
    "wire": (
        ("agent.serving", "fieldwise.v1alpha1.device_pb2"),
        ("fieldwise.retry", "grpc"),
        ("fieldwise.settings", "fieldwise.v1alpha1.limits_pb2"),
        ("orchestrator.fleet.check_in", "google.protobuf"),
    ),
}
# What stands among the rules in the layers and yet reads the world.
NOT_RULES = {
    "agent.config",  # settings of files and the environment
    "agent.learning.embedder",  # the one door of onnxruntime
    "agent.learning_rules",  # made of those settings
    "agent.update_rules",  # made of those settings
    "orchestrator.config",
    "orchestrator.limit_settings",
    "orchestrator.joining_settings",
    "orchestrator.login_settings",
    "orchestrator.place_settings",
    "orchestrator.setting_rules",  # what is no address and no URL
}


def contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def listed(contract: str, key: str) -> list[str]:
    text = contracts()[f"importlinter:contract:{contract}"][key]
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def layer(program: str, index: int) -> set[str]:
    tails = listed(program, "layers")[index].split(" : ")
    return {f"{program}.{tail.strip('()')}" for tail in tails}


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    command = [str(LINTER), "--no-cache", "--no-logo", "--contract", contract]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages with their law."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def plant(tree: Path, module: str, imported: str) -> str:
    """Break the law, and return the words in which the linter is to notice."""
    path = tree / f"{module.replace('.', '/')}.py"
    if path.with_suffix("").is_dir():
        path = path.with_suffix("") / "__init__.py"
    known = path.exists()
    with path.open("a") as file:
        file.write(f"\nimport {imported}\n" if imported else "\n")
    if not known:
        return module
    inside = imported.partition(".")[0] in PACKAGES
    return f"{module} -> {imported if inside else imported.partition('.')[0]} "


def test_every_contract_is_tried() -> None:
    sections = [name for name in contracts().sections() if ":contract:" in name]
    assert {name.rpartition(":")[2] for name in sections} == set(PLANTED)


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_import_breaks_its_contract(tree: Path, contract: str) -> None:
    kept = lint(tree, contract)
    assert kept.returncode == 0, kept.stdout
    words = [plant(tree, module, imported) for module, imported in PLANTED[contract]]
    broken = lint(tree, contract)
    assert broken.returncode == 1
    assert "Contracts: 0 kept, 1 broken." in broken.stdout
    found = " ".join(broken.stdout.split())
    assert [each for each in words if each not in found] == []


@pytest.mark.parametrize("program", ["agent", "orchestrator"])
def test_what_stands_among_the_rules_is_held_to_be_one(program: str) -> None:
    rules, ports = layer(program, -1), layer(program, -2)
    assert (rules | ports) - set(listed("rules", "source_modules")) <= NOT_RULES


@pytest.mark.parametrize("program", ["agent", "orchestrator"])
def test_what_stands_among_the_use_cases_is_held_to_be_one(program: str) -> None:
    assert layer(program, -3) == {
        name for name in listed("cases", "source_modules") if name.startswith(f"{program}.")
    }
