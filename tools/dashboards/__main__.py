"""Write helm/fieldwise/files/dashboards/ from the code; with ``--check`` only compare."""

import sys
from pathlib import Path

from tools.dashboards.boards import BOARDS
from tools.dashboards.drawing import encoded
from tools.generated import settle

FOLDER = Path(__file__).parents[2] / "helm" / "fieldwise" / "files" / "dashboards"


def fresh() -> dict[Path, str]:
    """Every dashboard as the code says."""
    return {FOLDER / f"{board.name}.json": encoded(board) for board in BOARDS}


if __name__ == "__main__":
    sys.exit(settle(fresh(), sys.argv[1:], "make dashboards"))
