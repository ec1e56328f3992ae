"""What one fleet gave is worth nothing in another, whatever that is called."""

from collections.abc import Iterator
from dataclasses import replace

import grpc
import pytest

from fieldwise import identity
from fieldwise.ticket import Ticket, decode_ticket, encode_ticket
from fieldwise.v1alpha1 import device_pb2
from tests.orchestrators import Member, Orchestrator, join, serving, status_of

TICKET_INVALID = (grpc.StatusCode.UNAUTHENTICATED, "ticket-invalid")


@pytest.fixture(scope="module", params=["bakery", "dairy"])
def fleets(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Orchestrator, Orchestrator]]:
    """A fleet called bakery, and another of that name or another, each with its own authority."""
    folder = tmp_path_factory.mktemp("fleets")
    with (
        serving(folder / "ours", "--fleet=bakery") as ours,
        serving(folder / "theirs", f"--fleet={request.param}") as theirs,
    ):
        yield ours, theirs


def ticket_of(fleet: Orchestrator) -> str:
    text: str = fleet.json("ticket", "create", "--uses=9")["token"]
    return text


def changed(text: str, **parts: object) -> str:
    read = decode_ticket(text)
    fields = {name: getattr(read, name) for name in Ticket.__struct_fields__}
    return encode_ticket(Ticket(**{**fields, **parts}))


def refused(text: str) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        join(text)
    return status_of(caught.value)


def nobody_answers(member: Member, *, renewing: bool = False) -> None:
    """Check that the transport itself ends a call, before a method is named."""
    request = identity.certificate_request(identity.generate_key())
    renewal = device_pb2.RenewRequest(certificate_request=request)
    report = device_pb2.CheckInRequest(incarnation=1, sequence=1)
    with member.calling() as stub:
        call, told = (stub.Renew, renewal) if renewing else (stub.CheckIn, report)
        with pytest.raises(grpc.RpcError) as caught:
            call(told, timeout=30)
    assert status_of(caught.value) == (grpc.StatusCode.UNAVAILABLE, "")


def test_a_ticket_is_worth_nothing_elsewhere(fleets: tuple[Orchestrator, Orchestrator]) -> None:
    ours, theirs = map(ticket_of, fleets)
    there = decode_ticket(theirs)
    # Sent elsewhere as it is, it meets a server that its authority does not vouch for.
    assert refused(changed(ours, address=there.address))[0] is grpc.StatusCode.UNAVAILABLE
    # Made to trust that server, it has a secret that nobody there knows.
    elsewhere = {"address": there.address, "authority": there.authority, "fleet": there.fleet}
    assert refused(changed(ours, **elsewhere)) == TICKET_INVALID
    assert fleets[1].json("device", "list") == []


def test_a_secret_opens_no_ticket_but_its_own(fleets: tuple[Orchestrator, Orchestrator]) -> None:
    ours, theirs = map(ticket_of, fleets)
    assert refused(changed(theirs, secret=decode_ticket(ours).secret)) == TICKET_INVALID
    assert refused(changed(ours, ticket_id=decode_ticket(theirs).ticket_id)) == TICKET_INVALID


@pytest.mark.parametrize("renewing", [False, True])
def test_a_certificate_is_worth_nothing_elsewhere(
    fleets: tuple[Orchestrator, Orchestrator], renewing: bool
) -> None:
    ours, theirs = (join(ticket_of(each)) for each in fleets)
    stranger = replace(ours, address=theirs.address, roots=theirs.roots)
    nobody_answers(stranger, renewing=renewing)
    assert ours.check_in().next_seconds


def test_a_device_talks_to_no_other_fleet(fleets: tuple[Orchestrator, Orchestrator]) -> None:
    ours, theirs = (join(ticket_of(each)) for each in fleets)
    nobody_answers(replace(ours, address=theirs.address))


def test_a_key_of_one_fleet_is_a_strangers_in_another(
    fleets: tuple[Orchestrator, Orchestrator],
) -> None:
    key = identity.generate_key()
    ours, theirs = (join(ticket_of(each), key) for each in fleets)
    assert ours.device_id != theirs.device_id
    mixed = replace(ours, address=theirs.address, roots=theirs.roots)
    nobody_answers(mixed)
