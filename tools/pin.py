"""Write constraints.txt: fieldwise[dev] as installed here, and [federation] as it goes with that.

The aggregator's parts are not in the virtual environment: they have a web server in tow. So pip
resolves them under the versions that are installed, without installing any. A pin of theirs that
stands already stays, until somebody takes its line out.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints.txt"
PREAMBLE = """\
# Every package of the extras [dev] and [federation] at one version: what is tested is what is
# installed. Written by `make pins` from the virtual environment.
"""


def installed(settings: Mapping[str, Any]) -> dict[str, str]:
    """Name to version of all that [dev] and the build need, through every dependency."""
    versions: dict[str, str] = {}
    waiting = ["fieldwise[dev]", *settings["build-system"]["requires"], "editables"]
    done: set[tuple[str, str]] = set()
    while waiting:
        wanted = Requirement(waiting.pop())
        for extra in (*wanted.extras, ""):
            key = (canonical(wanted.name), extra)
            if key not in done:
                done.add(key)
                waiting += dependencies(*key, settings["project"], versions)
    return versions


def dependencies(
    name: str, extra: str, project: Mapping[str, Any], versions: dict[str, str]
) -> list[str]:
    if name == project["name"]:
        optional = project["optional-dependencies"]
        return list(optional[extra] if extra else project["dependencies"])
    found = distribution(name)
    versions[found.metadata["Name"]] = found.version.partition("+")[0]
    return [text for text in found.requires or () if applies(Requirement(text), extra)]


def applies(wanted: Requirement, extra: str) -> bool:
    return wanted.marker is None or wanted.marker.evaluate({"extra": extra})


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def standing() -> dict[str, str]:
    """Name to version as constraints.txt has them now."""
    lines = PINS.read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def resolved(requirements: list[str], pins: Mapping[str, str]) -> dict[str, str]:
    """Name to version of all that the requirements need, as pip finds it under the pins."""
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("".join(f"{name}=={pins[name]}\n" for name in pins))
        command = [*pip, "--report", "-", "--constraint", str(constraints), *requirements]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found = [each["metadata"] for each in json.loads(answer.stdout)["install"]]
    return {each["name"]: each["version"].partition("+")[0] for each in found}


def main() -> int:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    versions = installed(settings)
    names = {canonical(name) for name in versions}
    kept = {name: pin for name, pin in standing().items() if canonical(name) not in names}
    federation = settings["project"]["optional-dependencies"]["federation"]
    found = resolved(federation, {**versions, **kept})
    versions |= {name: found[name] for name in found if canonical(name) not in names}
    lines = [f"{name}=={versions[name]}\n" for name in sorted(versions, key=str.lower)]
    PINS.write_text(PREAMBLE + "".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
