"""What operators call about devices that wait; the token was checked by ``rpc.interceptors``."""

from fieldwise.calls import Context
from fieldwise.v1alpha1 import admission_pb2 as messages
from fieldwise.v1alpha1 import admission_pb2_grpc
from orchestrator.applicant_views import view_applicant
from orchestrator.enrolment.applying import Applications
from orchestrator.paging import PageRequest
from orchestrator.rpc.translate_applicants import applicant_to


class AdmissionServicer(admission_pb2_grpc.AdmissionServicer):
    """The service for operators of applicants.

    Args:
        applications: The use cases behind it.
    """

    def __init__(self, applications: Applications) -> None:
        self._applications = applications

    async def ListApplicants(
        self, request: messages.ListApplicantsRequest, context: Context
    ) -> messages.ListApplicantsResponse:
        page = await self._applications.list(PageRequest(request.page_size, request.page_token))
        return messages.ListApplicantsResponse(
            applicants=[applicant_to(view_applicant(each)) for each in page.items],
            next_page_token=page.next_token,
        )

    async def AcceptDevice(
        self, request: messages.AcceptDeviceRequest, context: Context
    ) -> messages.AcceptDeviceResponse:
        applicant = await self._applications.accept(request.device_id, dict(request.tags))
        return messages.AcceptDeviceResponse(applicant=applicant_to(view_applicant(applicant)))

    async def RejectDevice(
        self, request: messages.RejectDeviceRequest, context: Context
    ) -> messages.RejectDeviceResponse:
        applicant = await self._applications.reject(request.device_id, request.reason)
        return messages.RejectDeviceResponse(applicant=applicant_to(view_applicant(applicant)))
