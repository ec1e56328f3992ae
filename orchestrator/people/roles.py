"""Roles of operators: which rights each has, as one table.

A role has its own rights and those of every role below it: viewer, operator, admin. Each right
stands once, with the least role that has it. What is here is all that there is: a right that stands
nowhere is nobody's, and a test holds the table against ``rights.RIGHTS``.

- A **viewer** looks. What people did, and who may do what, is not for every viewer: names of
  colleagues are in it, and whoever plans to hide something would like to know what is seen.
- An **operator** does what a day or a night on duty asks for. A recall is among it: it is rare and
  cannot be taken back, but harm that goes on while somebody looks for an admin is worse, and an
  operator could bring the same devices another backbone anyway. So is taking out what devices gave
  to a campaign: whoever steers campaigns could have a device of his own ask for it.
- An **admin** decides who may do what and whose keys decide what devices install, reads and prunes
  what is kept of everybody's deeds, removes devices for good, and applies settings: these reach
  into how long a device keeps its images.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.rights import RIGHTS, Operator, Resource, Right, Verb


class Role(StrEnum):
    """What somebody may do, from little to everything."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


ORDER = tuple(Role)

ROLES: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.VIEWER: frozenset(
            {
                Right(Verb.LIST, Resource.APPLICANTS),
                Right(Verb.GET, Resource.BACKBONES),
                Right(Verb.LIST, Resource.BACKBONES),
                Right(Verb.GET, Resource.CAMPAIGNS),
                Right(Verb.LIST, Resource.CAMPAIGNS),
                Right(Verb.GET, Resource.DEVICES),
                Right(Verb.LIST, Resource.DEVICES),
                Right(Verb.LIST, Resource.DIAGNOSES),
                Right(Verb.GET, Resource.FLEETS),
                Right(Verb.GET, Resource.ROLLOUTS),
                Right(Verb.LIST, Resource.ROLLOUTS),
                Right(Verb.LIST, Resource.TICKETS),
                Right(Verb.GET, Resource.TRUST),
            }
        ),
        Role.OPERATOR: frozenset(
            {
                Right(Verb.UPDATE, Resource.APPLICANTS),
                Right(Verb.CREATE, Resource.BACKBONES),
                Right(Verb.DELETE, Resource.BACKBONES),
                Right(Verb.CREATE, Resource.CAMPAIGNS),
                Right(Verb.UPDATE, Resource.CAMPAIGNS),
                Right(Verb.UPDATE, Resource.DEVICES),
                Right(Verb.CREATE, Resource.DIAGNOSES),
                Right(Verb.CREATE, Resource.ROLLOUTS),
                Right(Verb.UPDATE, Resource.ROLLOUTS),
                Right(Verb.CREATE, Resource.TICKETS),
                Right(Verb.DELETE, Resource.TICKETS),
            }
        ),
        Role.ADMIN: frozenset(
            {
                Right(Verb.LIST, Resource.ACCOUNTS),
                Right(Verb.CREATE, Resource.ACCOUNTS),
                Right(Verb.DELETE, Resource.ACCOUNTS),
                Right(Verb.GET, Resource.AUDIT),
                Right(Verb.LIST, Resource.AUDIT),
                Right(Verb.DELETE, Resource.AUDIT),
                Right(Verb.DELETE, Resource.DEVICES),
                Right(Verb.UPDATE, Resource.FLEETS),
                Right(Verb.UPDATE, Resource.SETTINGS),
                Right(Verb.UPDATE, Resource.TRUST),
            }
        ),
    }
)


class DeniedError(FieldwiseError):
    """Somebody who is known may not do this.

    Args:
        operator: Who.
        sentence: What they lack.
    """

    def __init__(self, operator: Operator, sentence: str) -> None:
        super().__init__(Fault.PERMISSION_DENIED, sentence)
        self.operator = operator


def check(operator: Operator, role: Role, method: str) -> None:
    """Let pass who has the right that a method needs.

    Raises:
        DeniedError: Which names the role that would do.
    """
    right = RIGHTS.get(method)
    needed = least(right) if right else None
    if right is None or needed is None:
        raise DeniedError(operator, f"no role may call {method[:80]}")
    if not has(role, right):
        told = f"{operator.name} is {role} and may not {right}: that takes {needed}"
        raise DeniedError(operator, told)


def has(role: Role, right: Right) -> bool:
    """Tell whether a role has a right, by itself or by one below it."""
    return any(right in ROLES[each] for each in ORDER[: ORDER.index(role) + 1])


def least(right: Right) -> Role | None:
    """Return the least role that has a right; None for a right of nobody."""
    return next((each for each in ORDER if right in ROLES[each]), None)
