"""Roles of operators as the chart gives them to a cluster, and as the documentation lists them."""

import json
from collections.abc import Iterator

from orchestrator.people.roles import ORDER, Role, has, least
from orchestrator.rights import RIGHTS, Resource, Right, Verb
from tools import chart, tables

FILE = chart.CHART / "files" / "roles.json"
RIGHTS_GIVEN = frozenset(RIGHTS.values())


def rules() -> str:
    """What each role may do to which resource, for the templates of the chart."""
    whole = {role.value: {each.value: verbs_of(role, each) for each in Resource} for role in Role}
    told = {
        role: {each: verbs for each, verbs in found.items() if verbs}
        for role, found in whole.items()
    }
    return json.dumps(told, indent=2) + "\n"


def verbs_of(role: Role, resource: Resource) -> list[str]:
    rights = [Right(verb, resource) for verb in Verb]
    return [each.verb.value for each in rights if each in RIGHTS_GIVEN and has(role, each)]


def table() -> Iterator[str]:
    """Methods by what they need and by the least role that has it."""
    methods = sorted(RIGHTS, key=lambda name: (_order(RIGHTS[name]), str(RIGHTS[name]), name))
    rows = ((f"`{name}`", f"`{RIGHTS[name]}`", str(least(RIGHTS[name]))) for name in methods)
    return tables.table(("method", "right", "least role"), rows)


def _order(right: Right) -> int:
    role = least(right)
    return ORDER.index(role) if role else len(ORDER)
