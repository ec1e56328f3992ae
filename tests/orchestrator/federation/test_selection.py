from collections import Counter

import pytest

from fieldwise.federation import Consent
from orchestrator.federation.campaign import Candidate
from orchestrator.federation.selection import agrees, asked_of, can_answer
from tests.campaigns import SPACE, campaign

COHORT = [Candidate(f"d{n:02}", Consent.WEIGHTS, SPACE.bundle) for n in range(20)]


def seed(number: int) -> bytes:
    return number.to_bytes(16, "big")


@pytest.mark.parametrize(
    ("candidate", "level", "able"),
    [
        (Candidate("d", Consent.WEIGHTS, SPACE.bundle), Consent.WEIGHTS, True),
        (Candidate("d", Consent.STATISTICS, SPACE.bundle), Consent.WEIGHTS, True),
        (Candidate("d", Consent.WEIGHTS, SPACE.bundle), Consent.STATISTICS, False),
        (Candidate("d", Consent.OFF, SPACE.bundle), Consent.WEIGHTS, False),
        (Candidate("d", None, SPACE.bundle), Consent.WEIGHTS, False),
    ],
)
def test_only_agreeing_owners_devices_are_asked(
    candidate: Candidate, level: Consent, able: bool
) -> None:
    found = campaign(7, level=level)
    assert can_answer(found, candidate) is agrees(found, candidate) is able


def test_whoever_is_out_of_reach_or_runs_something_else_is_not_asked() -> None:
    for odd in (
        Candidate("d", Consent.WEIGHTS, "f" * 64),
        Candidate("d", Consent.WEIGHTS, None),
        Candidate("d", Consent.WEIGHTS, SPACE.bundle, is_offline=True),
    ):
        assert agrees(campaign(7), odd)
        assert not can_answer(campaign(7), odd)


def test_all_are_asked_where_the_plan_wants_no_number() -> None:
    asked = asked_of(campaign(7), COHORT, seed(1))
    assert sorted(asked) == [each.device for each in COHORT]


@pytest.mark.parametrize(
    ("participants", "over", "asked"), [(10, 0.0, 10), (10, 0.1, 11), (10, 0.3, 13), (19, 0.3, 20)]
)
def test_more_are_asked_than_are_wanted(participants: int, over: float, asked: int) -> None:
    found = campaign(7, participants=participants, over_selection=over)
    assert len(set(asked_of(found, COHORT, seed(1)))) == asked


def test_nobody_is_asked_for_a_quorum_that_cannot_be_met() -> None:
    assert asked_of(campaign(7, quorum=21), COHORT, seed(1)) == ()
    assert len(asked_of(campaign(7, quorum=20), COHORT, seed(1))) == 20


def test_a_seed_decides_and_who_else_is_there_does_not() -> None:
    found = campaign(7, participants=5, over_selection=0.0)
    asked = asked_of(found, COHORT, seed(1))
    assert asked_of(found, reversed(COHORT), seed(1)) == asked
    fewer = [each for each in COHORT if each.device in asked or each.device > "d10"]
    assert asked_of(found, fewer, seed(1)) == asked
    assert asked_of(found, COHORT, seed(2)) != asked


def test_every_device_has_its_chance() -> None:
    found = campaign(7, participants=5, over_selection=0.0)
    times = Counter(device for n in range(400) for device in asked_of(found, COHORT, seed(n)))
    assert len(times) == len(COHORT)
    assert 60 < min(times.values()) <= max(times.values()) < 140
