"""A day of a small fleet of real processes: whatever fails, whoever asked asks again.

Tickets, a device that joins, tags, settings, a bundle that is pushed and rolled out to a real
agent. At the end the day has had its effect, once.
"""

import hashlib
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
import typer

import orchestrator.storage.sql
from fieldwise import identity
from fieldwise.federation import RowKind
from fieldwise.revival import signed
from fieldwise.ticket import decode_ticket
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2, enrolment_pb2_grpc
from orchestrator.contents import UPDATES
from tests.bundles import class_images, tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.fleets import ForkedOrchestrator, insist, once
from tests.faults.forked_agent import ForkedAgent
from tests.faults.partners import band, see_through
from tests.faults.writers import writers
from tests.orchestrators import Member, enrol, join

SQL = Path(orchestrator.storage.sql.__file__).parent
FEDERATING = ("SqlCampaigns.", "SqlContributions.", "WorkerProcesses.")


def commits() -> list[str]:
    """Every method of the stores that opens a transaction to write, as the source has them."""
    return [name for path in sorted(SQL.glob("*.py")) for name in writers(path, {"write"})]


@dataclass(slots=True)
class Fleet:
    """One orchestrator and one agent that joined it, for all tests of a process."""

    server: ForkedOrchestrator
    agent: ForkedAgent
    folder: Path
    days: int = 0


def spend_a_day(fleet: Fleet) -> None:
    """Everything that operators and devices do; each asks again until it is answered."""
    server, day = fleet.server, fleet.days
    fleet.days += 1
    ticket = server.ask("ticket", "create", "--uses=1")
    key = identity.generate_key()
    member = insist(lambda: join(ticket["token"], key))
    insist(lambda: member.check_in(settings_revision=3))
    renew(member)
    server.ask("device", "tag", member.device_id, "line=3")
    deny(fleet, member)
    server.ask("settings", "apply", f"retention_days={day + 1}")
    diagnose(fleet, member)
    server.ask("ticket", "revoke", ticket["ticket"]["id"])
    newcomer(fleet, roll_out(fleet, day))
    server.ask("device", "remove", member.device_id, "--yes")
    assert member.device_id not in {each["id"] for each in server.ask("device", "list")}
    assert server.ask("audit", "verify")["whole"]


def spend_a_day_with(fleet: Fleet, method: str) -> None:
    """A day on which a method is called, also one that most days do not come to."""
    spend_a_day(fleet)
    match method:
        case _ if method.startswith("SqlAccounts."):
            hire(fleet)
        case "SqlAudit.prune":
            prune(fleet)
        case "SqlRollouts.recall":  # it withholds a backbone for good
            recall(fleet)
        case "SqlLeadership.resign":
            fleet.server.end_in_order()
            spend_a_day(fleet)
        case "SqlSuccession.keep" | "SqlRevivals.revive":
            rotate(fleet)
        case _ if method.startswith("SqlApplicants."):
            apply(fleet)
        case _ if method.startswith(FEDERATING):
            federate(fleet)


def renew(member: Member) -> None:
    request = device_pb2.RenewRequest(
        certificate_request=identity.certificate_request(identity.generate_key())
    )

    def ask() -> object:
        with member.calling() as stub:
            return stub.Renew(request, timeout=60)

    insist(ask)


def deny(fleet: Fleet, member: Member) -> None:
    """Keep a device out, and let it in again."""
    sequence = count(2)
    fleet.server.ask("device", "deny", member.device_id)
    with pytest.raises(grpc.RpcError):
        member.check_in(sequence=next(sequence))
    fleet.server.ask("device", "undeny", member.device_id)
    insist(lambda: member.check_in(sequence=next(sequence), settings_revision=3))


def rotate(fleet: Fleet) -> None:
    """One authority follows another; a device that noticed nothing comes back by its key.

    The agent takes every step: left behind twice it would ask for a certificate an hour later.
    """
    ticket = fleet.server.ask("ticket", "create", "--uses=1")
    key = identity.generate_key()
    member = insist(lambda: join(ticket["token"], key))
    for step in ("begin", "switch", "finish"):
        told = fleet.server.ask("authority", "rotate", step, *["--force"][: step == "finish"])
        wait_until(lambda: _has_followed(fleet))
    assert told["step"] == "settled"
    fresh = identity.generate_key()
    insist(lambda: revive(ticket["token"], member, key, fresh))
    fleet.server.ask("device", "remove", member.device_id, "--yes")


def _has_followed(fleet: Fleet) -> bool:
    with fleet.agent.device() as device:
        joined = insist(device.status).device_id
    return joined not in fleet.server.ask("authority", "rotate", "status")["behind_ids"]


def revive(
    token: str, member: Member, key: identity.PrivateKey, fresh: identity.PrivateKey
) -> enrolment_pb2.ReviveResponse:
    """Ask for a certificate for a fresh key by an old one, as the agent does."""
    der = identity.certificate_der(identity.load_pem_certificate(member.certificate))
    request = enrolment_pb2.ReviveRequest(
        certificate=der, certificate_request=identity.certificate_request(fresh)
    )
    credentials = grpc.ssl_channel_credentials(member.roots)
    with grpc.secure_channel(decode_ticket(token).address, credentials) as opened:
        stub = enrolment_pb2_grpc.EnrolmentStub(opened)
        request.nonce = stub.Revive(request, timeout=60).nonce
        named = identity.identity_of(identity.load_certificate(der))
        request.signature = signed(key, named, request.nonce, request.certificate_request)
        return stub.Revive(request, timeout=60)


def diagnose(fleet: Fleet, member: Member) -> None:
    """Ask the device for a diagnosis, which its owner does not want to give."""
    asked = fleet.server.ask("device", "diagnose", member.device_id)["id"]
    answer = device_pb2.AnswerDiagnosisRequest(id=asked, step=device_pb2.DIAGNOSIS_STEP_REFUSED)

    def refuse() -> object:
        with member.calling() as stub:
            return stub.AnswerDiagnosis(answer, timeout=60)

    insist(refuse)
    (kept,) = fleet.server.ask("device", "diagnose", member.device_id, "--list")
    assert (kept["id"], kept["state"]) == (asked, "refused")


def roll_out(fleet: Fleet, day: int) -> str:
    """Push a further bundle and bring it to the agent; return the rollout that did."""
    name = f"day{day}"
    path = tiny_bundle(fleet.folder / name, name=name, seed=day, starter=True)
    fleet.server.ask("backbone", "push", str(path))
    before = {each["id"] for each in fleet.server.ask("rollout", "list")}
    fleet.server.ask("rollout", "start", name, "--cohort=kind=agent")
    with fleet.agent.device() as device:
        wait_until(lambda: device.status().backbone == f"{name}:1.0.0")
        assert insist(lambda: device.predict(class_images("red", 1)[0])).best
    (newest, *_) = fleet.server.ask("rollout", "list")
    assert newest["id"] not in before

    wait_until(lambda: _is_over(fleet, newest["id"], devices=1))
    return str(newest["id"])


def _is_over(fleet: Fleet, rollout: str, devices: int) -> bool:
    """Whether a rollout is complete and all devices are seen to be well: nobody looks any more."""
    shown = fleet.server.ask("rollout", "show", rollout)
    return bool(shown["phase"] == "complete" and shown["counts"] == {"healthy": devices})


def newcomer(fleet: Fleet, rollout: str) -> None:
    """A device that joins later is welcomed to what has been rolled out, and ordered again."""
    ticket = fleet.server.ask("ticket", "create", "--tag=kind=agent")
    key = identity.generate_key()
    member = insist(lambda: join(ticket["token"], key))
    sequence = count(1)
    target = insist(lambda: member.check_in(sequence=next(sequence))).target
    assert target.generation
    active = device_pb2.UpdateReport(
        generation=target.generation,
        bundle_digest=target.bundle_digest,
        phase=device_pb2.UPDATE_PHASE_ACTIVE,
    )
    serving = {"bundle_in_use": target.bundle_digest, "update": active}

    def report(generation: int) -> device_pb2.CheckInResponse:
        return member.check_in(sequence=next(sequence), generation=generation, **serving)

    insist(lambda: report(target.generation))
    wait_until(lambda: _is_over(fleet, rollout, devices=2))
    # It says that it knows a newer order, as after a database was put back.
    insist(lambda: report(target.generation + 1))
    fleet.server.ask("device", "remove", member.device_id, "--yes")


def hire(fleet: Fleet) -> None:
    """Give somebody an account, whose token works, and take it back."""
    name = f"day{fleet.days}"

    def create() -> str:
        # The name is taken where an answer was lost, and nobody has that token.
        once(fleet.server.folder, "account", "revoke", name)
        created = once(fleet.server.folder, "account", "create", name, "--role=viewer")
        if created is None:
            raise typer.Exit
        token: str = created["token"]
        return token

    token = insist(create)
    assert fleet.server.ask("status", f"--token={token}")["fleet"]
    fleet.server.ask("account", "revoke", name)
    named = [each for each in fleet.server.ask("account", "list") if each["name"] == name]
    assert all(each["revoked_at"] for each in named)


def prune(fleet: Fleet) -> None:
    """Take away the beginning of the audit log; what is left says so and is whole."""
    number = fleet.server.ask("audit", "verify")["head"].partition(":")[0]
    fleet.server.ask("audit", "prune", number, "--yes")
    cut = fleet.server.ask("audit", "verify")["cut"].partition(":")[0]
    assert int(cut) >= int(number) - 1


def recall(fleet: Fleet) -> None:
    name = f"day{fleet.days - 1}"
    fleet.server.ask("backbone", "recall", name, "--yes")
    with fleet.agent.device() as device:
        wait_until(lambda: device.status().backbone != f"{name}:1.0.0")


def apply(fleet: Fleet) -> None:
    """Of four that wait one joins, one is rejected, one begins anew, and one never comes back."""
    server = fleet.server
    first, second = (
        server.ask("ticket", "create", "--uses=4", "--admission=pending") for _ in range(2)
    )
    keys = [identity.generate_key() for _ in range(4)]
    for key in keys:
        assert insist(lambda key=key: enrol(first["token"], key)).HasField("pending")
    accepted, rejected, changing, _ = map(fingerprint_of, keys)
    server.ask("device", "accept", _named(fleet, accepted))
    assert insist(lambda: enrol(first["token"], keys[0])).credentials.device_id
    server.ask("device", "reject", _named(fleet, rejected))
    assert insist(lambda: enrol(second["token"], keys[2])).HasField("pending")

    def is_asked_about() -> bool:
        insist(lambda: enrol(second["token"], keys[2]))
        (found,) = _waiting(fleet, changing)
        return bool(found["asked_at"] != found["applied_at"])

    wait_until(is_asked_about)
    wait_until(lambda: not server.ask("device", "pending"))
    listed = {each["id"]: each["uses"] for each in server.ask("ticket", "list", "--limit=0")}
    assert (listed[first["ticket"]["id"]], listed[second["ticket"]["id"]]) == (1, 0)


def fingerprint_of(key: identity.PrivateKey) -> str:
    return hashlib.sha256(identity.public_key_der(key.public_key())).hexdigest()


def _waiting(fleet: Fleet, fingerprint: str) -> list[dict[str, Any]]:
    found = fleet.server.ask("device", "pending")
    return [each for each in found if each["fingerprint"] == fingerprint]


def _named(fleet: Fleet, fingerprint: str) -> str:
    (found,) = _waiting(fleet, fingerprint)
    return str(found["device"])


def federate(fleet: Fleet) -> None:
    """Two devices come to a head, a third gives what is none; one of them withdraws."""
    server, name = fleet.server, f"day{fleet.days - 1}"
    mark = f"federated={name}"
    digest = server.ask("backbone", "show", name)["digest"]
    partners = band(server, mark, digest, [RowKind.MEANS, RowKind.MEANS, RowKind.WEIGHTS])
    told = server.ask(
        "federation", "start", name, "--class=red", "--class=blue", f"--cohort={mark}"
    )

    def is_judged() -> bool:
        partners[0].take_part()
        (head,) = server.ask("federation", "head", "list", told["id"])
        assert (head["version"], head["round"]) == (1, 1)
        return bool(sum(head["outcomes"].values()))

    see_through(server, told["id"], partners)
    wait_until(is_judged)
    partners[0].withdraw()
    given = server.folder / "bundles" / UPDATES
    wait_until(lambda: not any(each.is_file() for each in given.rglob("*")))
    for each in partners:
        server.ask("device", "remove", each.member.device_id, "--yes")
