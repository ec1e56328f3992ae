"""Elections of replicas whose clocks differ, over an API that conflicts, hangs and goes away."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.access import Access
from orchestrator.kubernetes.election import ATTEMPTS, NO_TERM, TRUSTED, LeaseLeadership
from orchestrator.kubernetes.leases import KubernetesLease, Record
from orchestrator.leadership import Replica
from orchestrator.leading import Leading
from orchestrator.storage.memory_replicas import MemoryLeadership
from tests.cluster_api import Cluster
from tests.elections import SECONDS, Site, Terms

Reach = Callable[..., Access]


@pytest.fixture
def site() -> Site:
    made = Site()
    made.add("a")
    made.add("b")
    return made


async def test_the_holder_leads_and_the_other_waits_a_whole_lease_from_when_it_looked(
    site: Site,
) -> None:
    assert await site.turn("a") == 1
    site.truth.pass_by(SECONDS - 1)
    assert await site.turn("b") is None, "it looks for the first time"
    site.truth.pass_by(SECONDS - 1)
    assert await site.turn("b") is None
    site.truth.pass_by(1)
    assert await site.turn("b") == 2
    assert site.lease.record.changes == 1


async def test_a_killed_leader_is_followed_within_a_lease_and_two_pauses(site: Site) -> None:
    await site.turn("a")
    for _ in range(5):
        assert await site.turn("b") is None
        site.truth.pass_by(site.leadings["a"].pause_seconds)
        assert await site.turn("a") == 1
    took = await site.until_led("b")
    assert SECONDS <= took <= SECONDS + 2 * site.leadings["b"].pause_seconds


async def test_renewals_keep_when_it_was_acquired_and_by_how_many_changes(site: Site) -> None:
    await site.turn("a")
    first = site.lease.record
    site.truth.pass_by(5)
    await site.turn("a")
    assert site.lease.record == replace(first, renewed_at=first.renewed_at + 5)
    assert (first.seconds, first.changes, first.holder) == (15, 0, "a_at-a_p-a")


@pytest.mark.parametrize("wrong_by", [-86_400.0, -60.0, 60.0, 86_400.0])
async def test_a_clock_that_is_wrong_by_any_amount_takes_no_lease_that_is_renewed(
    wrong_by: float,
) -> None:
    site = Site()
    site.add("a")
    site.add("b", wrong_by=wrong_by)
    for _ in range(20):
        assert await site.turn("a") == 1
        assert await site.turn("b") is None
        site.truth.pass_by(3)
    assert await site.until_led("b") >= SECONDS - 3


@pytest.mark.parametrize("rate", [0.75, 1.0, 1.3])
async def test_a_leader_that_is_cut_off_steps_down_before_a_faster_clock_takes_over(
    rate: float,
) -> None:
    site = Site()
    leading = site.add("a", rate=1 / rate)
    site.add("b", rate=rate)
    await site.turn("a")
    await site.turn("b")
    site.lease.away = {"a"}
    while await site.turn("b") is None:
        site.truth.pass_by(0.25)
        await site.turn("a")
    assert leading.term() is None
    site.lease.away = set()
    assert await site.turn("a") is None


async def test_without_the_api_nobody_leads_until_it_is_back(site: Site) -> None:
    await site.turn("a")
    site.lease.away = {"a", "b"}
    site.truth.pass_by(SECONDS * TRUSTED - 0.1)
    assert await site.turn("a") == 1, "what it was given holds for a while"
    site.truth.pass_by(0.2)
    for _ in range(10):
        assert await site.turn("a") is None
        assert await site.turn("b") is None
        site.truth.pass_by(SECONDS)
    site.lease.away = set()
    assert await site.turn("a") == 1, "nobody took it: it is the same term"


async def test_who_is_cut_off_from_the_database_does_not_hold_the_lease_for_others(
    site: Site,
) -> None:
    theirs = Terms(site.truth.now)
    await site.turn("a")
    site.elections["a"]._terms = theirs
    theirs.away = True
    await site.turn("b")
    for _ in range(5):
        site.truth.pass_by(5)
        await site.turn("a")
    assert await site.turn("b") == 2
    for _ in range(10):
        site.truth.pass_by(5)
        assert await site.turn("a") is None
        assert await site.turn("b") == 2


async def test_who_resigns_is_followed_at_once(site: Site) -> None:
    await site.turn("a")
    await site.turn("b")
    await site.leadings["a"].resign()
    assert (site.lease.record.holder, site.lease.record.seconds) == ("", 1)
    assert await site.turn("b") == 2


async def test_who_resigns_without_the_database_still_gives_the_lease_back(site: Site) -> None:
    await site.turn("a")
    site.terms.away = True
    with pytest.raises(FieldwiseError):
        await site.leadings["a"].resign()
    assert site.lease.record.holder == ""


async def test_who_resigns_takes_nothing_from_who_leads(site: Site) -> None:
    await site.turn("a")
    await site.leadings["b"].resign()
    assert site.lease.record.holder == "a_at-a_p-a"
    site.lease.put(None)
    await site.leadings["b"].resign()
    assert site.lease.found is None


async def test_a_renewal_that_came_late_does_not_undo_a_release(site: Site) -> None:
    await site.turn("a")
    late = replace(site.lease.record, renewed_at=1.0)
    site.lease.meanwhile = [lambda: site.lease.put(late)]
    await site.leadings["a"].resign()
    assert site.lease.record.holder == ""


async def test_a_lease_that_is_deleted_calls_an_election_that_one_wins(site: Site) -> None:
    await site.turn("a")
    await site.turn("b")
    site.lease.put(None)
    assert await site.turn("b") is None, "the database's own lease has not lapsed yet"
    assert await site.turn("a") is None
    assert await site.turn("b") == 2
    assert await site.turn("a") is None


async def test_a_holder_that_was_written_by_hand_is_waited_for_and_no_longer(site: Site) -> None:
    await site.turn("a")
    site.lease.put(replace(site.lease.record, holder="somebody", seconds=86_400))
    assert await site.turn("a") is None
    assert await site.turn("b") is None
    site.truth.pass_by(600)
    assert await site.turn("b") == 2


async def test_a_label_that_was_put_on_meanwhile_costs_no_renewal(site: Site) -> None:
    await site.turn("a")
    site.truth.pass_by(5)
    site.lease.meanwhile = [lambda: site.lease.put(site.lease.record)]
    assert await site.turn("a") == 1
    assert site.lease.record.renewed_at == site.truth.now()


async def test_who_loses_the_race_for_the_first_lease_learns_who_won(site: Site) -> None:
    other = Record("c_at-c_p-c", 15, 0.0, 0.0, 0)
    site.lease.meanwhile = [lambda: site.lease.put(other)]
    lead = await site.elections["a"].claim(Replica("p-a", "at-a"), SECONDS)
    assert (lead.term, lead.replica) == (NO_TERM, Replica("p-c", "at-c"))
    await site.turn("a")
    now = site.truth.now()
    assert site.leadings["a"].unbroken_since(now) == now


async def test_a_lease_that_others_change_all_the_while_is_given_up_for_now(site: Site) -> None:
    await site.turn("a")
    again = [lambda: site.lease.put(site.lease.record)] * ATTEMPTS
    site.lease.meanwhile = again
    with pytest.raises(FieldwiseError) as raised:
        await site.elections["a"].claim(Replica("p-a", "at-a"), SECONDS)
    assert raised.value.fault is Fault.UNAVAILABLE


async def test_a_leader_whose_lease_was_taken_lets_the_new_holder_begin_at_once(
    site: Site,
) -> None:
    await site.turn("a")
    site.lease.put(replace(site.lease.record, holder="b_at-b_p-b"))
    assert await site.turn("b") is None
    assert await site.turn("a") is None
    assert await site.turn("b") == 2


async def test_leaders_by_the_database_and_by_the_lease_are_never_two(site: Site) -> None:
    """While one setting is exchanged for the other, replica by replica."""
    older = Leading(site.terms, Replica("p-o", "at-o"), SECONDS, site.truth)
    await older.claim()
    for _ in range(5):
        site.truth.pass_by(5)
        await older.claim()
        assert await site.turn("a") is None
    assert older.term() == 1
    await older.resign()
    assert await site.turn("a") == 2
    await older.claim()
    assert older.term() is None


@pytest.mark.parametrize("seed", range(30))
async def test_whatever_is_cut_killed_or_late_at_most_one_term_is_the_newest(seed: int) -> None:
    """Wrong clocks, cuts and deletions by dice: who leads is alone, and soon somebody does."""
    dice = random.Random(seed)
    site = Site()
    names = [f"r{number}" for number in range(4)]
    for name in names:
        site.add(name, wrong_by=dice.uniform(-3600, 3600), rate=dice.uniform(0.85, 1.15))
    terms: dict[int, str] = {}
    for _ in range(400):
        if dice.random() < 0.05:
            site.lease.away = {each for each in names if dice.random() < 0.3}
        if dice.random() < 0.01:
            site.lease.put(None)
        for name in dice.sample(names, dice.randrange(1, len(names) + 1)):
            term = await site.turn(name)
            if term is not None:
                assert terms.setdefault(term, name) == name
        leading = [name for name in names if site.leadings[name].term() is not None]
        newest = site.terms.lead.term if site.terms.lead else 0
        assert sum(site.leadings[name].term() == newest for name in leading) <= 1
        site.truth.pass_by(dice.uniform(0, 4))
    site.lease.away = set()
    for _ in range(40):
        site.truth.pass_by(2)
        led = [term for name in names if (term := await site.turn(name)) is not None]
    assert len(led) == 1
    assert len(terms) > 1


class TestOverHttp:
    """The same election over the client, the threads and the wire."""

    @pytest.fixture
    def terms(self) -> MemoryLeadership:
        return MemoryLeadership()

    async def test_many_who_begin_at_once_elect_one(
        self, reach: Reach, cluster: Cluster, terms: MemoryLeadership
    ) -> None:
        elections = [
            LeaseLeadership(KubernetesLease(reach(), "fleet", "fieldwise"), terms, f"pod-{each}")
            for each in range(5)
        ]
        replicas = [Replica(f"p{each}", f"at{each}") for each in range(5)]
        for _ in range(3):
            told = await asyncio.gather(
                *(each.claim(who, 300) for each, who in zip(elections, replicas, strict=True))
            )
            assert len({each.replica for each in told}) == 1
        [holder] = {each.replica for each in told}
        spec = cluster.leases["fleet", "fieldwise"]["spec"]
        assert spec["holderIdentity"].endswith(f"_{holder.place}_{holder.process}")
        assert spec["leaseDurationSeconds"] == 300

    async def test_a_renewal_whose_answer_was_lost_is_no_loss_of_the_lead(
        self, reach: Reach, cluster: Cluster, terms: MemoryLeadership
    ) -> None:
        replica = Replica("p", "at")
        slow = LeaseLeadership(KubernetesLease(reach(), "fleet", "fieldwise"), terms, "pod")
        first = await slow.claim(replica, 300)
        hasty = LeaseLeadership(KubernetesLease(reach(0.3), "fleet", "fieldwise"), terms, "pod")
        cluster.keeps_quiet = True
        cluster.goes_on.clear()
        with pytest.raises(FieldwiseError) as raised:
            await hasty.claim(replica, 300)
        assert raised.value.fault is Fault.UNAVAILABLE
        cluster.goes_on.set()
        again = await slow.claim(replica, 300)
        assert (again.term, again.replica) == (first.term, replica)
