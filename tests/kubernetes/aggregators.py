"""An orchestrator that makes its Jobs in a real cluster, as the chart lets it.

The chart is installed, and its program is a process of this machine, with the account, the rights
and the form of Jobs that the chart gives: no node runs the Pod that the cluster has of it.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import charts
from tests.kubernetes.accounts import PROGRAM, Accounts
from tests.kubernetes.api import ApiServer, Object, until
from tests.kubernetes.releases import Release
from tests.orchestrators import Orchestrator, serving

SETTINGS = ("--set=federation.jobs.enabled=true", "--set=federation.jobs.backoffLimit=0")
ADDRESS = f"{PROGRAM}-operators.fleet.svc:8444"
CAMPAIGN = "fieldwise.dev/campaign"
BUNDLE = charts.CHART / "files" / "selftest" / "selftest-1.bundle"
PLAN = ("fieldwise-selftest:1.0.0", "--class=low", "--class=high")
KINDS = {"jobs": "/apis/batch/v1", "secrets": "/api/v1", "pods": "/api/v1"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a namespace has of campaigns."""

    server: ApiServer
    namespace: str

    def of(self, kind: str, campaign: str) -> dict[str, Object]:
        """Jobs, Secrets or Pods of a campaign by name, but for those that are being deleted."""
        path = f"{KINDS[kind]}/namespaces/{self.namespace}/{kind}"
        found = self.server.items(f"{path}?labelSelector={CAMPAIGN}={campaign}")
        return {
            each["metadata"]["name"]: each
            for each in found
            if "deletionTimestamp" not in each["metadata"]
        }

    def made(self, campaign: str, *before: str) -> tuple[Object, Object]:
        """Wait for a Job that is none of those before, and its Secret; return both."""

        def both() -> set[str]:
            jobs = self.of("jobs", campaign).keys() - set(before)
            return jobs & self.of("secrets", campaign).keys()

        until(lambda: len(both()) == 1, f"{campaign} has a Job", lambda: self.told(campaign))
        [name] = both()
        return self.of("jobs", campaign)[name], self.of("secrets", campaign)[name]

    def await_gone(self, campaign: str, *names: str) -> None:
        """Wait until nothing of a campaign, or nothing of those names, is there."""
        until(
            lambda: (
                not [
                    name
                    for kind in KINDS
                    for name in self.of(kind, campaign)
                    if not names or name.startswith(names)
                ]
            ),
            f"nothing is left of {names or campaign}",
            lambda: self.told(campaign),
        )

    def told(self, campaign: str) -> dict[str, list[str]]:
        return {kind: list(self.of(kind, campaign)) for kind in KINDS}


def token_of(secret: Object) -> str:
    return base64.b64decode(secret["data"]["token"]).decode()


@contextmanager
def orchestrator(release: Release, folder: Path) -> Iterator[Orchestrator]:
    """Run the program of a release; a backbone is there for campaigns."""
    accounts = Accounts(release.server, release.namespace)
    settings = f"/api/v1/namespaces/{release.namespace}/configmaps/{PROGRAM}"
    form = folder / "job.json"
    form.write_text(release.server.get(settings)["data"]["job.json"])
    flags = (f"--federation-job={form}", f"--federation-address={ADDRESS}", *accounts.flags())
    with serving(folder / "data", *flags) as running:
        if not running.json("backbone", "list"):
            running.json("backbone", "push", str(BUNDLE))
        yield running
