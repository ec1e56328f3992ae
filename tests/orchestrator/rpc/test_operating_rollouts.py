"""The calls about rollouts do what they say, and the server looks plans over itself."""

from typing import Any

import grpc
import pytest

from fieldwise import wire
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import operator_pb2 as messages
from fieldwise.v1alpha1 import rollout_pb2
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.explanations import Explanations
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.plan import Plan, Wave
from orchestrator.rollout.previewing import Previews
from orchestrator.rpc.operating_rollouts import RolloutCalls, RolloutUseCases
from orchestrator.rpc.rollout_client import RolloutClient
from orchestrator.storage.memory import memory_stores
from orchestrator.survey import Survey
from tests.fleet_records import SetClock, backbone, join

PLAN = Plan("lite0:1", "site=berlin", waves=(Wave(devices=2), Wave()))
REQUEST = "0f" * 16


class Straight:
    """A stub that calls the servicer without a network, over bytes as the wire has them.

    What ``losses`` has a status for is answered, and its answer lost.
    """

    def __init__(self, calls: RolloutCalls) -> None:
        self._calls = calls
        self.losses: list[grpc.StatusCode] = []

    def __getattr__(self, name: str) -> Any:
        async def call(request: Any, **_options: Any) -> Any:
            received = type(request).FromString(request.SerializeToString())
            wire.check(received)
            answer = await getattr(self._calls, name)(received, None)
            wire.check(answer)
            if self.losses:
                nothing = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(self.losses.pop(0), nothing, nothing)
            return type(answer).FromString(answer.SerializeToString())

        return call


@pytest.fixture
def client(lossy: Straight) -> RolloutClient:
    stub: Any = lossy
    return RolloutClient(stub, "token")


@pytest.fixture
async def lossy() -> Straight:
    """A server with two backbones and five devices in Berlin."""
    stores, clock = memory_stores(), SetClock()
    for version in ("1", "2"):
        await stores.backbones.add(backbone(version))
    for number in range(5):
        await join(stores, f"d{number}", site="berlin")
    controller = Controller(stores.rollouts, stores.backbones, clock)
    survey = Survey(
        "f",
        stores.devices,
        stores.backbones,
        stores.rollouts,
        stores.tickets,
        clock,
    )
    uses = RolloutUseCases(
        Rollouts(stores.rollouts, stores.backbones, controller, clock),
        Previews(stores.rollouts, stores.backbones, clock),
        Explanations(stores.devices, stores.rollouts, stores.backbones, clock),
        survey,
    )
    return Straight(RolloutCalls(uses))


async def test_a_validation_starts_nothing_and_a_start_has_the_same_waves(
    client: RolloutClient,
) -> None:
    preview = await client.preview_rollout(PLAN)
    assert [each.devices for each in preview.waves] == [2, 3]
    page = await client.list_previewed(PLAN, preview.id)
    assert [each.wave for each in page.items].count(1) == 2
    assert (await client.list_rollouts()).items == ()
    started = await client.start_rollout(PLAN)
    assert (started.id, started.plan, started.wave) == (preview.id, PLAN, 1)
    assert [sum(each.values()) for each in started.waves] == [2, 3]
    assert (await client.list_rollouts()).items == (await client.get_rollout("r1"),)


@pytest.mark.parametrize("validate_only", [True, False])
async def test_the_server_tells_every_mistake_of_a_plan_itself(
    client: RolloutClient, validate_only: bool
) -> None:
    plan = rollout_pb2.RolloutPlan(backbone="lite0:1", gate={"margin": 3}, soak_seconds=2**32 - 1)
    request = messages.StartRolloutRequest(plan=plan, validate_only=validate_only)
    with pytest.raises(FieldwiseError) as refused:
        await client._call(client._stub.StartRollout, request)
    assert refused.value.fault is Fault.INVALID_ARGUMENT
    assert [each.partition(":")[0] for each in refused.value.sentence.splitlines()] == [
        "gate.margin",
        "soak",
        "soak",
    ]
    assert (await client.list_rollouts()).items == ()


async def test_commands_answer_with_the_rollout_as_it_is_now(client: RolloutClient) -> None:
    await client.start_rollout(PLAN)
    paused = await client.pause_rollout("r1", now=False)
    assert (paused.rollout.phase, paused.changed) == (Phase.PAUSED, True)
    assert (await client.pause_rollout("r1", now=False)).changed is False
    assert (await client.resume_rollout("r1")).rollout.phase is Phase.RUNNING
    assert (await client.promote_rollout("r1", to_end=True, wave=1)).rollout.wave == 2
    assert (await client.retry_rollout("r1")).changed is False
    assert (await client.hold_rollout("r1", now=True)).rollout.phase is Phase.HELD
    with pytest.raises(FieldwiseError) as refused:
        await client.resume_rollout("r1")
    assert refused.value.fault is Fault.ILLEGAL_COMMAND
    told = await client.list_events("r1")
    assert [each.sequence for each in told.items] == list(range(len(told.items), 0, -1))
    assert "was started, by an operator." in told.items[-1].sentence


async def test_a_lost_answer_is_asked_for_again_and_made_up_for(
    client: RolloutClient, lossy: Straight
) -> None:
    lossy.losses = [grpc.StatusCode.UNAVAILABLE]
    started = await client.start_rollout(PLAN, REQUEST)
    assert lossy.losses == []
    assert [each.id for each in (await client.list_rollouts()).items] == [started.id] == ["r1"]
    lossy.losses = [grpc.StatusCode.DEADLINE_EXCEEDED]
    promoted = await client.promote_rollout("r1", to_end=False, wave=1)
    assert (promoted.changed, promoted.rollout.wave) == (False, 2)


async def test_who_is_never_answered_is_told_what_it_was_at_first(
    client: RolloutClient, lossy: Straight
) -> None:
    lossy.losses = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED]
    with pytest.raises(FieldwiseError) as caught:
        await client.start_rollout(PLAN, REQUEST)
    assert caught.value.fault is Fault.UNREACHABLE
    assert len((await client.list_rollouts()).items) == 1


async def test_an_abort_a_recall_and_an_undo_answer_over_the_wire(client: RolloutClient) -> None:
    await client.start_rollout(PLAN)
    assert (await client.abort_rollout("r1")).rollout.phase in {Phase.REVERTING, Phase.REVERTED}
    recalled = await client.recall_backbone("lite0:1")
    assert recalled.backbone.recalled_at is not None
    assert recalled.rollouts[0] == "r2"
    assert (await client.recall_backbone("lite0:1")).rollouts == ()
    with pytest.raises(FieldwiseError) as refused:
        await client.undo_rollout("r1", "")
    assert refused.value.fault is Fault.NOT_FOUND


async def test_devices_are_listed_by_place_over_the_wire(client: RolloutClient) -> None:
    rollout = await client.start_rollout(PLAN)
    every = await client.list_rollout_devices(rollout.id)
    assert [each.id for each in every.items] == [f"d{number}" for number in range(5)]
    waiting = await client.list_rollout_devices(rollout.id, "waiting")
    assert sorted(each.wave for each in waiting.items) == [1, 1, 2, 2, 2]
    assert all(each.reason for each in waiting.items)
    assert (await client.list_rollout_devices(rollout.id, "failed")).items == ()


async def test_a_device_is_explained_over_the_wire(client: RolloutClient) -> None:
    await client.start_rollout(PLAN)
    explained = [await client.explain_device(f"d{number}") for number in range(5)]
    assert sorted(each.wave for each in explained) == [1, 1, 2, 2, 2]
    assert {each.rollout for each in explained} == {"r1"}
