"""What is in the images, and what is not."""

import json
import re
from itertools import chain
from typing import Any

import pytest

from fieldwise import __version__
from fieldwise.errors import CATALOGUE, Fault
from tests.charts import ROOT
from tests.containers import engine
from tests.containers.engine import AGENT, AGGREGATOR, ORCHESTRATOR

pytestmark = pytest.mark.containers

PROGRAMS = {ORCHESTRATOR: ("fieldwise",), AGENT: ("fieldwise-agent", "fieldwise")}
# What each has of what only one of our programs loads; flwr wants SQLAlchemy to be there.
OWN = {ORCHESTRATOR: ["sqlalchemy"], AGENT: ["onnxruntime"], AGGREGATOR: ["flwr", "sqlalchemy"]}
LOADED = sorted({*chain(*OWN.values())})
# What ours may add to a base: torch alone would be more.
BYTES_MAX = 300_000_000
BUILDING = ("pip", "ensurepip", "setuptools", "torch", "onnx", "sklearn")
COMPILERS = ("cc", "gcc", "g++", "clang", "ld", "make", "cargo", "pip", "pip3", "uv", "flwr")
LOOK = """
import importlib.util, json, os, shutil, sys
from importlib.metadata import distributions
modules, programs = sys.argv[1].split(), sys.argv[2].split()
print(json.dumps({
    "user": [os.getuid(), os.getgid()],
    "modules": [name for name in modules if importlib.util.find_spec(name)],
    "programs": [name for name in programs if shutil.which(name)],
    "packages": {each.metadata["Name"]: each.version for each in distributions()},
    "secrets": os.listdir("/run/secrets") if os.path.exists("/run/secrets") else [],
}))
"""
EACH = pytest.mark.parametrize("image", [ORCHESTRATOR, AGENT, AGGREGATOR])
BOTH = pytest.mark.parametrize("image", [ORCHESTRATOR, AGENT])


def look(image: str, *options: str) -> Any:
    """What a program in the image finds around it."""
    asked = ("-c", LOOK, " ".join((*BUILDING, *LOADED)), " ".join(COMPILERS))
    return json.loads(engine.once(image, "python", *asked, options=options))


@BOTH
def test_its_programs_run_without_rights_or_a_place_to_write(image: str) -> None:
    for program in PROGRAMS[image]:
        assert __version__ in engine.once(image, program, "--version")
    assert look(image)["user"] == [65532, 65532]
    with pytest.raises(AssertionError, match="Read-only file system"):
        engine.once(image, "python", "-c", "open('/opt/fieldwise/new', 'w')")


@BOTH
def test_it_runs_as_whatever_user_a_cluster_chooses(image: str) -> None:
    chosen = ("--user=1000660000:0",)
    for program in PROGRAMS[image]:
        assert __version__ in engine.once(image, program, "--version", options=chosen)
    engine.once(image, "python", "-c", "open('kept', 'w')", options=(*chosen, "--read-only=false"))


def test_an_aggregator_says_what_it_lacks_and_needs_no_place_to_write_for_it() -> None:
    done = engine.run("run", "--rm", "--network=none", *engine.RESTRICTED, AGGREGATOR)
    assert done.returncode == CATALOGUE[Fault.SETTING_INVALID].exit_code
    assert "FIELDWISE_AGGREGATOR_TOKEN_FILE has to be given" in done.stderr
    assert look(AGGREGATOR)["user"] == [65532, 65532]


def test_a_server_whose_image_has_no_flower_says_how_it_gets_it() -> None:
    program = ("--entrypoint=fieldwise-aggregator", ORCHESTRATOR)
    done = engine.run("run", "--rm", "--network=none", *engine.RESTRICTED, *program)
    assert done.returncode == CATALOGUE[Fault.EXTRA_MISSING].exit_code
    assert "pip install 'fieldwise[federation]'" in done.stderr


@EACH
def test_nothing_that_installs_compiles_or_trains_is_in_it(image: str) -> None:
    found = look(image)
    assert sorted(found["modules"]) == OWN[image]
    assert found["programs"] == []


@EACH
def test_every_package_is_the_one_that_was_tested(image: str) -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    )
    pinned = {canonical(name): version for name, version in pins.items()}
    found = {canonical(name): version for name, version in look(image)["packages"].items()}
    assert found.pop("fieldwise") == __version__
    assert found
    assert found == {name: pinned.get(name) for name in found}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@EACH
def test_it_tells_what_it_is_and_nothing_of_how_it_was_built(image: str) -> None:
    told = engine.inspected("image", image)
    labels = told["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert re.fullmatch("[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert [each for each in told["Config"]["Env"] if each.startswith("PIP_")] == []
    assert look(image)["secrets"] == []
    history = engine.told("history", "--no-trunc", "--format={{.CreatedBy}}", image)
    assert "://" not in history


@EACH
def test_it_stays_small(image: str) -> None:
    base = engine.inspected("image", "localhost/fieldwise-python:bookworm")
    assert engine.inspected("image", image)["Size"] - base["Size"] < BYTES_MAX
