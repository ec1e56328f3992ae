"""The calls about the identity of devices as commands see them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fieldwise.v1alpha1 import identity_pb2 as messages
from orchestrator.identity_views import DenialView, RotationView
from orchestrator.rpc.calling import Calling
from orchestrator.rpc.identities import STEPS
from orchestrator.rpc.translate import word_from
from orchestrator.rpc.translate_views import moment_from

if TYPE_CHECKING:
    from fieldwise.v1alpha1.identity_pb2_grpc import IdentityAsyncStub  # only the types have it


class IdentityClient(Calling):
    """Calls one server; every method raises ``FieldwiseError`` and nothing else.

    Args:
        stub: The service over an open channel.
        token: The operator token.
    """

    def __init__(self, stub: "IdentityAsyncStub", token: str) -> None:
        super().__init__(token)
        self._stub = stub

    async def deny(self, device_id: str) -> DenialView:
        """Keep a member from calling until it is allowed to again."""
        request = messages.DenyDeviceRequest(id=device_id)
        return _denial((await self._insist(self._stub.DenyDevice, request)).denial)

    async def allow(self, device_id: str) -> bool:
        """Let a member call again; return whether it was denied."""
        request = messages.AllowDeviceRequest(id=device_id)
        changed: bool = (await self._call(self._stub.AllowDevice, request)).changed
        return changed

    async def denials(self) -> Sequence[DenialView]:
        """Return who is denied, the newest first."""
        answer = await self._call(self._stub.ListDenials, messages.ListDenialsRequest())
        return [_denial(each) for each in answer.denials]

    async def rotation(self) -> RotationView:
        """Return how far the authority is with following another."""
        answer = await self._call(self._stub.GetRotation, messages.GetRotationRequest())
        return _rotation(answer.rotation)

    async def begin_rotation(self) -> RotationView:
        """Make a successor of the authority."""
        answer = await self._call(self._stub.BeginRotation, messages.BeginRotationRequest())
        return _rotation(answer.rotation)

    async def switch_rotation(self) -> RotationView:
        """Have the successor sign."""
        answer = await self._call(self._stub.SwitchRotation, messages.SwitchRotationRequest())
        return _rotation(answer.rotation)

    async def finish_rotation(self, *, force: bool) -> RotationView:
        """Trust the old authority no longer."""
        request = messages.FinishRotationRequest(force=force)
        return _rotation((await self._call(self._stub.FinishRotation, request)).rotation)


def _rotation(message: messages.Rotation) -> RotationView:
    return RotationView(
        step=word_from(STEPS, message.step, "step of a rotation"),
        trust_revision=message.trust_revision,
        root=message.root.hex(),
        successor=message.successor.hex(),
        devices=message.devices,
        behind=message.behind,
        behind_ids=tuple(message.behind_ids),
        oldest_revision=message.oldest_revision,
    )


def _denial(message: messages.Denial) -> DenialView:
    return DenialView(message.device_id, moment_from(message.deny_time))
