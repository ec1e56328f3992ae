"""The calls about rollouts as commands see them."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fieldwise.v1alpha1 import operator_pb2 as messages
from orchestrator.paging import PAGE_SIZE_MAX, Page
from orchestrator.rollout.plan import Plan
from orchestrator.rollout_views import (
    ChangeView,
    EventView,
    ExplanationView,
    PreviewedDevice,
    PreviewView,
    RecallView,
    RolloutDeviceView,
    RolloutView,
)
from orchestrator.rpc import translate_rollouts as from_wire
from orchestrator.rpc.calling import Calling
from orchestrator.rpc.translate_plans import plan_to

if TYPE_CHECKING:
    from fieldwise.v1alpha1.operator_pb2_grpc import OperatorAsyncStub  # only the types have it


class RolloutClient(Calling):
    """The part of ``OperatorClient`` that is about rollouts.

    Args:
        stub: The operator API over an open channel.
        token: The operator token.
    """

    def __init__(self, stub: "OperatorAsyncStub", token: str) -> None:
        super().__init__(token)
        self._stub = stub

    async def start_rollout(self, plan: Plan, request: str = "") -> RolloutView:
        """Start a rollout; with the same request, the same one."""
        message = messages.StartRolloutRequest(plan=plan_to(plan), request=request)
        answer = await self._insist(self._stub.StartRollout, message)
        return from_wire.rollout_from(answer.rollout)

    async def preview_rollout(self, plan: Plan) -> PreviewView:
        """Return what a start would do, without starting."""
        request = messages.StartRolloutRequest(plan=plan_to(plan), validate_only=True)
        return from_wire.preview_from((await self._call(self._stub.StartRollout, request)).preview)

    async def list_previewed(
        self, plan: Plan, rollout_id: str, token: str = ""
    ) -> Page[PreviewedDevice]:
        request = messages.ListPreviewedDevicesRequest(
            plan=plan_to(plan), rollout_id=rollout_id, page_size=PAGE_SIZE_MAX, page_token=token
        )
        answer = await self._call(self._stub.ListPreviewedDevices, request)
        return Page(tuple(map(from_wire.previewed_from, answer.devices)), answer.next_page_token)

    async def list_rollouts(self, token: str = "") -> Page[RolloutView]:
        request = messages.ListRolloutsRequest(page_size=PAGE_SIZE_MAX, page_token=token)
        answer = await self._call(self._stub.ListRollouts, request)
        return Page(tuple(map(from_wire.rollout_from, answer.rollouts)), answer.next_page_token)

    async def get_rollout(self, rollout_id: str) -> RolloutView:
        request = messages.GetRolloutRequest(id=rollout_id)
        return from_wire.rollout_from((await self._call(self._stub.GetRollout, request)).rollout)

    async def list_events(
        self, rollout_id: str, token: str = "", size: int = PAGE_SIZE_MAX
    ) -> Page[EventView]:
        """Return what happened to a rollout, newest first."""
        request = messages.ListRolloutEventsRequest(id=rollout_id, page_size=size, page_token=token)
        answer = await self._call(self._stub.ListRolloutEvents, request)
        return Page(tuple(map(from_wire.event_from, answer.events)), answer.next_page_token)

    async def list_rollout_devices(
        self, rollout_id: str, place: str = "", token: str = ""
    ) -> Page[RolloutDeviceView]:
        """Return the devices of a rollout's cohort by id; with a place only those in it."""
        request = messages.ListRolloutDevicesRequest(
            id=rollout_id, place=place, page_size=PAGE_SIZE_MAX, page_token=token
        )
        answer = await self._call(self._stub.ListRolloutDevices, request)
        return Page(tuple(map(from_wire.device_from, answer.devices)), answer.next_page_token)

    async def pause_rollout(self, rollout_id: str, *, now: bool) -> ChangeView:
        request = messages.PauseRolloutRequest(id=rollout_id, now=now)
        return await self._command(self._stub.PauseRollout, request)

    async def resume_rollout(self, rollout_id: str) -> ChangeView:
        request = messages.ResumeRolloutRequest(id=rollout_id)
        return await self._command(self._stub.ResumeRollout, request)

    async def promote_rollout(self, rollout_id: str, *, to_end: bool, wave: int) -> ChangeView:
        """Promote, unless the wave that the caller saw is passed already."""
        request = messages.PromoteRolloutRequest(id=rollout_id, to_end=to_end, wave=wave)
        return from_wire.change_from(
            (await self._insist(self._stub.PromoteRollout, request)).change
        )

    async def abort_rollout(self, rollout_id: str) -> ChangeView:
        request = messages.AbortRolloutRequest(id=rollout_id)
        return await self._command(self._stub.AbortRollout, request)

    async def hold_rollout(self, rollout_id: str, *, now: bool) -> ChangeView:
        request = messages.HoldRolloutRequest(id=rollout_id, now=now)
        return await self._command(self._stub.HoldRollout, request)

    async def retry_rollout(self, rollout_id: str) -> ChangeView:
        request = messages.RetryRolloutRequest(id=rollout_id)
        return await self._command(self._stub.RetryRollout, request)

    async def undo_rollout(self, rollout_id: str, to: str, request: str = "") -> ChangeView:
        """Start the way back; with the same request, the same one."""
        message = messages.UndoRolloutRequest(id=rollout_id, to=to, request=request)
        return from_wire.change_from((await self._insist(self._stub.UndoRollout, message)).change)

    async def recall_backbone(self, reference: str) -> RecallView:
        request = messages.RecallBackboneRequest(reference=reference)
        return from_wire.recall_from(await self._call(self._stub.RecallBackbone, request))

    async def explain_device(self, device_id: str) -> ExplanationView:
        request = messages.ExplainDeviceRequest(id=device_id)
        answer = await self._call(self._stub.ExplainDevice, request)
        return from_wire.explanation_from(answer.explanation)

    async def _command(self, method: Callable[..., Awaitable[Any]], request: Any) -> ChangeView:
        return from_wire.change_from((await self._call(method, request)).change)
