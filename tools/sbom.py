"""Write output/*.cdx.json: what each image installs, as CycloneDX, which scanners read.

    python -m tools.sbom [IMAGE...]

The list of an image is installed into an empty environment as its Dockerfile does it, file by file
against its hash, and what is there then is listed with licences and who needs what. Beside each
package stand the hashes of the files that an image may take of it. The result is held to the schema
of CycloneDX, once by the program that makes it and once as it is written.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from fieldwise import __version__
from tools.pin import ROOT, canonical
from tools.pin_images import LISTS, file_of, read

OUTPUT = ROOT / "output"
IMAGES = tuple(name for name in LISTS if name != "build")
PIP = ("--disable-pip-version-check", "--quiet", "--progress-bar=off", "--no-cache-dir")

Bill = dict[str, Any]


def installed(name: str, folder: Path) -> Path:
    """Install what an image has into an empty environment; return its Python."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", *PIP]
    listed = f"--requirement={file_of(name)}"
    subprocess.run([*pip, "--require-hashes", "--only-binary=:all:", listed], check=True)
    return python


def listed(python: Path) -> Bill:
    """What an environment has, as CycloneDX, the same each time."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", str(python)]
    command += [f"--pyproject={ROOT / 'pyproject.toml'}", "--mc-type=application"]
    command += ["--output-reproducible", "--sv=1.6"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    bill: Bill = json.loads(done.stdout)
    return bill


def completed(bill: Bill, name: str, hashes: Mapping[str, tuple[str, Sequence[str]]]) -> Bill:
    """Add the image's name and version, and hashes of what may be taken of each package."""
    bill["metadata"]["component"] |= {"name": f"fieldwise-{name}", "version": __version__}
    for component in bill["components"]:
        version, allowed = hashes.get(canonical(component["name"]), ("", ()))
        if version != component["version"]:
            raise ValueError(f"{component['name']} {component['version']} is not in the list")
        taken = {
            "type": "distribution",
            "url": component["purl"],
            "comment": "any one of these files",
            "hashes": [{"alg": "SHA-256", "content": each} for each in allowed],
        }
        component["externalReferences"] = [*component.get("externalReferences", ()), taken]
    return bill


def written(bill: Bill, file: Path) -> None:
    """Write a bill that holds to the schema.

    Raises:
        ValueError: It does not.
    """
    text = json.dumps(bill, indent=2) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise ValueError(f"{file.name} is no CycloneDX: {wrong}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="*", default=IMAGES, help=", ".join(IMAGES))
    for name in parser.parse_args().images:
        with tempfile.TemporaryDirectory() as folder:
            bill = completed(listed(installed(name, Path(folder))), name, read(name))
        written(bill, OUTPUT / f"{name}.cdx.json")
        print(f"{len(bill['components']):4}  output/{name}.cdx.json")


if __name__ == "__main__":
    main()
