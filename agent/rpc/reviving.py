"""Coming back after the certificate is over: the old key is proved to the enrolment API."""

from agent.reporting import Credentials, Membership
from agent.rpc import translate
from agent.rpc.client import CALL_SECONDS, Departures
from fieldwise import wire
from fieldwise.between import Way
from fieldwise.channel import pem_of, pinned_channel, proxy_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import enrolment_pb2, enrolment_pb2_grpc


async def revive(
    member: Membership, certificate_request: bytes, departures: Departures, proxy: str = ""
) -> Credentials:
    """Trade a proof of the old key for credentials for a fresh one.

    Raises:
        FieldwiseError: What the orchestrator says, ``UNREACHABLE``, or ``CERTIFICATE_INVALID``
            where it is not known whom to ask.
    """
    if not member.enrolment_address:
        raise FieldwiseError(
            Fault.CERTIFICATE_INVALID,
            "this device joined with an older agent and does not know where to ask for another "
            "certificate: leave, and join with a new ticket",
        )
    roots = pem_of(*member.trust_roots)
    way = Way(member.enrolment_address, roots, proxy_of(member.enrolment_address, proxy))
    request = enrolment_pb2.ReviveRequest(
        certificate=member.certificate, certificate_request=certificate_request
    )
    async with pinned_channel(member.enrolment_address, roots=roots, proxy=proxy) as channel:
        stub = enrolment_pb2_grpc.EnrolmentStub(channel)
        try:
            await departures.note("revival", request, "asks how to prove its key")
            with client_errors():
                asked = await stub.Revive(request, timeout=CALL_SECONDS)
            wire.check(asked)
            request.nonce = asked.nonce
            request.knows_publisher = request.knows_trust_revision = True
            request.signature = _proof(member, asked.nonce, certificate_request)
            await departures.note(
                "revival", request, "proves its old key and asks for a certificate for a fresh one"
            )
            with client_errors():
                given = await stub.Revive(request, timeout=CALL_SECONDS)
            wire.check(given)
        except FieldwiseError as error:
            raise await way.explained(error) from error
    return translate.credentials(given.credentials)


def _proof(member: Membership, nonce: bytes, certificate_request: bytes) -> bytes:
    # 9 MB of cryptography come with them: only for who has slept too long.
    from fieldwise.identity import (  # noqa: PLC0415 - as said
        identity_of,
        load_certificate,
        load_key,
    )
    from fieldwise.revival import signed  # noqa: PLC0415 - as said

    identity = identity_of(load_certificate(member.certificate))
    return signed(load_key(member.key), identity, nonce, certificate_request)
