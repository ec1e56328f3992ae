"""What is generated is committed, fresh, and owned by one distribution."""

import importlib
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "aggregator", "bundler", "demonstration", "fieldwise", "orchestrator")


def files_under(folder: Path, pattern: str) -> dict[str, bytes]:
    found = sorted(folder.rglob(pattern))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_stubs_are_what_the_proto_files_say(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "tools/generate_stubs.py", str(tmp_path)], cwd=ROOT, check=True)
    fresh = files_under(tmp_path, "*_pb2*.py*")
    committed = {name: (ROOT / name).read_bytes() for name in fresh}
    assert fresh
    assert [name for name in fresh if fresh[name] != committed[name]] == []


def test_no_stub_outlives_its_proto_file() -> None:
    stubs = {path.name.partition("_pb2")[0] for path in (ROOT / "fieldwise").rglob("*_pb2*.py*")}
    protos = {path.stem for path in (ROOT / "proto").rglob("*.proto")}
    assert stubs == protos


@pytest.mark.parametrize("name", PACKAGES)
def test_an_import_name_has_one_owner(name: str) -> None:
    """A stranger's package of the same name would overwrite ours in silence on installing."""
    assert set(packages_distributions().get(name, [])) <= {"fieldwise"}
    assert Path(importlib.import_module(name).__path__[0]) == ROOT / name


def test_a_wheel_ships_the_import_names_and_nothing_else() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
