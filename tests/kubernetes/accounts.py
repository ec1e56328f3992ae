"""Accounts of a real cluster, with the rights that the chart gives: the program's, and people's."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests import charts
from tests.documented_rights import PROGRAM
from tests.kubernetes.api import ApiServer, Object
from tests.kubernetes.releases import succeeded

RIGHTS = ("ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Lease")
AUDIENCE = "fieldwise"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Of one namespace, where the chart has made the program's account and its rights."""

    server: ApiServer
    namespace: str

    def flags(self) -> tuple[str, ...]:
        """How a program outside of the cluster is told to use the account that the chart makes."""
        return (
            f"--kubernetes-config={self.kubeconfig()}",
            f"--kubernetes-namespace={self.namespace}",
            f"--kubernetes-lease={PROGRAM}",
        )

    def kubeconfig(self) -> Path:
        token = self.server.token_of_account(self.namespace, PROGRAM)
        return self.server.kubeconfig(f"program-of-{self.namespace}", token)

    def person(self, name: str, role: str = "") -> None:
        """Make an account for somebody, with one of the chart's roles for people."""
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self.server.create(accounts, {"metadata": {"name": name}})
        if role:
            self._kubectl(
                "create",
                "rolebinding",
                name,
                f"--clusterrole={self.namespace}-{PROGRAM}-{role}",
                f"--serviceaccount={self.namespace}:{name}",
            )

    def token(self, name: str, audience: str = AUDIENCE) -> str:
        """As the documentation says that a person gets one."""
        made = self.server.token_of_account(self.namespace, name, audience)
        assert made.count(".") == 2
        return made

    def take(self, kind: str, name: str) -> None:
        self._kubectl("delete", kind, name)

    def give(self, *objects: Object) -> None:
        """Make objects as they are; those of a namespace in this one."""
        told = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self._kubectl("create", "--filename=-", given=told)

    def may(self, account: str, verb: str, group: str, resource: str, name: str = "") -> bool:
        """Ask the server what `kubectl auth can-i` asks, which knows only what discovery lists."""
        kind, _, part = resource.partition("/")
        asked = {
            "namespace": self.namespace,
            "verb": verb,
            "group": group,
            "resource": kind,
            "subresource": part,
            "name": name,
        }
        groups = ["system:serviceaccounts", "system:authenticated"]
        user = f"system:serviceaccount:{self.namespace}:{account}"
        spec = {"user": user, "groups": groups, "resourceAttributes": asked}
        answer = self.server.create(REVIEWS, {"spec": spec})["status"]
        return bool(answer["allowed"])

    def _kubectl(self, *arguments: str, given: str | None = None) -> None:
        named = f"--namespace={self.namespace}"
        succeeded(self.server.kubectl(*arguments, named, given=given))


def rights_of_chart(server: ApiServer, namespace: str, *settings: str) -> Accounts:
    """Make the chart's accounts, roles and Lease as it renders them with these settings."""
    accounts = Accounts(server, namespace)
    accounts.give(*rendered_rights(namespace, *settings))
    return accounts


def rendered_rights(namespace: str, *settings: str) -> list[Object]:
    given = (f"--set-json={each}" for each in settings)
    named = (charts.RELEASE, str(charts.CHART), f"--namespace={namespace}")
    objects = charts.manifests(succeeded(charts.run("template", *named, *given)))
    return [each for each in objects if each["kind"] in RIGHTS]
