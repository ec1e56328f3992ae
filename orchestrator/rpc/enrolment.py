"""How devices join and come back: served without client certificates, since they have none yet."""

from collections.abc import Callable

from fieldwise.calls import Context
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import enrolment_pb2, enrolment_pb2_grpc
from orchestrator.enrolment.applicant import OUTCOMES, JoinOutcome
from orchestrator.enrolment.applying import Waiting
from orchestrator.enrolment.reviving import Reviving
from orchestrator.enrolment.service import Credentials, Enrolment
from orchestrator.rates import address_of
from orchestrator.rpc import translate
from orchestrator.trust.serving import Serving


class EnrolmentServicer(enrolment_pb2_grpc.EnrolmentServicer):
    """The enrolment API.

    Args:
        enrolment: Membership.
        reviving: The way back for members that slept past their certificate.
        metadata: What publishers signed.
        device_address: host:port of the device API as devices are told it.
        counted: Told how each request to join ended.
        by_address: Whether addresses of callers are their own.
    """

    def __init__(
        self,
        enrolment: Enrolment,
        reviving: Reviving,
        metadata: Serving,
        device_address: str,
        counted: Callable[[JoinOutcome], None] = lambda _: None,
        *,
        by_address: bool = True,
    ) -> None:
        self._counted = counted
        self._by_address = by_address
        self._enrolment = enrolment
        self._reviving = reviving
        self._metadata = metadata
        self._device_address = device_address

    async def Enrol(
        self, request: enrolment_pb2.EnrolRequest, context: Context
    ) -> enrolment_pb2.EnrolResponse:
        try:
            given = await self._enrolment.enrol(
                request.ticket_id,
                request.ticket_secret,
                request.certificate_request,
                translate.facts_from(request.facts),
                address_of(context.peer()) if self._by_address else "",
            )
        except FieldwiseError as error:
            self._counted(OUTCOMES.get(error.fault, JoinOutcome.FAILED))
            raise
        waits = isinstance(given, Waiting)
        self._counted(JoinOutcome.WAITING if waits else JoinOutcome.JOINED)
        if not isinstance(given, Waiting):
            root = await self._metadata.root() if request.knows_publisher else b""
            told = self._told(given, root, request)
            return enrolment_pb2.EnrolResponse(credentials=told)
        if not request.knows_pending:
            raise must_wait(given)
        return enrolment_pb2.EnrolResponse(
            pending=enrolment_pb2.PendingEnrolment(
                retry_seconds=given.retry_seconds, fingerprint=given.fingerprint
            )
        )

    async def Revive(
        self, request: enrolment_pb2.ReviveRequest, context: Context
    ) -> enrolment_pb2.ReviveResponse:
        asked = (request.certificate, request.certificate_request)
        if not request.nonce:
            return enrolment_pb2.ReviveResponse(nonce=self._reviving.challenge(*asked))
        credentials = await self._reviving.revive(*asked, request.nonce, request.signature)
        root = await self._metadata.root() if request.knows_publisher else b""
        return enrolment_pb2.ReviveResponse(credentials=self._told(credentials, root, request))

    def _told(
        self,
        credentials: Credentials,
        root: bytes,
        request: enrolment_pb2.EnrolRequest | enrolment_pb2.ReviveRequest,
    ) -> enrolment_pb2.Credentials:
        knows = request.knows_trust_revision
        return credentials_to(credentials, self._device_address, root, tells_revision=knows)


def must_wait(given: Waiting) -> FieldwiseError:
    """What an agent hears that is too old to wait by itself; it keeps its key all the same."""
    return FieldwiseError(
        Fault.PERMISSION_DENIED,
        f"the fleet's operator has to accept this device first, whose key is {given.fingerprint}; "
        "join again with this ticket after that",
    )


def credentials_to(
    credentials: Credentials,
    device_address: str,
    publisher_root: bytes = b"",
    *,
    tells_revision: bool = False,
) -> enrolment_pb2.Credentials:
    return enrolment_pb2.Credentials(
        device_id=credentials.device_id,
        fleet=credentials.fleet,
        certificate=credentials.certificate,
        trust_roots=credentials.trust_roots,
        device_address=device_address,
        publisher_root=publisher_root,
        trust_revision=credentials.trust_revision if tells_revision else 0,
    )
