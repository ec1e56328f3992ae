"""What accounts may is what the documentation says; tests/kubernetes asks a real API server."""

from collections.abc import Iterator
from itertools import product

from tests import charts
from tests.documented_rights import Right, documented

OBJECTS = charts.rendered("kubernetes")


def given(account: str) -> Iterator[Right]:
    """What the roles that an account is bound to let it do."""
    for binding in charts.of_kind(OBJECTS, "RoleBinding", "ClusterRoleBinding"):
        if account in [each["name"] for each in binding["subjects"]]:
            where = "its namespace" if binding["kind"] == "RoleBinding" else "the cluster"
            [role] = [
                each
                for each in charts.of_kind(OBJECTS, binding["roleRef"]["kind"])
                if each["metadata"]["name"] == binding["roleRef"]["name"]
            ]
            for rule in role["rules"]:
                for verb, group, kind in product(
                    *map(rule.get, ("verbs", "apiGroups", "resources"))
                ):
                    full = f"{kind}.{group}" if group else kind
                    for name in rule.get("resourceNames", [""]):
                        yield verb, full, name, where


def test_each_account_is_given_what_the_documentation_says() -> None:
    accounts = [each["metadata"]["name"] for each in charts.of_kind(OBJECTS, "ServiceAccount")]
    assert {account: set(given(account)) for account in accounts} == documented()
