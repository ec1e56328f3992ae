"""How devices join: served without client certificates, since they have none yet."""

from fieldwise.calls import Context
from fieldwise.v1alpha1 import enrolment_pb2, enrolment_pb2_grpc
from orchestrator.enrolment.service import Credentials, Enrolment
from orchestrator.rpc import translate
from orchestrator.trust.serving import Serving


class EnrolmentServicer(enrolment_pb2_grpc.EnrolmentServicer):
    """The enrolment API.

    Args:
        enrolment: Membership.
        metadata: What publishers signed.
        device_address: host:port of the device API as devices are told it.
    """

    def __init__(self, enrolment: Enrolment, metadata: Serving, device_address: str) -> None:
        self._enrolment = enrolment
        self._metadata = metadata
        self._device_address = device_address

    async def Enrol(
        self, request: enrolment_pb2.EnrolRequest, context: Context
    ) -> enrolment_pb2.EnrolResponse:
        credentials = await self._enrolment.enrol(
            request.ticket_id,
            request.ticket_secret,
            request.certificate_request,
            translate.facts_from(request.facts),
        )
        root = await self._metadata.root() if request.knows_publisher else b""
        return enrolment_pb2.EnrolResponse(
            credentials=credentials_to(credentials, self._device_address, root)
        )


def credentials_to(
    credentials: Credentials, device_address: str, publisher_root: bytes = b""
) -> enrolment_pb2.Credentials:
    return enrolment_pb2.Credentials(
        device_id=credentials.device_id,
        fleet=credentials.fleet,
        certificate=credentials.certificate,
        trust_roots=credentials.trust_roots,
        device_address=device_address,
        publisher_root=publisher_root,
    )
