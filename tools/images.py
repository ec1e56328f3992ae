"""Build the images of orchestrator, agent and aggregator, and tell their sizes.

Where packages come from is this machine's business. What pip is told here, an index, a proxy, an
authority, is handed to the build as a secret: it is mounted while packages are installed, and no
layer and no history of an image has it.
"""

import argparse
import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from fieldwise import __version__

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("orchestrator", "agent", "aggregator")
BASE = "docker.io/library/python:3.12-slim"
# What says where packages are and how they are reached; all else of pip is this machine's own.
PASSED = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
AUTHORITY = "/run/secrets/ca.pem"


def configuration(listed: str) -> tuple[str, Path | None]:
    """Turn what ``pip config list`` prints into a file for a build.

    Indexes that are folders of this machine are left out: the build does not see them.

    Returns:
        The text of a pip.conf, and the file of authorities that it counts on.
    """
    told: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=_is_of_the_environment):
        name, _, quoted = line.partition("=")
        told[name.rpartition(".")[2].removeprefix("default-")] = str(ast.literal_eval(quoted))
    kept = {name: _reached(told[name]) for name in PASSED if name in told}
    authority = Path(told["cert"]) if "cert" in told else None
    if authority is not None:
        kept["cert"] = AUTHORITY
    lines = [f"{name} = {value}" for name, value in kept.items() if value]
    return "\n".join(["[global]", *lines, ""]), authority


def _is_of_the_environment(line: str) -> bool:
    """Whether it counts more than what stands in a file; pip lists it in no such order."""
    return line.startswith(":env:")


def _reached(value: str) -> str:
    return " ".join(each for each in value.split() if urlsplit(each).scheme != "file")


@contextmanager
def secrets() -> Iterator[list[str]]:
    """Arguments of a build that hand over how pip reaches packages here."""
    listed = _told(sys.executable, "-m", "pip", "config", "list")
    text, authority = configuration(listed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pip.conf"
        file.write_text(text)
        given = {"pip.conf": file} | ({"ca.pem": authority} if authority else {})
        yield [f"--secret=id={name},src={path}" for name, path in given.items()]


def build(engine: str, name: str, tag: str, arguments: list[str]) -> None:
    """Build one image.

    Raises:
        subprocess.CalledProcessError: It failed; the engine has said why.
    """
    revision = _told("git", "-C", str(ROOT), "rev-parse", "HEAD")
    facts = (f"--build-arg=VERSION={__version__}", f"--build-arg=REVISION={revision}")
    file = f"--file={ROOT / 'deploy' / 'images' / name}.Dockerfile"
    with secrets() as given:
        subprocess.run(
            [engine, "build", file, f"--tag={tag}", *facts, *given, *arguments, str(ROOT)],
            check=True,
        )


def size_of(engine: str, image: str) -> int:
    """Bytes of all layers of an image, unpacked."""
    return int(_told(engine, "image", "inspect", "--format={{.Size}}", image))


def _told(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="podman", help="podman or docker")
    parser.add_argument("--base", default=BASE, help="image with Python 3.11 or newer to build on")
    parser.add_argument("--builder", help="image that makes virtual environments; the base")
    parser.add_argument("--registry", default="localhost", help="what stands before the names")
    parser.add_argument("--tag", default=__version__)
    parser.add_argument("--json", type=Path, help="file to write sizes to")
    parser.add_argument("arguments", nargs="*", help="more for the engine, after --")
    given = parser.parse_args()
    bases = [f"--build-arg=BASE={given.base}", f"--build-arg=BUILDER={given.builder or given.base}"]
    sizes = {}
    for name in NAMES:
        image = f"{given.registry}/fieldwise/{name}:{given.tag}"
        build(given.engine, name, image, [*bases, *given.arguments])
        sizes[image] = size_of(given.engine, image)
    sizes[given.base] = size_of(given.engine, given.base)
    for image, size in sizes.items():
        print(f"{size / 1e6:7.1f} MB  {image}")
    if given.json:
        given.json.write_text(json.dumps(sizes, indent=2) + "\n")


if __name__ == "__main__":
    main()
