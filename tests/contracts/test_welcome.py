"""What check-in stores promise to a device that belongs to no rollout, asked of all of them."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import Permit, Target
from orchestrator.ports import Permits
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.plan import Plan, Wave
from orchestrator.rollout.rollout import Rollout
from orchestrator.storage.stores import Stores
from tests.fleet_records import NOW, caller, join, order, report, roll_out, sighting


async def complete(stores: Stores, cohort: str = "", version: str = "1") -> Rollout:
    rollout = await roll_out(stores, cohort, version)
    ended = replace(rollout, phase=Phase.COMPLETE, watched=False, ended_at=NOW)
    return await stores.rollouts.save(ended)


class TestWelcome:
    async def test_a_newcomer_belongs_to_the_newest_complete_rollout_of_its_tags(
        self, stores: Stores
    ) -> None:
        await complete(stores)
        meant = await complete(stores, "site=berlin", "2")
        await complete(stores, "site=paris", "3")
        await join(stores, "d1", site="berlin")
        assert (await stores.check_ins.visitor(caller("d1"))).is_welcome
        visitor = await stores.check_ins.welcome("d1", 0, NOW)
        assert visitor == await stores.check_ins.visitor(caller("d1"))
        assert visitor is not None
        assert not visitor.is_welcome
        assert visitor.may_start
        assert (visitor.standing.rollout, visitor.standing.target) == (
            meant.number,
            Target(1, meant.digest),
        )
        assert await stores.check_ins.permit("d1", Permit(1, NOW + 20), NOW)
        assert await stores.rollouts.permits(meant.number, NOW) == Permits(1, NOW + 20)

    async def test_a_welcome_is_looked_after_and_undoes_no_look(self, stores: Stores) -> None:
        seen = await complete(stores)
        await join(stores, "d1")
        await stores.check_ins.welcome("d1", 0, NOW)
        [watched] = await stores.rollouts.watched()
        assert watched == replace(seen, watched=True, revision=seen.revision + 1)
        assert [each.device for each in await stores.rollouts.cohort(watched)] == ["d1"]
        with pytest.raises(FieldwiseError) as caught:
            await stores.rollouts.save(seen)
        assert caught.value.fault is Fault.CONFLICT

    async def test_a_complete_rollout_is_looked_at_again_for_a_device_that_knows_more(
        self, stores: Stores
    ) -> None:
        seen = await complete(stores)
        await join(stores, "d1")
        await stores.check_ins.look_again("d1")
        assert await stores.rollouts.watched() == []
        await stores.check_ins.welcome("d1", 0, NOW)
        [welcoming] = await stores.rollouts.watched()
        ended = await stores.rollouts.save(replace(welcoming, watched=False))
        await stores.check_ins.look_again("d1")
        assert await stores.rollouts.watched() == []
        await stores.check_ins.keep([sighting("d1", report(1, generation=9))])
        for _ in range(2):
            await stores.check_ins.look_again("d1")
        [watched] = await stores.rollouts.watched()
        assert watched == replace(seen, watched=True, revision=ended.revision + 1)
        held = await stores.rollouts.save(replace(watched, phase=Phase.HELD, watched=False))
        await stores.check_ins.look_again("d1")
        assert await stores.rollouts.get(held.number) == held

    @pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.HELD, Phase.SUPERSEDED])
    async def test_only_a_complete_rollout_welcomes(self, stores: Stores, phase: Phase) -> None:
        rollout = await stores.rollouts.save(replace(await roll_out(stores), phase=phase))
        await join(stores, "d1")
        assert await stores.check_ins.welcome("d1", 0, NOW) is None
        visitor = await stores.check_ins.visitor(caller("d1"))
        assert (visitor.standing.target, visitor.is_welcome) == (None, False)
        assert await stores.rollouts.get(rollout.number) == rollout

    @pytest.mark.parametrize(
        ("phase", "welcomed"),
        [(Phase.RUNNING, False), (Phase.HELD, True), (Phase.SUPERSEDED, True)],
    )
    async def test_a_newer_rollout_goes_first_while_it_runs(
        self, stores: Stores, phase: Phase, welcomed: bool
    ) -> None:
        await complete(stores)
        await stores.rollouts.save(replace(await roll_out(stores, version="2"), phase=phase))
        await join(stores, "d1")
        assert (await stores.check_ins.visitor(caller("d1"))).is_welcome == welcomed
        assert (await stores.check_ins.welcome("d1", 0, NOW) is not None) == welcomed

    @pytest.mark.parametrize(("threshold", "welcomed"), [(1e-9, True), (1.0, False)])
    async def test_a_running_rollout_leaves_a_newcomer_to_an_older_one_until_its_wave_is_open(
        self, stores: Stores, threshold: float, welcomed: bool
    ) -> None:
        host = await complete(stores)
        plan = Plan("lite0:2", waves=(Wave(devices=1), Wave()))
        running = await roll_out(stores, version="2", plan=plan)
        await stores.rollouts.save(replace(running, thresholds=(threshold, 1.0)))
        await join(stores, "d1")
        assert (await stores.check_ins.visitor(caller("d1"))).is_welcome == welcomed
        visitor = await stores.check_ins.welcome("d1", 0, NOW)
        assert (visitor.standing.rollout if visitor else None) == (
            host.number if welcomed else None
        )

    async def test_who_is_excluded_from_the_newest_belongs_to_an_older_of_the_same_selector(
        self, stores: Stores
    ) -> None:
        host = await complete(stores)
        plan = Plan("lite0:2", minimum_agent_version="9.0.0")
        newest = await roll_out(stores, version="2", plan=plan)
        await stores.rollouts.save(replace(newest, phase=Phase.COMPLETE, watched=False))
        await join(stores, "d1")
        assert (await stores.check_ins.visitor(caller("d1"))).is_welcome
        visitor = await stores.check_ins.welcome("d1", 0, NOW)
        assert visitor is not None
        assert visitor.standing.target == Target(1, host.digest)

    async def test_nobody_is_welcome_whose_tags_differ(self, stores: Stores) -> None:
        kept = await complete(stores, "site=berlin")
        await join(stores, "d1", site="paris")
        assert not (await stores.check_ins.visitor(caller("d1"))).is_welcome
        assert await stores.check_ins.welcome("d1", 0, NOW) is None
        assert await stores.rollouts.get(kept.number) == kept

    async def test_who_belongs_to_a_rollout_is_not_moved(self, stores: Stores) -> None:
        await join(stores, "d1")
        old = await order(stores, await roll_out(stores), 1, "d1")
        new = await complete(stores, version="2")
        assert not (await stores.check_ins.visitor(caller("d1"))).is_welcome
        visitor = await stores.check_ins.welcome("d1", 0, NOW)
        assert visitor is not None
        assert visitor.standing.rollout == old.number
        assert await stores.rollouts.cohort(new) == []

    async def test_a_removed_device_is_not_welcome(self, stores: Stores) -> None:
        kept = await complete(stores)
        await join(stores, "d1")
        await stores.members.remove("d1", NOW)
        with pytest.raises(FieldwiseError) as caught:
            await stores.check_ins.welcome("d1", 0, NOW)
        assert caught.value.fault is Fault.DEVICE_REMOVED
        assert await stores.rollouts.get(kept.number) == kept

    @pytest.mark.parametrize(("kept", "said", "given"), [(0, 4, 5), (4, 0, 5), (4, 6, 7)])
    async def test_a_newcomer_that_knows_generations_is_continued_from_there(
        self, stores: Stores, kept: int, said: int, given: int
    ) -> None:
        rollout = await complete(stores)
        await join(stores, "d1")
        await stores.check_ins.keep([sighting("d1", report(1, generation=kept))])
        visitor = await stores.check_ins.welcome("d1", said, NOW)
        assert visitor is not None
        assert visitor.standing.target == Target(given, rollout.digest)

    async def test_two_replicas_welcome_a_device_once(self, stores: Stores) -> None:
        rollout = await complete(stores)
        names = [f"d{number}" for number in range(4)]
        for name in names:
            await join(stores, name)
        welcomed = await asyncio.gather(
            *(stores.check_ins.welcome(name, 0, NOW) for name in names for _ in range(3))
        )
        for visitor in welcomed:
            assert visitor is not None
            assert visitor.standing.target == Target(1, rollout.digest)
        members = await stores.rollouts.cohort(rollout)
        assert sorted(each.device for each in members) == names
