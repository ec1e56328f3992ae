"""Which role has which right: one table, with nothing twice and nothing missing."""

from itertools import pairwise

import pytest

from orchestrator.people.roles import ORDER, ROLES, Role, has, least
from orchestrator.rights import RIGHTS, Resource, Right, Verb

CHANGING = {Verb.CREATE, Verb.UPDATE, Verb.DELETE}


def test_every_right_of_the_operator_api_is_of_exactly_one_least_role() -> None:
    given = [right for rights in ROLES.values() for right in rights]
    assert len(given) == len(set(given))
    assert set(given) == set(RIGHTS.values())


@pytest.mark.parametrize("right", sorted(set(RIGHTS.values()), key=str), ids=str)
def test_a_role_has_what_those_below_it_have(right: Right) -> None:
    for lower, higher in pairwise(ORDER):
        assert has(higher, right) or not has(lower, right)
    assert has(Role.ADMIN, right)
    assert least(right) in ORDER


def test_a_viewer_changes_nothing() -> None:
    assert not {right.verb for right in ROLES[Role.VIEWER]} & CHANGING


def test_only_an_admin_says_who_may_do_what_and_takes_devices_out_for_good() -> None:
    for verb in Verb:
        assert not has(Role.OPERATOR, Right(verb, Resource.ACCOUNTS))
    assert not has(Role.OPERATOR, RIGHTS["DeleteDevice"])


def test_a_right_that_stands_nowhere_is_nobody_s() -> None:
    nobodys = Right(Verb.DELETE, Resource.FLEETS)
    assert least(nobodys) is None
    assert not any(has(role, nobodys) for role in Role)
