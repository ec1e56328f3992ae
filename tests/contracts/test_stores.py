"""What every store promises, asked of memory, SQLite and a real PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import Selector, parse_selector
from orchestrator.fleet.readings import READINGS, Measure
from orchestrator.fleet.settings import DeviceSettings, SettingsRevision
from orchestrator.paging import PageRequest
from orchestrator.ports import KnownKey
from orchestrator.storage.stores import Stores
from tests.fleet_records import (
    NOW,
    caller,
    join,
    key_of,
    newcomer,
    report,
    sighting,
    ticket,
)

EVERYONE = Selector()


def fault_of(caught: pytest.ExceptionInfo[FieldwiseError]) -> Fault:
    return caught.value.fault


class TestTicketStore:
    async def test_a_ticket_comes_back_as_it_was_kept(self, stores: Stores) -> None:
        kept = await stores.tickets.add(ticket("t1", uses=3, tags={"site": "berlin"}))
        assert kept == replace(ticket("t1", uses=3, tags={"site": "berlin"}), number=kept.number)
        assert await stores.tickets.get("t1") == kept

    async def test_a_request_makes_one_ticket(self, stores: Stores) -> None:
        first = await stores.tickets.add(replace(ticket("t1"), request="5e41a1"))
        assert first.request == "5e41a1"
        assert await stores.tickets.add(replace(ticket("t2"), request="5e41a1")) == first
        assert await stores.tickets.get("t2") is None
        others = [await stores.tickets.add(ticket(name)) for name in ("t3", "t4")]
        assert [each.id for each in others] == ["t3", "t4"]

    async def test_an_unknown_ticket_is_none(self, stores: Stores) -> None:
        assert await stores.tickets.get("t1") is None

    async def test_pages_show_each_ticket_once_newest_first(self, stores: Stores) -> None:
        for name in ("t1", "t2", "t3", "t4", "t5"):
            await stores.tickets.add(ticket(name))
        shown, page = [], PageRequest(size=2)
        for _ in range(3):
            found = await stores.tickets.list(page)
            shown.append([each.id for each in found.items])
            page = PageRequest(size=2, token=found.next_token)
        assert shown == [["t5", "t4"], ["t3", "t2"], ["t1"]]
        assert found.next_token == ""

    @pytest.mark.parametrize(
        "token", ["x", "!!!!", "MQ==MQ==", "LTE=", "w6k=", "AA==", "MQA=", "OTk5OTk5" * 20]
    )
    async def test_a_foreign_page_token_is_refused(self, stores: Stores, token: str) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await stores.tickets.list(PageRequest(token=token))
        assert fault_of(caught) is Fault.INVALID_ARGUMENT
        with pytest.raises(FieldwiseError) as caught:
            await stores.devices.list(EVERYONE, PageRequest(token="ZAA="))
        assert fault_of(caught) is Fault.INVALID_ARGUMENT

    async def test_under_an_id_that_no_database_can_hold_there_is_nothing(
        self, stores: Stores
    ) -> None:
        await stores.tickets.add(ticket("t1"))
        await join(stores, "d1")
        assert await stores.tickets.get("t1\0") is None
        for asked in (
            stores.tickets.revoke("t1\0"),
            stores.devices.get("d1\0"),
            stores.devices.change_tags("d1\0", {"site": "berlin"}, set()),
            stores.members.remove("d1\0", NOW),
        ):
            with pytest.raises(FieldwiseError) as caught:
                await asked
            assert fault_of(caught) is Fault.NOT_FOUND

    async def test_a_revoked_ticket_stays_revoked(self, stores: Stores) -> None:
        await stores.tickets.add(ticket("t1"))
        first, second = await stores.tickets.revoke("t1"), await stores.tickets.revoke("t1")
        assert first.revoked
        assert second == first == await stores.tickets.get("t1")

    async def test_a_ticket_that_is_not_there_cannot_be_revoked(self, stores: Stores) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await stores.tickets.revoke("t1")
        assert fault_of(caught) is Fault.NOT_FOUND

    async def test_only_tickets_that_still_let_a_device_in_are_open(self, stores: Stores) -> None:
        for name in ("open", "revoked", "used"):
            await stores.tickets.add(ticket(name, uses=1))
        await stores.tickets.revoke("revoked")
        await stores.members.enrol(newcomer("d1", ticket_id="used"), "used")
        assert await stores.tickets.count_open(NOW) == 1
        assert await stores.tickets.count_open(NOW + 3600) == 0


class TestMembershipStore:
    async def test_a_newcomer_is_a_member_with_its_tags_and_key(self, stores: Stores) -> None:
        await join(stores, "d1", site="berlin", line="3")
        device = await stores.devices.get("d1")
        assert device.tags == {"line": "3", "site": "berlin"}
        assert device.key == key_of("d1", ticket_id="open")
        assert (device.report, device.settings, device.standing.seen_at) == (None, None, None)
        known = await stores.members.find_key(device.key.fingerprint)
        assert known == KnownKey(device.key, removed=False)

    async def test_a_ticket_lets_in_as_many_as_it_says(self, stores: Stores) -> None:
        await stores.tickets.add(ticket("t1", uses=2))
        let_in = [await stores.members.enrol(newcomer(f"d{i}"), "t1") for i in range(3)]
        assert let_in == [True, True, False]
        assert [each.device for each in await stores.devices.standings()] == ["d0", "d1"]

    async def test_no_two_at_once_share_the_last_use(self, stores: Stores) -> None:
        await stores.tickets.add(ticket("t1", uses=3))
        let_in = await asyncio.gather(
            *(stores.members.enrol(newcomer(f"d{i}"), "t1") for i in range(8))
        )
        assert sorted(let_in) == [False] * 5 + [True] * 3
        kept = await stores.tickets.get("t1")
        assert kept is not None
        assert kept.uses == 3

    async def test_a_revoked_ticket_lets_no_one_in(self, stores: Stores) -> None:
        await stores.tickets.add(ticket("t1"))
        await stores.tickets.revoke("t1")
        assert not await stores.members.enrol(newcomer("d1"), "t1")

    async def test_a_key_that_is_known_uses_no_ticket(self, stores: Stores) -> None:
        await stores.tickets.add(ticket("t1"))
        await stores.members.enrol(newcomer("d1"), "t1")
        twin = replace(newcomer("d2"), key=replace(key_of("d1"), device="d2"))
        with pytest.raises(FieldwiseError) as caught:
            await stores.members.enrol(twin, "t1")
        assert fault_of(caught) is Fault.ALREADY_EXISTS
        kept = await stores.tickets.get("t1")
        assert kept is not None
        assert kept.uses == 1

    async def test_a_renewal_keeps_the_key_before(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.members.keep_key(key_of("d1", "second"), NOW)
        assert (await stores.devices.get("d1")).key == key_of("d1", "second")
        first = await stores.members.find_key(key_of("d1").fingerprint)
        assert first is not None
        assert first.key.device == "d1"

    async def test_of_many_renewals_the_newest_key_and_the_one_in_use_are_kept(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        await join(stores, "d2")
        used = key_of("d1").fingerprint
        for name in ("lost", "lost too", "got"):
            await stores.members.keep_key(key_of("d1", name), NOW, used)
        await self.check_keys(stores, {"key", "got"})
        await stores.members.keep_key(key_of("d1", "next"), NOW, key_of("d1", "got").fingerprint)
        await self.check_keys(stores, {"got", "next"})
        assert await stores.members.find_key(key_of("d2").fingerprint) is not None

    @pytest.mark.parametrize("by", ["admit", "visitor"])
    async def test_an_older_key_is_forgotten_with_the_first_call_of_a_newer_one_and_no_sooner(
        self, stores: Stores, by: str
    ) -> None:
        await join(stores, "d1")
        await join(stores, "d2")
        call = stores.members.admit if by == "admit" else stores.check_ins.visitor
        await call(caller("d1"))
        for name in ("lost", "got"):
            await stores.members.keep_key(key_of("d1", name), NOW, key_of("d1").fingerprint)
            await call(caller("d1"))
        await self.check_keys(stores, {"key", "got"})
        await call(caller("d1", "got"))
        await self.check_keys(stores, {"got"})
        with pytest.raises(FieldwiseError) as caught:
            await call(caller("d1"))
        assert fault_of(caught) is Fault.CERTIFICATE_INVALID
        await call(caller("d2"))

    async def test_expired_keys_are_forgotten_and_live_ones_of_unknown_use_are_not(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        live = replace(key_of("d1", "live"), expires_at=NOW + 900)
        await stores.members.keep_key(live, NOW)
        await stores.members.keep_key(replace(live, serial="f00d"), NOW + 50)
        await self.check_keys(stores, {"key", "live"})
        newest = replace(key_of("d1", "next"), expires_at=NOW + 900)
        await stores.members.keep_key(newest, NOW + 101)
        await self.check_keys(stores, {"live", "next"})

    async def check_keys(self, stores: Stores, kept: set[str]) -> None:
        names = ("key", "lost", "lost too", "got", "live", "next")
        found = {
            name: await stores.members.find_key(key_of("d1", name).fingerprint) for name in names
        }
        assert {name for name in names if found[name] is not None} == kept

    async def test_a_fresh_certificate_for_a_known_key_keeps_its_ticket(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        fresh = replace(key_of("d1"), serial="f00d", expires_at=NOW + 500)
        await stores.members.keep_key(fresh, NOW)
        assert (await stores.devices.get("d1")).key == replace(fresh, ticket="open")

    async def test_no_device_gets_the_key_of_another(self, stores: Stores) -> None:
        await join(stores, "d1")
        await join(stores, "d2")
        with pytest.raises(FieldwiseError) as caught:
            await stores.members.keep_key(replace(key_of("d1"), device="d2"), NOW)
        assert fault_of(caught) is Fault.ALREADY_EXISTS
        assert (await stores.devices.get("d2")).key == key_of("d2", ticket_id="open")

    async def test_a_removed_device_is_no_member_and_its_keys_say_so(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.members.remove("d1", NOW)
        await stores.members.remove("d1", NOW + 1)
        known = await stores.members.find_key(key_of("d1").fingerprint)
        assert known is not None
        assert known.removed
        assert await stores.devices.standings() == []
        with pytest.raises(FieldwiseError) as caught:
            await stores.members.keep_key(key_of("d1", "second"), NOW)
        assert fault_of(caught) is Fault.DEVICE_REMOVED

    async def test_an_unknown_device_cannot_be_removed(self, stores: Stores) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await stores.members.remove("d1", NOW)
        assert fault_of(caught) is Fault.NOT_FOUND


class TestDeviceStore:
    async def test_an_unknown_device_is_not_found(self, stores: Stores) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await stores.devices.get("d1")
        assert fault_of(caught) is Fault.NOT_FOUND

    @pytest.mark.parametrize(
        ("cohort", "found"),
        [
            ("", ["d1", "d2", "d3", "d4"]),
            ("site=berlin", ["d1", "d2"]),
            ("site!=berlin", ["d3", "d4"]),
            ("line", ["d2", "d3"]),
            ("line,site!=berlin", ["d3"]),
            ("site=berlin,line=3", ["d2"]),
            ("site=berlin,site=paris", []),
        ],
    )
    async def test_a_selector_takes_whom_it_says(
        self, stores: Stores, cohort: str, found: list[str]
    ) -> None:
        await join(stores, "d4")
        await join(stores, "d1", site="berlin")
        await join(stores, "d3", site="paris", line="3")
        await join(stores, "d2", site="berlin", line="3")
        page = await stores.devices.list(parse_selector(cohort), PageRequest())
        assert [device.id for device in page.items] == found

    async def test_pages_go_through_a_cohort_by_id(self, stores: Stores) -> None:
        for number in range(5):
            await join(stores, f"d{number}", parity="odd" if number % 2 else "even")
        even = parse_selector("parity=even")
        first = await stores.devices.list(even, PageRequest(size=2))
        second = await stores.devices.list(even, PageRequest(2, first.next_token))
        assert [each.id for each in first.items] == ["d0", "d2"]
        assert [each.id for each in second.items] == ["d4"]
        assert second.next_token == ""

    async def test_tags_are_written_and_taken_away(self, stores: Stores) -> None:
        await join(stores, "d1", site="berlin", line="3")
        await stores.devices.change_tags("d1", {"site": "paris", "shift": "night"}, {"line"})
        assert (await stores.devices.get("d1")).tags == {"shift": "night", "site": "paris"}
        await stores.devices.change_tags("d1", {}, {"site", "shift"})
        assert (await stores.devices.get("d1")).tags == {}

    async def test_too_many_tags_change_nothing(self, stores: Stores) -> None:
        await join(stores, "d1", site="berlin")
        with pytest.raises(FieldwiseError) as caught:
            await stores.devices.change_tags("d1", {f"k{i}": "v" for i in range(32)}, set())
        assert fault_of(caught) is Fault.OVER_LIMIT
        assert (await stores.devices.get("d1")).tags == {"site": "berlin"}

    async def test_a_removed_device_cannot_be_tagged(self, stores: Stores) -> None:
        await join(stores, "d1")
        await stores.members.remove("d1", NOW)
        with pytest.raises(FieldwiseError) as caught:
            await stores.devices.change_tags("d1", {"site": "berlin"}, set())
        assert fault_of(caught) is Fault.NOT_FOUND

    async def test_certificates_are_counted_by_their_end(self, stores: Stores) -> None:
        for name in ("d1", "d2", "d3"):
            await join(stores, name)
        await stores.members.keep_key(replace(key_of("d1", "later"), expires_at=NOW + 500), NOW)
        await stores.members.remove("d3", NOW)
        assert await stores.devices.count_expiring(NOW + 200) == 1
        assert await stores.devices.count_expiring(NOW + 50) == 0

    async def test_members_are_counted_by_the_backbone_in_use(self, stores: Stores) -> None:
        for name, bundle in (("d1", "a"), ("d2", "b"), ("d3", "a"), ("d4", "b"), ("d5", None)):
            await join(stores, name)
            told = report(1, bundle=bundle * 64 if bundle else None)
            await stores.check_ins.keep([sighting(name, told)])
        await stores.members.remove("d4", NOW)
        await join(stores, "d6")
        assert await stores.devices.count_backbones() == {"a" * 64: 2, "b" * 64: 1}

    async def test_a_tag_is_told_of_the_members_that_have_it(self, stores: Stores) -> None:
        for name, tags in (("d1", {"site": "berlin"}), ("d2", {"line": "3"}), ("d3", {})):
            await join(stores, name, **tags)
        await join(stores, "d4", site="paris", line="1")
        await join(stores, "gone", site="paris")
        await stores.members.remove("gone", NOW)
        assert await stores.devices.tagged("site") == {"d1": "berlin", "d4": "paris"}
        assert await stores.devices.tagged("hall") == {}

    async def test_what_members_report_is_spread_over_intervals(self, stores: Stores) -> None:
        told = replace(
            report(1),
            learning=LearningCounters(samples=7, window_samples=8, window_correct=6),
            vital_signs=VitalSigns(predictions=3, prediction_p99_micros=5000),
            signs=LearningSigns(novelty_samples=10, novelty_novel=9, skipped=1),
        )
        for name in ("d1", "d2", "d3", "silent"):
            await join(stores, name)
        odd = replace(told, learning=LearningCounters(window_samples=3, window_correct=3))
        for name, each in (("d1", told), ("d2", odd), ("d3", told)):
            await stores.check_ins.keep([sighting(name, each)])
        await stores.members.remove("d3", NOW)
        spreads = await stores.devices.spreads()
        assert set(spreads) == set(READINGS)
        accuracy = spreads[Measure.ACCURACY]
        assert accuracy.bounds == READINGS[Measure.ACCURACY].bounds
        found = dict(zip((*accuracy.bounds, None), accuracy.devices, strict=True))
        assert {bound: count for bound, count in found.items() if count} == {0.8: 1, 1.0: 1}
        assert accuracy.total == pytest.approx(1.75)
        latency = spreads[Measure.PREDICTION_SECONDS]
        assert latency.devices[latency.bounds.index(0.005)] == 2  # a value on a bound is within it
        assert spreads[Measure.SKIPPED].total == pytest.approx(0.5)
        assert spreads[Measure.NOVEL].total == pytest.approx(1.8)
        assert (spreads[Measure.LEARNED].devices[0], spreads[Measure.LEARNED].known) == (1, 2)
        assert spreads[Measure.CALIBRATION_ERROR].known == 0

    async def test_a_fleet_without_a_report_has_nothing_to_spread(self, stores: Stores) -> None:
        await join(stores, "d1")
        assert not any(each.known for each in (await stores.devices.spreads()).values())

    async def test_settings_rise_only_where_they_change(self, stores: Stores) -> None:
        await join(stores, "d1", site="berlin")
        await join(stores, "d2", site="paris")
        paused = DeviceSettings(learning_paused=True, shrinkage=0.1)
        assert await stores.devices.apply_settings(parse_selector("site=berlin"), paused) == 1
        assert await stores.devices.apply_settings(EVERYONE, paused) == 1
        assert await stores.devices.apply_settings(EVERYONE, paused) == 0
        assert await stores.devices.apply_settings(EVERYONE, DeviceSettings()) == 2
        revisions = [(await stores.devices.get(name)).settings for name in ("d1", "d2")]
        assert revisions == [SettingsRevision(2, DeviceSettings())] * 2

    async def test_a_settings_revision_that_a_device_knows_is_never_reused(
        self, stores: Stores
    ) -> None:
        await join(stores, "d1")
        await stores.check_ins.keep([sighting("d1", report(1, settings_revision=7))])
        await stores.devices.apply_settings(EVERYONE, DeviceSettings(retention_days=3))
        given = (await stores.devices.get("d1")).settings
        assert given == SettingsRevision(8, DeviceSettings(retention_days=3))
