"""What operators do about the identity of devices; ``rpc.interceptors`` checked who calls."""

import hashlib

from fieldwise.calls import Context
from fieldwise.v1alpha1 import identity_pb2 as messages
from fieldwise.v1alpha1 import identity_pb2_grpc
from orchestrator.enrolment.denying import Denying
from orchestrator.enrolment.rotating import Rotating, Rotation
from orchestrator.enrolment.succession import Step
from orchestrator.identity_ports import Denial
from orchestrator.rpc.translate import words
from orchestrator.rpc.translate_views import moment_to
from orchestrator.views import moment

STEPS = words(Step, messages.RotationStep, "ROTATION_STEP")


class IdentityServicer(identity_pb2_grpc.IdentityServicer):
    """The identity API.

    Args:
        denying: Who may not call for a while.
        rotating: How one authority follows another.
    """

    def __init__(self, denying: Denying, rotating: Rotating) -> None:
        self._denying = denying
        self._rotating = rotating

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

    async def GetRotation(
        self, request: messages.GetRotationRequest, context: Context
    ) -> messages.GetRotationResponse:
        return messages.GetRotationResponse(rotation=_rotation(await self._rotating.status()))

    async def BeginRotation(
        self, request: messages.BeginRotationRequest, context: Context
    ) -> messages.BeginRotationResponse:
        return messages.BeginRotationResponse(rotation=_rotation(await self._rotating.begin()))

    async def SwitchRotation(
        self, request: messages.SwitchRotationRequest, context: Context
    ) -> messages.SwitchRotationResponse:
        return messages.SwitchRotationResponse(rotation=_rotation(await self._rotating.switch()))

    async def FinishRotation(
        self, request: messages.FinishRotationRequest, context: Context
    ) -> messages.FinishRotationResponse:
        rotation = await self._rotating.finish(force=request.force)
        return messages.FinishRotationResponse(rotation=_rotation(rotation))


def _rotation(rotation: Rotation) -> messages.Rotation:
    succession, reported = rotation.succession, rotation.reported
    successor = succession.successor
    return messages.Rotation(
        step=STEPS[succession.step],
        trust_revision=succession.revision,
        root=hashlib.sha256(succession.root).digest(),
        successor=hashlib.sha256(successor).digest() if successor else b"",
        devices=reported.devices,
        behind=reported.behind,
        behind_ids=reported.behind_ids,
        oldest_revision=reported.oldest,
    )


def _denial(denial: Denial) -> messages.Denial:
    return messages.Denial(device_id=denial.device, deny_time=moment_to(moment(denial.denied_at)))
