"""Write deploy/images/requirements-*.txt: all that an image installs, each file by its SHA-256.

Versions are those of constraints.txt. Hashes are of every file of a version, as an index has them,
so that images of both architectures and any Python are built from the same list, and from no file
that nobody looked at. uv, which flwr brings along, resolves: it tells hashes of all platforms.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from tools.pin import PINS, ROOT, canonical

FOLDER = ROOT / "deploy" / "images"
# By list: the extras of fieldwise that an image has. `build` is what makes fieldwise's own wheel.
LISTS: Mapping[str, Sequence[str]] = {
    "orchestrator": ("orchestrator", "kubernetes"),
    "orchestrator-federation": ("orchestrator", "kubernetes", "federation"),
    "agent": ("agent-slim", "metrics"),
    "aggregator": ("federation",),
    "build": (),
}
OLDEST_PYTHON = "3.11"
ENTRY = re.compile(r"^[A-Za-z0-9][^#]*?[^\\]\n(?=\S|\Z)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")
PREAMBLE = """\
# What the list "{name}" installs, by version and by the SHA-256 of every file that may be taken.
# Written by `make pins` from constraints.txt.
"""


def file_of(name: str) -> Path:
    return FOLDER / f"requirements-{name}.txt"


def wanted(name: str) -> list[str]:
    """Requirements of a list, as pyproject.toml has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = settings["project"]
    if not LISTS[name]:
        return list(settings["build-system"]["requires"])
    found = list(project["dependencies"])
    waiting = list(LISTS[name])
    own = f"{project['name']}["
    while waiting:
        for each in project["optional-dependencies"][waiting.pop()]:
            if each.startswith(own):
                waiting += each.removeprefix(own).rstrip("]").split(",")
            else:
                found.append(each)
    return sorted(set(found))


def resolved(name: str) -> str:
    """Lines of a list: each package with its hashes."""
    command = ["uv", "pip", "compile", "-", "--quiet", "--universal", "--generate-hashes"]
    command += ["--constraints", str(PINS), "--python-version", OLDEST_PYTHON]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-config"]
    asked = "".join(f"{each}\n" for each in wanted(name))
    done = subprocess.run(command, input=asked, check=True, stdout=subprocess.PIPE, text=True)
    return "".join(each for each in ENTRY.findall(done.stdout) if is_needed(each))


def is_needed(entry: str) -> bool:
    """Tell whether an entry is for images, which are Linux and CPython as this machine is."""
    wanted = Requirement(entry.partition("\\")[0])
    return wanted.marker is None or wanted.marker.evaluate()


def read(name: str) -> dict[str, tuple[str, list[str]]]:
    """By package of a list: its version, and hashes of the files that may be taken."""
    found = {}
    for entry in ENTRY.findall(file_of(name).read_text()):
        pin, _, version = entry.partition(" ")[0].partition("==")
        found[canonical(pin)] = (version.strip(), HASH.findall(entry))
    return found


def main() -> int:
    for name in LISTS:
        file_of(name).write_text(PREAMBLE.format(name=name) + resolved(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
