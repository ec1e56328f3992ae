"""Write docs/pictures/: every dashboard as Grafana's own panel library draws it.

Without an argument a fleet is told first, for a quarter of an hour. What was seen of it stays in a
folder with ``--keep FOLDER``, and is drawn again within minutes by ``--from FOLDER``. With
``--board NAME`` only that dashboard is drawn.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.services.programs import prometheus, wait_for
from tools.dashboards.__main__ import FOLDER as DASHBOARDS
from tools.dashboards.boards import BOARDS
from tools.pictures.asking import Seen, figures
from tools.pictures.story import SCRAPE_SECONDS, SPAN, record

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
WEB = Path(__file__).parent / "web"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fieldwise"
WIDTH = 1600  # pixels of a page: a laptop with Grafana's menu folded away
NOBODY = "127.0.0.1:9"  # what is scraped when everything was seen already
NEEDED = ("prometheus", "node", "npm", "chromium", "pngquant")


def main(arguments: list[str]) -> int:
    """Draw all dashboards, or those that are named."""
    asked = argparse.ArgumentParser(prog="python -m tools.pictures")
    asked.add_argument("--keep", type=Path, help="record a fleet in this folder and keep it")
    asked.add_argument("--from", dest="kept", type=Path, help="draw what was recorded there")
    names = [board.name for board in BOARDS]
    asked.add_argument("--board", dest="names", choices=names, action="append", help="draw this")
    told = asked.parse_args(arguments)
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        print(f"this needs {', '.join(missing)}: Debian has all of them", file=sys.stderr)
        return 1
    with TemporaryDirectory() as scratch:
        folder = told.kept or told.keep or Path(scratch)
        if told.kept is None:
            folder.mkdir(parents=True, exist_ok=True)
            record(folder)
        data = Path(scratch) / "figures.json"
        drawn = told.names or names
        data.write_text(json.dumps(answers(folder, drawn)))
        draw(data, drawn)
    return 0


def answers(folder: Path, names: Sequence[str]) -> dict[str, object]:
    """What every panel of some dashboards has to show of a recorded fleet."""
    span = json.loads((folder / SPAN).read_text())
    with prometheus(folder, NOBODY, seconds=SCRAPE_SECONDS) as base:
        wait_for(base, "vector(1)")  # it listens before it has read what it had seen
        seen = Seen(base, span["from"], span["to"], SCRAPE_SECONDS)
        boards = {
            name: figures(json.loads((DASHBOARDS / f"{name}.json").read_text()), seen, WIDTH)
            for name in names
        }
    return {"width": WIDTH, "span": span, "boards": boards}


def draw(data: Path, names: Sequence[str]) -> None:
    """Draw them in Chromium, and make the files small."""
    installed = _installed()
    PICTURES.mkdir(exist_ok=True)
    command = ["node", "draw.mjs", str(data), str(PICTURES), str(shutil.which("chromium"))]
    subprocess.run(command, cwd=installed, check=True)
    for name in names:
        picture = PICTURES / f"{name}.png"
        subprocess.run(["pngquant", "--force", "--strip", "--ext=.png", "128", picture], check=True)


def _installed() -> Path:
    """The page with its modules, in the user's cache; the lock file names them."""
    lock = (WEB / "package-lock.json").read_bytes()
    folder = CACHE / f"pictures-{hashlib.sha256(lock).hexdigest()[:12]}"
    shutil.copytree(WEB, folder, dirs_exist_ok=True)
    if not (folder / "node_modules" / ".package-lock.json").exists():
        # Not `npm ci`: the lock has the builds of optional modules for one kind of machine only.
        command = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
