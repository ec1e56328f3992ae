"""Write constraints.txt: everything that fieldwise[dev] needs, at the version installed here."""

import re
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PREAMBLE = """\
# Every package of `pip install -e .[dev]` at one version: what is tested is what is installed.
# Written by `make pins` from the virtual environment.
"""


def closure() -> dict[str, str]:
    """Name to version of all that the project and its build need, through every dependency."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
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
    name: str, extra: str, project: dict[str, object], versions: dict[str, str]
) -> list[str]:
    if name == project["name"]:
        optional = project["optional-dependencies"]
        assert isinstance(optional, dict)
        return list(optional[extra] if extra else project["dependencies"])
    installed = distribution(name)
    versions[installed.metadata["Name"]] = installed.version.partition("+")[0]
    return [text for text in installed.requires or () if applies(Requirement(text), extra)]


def applies(wanted: Requirement, extra: str) -> bool:
    return wanted.marker is None or wanted.marker.evaluate({"extra": extra})


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    versions = closure()
    lines = [f"{name}=={versions[name]}\n" for name in sorted(versions, key=str.lower)]
    (ROOT / "constraints.txt").write_text(PREAMBLE + "".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
