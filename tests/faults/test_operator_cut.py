"""The network cut at every kind of message between an operator's command and the orchestrator.

The kinds come from the services' own descriptors. A command opens a connection of its own; of the
pieces that go over it either way the first is cut, in another round the second, until a round has
none left to cut. So there is a round in which the request of each kind had arrived, and nothing
of its answer came back.

Whoever is not answered is told so in a sentence and gives the command again. What six commands do
they would do again; these ask once more by themselves, so that one cut is not noticed, and where no
second answer comes they tell the option with which they may be given again. Both have their effect
exactly once.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fieldwise import identity
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault
from fieldwise.federation import RowKind
from fieldwise.v1alpha1 import (
    account_pb2,
    admission_pb2,
    audit_pb2,
    campaign_pb2,
    identity_pb2,
    operator_pb2,
    trust_pb2,
)
from orchestrator.cli import app
from orchestrator.rpc import client
from orchestrator.rpc.audit_client import AuditClient
from orchestrator.rpc.calling import Calling
from orchestrator.rpc.campaign_client import CampaignClient
from tests.bundles import tiny_bundle
from tests.faults.conftest import Tried
from tests.faults.cutting import Cut, Proxy
from tests.faults.fleets import ForkedOrchestrator, once, told_again
from tests.faults.forked import Mother
from tests.faults.partners import band, see_through
from tests.orchestrators import enrol, environment, join

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]
CUTS = [each for each in Cut if each is not Cut.BEFORE]  # a command's own connection is cut at once
ROUNDS_MAX = 30
ENTRIES_LEFT = 10
UNHEARD = {Fault.UNREACHABLE, Fault.UNAVAILABLE}


def kinds() -> set[str]:
    """Every message that an operator calls with."""
    services = (
        operator_pb2.DESCRIPTOR.services_by_name["Operator"],
        admission_pb2.DESCRIPTOR.services_by_name["Admission"],
        campaign_pb2.DESCRIPTOR.services_by_name["Federation"],
        identity_pb2.DESCRIPTOR.services_by_name["Identity"],
        trust_pb2.DESCRIPTOR.services_by_name["Trust"],
        account_pb2.DESCRIPTOR.services_by_name["Accounts"],
        audit_pb2.DESCRIPTOR.services_by_name["Audit"],
    )
    return {method.input_type.name for each in services for method in each.methods}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedOrchestrator]:
    folder = tmp_path_factory.mktemp("w")
    with (
        Mother("orchestrator") as orchestrators,
        ForkedOrchestrator(orchestrators, folder / "data") as running,
    ):
        yield running


@pytest.fixture(scope="module")
def campaign(server: ForkedOrchestrator, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A campaign that has come to two heads."""
    path = tiny_bundle(tmp_path_factory.mktemp("c") / "b", name="shared")
    bundle = server.ask("backbone", "push", str(path))["backbone"]["digest"]
    partners = band(server, "run=heads", bundle, [RowKind.MEANS, RowKind.MEANS])
    given = ("--class=red", "--class=blue", "--cohort=run=heads", "--rounds=2", "--pause=0s")
    found: str = server.ask("federation", "start", "shared", *given)["id"]
    see_through(server, found, partners)
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of messages that commands are about to send, in order."""
    found: list[str] = []
    call, push, export = Calling._call, client._push_requests, CampaignClient.export
    export_log = AuditClient.export

    async def noted(self: Any, method: Any, request: Any, *more: Any) -> Any:
        found.append(request.DESCRIPTOR.name)
        return await call(self, method, request, *more)

    def noted_push(pieces: Any) -> Any:
        found.append(operator_pb2.PushBackboneRequest.DESCRIPTOR.name)
        return push(pieces)

    def noted_export(self: Any, *asked: Any) -> Any:
        found.append(campaign_pb2.ExportHeadRequest.DESCRIPTOR.name)
        return export(self, *asked)

    def noted_log(self: Any) -> Any:
        found.append(audit_pb2.ExportAuditRequest.DESCRIPTOR.name)
        return export_log(self)

    monkeypatch.setattr(AuditClient, "export", noted_log)
    monkeypatch.setattr(Calling, "_call", noted)
    monkeypatch.setattr(client, "_push_requests", noted_push)
    monkeypatch.setattr(CampaignClient, "export", noted_export)
    return found


@dataclass(slots=True)
class Operator:
    """Gives commands over a wire that is cut at one place of each, and then over one that is whole.

    Args:
        server: Whom to ask.
        proxy: The wire.
        sent: Kinds of messages as they are sent.
        cut: Where each command is cut.
        skip: Pieces that pass first.
    """

    server: ForkedOrchestrator
    proxy: Proxy
    sent: list[str]
    cut: Cut
    skip: int = 0
    cuts: list[str] = field(default_factory=list)

    def give(self, *command: str, undoing: tuple[str, ...] = ()) -> Any:
        """Give a command until it is answered; undo before that what it may have come to."""
        begun, before = len(self.sent), self.proxy.cuts
        self.proxy.arm(self.cut, self.skip)
        done = CliRunner(env=environment(self.server.folder)).invoke(
            app, [*command, f"--address={self.proxy.address}", "--json"]
        )
        self.proxy.disarm()
        if self.proxy.cuts > before:
            self.cuts.append(self.sent[-1])
        assert len(self.sent) > begun, command
        if done.exit_code == 0:
            return json.loads(done.stdout)
        assert isinstance(done.exception, SystemExit), (command, done.exception)
        told = json.loads(done.stderr)["error"]
        assert told["fault"] in UNHEARD, (command, done.stderr)
        if undoing:
            once(self.server.folder, *undoing)
        return self.server.ask(*command, *told_again(told["message"]))


@pytest.mark.parametrize("cut", CUTS)
def test_an_operator_outlives_a_cut_at_every_message(
    cut: Cut,
    server: ForkedOrchestrator,
    campaign: str,
    sent: list[str],
    tmp_path: Path,
    tried: Tried,
) -> None:
    known = 0
    with Proxy(server.told["operator_address"]) as proxy:
        operator = Operator(server, proxy, sent, cut)
        for operator.skip in range(ROUNDS_MAX):
            everything(operator, f"{cut}{operator.skip}", tmp_path)
            heads(operator, campaign, tmp_path / f"{cut}{operator.skip}")
            made, known = len(operator.cuts) - known, len(operator.cuts)
            tried("the network cut at a message of an operator", made)
            if not made:
                break
        assert not made, "there is always a piece left to cut"
    assert set(operator.cuts) == set(sent) == kinds()


def everything(operator: Operator, run: str, folder: Path) -> None:
    """Give every command there is, to devices and with bundles of this run's own."""
    ticket = operator.give("ticket", "create", f"--tag=run={run}", "--uses=2")
    first, second = join(ticket["token"]), join(ticket["token"])
    listed = operator.give("ticket", "list")
    assert [each["id"] for each in listed if each["tags"].get("run") == run] == [
        ticket["ticket"]["id"]
    ]
    assert operator.give("ticket", "revoke", ticket["ticket"]["id"])["revoked"]
    for member in (first, second):
        member.check_in()
    devices(operator, run, first.device_id)
    identities(operator, second.device_id)
    applicants(operator)
    backbones(operator, run, folder)
    rollouts(operator, run)
    campaigns(operator, run)
    publishers(operator, folder / f"trust{run}")
    accounts(operator, run)
    audits(operator, folder / f"audit{run}")
    recalled = operator.give("backbone", "recall", f"b{run}", "--yes")
    assert recalled["backbone"]["recalled_at"]
    operator.give("device", "remove", first.device_id, "--yes")
    left = operator.give("device", "list", f"--cohort=run={run}")
    assert {each["id"] for each in left} == {second.device_id}
    authorities(operator)


def devices(operator: Operator, run: str, device: str) -> None:
    assert operator.give("device", "show", device)["id"] == device
    assert operator.give("device", "tag", device, "line=3")["tags"] == {"run": run, "line": "3"}
    assert operator.give("explain", device)["sentences"]
    operator.give("settings", "apply", "retention_days=3", f"--cohort=run={run}")
    revision = operator.server.ask("device", "show", device)["settings"]
    assert (revision["revision"], revision["settings"]["retention_days"]) == (1, 3)
    asked = operator.give("device", "diagnose", device)
    (kept,) = operator.give("device", "diagnose", device, "--list")
    assert kept["id"] == asked["id"]
    assert operator.give("status")["version"]


def identities(operator: Operator, device: str) -> None:
    """A device is kept out and let in again."""
    assert operator.give("device", "deny", device)["device"] == device
    assert [each["device"] for each in operator.give("device", "denied")] == [device]
    operator.give("device", "undeny", device)
    assert operator.server.ask("device", "denied") == []


def authorities(operator: Operator) -> None:
    """One follows another; who joined before is not asked to call again here."""
    before = operator.give("authority", "rotate", "status")["trust_revision"]
    for number, step in enumerate(("begin", "switch"), 1):
        told = operator.give("authority", "rotate", step)
        assert told["trust_revision"] == before + number
    done = operator.give("authority", "rotate", "finish", "--force")
    assert (done["step"], done["trust_revision"]) == ("settled", before + 3)


def publishers(operator: Operator, folder: Path) -> None:
    """What is signed is shown, fetched, and sent back, which changes nothing."""
    assert operator.give("trust", "status")["metadata"]
    assert len(operator.give("trust", "export", str(folder))["files"]) > 1
    assert not operator.give("trust", "publish", str(folder))["changed"]


def accounts(operator: Operator, name: str) -> None:
    """One is in force, whose token was seen; it is revoked."""
    undoing = ("account", "revoke", name)
    token = operator.give("account", "create", name, "--role=viewer", undoing=undoing)["token"]
    assert operator.server.ask("status", f"--token={token}")["fleet"]
    listed = operator.give("account", "list", "--limit=0")
    assert [each["revoked_at"] for each in listed if each["name"] == name].count(None) == 1
    assert operator.give("account", "revoke", name)["revoked_at"]


def audits(operator: Operator, file: Path) -> None:
    """The log is looked at, written to a file, and loses all but its end, once."""
    assert operator.give("audit", "list")
    head = operator.give("audit", "verify")["head"]
    assert operator.give("audit", "export", str(file))["entries"]
    goes = int(head.partition(":")[0]) - ENTRIES_LEFT  # or each round had more pieces to cut
    assert operator.give("audit", "prune", f"{goes}", "--yes")["cut"].startswith(f"{goes}:")
    left = operator.server.ask("audit", "verify")
    assert left["whole"]
    assert left["cut"].startswith(f"{goes}:")


def applicants(operator: Operator) -> None:
    """Two that wait: one is let in, the other is turned away."""
    ticket = operator.server.ask("ticket", "create", "--uses=2", "--admission=pending")
    for _ in range(2):
        assert enrol(ticket["token"], identity.generate_key()).HasField("pending")
    own = ticket["ticket"]["id"]
    named = [each["device"] for each in operator.give("device", "pending") if each["ticket"] == own]
    assert operator.give("device", "accept", named[0])["stage"] == "accepted"
    assert operator.give("device", "reject", named[1])["stage"] == "rejected"


def backbones(operator: Operator, run: str, folder: Path) -> None:
    for name in (f"a{run}", f"b{run}"):
        path = tiny_bundle(folder / name, name=name)
        assert operator.give("backbone", "push", str(path))["backbone"]["name"] == name
        names = [each["name"] for each in operator.give("backbone", "list")]
        assert names.count(name) == 1
        assert operator.give("backbone", "show", name)["name"] == name


def rollouts(operator: Operator, run: str) -> None:
    """One that is stopped in its middle, one that is undone, one that is taken back."""
    waves = [f"--cohort=run={run}", "--wave=1", "--wave=1", "--wave=rest", "--promotion=manual"]
    preview = operator.give("rollout", "start", f"a{run}", *waves, "--dry-run")
    assert len(preview["devices"]) == 2
    rollout = start(operator, run, f"a{run}", *waves)
    assert operator.give("rollout", "list")[0]["id"] == rollout
    assert operator.give("rollout", "show", rollout)["phase"] == "running"
    assert len(operator.give("rollout", "devices", rollout)) == 2
    assert operator.give("rollout", "pause", rollout)["rollout"]["phase"] == "paused"
    assert operator.give("rollout", "resume", rollout)["rollout"]["phase"] == "running"
    operator.give("rollout", "promote", rollout)
    assert operator.server.ask("rollout", "show", rollout)["wave"] == 2
    operator.give("rollout", "retry", rollout)
    held = operator.give("rollout", "hold", rollout, "--yes")
    assert held["rollout"]["phase"] == "held"
    history = [each["kind"] for each in operator.give("rollout", "show", rollout, "--history")]
    once = {"paused", "resumed", "wave-opened", "held"}
    assert {each: history.count(each) for each in once} == dict.fromkeys(once, 1)
    later = start(operator, run, f"b{run}", f"--cohort=run={run}")
    undone = operator.give("rollout", "undo", later, f"--to={rollout}", "--yes")["rollout"]["id"]
    assert [each["kind"] for each in of(operator, run)] == ["undo", "forward", "forward"]
    back = operator.give("rollout", "abort", undone, "--yes")
    assert back["rollout"]["phase"] in {"reverting", "reverted"}


def campaigns(operator: Operator, run: str) -> None:
    """One that is started and stopped, before any of its devices has said what it agrees to."""
    plan = [f"a{run}", "--class=red", f"--cohort=run={run}"]
    assert operator.give("federation", "start", *plan, "--dry-run")["devices"] == 2
    started = operator.give("federation", "start", *plan)["id"]
    listed = operator.give("federation", "list", "--limit=0")
    own = [each["id"] for each in listed if each["plan"]["cohort"] == f"run={run}"]
    assert own == [started]
    assert operator.give("federation", "show", started)["phase"] == "running"
    assert operator.give("federation", "show", started, "--rounds") == []
    assert operator.give("federation", "stop", started, "--yes")["phase"] == "stopped"


def heads(operator: Operator, campaign: str, file: Path) -> None:
    """Each head is taken back to once, and what is offered then is written to a file."""
    before = operator.give("federation", "head", "list", campaign)
    for version in ("1", "2"):
        operator.give("federation", "head", "rollback", campaign, version, "--yes")
    after = operator.server.ask("federation", "head", "list", campaign)
    assert after[2:] == before
    assert [each["back_to"] for each in after[:2]] == [2, 1]
    operator.give("federation", "head", "export", campaign, f"--output={file}")
    assert digest_of(file.read_bytes()) == after[0]["digest"]


def start(operator: Operator, run: str, *given: str) -> str:
    """Start a rollout, once; returns its id."""
    known = len(of(operator, run))
    found: str = operator.give("rollout", "start", *given)["id"]
    assert len(of(operator, run)) == known + 1
    return found


def of(operator: Operator, run: str) -> list[dict[str, Any]]:
    """The rollouts of a run's devices, newest first, over a wire that is whole."""
    found = operator.server.ask("rollout", "list", "--limit=0")
    return [each for each in found if each["cohort"] == f"run={run}"]
