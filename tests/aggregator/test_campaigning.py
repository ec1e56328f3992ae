import random
from dataclasses import replace

import numpy as np
import pytest

from aggregator.campaigning import Campaigning
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.work import Campaign, RoundResult
from fieldwise.bundle import Digest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, Row, RowKind
from fieldwise.global_head import decode
from tests.fakes.orchestrating import (
    Killed,
    MemoryOrchestrator,
    PatientClock,
    Sent,
    UnsteadyOrchestrator,
)
from tests.fakes.updates import campaign, means, samples, statistics


def some_means(number: int) -> Sent:
    return [
        (alias, means({1: (20, 10.0 * alias * number), 2: (20, 1.0)}, round_number=number))
        for alias in (1, 2, 3)
    ]


def some_weights(number: int) -> Sent:
    """As of devices that start from the head before, where every round comes to one."""
    row = np.full(11, float(number), np.float32)
    update = replace(
        means({}),
        kind=RowKind.WEIGHTS,
        rows=(Row(1, 20, row), Row(2, 30, row)),
        round=number,
        base_version=number - 1,
    )
    return [(alias, update) for alias in (1, 2)]


def some_statistics(number: int) -> Sent:
    found = []
    for alias in (1, 2, 3):
        dice = np.random.default_rng(alias + 10 * number)
        update = statistics(samples(dice, 30), dice.integers(1, 4, 30), round_number=number)
        found.append((alias, update))
    return found


PLANS = {
    "means": (campaign(strategy="FedMedian"), some_means),
    "weights": (
        campaign(kind=RowKind.WEIGHTS, strategy="FedAvgM", options={"server_momentum": 0.9}),
        some_weights,
    ),
    "statistics": (campaign(level=Consent.STATISTICS), some_statistics),
}


def work(orchestrator: object, clock: PatientClock | None = None) -> None:
    dice = random.Random(1)
    Campaigning(orchestrator, FlowerStrategies(), clock or PatientClock(), dice).run()


def worked(plan: Campaign, rounds: list[Sent | None]) -> MemoryOrchestrator:
    orchestrator = MemoryOrchestrator(plan, rounds)
    work(orchestrator)
    return orchestrator


@pytest.mark.parametrize("name", PLANS)
def test_every_round_comes_to_a_version_and_the_campaign_to_an_end(name: str) -> None:
    plan, sent = PLANS[name]
    found = worked(plan, [sent(number) for number in (1, 2, 3)])
    assert [version for version, _ in found.committed.values()] == [1, 2, 3]
    assert not found.reason
    assert len(decode(found.files[found.plan.head]).ids) >= 2


def test_a_round_that_misses_its_quorum_blocks_nothing() -> None:
    found = worked(campaign(), [some_means(1), None, some_means(3)])
    assert list(found.committed) == [1, 3]
    assert not found.reason


def test_a_round_of_which_too_little_is_usable_is_no_version() -> None:
    found = worked(campaign(quorum=2), [some_means(1), some_means(2)[:1], some_means(3)])
    assert list(found.committed) == [1, 3]
    assert not found.reason


def test_a_campaign_that_is_over_is_left_alone() -> None:
    found = MemoryOrchestrator(campaign(), [some_means(1)], stopped=True)
    work(found)
    assert found.asked == ["campaign"]


def test_where_there_is_nothing_to_open_it_waits_as_long_as_it_is_told() -> None:
    class Pausing(MemoryOrchestrator):
        pauses = 3

        def open_round(self) -> object:
            if self.pauses:
                Pausing.pauses -= 1
                return type(MemoryOrchestrator.open_round(replace(self, ended=1)))(0, 17.0)
            return MemoryOrchestrator.open_round(self)

    clock = PatientClock()
    work(Pausing(campaign(), [some_means(1)]), clock)
    assert clock.slept == [17.0, 17.0, 17.0]


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("seed", range(8))
def test_killed_and_cut_off_at_any_step_it_comes_to_the_same_heads(name: str, seed: int) -> None:
    plan, sent = PLANS[name]
    rounds: list[Sent | None] = [sent(1), sent(2), sent(3)]
    undisturbed = worked(plan, list(rounds))
    behind = MemoryOrchestrator(plan, rounds)
    unsteady = UnsteadyOrchestrator(behind, random.Random(seed))
    deaths = 0
    for _ in range(1000):
        try:
            work(unsteady)
        except Killed:
            deaths += 1
        else:
            break
    else:
        pytest.fail("it never came to an end")
    assert results(behind) == results(undisturbed)


def results(orchestrator: MemoryOrchestrator) -> dict[int, tuple[int, RoundResult]]:
    return orchestrator.committed


def test_a_commit_whose_answer_is_lost_is_no_second_version() -> None:
    class Losing(MemoryOrchestrator):
        lost = False

        def commit(self, result: RoundResult) -> int:
            version = MemoryOrchestrator.commit(self, result)
            if not Losing.lost:
                Losing.lost = True
                raise FieldwiseError(Fault.UNREACHABLE, "lost")
            return version

    found = Losing(campaign(), [some_means(1), some_means(2)])
    work(found)
    assert [version for version, _ in found.committed.values()] == [1, 2]


def test_a_round_that_was_ended_meanwhile_is_let_go() -> None:
    class TakenBack(MemoryOrchestrator):
        refused = 0

        def commit(self, result: RoundResult) -> int:
            if not TakenBack.refused:
                TakenBack.refused += 1
                self._end()
                raise FieldwiseError(Fault.ILLEGAL_COMMAND, "the round was dropped")
            return MemoryOrchestrator.commit(self, result)

    found = TakenBack(campaign(), [some_means(1), some_means(2)])
    work(found)
    assert list(found.committed) == [2]
    assert not found.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": "FedGuess"},
        {"options": {"unknown": 1.0}},
        {"strategy": "FedTrimmedAvg", "options": {"beta": 0.9}},
    ],
)
def test_a_plan_that_cannot_be_followed_ends_the_campaign_with_a_reason(
    changes: dict[str, object],
) -> None:
    found = worked(campaign(**changes), [some_means(1)])
    assert found.reason
    assert "open_round" not in found.asked
    assert found.committed == {}


def test_a_reason_is_one_line_that_the_wire_takes() -> None:
    found = worked(campaign(strategy="é\n" * 400), [some_means(1)])
    assert found.reason.isprintable()
    assert 0 < len(found.reason.encode()) <= 512


def test_a_damaged_head_ends_the_campaign_with_a_reason() -> None:
    found = MemoryOrchestrator(campaign(head="d" * 64), [some_means(1)])
    found.files["d" * 64] = b"rubbish"
    work(found)
    assert "not valid" in found.reason


@pytest.mark.parametrize("fault", [Fault.NOT_FOUND, Fault.DIGEST_MISMATCH])
@pytest.mark.parametrize("lost", ["head", "state"])
def test_a_file_that_stays_lost_ends_the_campaign_with_a_reason(fault: Fault, lost: str) -> None:
    class Lost(MemoryOrchestrator):
        def fetch(self, digest: Digest) -> bytes:
            if digest == "d" * 64:
                raise FieldwiseError(fault, "it is not there")
            return super().fetch(digest)

    known = worked(campaign(strategy="FedAvgM"), [some_means(1)])
    plan = replace(known.plan, runs=True, **{lost: "d" * 64})
    found, clock = Lost(plan, [some_means(1)]), PatientClock()
    found.files = dict(known.files)
    work(found, clock)
    assert "is lost or damaged" in found.reason
    assert len(clock.slept) == 9


def test_a_head_of_another_campaign_is_not_gone_on_from() -> None:
    other = worked(campaign(), [some_means(1)])
    found = MemoryOrchestrator(campaign(id="c9", head=other.plan.head), [some_means(1)])
    found.files = dict(other.files)
    work(found)
    assert "another campaign" in found.reason


def test_where_another_took_over_it_ends() -> None:
    class Fencing(MemoryOrchestrator):
        def campaign(self) -> Campaign:
            raise FieldwiseError(Fault.UNAUTHENTICATED, "the token is not in force")

    with pytest.raises(FieldwiseError) as caught:
        work(Fencing(campaign(), []))
    assert caught.value.entry.exit_code == 3


def test_what_fails_again_and_again_is_tried_ever_more_slowly() -> None:
    class Away(MemoryOrchestrator):
        left = 40

        def campaign(self) -> Campaign:
            if Away.left:
                Away.left -= 1
                raise FieldwiseError(Fault.UNREACHABLE, "away")
            return MemoryOrchestrator.campaign(self)

    clock = PatientClock()
    work(Away(campaign(), [some_means(1)]), clock)
    assert len(clock.slept) == 40
    assert all(0.5 <= each <= 300 for each in clock.slept)
    assert sum(clock.slept[20:]) > sum(clock.slept[:5]) * 4
