"""What every store promises about metadata of publishers."""

import asyncio
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import PublisherReport, PublisherTrouble, Role
from orchestrator.leadership import Replica
from orchestrator.storage.stores import Stores
from orchestrator.trust_ports import KEPT_MAX, Kept
from tests.fleet_records import NOW, join, report, sighting

ONE, OTHER = Replica("p1", "place"), Replica("p2", "place")


def kept(role: Role, version: int) -> Kept:
    return Kept(role, version, f'{{"role": "{role}", "n": {version}, "é": "ü"}}'.encode())


class TestTrustStore:
    async def test_metadata_is_kept_to_the_byte(self, stores: Stores) -> None:
        assert await stores.trust.newest(list(Role)) == {}
        documents = [kept(role, 1) for role in Role]
        await stores.trust.keep(documents)
        assert await stores.trust.newest(list(Role)) == {each.role: each for each in documents}
        assert await stores.trust.newest([Role.ROOT]) == {Role.ROOT: documents[0]}
        assert await stores.trust.newest([]) == {}
        assert await stores.trust.get(Role.ROOT, 1) == documents[0]
        assert await stores.trust.get(Role.ROOT, 2) is None

    async def test_every_root_and_the_newest_of_others_stay(self, stores: Stores) -> None:
        for version in range(1, KEPT_MAX + 4):
            await stores.trust.keep([kept(role, version) for role in Role])
        assert await stores.trust.get(Role.ROOT, 1) == kept(Role.ROOT, 1)
        for role in set(Role) - {Role.ROOT}:
            assert await stores.trust.get(role, 3) is None
            assert await stores.trust.get(role, 4) == kept(role, 4)
        newest = await stores.trust.newest(list(Role))
        assert {each.version for each in newest.values()} == {KEPT_MAX + 3}

    @pytest.mark.parametrize(
        ("role", "version"),
        [(Role.TARGETS, 5), (Role.TARGETS, 4), (Role.ROOT, 5), (Role.ROOT, 7), (Role.ROOT, 4)],
    )
    async def test_nothing_takes_the_place_of_something_newer(
        self, stores: Stores, role: Role, version: int
    ) -> None:
        await stores.trust.keep([kept(each, 5) for each in Role])
        with pytest.raises(FieldwiseError) as caught:
            await stores.trust.keep([kept(Role.SNAPSHOT, 6), kept(role, version)])
        assert caught.value.fault is Fault.CONFLICT
        assert (await stores.trust.newest([Role.SNAPSHOT]))[Role.SNAPSHOT].version == 5

    async def test_versions_may_be_left_out_but_for_roots(self, stores: Stores) -> None:
        await stores.trust.keep([kept(each, 5) for each in Role])
        await stores.trust.keep([kept(Role.ROOT, 6), kept(Role.ROOT, 7), kept(Role.TARGETS, 90)])
        newest = await stores.trust.newest([Role.ROOT, Role.TARGETS])
        assert newest[Role.ROOT].version == 7
        assert newest[Role.TARGETS].version == 90

    async def test_of_two_at_once_one_is_kept(self, stores: Stores) -> None:
        await stores.trust.keep([kept(Role.ROOT, 1)])
        others = [replace(kept(Role.ROOT, 2), content=f'"{n}"'.encode()) for n in range(6)]
        done = await asyncio.gather(
            *(stores.trust.keep([each]) for each in others), return_exceptions=True
        )
        assert sum(each is None for each in done) == 1
        refused = [each for each in done if isinstance(each, FieldwiseError)]
        assert {each.fault for each in refused} == {Fault.CONFLICT}
        assert len(refused) == 5

    async def test_a_leader_of_an_older_term_signs_nothing(self, stores: Stores) -> None:
        old = (await stores.leadership.claim(ONE, 60)).term
        await stores.trust.keep([kept(Role.TIMESTAMP, 1)], term=old)
        await stores.leadership.resign(ONE)
        new = (await stores.leadership.claim(OTHER, 60)).term
        with pytest.raises(FieldwiseError) as caught:
            await stores.trust.keep([kept(Role.TIMESTAMP, 2)], term=old)
        assert caught.value.fault is Fault.CONFLICT
        assert await stores.trust.get(Role.TIMESTAMP, 2) is None
        await stores.trust.keep([kept(Role.TIMESTAMP, 2)], term=new)

    async def test_members_are_counted_by_what_they_say(self, stores: Stores) -> None:
        fine = PublisherReport(2, 5, 1)
        troubled = replace(fine, trouble=PublisherTrouble.EXPIRED)
        for device, told in (("d1", fine), ("d2", fine), ("d3", troubled), ("d4", None)):
            await join(stores, device)
            said = replace(report(1), publisher=told)
            await stores.check_ins.keep([sighting(device, said)])
            kept_report = (await stores.devices.get(device)).report
            assert kept_report is not None
            assert kept_report.publisher == told
        assert await stores.trust.heard() == {fine: 2, troubled: 1}
        await stores.members.remove("d2", NOW)
        assert await stores.trust.heard() == {fine: 1, troubled: 1}
