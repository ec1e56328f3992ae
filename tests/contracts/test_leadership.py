"""What replicas share promises the same in memory, in SQLite and in PostgreSQL.

Leadership promises it with a Lease of a cluster before each of them, too.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.access import Access, find_cluster
from orchestrator.kubernetes.election import LeaseLeadership
from orchestrator.kubernetes.leases import KubernetesLease
from orchestrator.leadership import Replica
from orchestrator.replica_ports import Installation
from orchestrator.rollout.controller import Controller
from orchestrator.rollout.operations import Rollouts
from orchestrator.rollout.plan import Plan
from orchestrator.storage.stores import Stores
from tests.cluster_api import running_cluster
from tests.fleet_records import SetClock, backbone, join

ONE, TWO = Replica("p1", "here"), Replica("p2", "there")
LONG = 500.0


@contextmanager
def with_a_lease(stores: Stores, kubeconfig: Path, namespace: str) -> Iterator[Stores]:
    """Put a Lease before the leadership of stores.

    Two seconds pass between any two looks at its clock: a Lease of no time, which is one of a
    second, is over at the next look, and a long one is not.
    """
    access = Access(find_cluster(kubeconfig), 60, 2)
    lease = KubernetesLease(access, namespace, "fieldwise")
    looks = count()
    election = LeaseLeadership(lease, stores.leadership, "pod", monotonic=lambda: 2 * next(looks))
    try:
        yield replace(stores, leadership=election)
    finally:
        access.close()


@pytest.fixture(params=["by the database", "by a Lease"])
def replicated(request: pytest.FixtureRequest, stores: Stores, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "by the database":
        yield stores
        return
    with (
        running_cluster() as cluster,
        with_a_lease(stores, cluster.kubeconfig(tmp_path), "fleet") as found,
    ):
        yield found


class TestLeadership:
    async def test_the_first_who_asks_leads_until_the_lease_lapses(
        self, replicated: Stores
    ) -> None:
        first = await replicated.leadership.claim(ONE, LONG)
        assert (first.term, first.replica) == (1, ONE)
        assert await replicated.leadership.claim(TWO, LONG) == first
        renewed = await replicated.leadership.claim(ONE, LONG)
        assert (renewed.term, renewed.unbroken_since) == (1, first.unbroken_since)
        assert renewed.expires_at >= first.expires_at

    async def test_a_lease_that_has_lapsed_is_anybody_s_in_a_new_term(
        self, replicated: Stores
    ) -> None:
        lapsed = await replicated.leadership.claim(ONE, 0)
        taken = await replicated.leadership.claim(TWO, LONG)
        assert (taken.term, taken.replica) == (2, TWO)
        assert taken.unbroken_since == lapsed.unbroken_since
        assert (await replicated.leadership.claim(ONE, LONG)).replica == TWO

    async def test_who_lapsed_and_was_not_replaced_goes_on_in_his_term(
        self, replicated: Stores
    ) -> None:
        await replicated.leadership.claim(ONE, 0)
        assert (await replicated.leadership.claim(ONE, LONG)).term == 1

    async def test_who_resigns_lets_others_lead_at_once(self, replicated: Stores) -> None:
        await replicated.leadership.resign(ONE)
        await replicated.leadership.claim(ONE, LONG)
        await replicated.leadership.resign(TWO)
        assert (await replicated.leadership.claim(TWO, LONG)).replica == ONE
        await replicated.leadership.resign(ONE)
        assert (await replicated.leadership.claim(TWO, LONG)).term == 2

    async def test_a_process_takes_over_at_once_from_the_one_before_in_its_place(
        self, replicated: Stores
    ) -> None:
        await replicated.leadership.claim(ONE, LONG)
        again = await replicated.leadership.claim(Replica("p3", ONE.place), LONG)
        assert (again.term, again.replica.process) == (2, "p3")

    async def test_whoever_asks_for_nothing_learns_who_led_last(self, replicated: Stores) -> None:
        assert await replicated.leadership.newest() is None
        first = await replicated.leadership.claim(ONE, 0)
        assert await replicated.leadership.newest() == first
        second = await replicated.leadership.claim(TWO, LONG)
        assert await replicated.leadership.newest() == second

    async def test_of_many_who_ask_at_once_one_leads(self, replicated: Stores) -> None:
        asking = [Replica(f"p{number}", f"place{number}") for number in range(8)]
        told = await asyncio.gather(*(replicated.leadership.claim(each, LONG) for each in asking))
        assert len({each.replica for each in told}) == 1
        assert {each.term for each in told} == {1}


class TestFence:
    async def test_nothing_is_saved_under_a_term_that_is_over(self, replicated: Stores) -> None:
        fleet = await _rolling_out(replicated)
        lead = await replicated.leadership.claim(ONE, 0)
        rollout = await replicated.rollouts.get(fleet)
        saved = await replicated.rollouts.save(rollout, term=lead.term)
        await replicated.leadership.claim(TWO, LONG)
        for term in (lead.term, lead.term + 2):
            with pytest.raises(FieldwiseError) as caught:
                await replicated.rollouts.save(saved, term=term)
            assert caught.value.fault is Fault.CONFLICT
        assert await replicated.rollouts.get(fleet) == saved
        assert (await replicated.rollouts.save(saved, term=lead.term + 1)).revision > saved.revision

    async def test_an_operator_s_command_needs_no_term(self, replicated: Stores) -> None:
        fleet = await _rolling_out(replicated)
        await replicated.leadership.claim(ONE, LONG)
        rollout = await replicated.rollouts.get(fleet)
        assert (await replicated.rollouts.save(rollout)).revision == rollout.revision + 1

    async def test_before_anybody_led_no_term_is_the_newest(self, replicated: Stores) -> None:
        rollout = await replicated.rollouts.get(await _rolling_out(replicated))
        with pytest.raises(FieldwiseError) as caught:
            await replicated.rollouts.save(rollout, term=1)
        assert caught.value.fault is Fault.CONFLICT

    async def test_saves_and_changes_of_leaders_at_once_leave_one_writer_a_term(
        self, replicated: Stores
    ) -> None:
        number = await _rolling_out(replicated)

        async def lead_and_save(replica: Replica) -> tuple[int, bool]:
            lead = await replicated.leadership.claim(replica, 0)
            rollout = await replicated.rollouts.get(number)
            try:
                await replicated.rollouts.save(rollout, term=lead.term)
            except FieldwiseError as error:
                return lead.term, error.fault is not Fault.CONFLICT
            return lead.term, True

        asking = [Replica(f"p{each}", f"place{each}") for each in range(12)]
        before = await replicated.rollouts.get(number)
        told = await asyncio.gather(*(lead_and_save(each) for each in asking))
        after = await replicated.rollouts.get(number)
        assert sorted(term for term, _ in told) == list(range(1, 13))
        assert after.revision - before.revision == sum(saved for _, saved in told)
        newest = await replicated.leadership.claim(TWO, LONG)
        assert newest.term == 13


class TestInstallation:
    async def test_a_database_belongs_to_the_first_who_says_so(self, stores: Stores) -> None:
        ours, theirs = Installation("fleet-a", "a" * 64), Installation("fleet-b", "b" * 64)
        assert await stores.installation.belong_to(ours) == ours
        assert await stores.installation.belong_to(theirs) == ours
        assert await stores.installation.belong_to(ours) == ours

    async def test_of_many_who_say_so_at_once_one_is_right(self, stores: Stores) -> None:
        asking = [Installation(f"fleet-{each}", f"{each}" * 64) for each in range(8)]
        told = await asyncio.gather(*(stores.installation.belong_to(each) for each in asking))
        assert len(set(told)) == 1
        assert told[0] in asking


async def _rolling_out(stores: Stores) -> int:
    clock = SetClock()
    controller = Controller(stores.rollouts, stores.backbones, clock)
    await stores.backbones.add(backbone())
    await join(stores, "d1")
    rollouts = Rollouts(stores.rollouts, stores.backbones, controller, clock)
    return (await rollouts.start(Plan("lite0"))).number
