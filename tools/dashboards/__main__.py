"""Write helm/fieldwise/files/dashboards/ from the code; with ``--check`` only compare."""

import sys
from pathlib import Path

from tools.dashboards.boards import BOARDS
from tools.dashboards.panels import encoded

FOLDER = Path(__file__).parents[2] / "helm" / "fieldwise" / "files" / "dashboards"


def stale() -> dict[Path, str]:
    """Files that are not what the code says, with what they should be."""
    wanted = {FOLDER / f"{board.name}.json": encoded(board) for board in BOARDS}
    return {
        file: text for file, text in wanted.items() if not file.exists() or file.read_text() != text
    }


def main(arguments: list[str]) -> int:
    found = stale()
    if "--check" in arguments:
        for file in found:
            print(f"{file.name} is out of date: run `make dashboards`")
        return 1 if found else 0
    for file, text in found.items():
        file.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
