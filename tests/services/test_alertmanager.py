"""Every alert reaches a real Alertmanager: from series that are played, and from a live fleet.

Played are all of them, with a second for every minute and without waiting, since no live fleet of a
test has a certificate that is about to end. A live orchestrator with devices of its own fires those
that it can; all others are only played here.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from msgspec import structs

from fieldwise.ticket import decode_ticket, encode_ticket
from fieldwise.v1alpha1 import device_pb2
from tests.bundles import tiny_bundle
from tests.orchestrators import Member, join, serving
from tests.services.alert_cases import CASES
from tests.services.playing import Playing, hurried, served
from tests.services.programs import alertmanager, prometheus, until, wait_for
from tests.services.test_alerts import RULES

pytestmark = pytest.mark.services
DEVICES = 6
LIVE = {
    "FieldwiseDevicesSilent",
    "FieldwiseCohortSilent",
    "FieldwiseEnrolmentFailing",
    "FieldwiseClocksOff",
    "FieldwisePredictionsFailing",
    "FieldwiseDriftWidespread",
    "FieldwiseRolloutWaits",
    "FieldwiseRolloutTurnedBack",
    "FieldwiseRollbackRateHigh",
    "FieldwiseDown",
}


class Inbox:
    """What a webhook of Alertmanager was told: alert and cluster of everything that fired."""

    def __init__(self) -> None:
        self.fired: set[tuple[str, str]] = set()

    def __call__(self, told: dict[str, Any] | None) -> str:
        for alert in (told or {"alerts": []})["alerts"]:
            labels = alert["labels"]
            assert alert["annotations"]["runbook_url"].startswith("docs/runbooks/")
            self.fired.add((labels["alertname"], labels.get("cluster", "")))
        return ""

    def wait_for(self, wanted: set[tuple[str, str]]) -> None:
        until(lambda: wanted <= self.fired, lambda: f"there never came {wanted - self.fired}")


@contextmanager
def watched(folder: Path, target: str) -> Iterator[Inbox]:
    """A target with Prometheus, Alertmanager and somebody who reads what they say."""
    inbox = Inbox()
    with ExitStack() as stack:
        webhook = stack.enter_context(served(inbox))
        manager = stack.enter_context(alertmanager(folder, f"http://{webhook}"))
        rules = [hurried(file, folder) for file in sorted(RULES.glob("*.yaml"))]
        base = stack.enter_context(prometheus(folder, target, rules, manager))
        wait_for(base, "up == 1")  # what happens before the first scrape is no increase
        yield inbox


@pytest.mark.timeout(1800)
def test_every_alert_that_is_played_arrives_and_no_other(tmp_path: Path) -> None:
    playing = Playing(CASES)
    played = {(case.alert, case.alert) for case in CASES if case.firing}
    with ExitStack() as stack:
        shown = stack.enter_context(ExitStack())
        target = shown.enter_context(served(lambda _: playing.scrape()))
        inbox = stack.enter_context(watched(tmp_path, target))
        inbox.wait_for(played)
        shown.close()
        inbox.wait_for({("FieldwiseDown", "")})
    assert inbox.fired == played | {("FieldwiseDown", "")}


def reporting(member: Member, target: device_pb2.Target) -> None:
    """A device that went back from its target, refuses predictions, drifts, and has no clock."""
    member.check_in(
        sequence=2,
        generation=target.generation,
        update={
            "generation": target.generation,
            "bundle_digest": target.bundle_digest,
            "phase": device_pb2.UPDATE_PHASE_REVERTED,
            "failure": device_pb2.UPDATE_FAILURE_CRASHED,
        },
        learning={"samples": 100},
        vital_signs={"predictions": 50, "prediction_errors": 50},
        signs={"drift_alarms": 3, "clock_off_seconds": 7200},
    )


def turned_back(running: Any) -> bool:
    """Whether the first rollout has turned back; a newer one would take its devices before."""
    return running.json("rollout", "show", "r1")["phase"] in {"reverting", "reverted"}


def knock(ticket: str) -> None:
    """Ask to join with a secret that is not the ticket's."""
    wrong = structs.replace(decode_ticket(ticket), secret=bytes(32))
    with pytest.raises(grpc.RpcError):
        join(encode_ticket(wrong))


@pytest.mark.timeout(1800)
def test_a_live_fleet_fires_what_it_can(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny.bundle")
    pace = ("--metrics-seconds=1", "--check-in-seconds=3", "--busy-check-in-seconds=3")
    with ExitStack() as stack:
        server = stack.enter_context(ExitStack())
        running = server.enter_context(serving(tmp_path / "data", *pace, "--metrics-tag=site"))
        inbox = stack.enter_context(watched(tmp_path, running.told["metrics_address"]))
        ticket = running.json("ticket", "create", f"--uses={DEVICES}", "--tag=site=east")["token"]
        members = [join(ticket) for _ in range(DEVICES)]
        pushed = running.json("backbone", "push", str(bundle))["backbone"]
        title = f"{pushed['name']}:{pushed['version']}"
        running.json("rollout", "start", title)
        for member in members:
            reporting(member, member.check_in().target)
        until(lambda: turned_back(running), lambda: "r1 never turned back")
        running.json("rollout", "start", title)
        running.json("rollout", "pause", "r2")
        for _ in range(DEVICES + 1):
            knock(ticket)
        inbox.wait_for({(name, "") for name in LIVE - {"FieldwiseDown"}})
        server.close()
        inbox.wait_for({("FieldwiseDown", "")})
    assert {name for name, _ in inbox.fired} >= LIVE
