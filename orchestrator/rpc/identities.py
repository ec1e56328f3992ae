"""What operators do about the identity of devices; ``rpc.interceptors`` checked who calls."""

from fieldwise.calls import Context
from fieldwise.v1alpha1 import identity_pb2 as messages
from fieldwise.v1alpha1 import identity_pb2_grpc
from orchestrator.enrolment.denying import Denying
from orchestrator.identity_ports import Denial
from orchestrator.rpc.translate_views import moment_to
from orchestrator.views import moment


class IdentityServicer(identity_pb2_grpc.IdentityServicer):
    """The identity API.

    Args:
        denying: Who may not call for a while.
    """

    def __init__(self, denying: Denying) -> None:
        self._denying = denying

    async def DenyDevice(
        self, request: messages.DenyDeviceRequest, context: Context
    ) -> messages.DenyDeviceResponse:
        return messages.DenyDeviceResponse(denial=_denial(await self._denying.deny(request.id)))

    async def AllowDevice(
        self, request: messages.AllowDeviceRequest, context: Context
    ) -> messages.AllowDeviceResponse:
        return messages.AllowDeviceResponse(changed=await self._denying.allow(request.id))

    async def ListDenials(
        self, request: messages.ListDenialsRequest, context: Context
    ) -> messages.ListDenialsResponse:
        return messages.ListDenialsResponse(denials=map(_denial, await self._denying.list()))


def _denial(denial: Denial) -> messages.Denial:
    return messages.Denial(device_id=denial.device, deny_time=moment_to(moment(denial.denied_at)))
