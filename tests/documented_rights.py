"""What docs/kubernetes.md says that the accounts of the chart may."""

import re
from itertools import product

from tests import charts

PROGRAM = f"{charts.RELEASE}-fieldwise"
PAGE = charts.ROOT / "docs" / "kubernetes.md"
ROW = re.compile(r"^\| `(RELEASE[a-z-]*)` \| ([a-z, ]+) \| (.+) \| (its namespace|the cluster) \|$")

Right = tuple[str, str, str, str]  # verb, kind with its group, the one name or nothing, where


def documented() -> dict[str, set[Right]]:
    """The table of the page; RELEASE is the name of the program's account and Lease."""
    found: dict[str, set[Right]] = {}
    for line in PAGE.read_text().splitlines():
        if row := ROW.match(line):
            account, verbs, kinds, where = row.groups()
            rights = found.setdefault(account.replace("RELEASE", PROGRAM), set())
            named = PROGRAM if " named " in kinds else ""
            for verb, kind in product(verbs.split(", "), re.findall(r"`([a-z./0-9]+)`", kinds)):
                rights.add((verb, kind, named, where))
    return found
