"""What the stores around rollouts promise, asked of memory, SQLite and a real PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.answers import LearningSigns
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from orchestrator.check_in_ports import Granted
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.cohort import Selector
from orchestrator.fleet.device import CONTINUED_MAX, Caller, Permit, Target, permit_held
from orchestrator.fleet.report import LearningCounters, UpdateReport, VitalSigns
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.paging import PageRequest
from orchestrator.ports import Permits
from orchestrator.rollout.backbone import parse_reference
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.places import Place
from orchestrator.rollout.rollout import Order
from orchestrator.storage.stores import Stores
from tests.fleet_records import (
    NOW,
    SetClock,
    backbone,
    caller,
    join,
    key_of,
    order,
    report,
    roll_out,
    sighting,
    step,
)


def fault_of(caught: pytest.ExceptionInfo[FieldwiseError]) -> Fault:
    return caught.value.fault


class TestCheckInStore:
    async def test_a_report_comes_back_whole(self, stores: Stores) -> None:
        await join(stores, "d1")
        update = UpdateReport(4, "a" * 64, UpdatePhase.REVERTED, UpdateFailure.GOLDEN_MISMATCH)
        told = replace(
            report(7, generation=4, bundle="b" * 64, update=update, settings_revision=2),
            variant_in_use="int8",
            agent_version="0.1.0",
            vital_signs=VitalSigns(1, 2, 3, 4, 5, 6, 7, 8),
            learning=LearningCounters(9, 10, 11, 12, 13, 14, 15, 16, 17),
            signs=LearningSigns(*range(21, 31)),
        )
        await stores.check_ins.keep([sighting("d1", told, NOW + 5)])
        device = await stores.devices.get("d1")
        assert device.report == told
        standing = (await stores.check_ins.visitor(caller("d1"))).standing
        assert standing == device.standing
        assert (standing.seen_at, standing.pace_seconds) == (NOW + 5, 60)
        assert (standing.report_order, standing.update) == ((1, 7), update)
        assert (standing.window_samples, standing.window_correct) == (15, 16)

    @pytest.mark.parametrize(
        ("incarnation", "sequence", "kept"),
        [(2, 5, False), (2, 4, False), (1, 9, False), (2, 6, True), (3, 1, True)],
    )
    async def test_only_a_newer_report_is_kept(
        self, stores: Stores, incarnation: int, sequence: int, kept: bool
    ) -> None:
        await join(stores, "d1")
        late = report(sequence, incarnation=incarnation, generation=9)
        for told in (report(5, incarnation=2), late):
            await stores.check_ins.keep([sighting("d1", told)])
        standing = (await stores.check_ins.visitor(caller("d1"))).standing
        assert standing.generation == (9 if kept else 0)

    async def test_many_reports_are_kept_at_once(self, stores: Stores) -> None:
        for number in range(4):
            await join(stores, f"d{number}")
        await stores.members.remove("d3", NOW)
        told = [sighting(f"d{number}", report(1, generation=number)) for number in (2, 3, 0, 1)]
        await stores.check_ins.keep(told)
        await stores.check_ins.keep([])
        found = {each.device: each.generation for each in await stores.devices.standings()}
        assert found == {"d0": 0, "d1": 1, "d2": 2}

    async def test_a_text_that_a_store_cannot_hold_spoils_no_other_report(
        self, stores: Stores
    ) -> None:
        check_ins = CheckIns(stores.check_ins, SetClock())
        for name in ("d1", "d2", "d3"):
            await join(stores, name)
            await check_ins.check_in(caller(name), report(1))
        odd = replace(report(2), agent_version="0\0")
        for name, told in (("d1", report(2)), ("d2", odd), ("d3", report(2))):
            await check_ins.check_in(caller(name), told)
        refused = ""
        try:
            await check_ins.flush()
        except FieldwiseError as error:
            refused = error.sentence
        kept = {each.device: each.report_order[1] for each in await stores.devices.standings()}
        assert kept == {"d1": 2, "d2": 1 if refused else 2, "d3": 2}
        if refused:
            with pytest.raises(FieldwiseError) as caught:
                await stores.check_ins.keep([sighting("d2", odd)])
            assert fault_of(caught) is Fault.INVALID_ARGUMENT

    @pytest.mark.parametrize(
        ("device", "key_of", "fault"),
        [
            ("stranger", "stranger", Fault.DEVICE_UNKNOWN),
            ("stranger", "d1", Fault.DEVICE_UNKNOWN),
            ("gone", "gone", Fault.DEVICE_REMOVED),
            ("gone", "stranger", Fault.DEVICE_REMOVED),
            ("d1", "stranger", Fault.CERTIFICATE_INVALID),
            ("d1", "d2", Fault.CERTIFICATE_INVALID),
        ],
    )
    async def test_who_is_no_member_with_his_own_key_is_no_visitor_nor_admitted(
        self, stores: Stores, device: str, key_of: str, fault: Fault
    ) -> None:
        for name in ("d1", "d2", "gone"):
            await join(stores, name)
        await stores.members.remove("gone", NOW)
        pretended = Caller(device, caller(key_of).fingerprint)
        for asked in (stores.check_ins.visitor(pretended), stores.members.admit(pretended)):
            with pytest.raises(FieldwiseError) as caught:
                await asked
            assert fault_of(caught) is fault

    async def test_a_member_is_admitted_with_each_of_its_keys(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.members.keep_key(key_of("d1", "second"), NOW)
        for name in ("key", "second"):
            await stores.members.admit(caller("d1", name))
            assert (await stores.check_ins.visitor(caller("d1", name))).standing.device == "d1"

    @pytest.mark.parametrize(
        ("known", "revision"), [(1, 2), (2, 2), (3, 4), (CONTINUED_MAX, CONTINUED_MAX + 1)]
    )
    async def test_settings_are_continued_above_what_a_device_knows(
        self, stores: Stores, known: int, revision: int
    ) -> None:
        await join(stores, "d1")
        for settings in (DeviceSettings(shrinkage=0.5), DeviceSettings(retention_days=3)):
            await stores.devices.apply_settings(Selector(), settings)
        given = await stores.check_ins.continue_settings("d1", known)
        assert given == SettingsRevision(revision, DeviceSettings(retention_days=3))
        assert (await stores.devices.get("d1")).settings == given

    async def test_settings_that_a_store_never_gave_are_the_device_s_own(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        given = await stores.check_ins.continue_settings("d1", 4)
        assert given == SettingsRevision(5, DeviceSettings())
        await stores.members.remove("d1", NOW)
        with pytest.raises(FieldwiseError) as caught:
            await stores.check_ins.continue_settings("d1", 9)
        assert fault_of(caught) is Fault.DEVICE_REMOVED

    async def test_a_visitor_may_start_while_its_rollout_runs(self, stores: Stores) -> None:
        await join(stores, "d1")
        assert not (await stores.check_ins.visitor(caller("d1"))).may_start
        rollout = await order(stores, await roll_out(stores), 1, "d1")
        visitor = await stores.check_ins.visitor(caller("d1"))
        assert visitor.may_start
        assert visitor.standing.target == Target(1, rollout.digest)
        await stores.rollouts.save(replace(rollout, phase=Phase.HELD))
        assert not (await stores.check_ins.visitor(caller("d1"))).may_start

    async def test_a_permit_is_for_the_present_target_of_a_running_rollout(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        assert not await stores.check_ins.permit("d1", Permit(1, NOW + 20), NOW)
        rollout = await order(stores, await roll_out(stores), 2, "d1")
        assert not await stores.check_ins.permit("d1", Permit(1, NOW + 20), NOW)
        assert await stores.check_ins.permit("d1", Permit(2, NOW + 20), NOW)
        assert await stores.check_ins.permit("d1", Permit(2, NOW + 40), NOW)
        permit = (await stores.check_ins.visitor(caller("d1"))).standing.permit
        assert permit == Permit(2, NOW + 40, NOW)
        await stores.rollouts.save(replace(rollout, phase=Phase.HELD))
        assert not await stores.check_ins.permit("d1", Permit(2, NOW + 60), NOW)
        assert await stores.rollouts.permits(rollout.number, NOW) == Permits(1, NOW + 40)

    async def test_a_removed_device_gets_no_permit(self, stores: Stores) -> None:
        await join(stores, "d1")
        await order(stores, await roll_out(stores), 1, "d1")
        await stores.members.remove("d1", NOW)
        assert not await stores.check_ins.permit("d1", Permit(1, NOW + 20), NOW)

    async def test_no_permit_slips_past_a_stop(self, stores: Stores) -> None:
        names = [f"d{number}" for number in range(12)]
        for name in names:
            await join(stores, name)
        rollout = await order(stores, await roll_out(stores), 1, *names)

        async def stop() -> Permits:
            await stores.rollouts.save(replace(rollout, phase=Phase.HELD))
            return await stores.rollouts.permits(rollout.number, NOW)

        asked = [stores.check_ins.permit(name, Permit(1, NOW + 20), NOW) for name in names]
        *given, counted = await asyncio.gather(*asked[:6], stop(), *asked[6:])
        given.insert(6, counted)
        stopped = next(each for each in given if isinstance(each, Permits))
        assert stopped.devices == sum(isinstance(each, Granted) for each in given)


class TestBackboneStore:
    async def test_a_backbone_is_found_by_every_way_to_name_it(self, stores: Stores) -> None:
        old, created = await stores.backbones.add(backbone("1.0"))
        new, _ = await stores.backbones.add(backbone("2.0"))
        other, _ = await stores.backbones.add(backbone("9", name="lite1"))
        assert created
        assert old == replace(backbone("1.0"), number=old.number)
        wanted = {
            old.digest: old,
            old.digest[:8]: old,
            "lite0": new,
            "lite0:1.0": old,
            "lite1": other,
        }
        for text, meant in wanted.items():
            assert await stores.backbones.find(parse_reference(text)) == meant

    @pytest.mark.parametrize("text", ["lite9", "lite0:3", "0" * 64, "0" * 8])
    async def test_what_is_not_there_is_not_found(self, stores: Stores, text: str) -> None:
        await stores.backbones.add(backbone())
        with pytest.raises(FieldwiseError) as caught:
            await stores.backbones.find(parse_reference(text))
        assert fault_of(caught) is Fault.NOT_FOUND

    async def test_a_prefix_of_two_digests_is_refused(self, stores: Stores) -> None:
        for version, digest in (("1", "abcdef01" + "0" * 56), ("2", "abcdef01" + "1" * 56)):
            await stores.backbones.add(replace(backbone(version), digest=digest))
        with pytest.raises(FieldwiseError) as caught:
            await stores.backbones.find(parse_reference("abcdef01"))
        assert fault_of(caught) is Fault.INVALID_ARGUMENT

    async def test_publishing_again_changes_nothing(self, stores: Stores) -> None:
        first, _ = await stores.backbones.add(backbone())
        again, created = await stores.backbones.add(replace(backbone(), created_at=NOW + 9))
        assert (again, created) == (first, False)

    async def test_a_name_and_version_stand_for_one_content(self, stores: Stores) -> None:
        await stores.backbones.add(backbone())
        with pytest.raises(FieldwiseError) as caught:
            await stores.backbones.add(replace(backbone(), digest="1" * 64))
        assert fault_of(caught) is Fault.ALREADY_EXISTS

    async def test_pages_show_backbones_newest_first(self, stores: Stores) -> None:
        published = [await stores.backbones.add(backbone(version)) for version in "123"]
        kept = [each for each, _ in published]
        first = await stores.backbones.list(PageRequest(size=2))
        second = await stores.backbones.list(PageRequest(2, first.next_token))
        assert [*first.items, *second.items] == kept[::-1]


class TestRolloutStore:
    async def test_numbers_rise_and_a_rollout_comes_back_as_saved(self, stores: Stores) -> None:
        first = await roll_out(stores, "site=berlin")
        second = await roll_out(stores)
        assert second.number > first.number
        assert first.title == "lite0:1"
        ended = replace(
            first,
            phase=Phase.COMPLETE,
            tally=({Place.HEALTHY: 2, Place.FAILED: 1},),
            watched=False,
            patient=True,
            ended_at=NOW + 5,
        )
        saved = await stores.rollouts.save(ended)
        assert saved == replace(ended, revision=first.revision + 1)
        assert await stores.rollouts.get(first.number) == saved
        assert await stores.rollouts.watched() == [second]
        page = await stores.rollouts.list(PageRequest())
        assert list(page.items) == [second, saved]

    async def test_an_unknown_rollout_is_not_found(self, stores: Stores) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await stores.rollouts.get(7)
        assert fault_of(caught) is Fault.NOT_FOUND

    async def test_of_two_writers_one_is_refused_with_all_its_orders(self, stores: Stores) -> None:
        await join(stores, "d1")
        read = await roll_out(stores)
        await stores.rollouts.save(read)
        with pytest.raises(FieldwiseError) as caught:
            await order(stores, read, 1, "d1")
        assert fault_of(caught) is Fault.CONFLICT
        assert (await stores.check_ins.visitor(caller("d1"))).standing.target is None

    async def test_a_cohort_is_who_matches_and_who_was_ordered(self, stores: Stores) -> None:
        await join(stores, "d1", site="berlin")
        await join(stores, "d2", site="berlin")
        await join(stores, "d3", site="paris")
        rollout = await order(stores, await roll_out(stores, "site=berlin"), 1, "d1")
        await stores.devices.change_tags("d1", {"site": "paris"}, set())
        found = {each.device: each.rollout for each in await stores.rollouts.cohort(rollout)}
        assert found == {"d1": rollout.number, "d2": 0}
        await stores.members.remove("d1", NOW)
        found = {each.device: each.rollout for each in await stores.rollouts.cohort(rollout)}
        assert found == {"d2": 0}

    async def test_whom_a_newer_rollout_took_first_is_of_the_cohort_all_the_same(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1", site="berlin")
        await join(stores, "d2", site="paris")
        old, new = await roll_out(stores, "site=berlin"), await roll_out(stores, version="2")
        await order(stores, new, 1, "d1", "d2")
        found = {each.device: each.rollout for each in await stores.rollouts.cohort(old)}
        assert found == {"d1": new.number}

    async def test_a_rollout_that_runs_no_more_gains_no_device(self, stores: Stores) -> None:
        await join(stores, "d1")
        await join(stores, "d2")
        rollout = await order(stores, await roll_out(stores), 1, "d1")
        stopped = await stores.rollouts.save(replace(rollout, phase=Phase.HELD))
        assert [each.device for each in await stores.rollouts.cohort(stopped)] == ["d1"]

    async def test_an_older_rollout_cannot_take_a_device_back(self, stores: Stores) -> None:
        await join(stores, "d1")
        old, new = await roll_out(stores), await roll_out(stores, version="2")
        old = await order(stores, old, 1, "d1")
        new = await order(stores, new, 2, "d1")
        await order(stores, old, 3, "d1")
        standing = (await stores.check_ins.visitor(caller("d1"))).standing
        assert (standing.rollout, standing.target) == (new.number, Target(2, new.digest))
        assert [each.rollout for each in await stores.rollouts.cohort(old)] == [new.number]

    @pytest.mark.parametrize("generation", [1, 4, 5])
    async def test_a_generation_never_goes_back(self, stores: Stores, generation: int) -> None:
        await join(stores, "d1")
        rollout = await order(stores, await roll_out(stores), 5, "d1")
        await order(stores, rollout, generation, "d1")
        standing = (await stores.check_ins.visitor(caller("d1"))).standing
        assert standing.target == Target(5, rollout.digest)

    async def test_an_order_ends_the_permit_before(self, stores: Stores) -> None:
        await join(stores, "d1")
        rollout = await order(stores, await roll_out(stores), 1, "d1")
        await stores.check_ins.permit("d1", Permit(1, NOW + 20), NOW)
        await order(stores, rollout, 2, "d1")
        standing = (await stores.check_ins.visitor(caller("d1"))).standing
        assert permit_held(standing) is None

    async def test_a_permit_counts_until_its_device_has_heard_of_the_newer_rollout(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        old, new = await roll_out(stores), await roll_out(stores, version="2")
        old = await order(stores, old, 1, "d1")
        await stores.check_ins.permit("d1", Permit(1, NOW + 20), NOW)
        await order(stores, new, 2, "d1")
        await stores.check_ins.permit("d1", Permit(2, NOW + 30), NOW)
        assert await stores.rollouts.permits(old.number, NOW) == Permits(1, NOW + 20)
        assert await stores.rollouts.permits(new.number, NOW) == Permits(1, NOW + 30)
        await stores.check_ins.keep([sighting("d1", report(1, generation=2))])
        assert await stores.rollouts.permits(old.number, NOW) == Permits(0, NOW)
        assert await stores.rollouts.permits(new.number, NOW) == Permits(1, NOW + 30)

    async def test_members_are_counted_by_what_they_had_before(self, stores: Stores) -> None:
        for name in ("d1", "d2", "d3", "d4"):
            await join(stores, name)
        rollout = await roll_out(stores)
        had = {"d1": ("b" * 64, "c" * 64), "d2": ("b" * 64, "c" * 64), "d3": (), "d4": ("b" * 64,)}
        orders = [Order(each, Target(1, rollout.digest), had[each], NOW) for each in had]
        await stores.rollouts.save(rollout, orders)
        await stores.members.remove("d4", NOW)
        past = await stores.rollouts.past(rollout.number)
        assert past == {("b" * 64, "c" * 64): 2, (): 1}
        assert await stores.rollouts.past(rollout.number + 1) == {}

    async def test_no_order_reaches_a_removed_device(self, stores: Stores) -> None:
        await join(stores, "d1")
        rollout = await roll_out(stores)
        await stores.members.remove("d1", NOW)
        saved = await order(stores, rollout, 1, "d1")
        assert await stores.rollouts.cohort(saved) == []

    async def test_permits_of_devices_that_began_or_expired_are_not_counted(
        self, stores: Stores
    ) -> None:
        names = ["begun", "expired", "failed", "held", "none"]
        for name in names:
            await join(stores, name)
        rollout = await order(stores, await roll_out(stores), 1, *names)
        ends = {"begun": 20, "expired": 3, "failed": 20, "held": 30}
        for name, seconds in ends.items():
            assert await stores.check_ins.permit(name, Permit(1, NOW + seconds), NOW)
        for name, phase in (("begun", UpdatePhase.FETCHING), ("failed", UpdatePhase.REVERTED)):
            told = report(1, generation=1, update=step(1, rollout.digest, phase))
            await stores.check_ins.keep([sighting(name, told)])
        assert await stores.rollouts.permits(rollout.number, NOW + 5) == Permits(1, NOW + 30)
        assert await stores.rollouts.permits(rollout.number, NOW + 30) == Permits(0, NOW + 30)
