"""What operators call about rollouts: the part of the operator API that ``operators`` inherits."""

from dataclasses import dataclass

from fieldwise.calls import Context
from fieldwise.v1alpha1 import operator_pb2 as messages
from fieldwise.v1alpha1 import rollout_pb2
from orchestrator.paging import PageRequest
from orchestrator.rollout.explanations import Explanations
from orchestrator.rollout.operations import Change, Rollouts
from orchestrator.rollout.plan_rules import checked
from orchestrator.rollout.previewing import Previews
from orchestrator.rollout_views import ChangeView, RecallView, view_event, view_rollout
from orchestrator.rpc import translate_rollouts as to_wire
from orchestrator.rpc.translate_plans import plan_from
from orchestrator.survey import Survey
from orchestrator.views import view_backbone


@dataclass(frozen=True, slots=True)
class RolloutUseCases:
    """What the calls about rollouts are made of."""

    rollouts: Rollouts
    previews: Previews
    explanations: Explanations
    survey: Survey


class RolloutCalls:
    """The calls about rollouts.

    Args:
        about_rollouts: The use cases behind them.
    """

    def __init__(self, about_rollouts: RolloutUseCases) -> None:
        self._about = about_rollouts

    async def StartRollout(
        self, request: messages.StartRolloutRequest, context: Context
    ) -> messages.StartRolloutResponse:
        plan = checked(plan_from(request.plan))
        if request.validate_only:
            preview = await self._about.previews.preview(plan)
            return messages.StartRolloutResponse(preview=to_wire.preview_to(preview))
        rollout = await self._about.rollouts.start(plan, request.request)
        return messages.StartRolloutResponse(rollout=to_wire.rollout_to(view_rollout(rollout)))

    async def ListPreviewedDevices(
        self, request: messages.ListPreviewedDevicesRequest, context: Context
    ) -> messages.ListPreviewedDevicesResponse:
        page = await self._about.previews.devices(
            checked(plan_from(request.plan)),
            request.rollout_id,
            PageRequest(request.page_size, request.page_token),
        )
        return messages.ListPreviewedDevicesResponse(
            devices=[to_wire.previewed_to(each) for each in page.items],
            next_page_token=page.next_token,
        )

    async def ListRollouts(
        self, request: messages.ListRolloutsRequest, context: Context
    ) -> messages.ListRolloutsResponse:
        page = await self._about.rollouts.list(PageRequest(request.page_size, request.page_token))
        return messages.ListRolloutsResponse(
            rollouts=[to_wire.rollout_to(view_rollout(each)) for each in page.items],
            next_page_token=page.next_token,
        )

    async def GetRollout(
        self, request: messages.GetRolloutRequest, context: Context
    ) -> messages.GetRolloutResponse:
        rollout = await self._about.rollouts.get(request.id)
        return messages.GetRolloutResponse(rollout=to_wire.rollout_to(view_rollout(rollout)))

    async def ListRolloutEvents(
        self, request: messages.ListRolloutEventsRequest, context: Context
    ) -> messages.ListRolloutEventsResponse:
        page = await self._about.rollouts.history(
            request.id, PageRequest(request.page_size, request.page_token)
        )
        return messages.ListRolloutEventsResponse(
            events=[to_wire.event_to(view_event(each)) for each in page.items],
            next_page_token=page.next_token,
        )

    async def ListRolloutDevices(
        self, request: messages.ListRolloutDevicesRequest, context: Context
    ) -> messages.ListRolloutDevicesResponse:
        page = await self._about.explanations.devices(
            request.id, request.place, PageRequest(request.page_size, request.page_token)
        )
        return messages.ListRolloutDevicesResponse(
            devices=[to_wire.device_to(each) for each in page.items],
            next_page_token=page.next_token,
        )

    async def PauseRollout(
        self, request: messages.PauseRolloutRequest, context: Context
    ) -> messages.PauseRolloutResponse:
        change = await self._about.rollouts.pause(request.id, now=request.now)
        return messages.PauseRolloutResponse(change=_told(change))

    async def ResumeRollout(
        self, request: messages.ResumeRolloutRequest, context: Context
    ) -> messages.ResumeRolloutResponse:
        change = await self._about.rollouts.resume(request.id)
        return messages.ResumeRolloutResponse(change=_told(change))

    async def PromoteRollout(
        self, request: messages.PromoteRolloutRequest, context: Context
    ) -> messages.PromoteRolloutResponse:
        change = await self._about.rollouts.promote(
            request.id, to_end=request.to_end, wave=request.wave
        )
        return messages.PromoteRolloutResponse(change=_told(change))

    async def AbortRollout(
        self, request: messages.AbortRolloutRequest, context: Context
    ) -> messages.AbortRolloutResponse:
        change = await self._about.rollouts.abort(request.id)
        return messages.AbortRolloutResponse(change=_told(change))

    async def HoldRollout(
        self, request: messages.HoldRolloutRequest, context: Context
    ) -> messages.HoldRolloutResponse:
        change = await self._about.rollouts.hold(request.id, now=request.now)
        return messages.HoldRolloutResponse(change=_told(change))

    async def RetryRollout(
        self, request: messages.RetryRolloutRequest, context: Context
    ) -> messages.RetryRolloutResponse:
        change = await self._about.rollouts.retry(request.id)
        return messages.RetryRolloutResponse(change=_told(change))

    async def UndoRollout(
        self, request: messages.UndoRolloutRequest, context: Context
    ) -> messages.UndoRolloutResponse:
        change = await self._about.rollouts.undo(request.id, request.to, request.request)
        return messages.UndoRolloutResponse(change=_told(change))

    async def RecallBackbone(
        self, request: messages.RecallBackboneRequest, context: Context
    ) -> messages.RecallBackboneResponse:
        recalled = await self._about.rollouts.recall(request.reference)
        counts = await self._about.survey.devices_by_digest()
        backbone = view_backbone(recalled.backbone, counts.get(recalled.backbone.digest, 0))
        return to_wire.recall_to(RecallView(backbone, tuple(each.id for each in recalled.rollouts)))

    async def ExplainDevice(
        self, request: messages.ExplainDeviceRequest, context: Context
    ) -> messages.ExplainDeviceResponse:
        explanation = await self._about.explanations.explain(request.id)
        return messages.ExplainDeviceResponse(explanation=to_wire.explanation_to(explanation))


def _told(change: Change) -> rollout_pb2.RolloutChange:
    view = ChangeView(
        view_rollout(change.rollout),
        change.changed,
        change.may_still_start,
        change.within_seconds,
        change.ordered,
    )
    return to_wire.change_to(view)
