"""The calls about devices that wait, as commands see them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fieldwise.v1alpha1 import admission_pb2 as messages
from orchestrator.applicant_views import ApplicantView
from orchestrator.paging import PAGE_SIZE_MAX, Page
from orchestrator.rpc.calling import Calling
from orchestrator.rpc.translate_applicants import applicant_from

if TYPE_CHECKING:
    from fieldwise.v1alpha1.admission_pb2_grpc import AdmissionAsyncStub  # only the types have it


class ApplicantClient(Calling):
    """Calls one server about applicants; every method raises ``FieldwiseError`` and nothing else.

    Args:
        stub: The service over an open channel.
        token: The operator token.
    """

    def __init__(self, stub: "AdmissionAsyncStub", token: str) -> None:
        super().__init__(token)
        self._stub = stub

    async def list(self, token: str = "") -> Page[ApplicantView]:
        """Return those who wait or were accepted and have not come, newest first."""
        request = messages.ListApplicantsRequest(page_size=PAGE_SIZE_MAX, page_token=token)
        answer = await self._call(self._stub.ListApplicants, request)
        return Page(tuple(map(applicant_from, answer.applicants)), answer.next_page_token)

    async def accept(self, device: str, tags: Mapping[str, str]) -> ApplicantView:
        """Let a device in when it asks again; a second time changes nothing."""
        request = messages.AcceptDeviceRequest(device_id=device, tags=dict(tags))
        return applicant_from((await self._insist(self._stub.AcceptDevice, request)).applicant)

    async def reject(self, device: str, reason: str) -> ApplicantView:
        """Turn a device away; a second time changes nothing."""
        request = messages.RejectDeviceRequest(device_id=device, reason=reason)
        return applicant_from((await self._insist(self._stub.RejectDevice, request)).applicant)
