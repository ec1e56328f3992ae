"""Terms only rise, whoever asks and whatever the clock says."""

import random

import pytest

from orchestrator.leadership import (
    BREAK_SECONDS,
    LEASE_SECONDS_MAX,
    Lead,
    Replica,
    after_claim,
    after_resigning,
    has_lapsed,
)

ONE, TWO = Replica("p1", "here"), Replica("p2", "there")
NOW = 1e9
LED = Lead(7, ONE, NOW + 15, NOW - 1000)


@pytest.mark.parametrize(
    ("passed", "leader"), [(0.0, ONE), (14.999, ONE), (15.0, TWO), (15.0 + BREAK_SECONDS, TWO)]
)
def test_a_lease_is_taken_over_when_it_has_lapsed_and_not_before(
    passed: float, leader: Replica
) -> None:
    lead = after_claim(LED, TWO, 15, NOW + passed)
    assert (lead.replica, lead.term) == (leader, 7 if leader is ONE else 8)
    assert lead.unbroken_since == LED.unbroken_since


@pytest.mark.parametrize("replica", [ONE, TWO])
def test_a_long_time_without_anybody_leading_is_a_break(replica: Replica) -> None:
    later = LED.expires_at + BREAK_SECONDS + 0.001
    assert after_claim(LED, replica, 15, later).unbroken_since == later


def test_a_lease_beyond_all_bounds_keeps_nobody_from_leading() -> None:
    early = LED.expires_at - LEASE_SECONDS_MAX - 1
    assert has_lapsed(LED, early)
    assert after_claim(LED, TWO, 15, early).term == 8


def test_resigning_is_for_who_leads() -> None:
    assert after_resigning(None, ONE, NOW) is None
    assert after_resigning(LED, TWO, NOW) == LED
    resigned = after_resigning(LED, ONE, NOW)
    assert resigned is not None
    assert has_lapsed(resigned, NOW)
    assert resigned.term == LED.term


def believers(seed: int, *, fenced: bool) -> tuple[int, int]:
    """Let replicas with bad clocks lead and write for a while.

    Returns:
        How many writes the store took, and how many of them came after a newer term had begun.
    """
    dice = random.Random(seed)
    replicas = [Replica(f"p{each}", f"place{each}") for each in range(4)]
    lead: Lead | None = None
    terms: dict[Replica, int] = {}  # what each believes, for as long as it likes
    now, newest, taken, stale = NOW, 0, 0, 0
    for _ in range(400):
        now += dice.choice((-30.0, 0.0, 1.0, 4.0, 20.0))
        replica = dice.choice(replicas)
        if dice.random() < 0.5:
            lead = after_claim(lead, replica, 15, now)
            assert lead.term >= newest
            newest = lead.term
            if lead.replica == replica:
                terms[replica] = lead.term
        elif replica in terms:
            term = terms[replica]
            if not fenced or (lead is not None and lead.term == term):
                taken += 1
                stale += term < newest
    return taken, stale


@pytest.mark.parametrize("seed", range(50))
def test_whatever_clocks_do_nothing_is_written_in_an_old_term(seed: int) -> None:
    taken, stale = believers(seed, fenced=True)
    assert taken > 0
    assert stale == 0


def test_leases_alone_would_let_old_leaders_write() -> None:
    assert sum(believers(seed, fenced=False)[1] for seed in range(50)) > 0
