from dataclasses import replace

import pytest

from fieldwise.errors import FieldwiseError
from orchestrator.federation.campaign import Round
from orchestrator.federation.phases import RoundPhase
from orchestrator.federation.restarting import CEILING_SECONDS, FIRST_SECONDS
from orchestrator.federation.supervising import STUCK_SECONDS, Supervising
from orchestrator.federation.worker_token import campaign_of, is_in_force
from orchestrator.worker_ports import WorkerState
from orchestrator.world import SystemEntropy
from tests.fakes.workers import MemoryWorkers, WorkedInMemory


class Case:
    """A replica with its clock, its workers and what is kept."""

    def __init__(self) -> None:
        self.campaigns = WorkedInMemory(["c1"])
        self.workers = MemoryWorkers()
        self.now = 100.0
        self.ended = 0
        self.supervising = self.replica(self.workers)

    def replica(self, workers: MemoryWorkers) -> Supervising:
        return Supervising(self.campaigns, workers, SystemEntropy(), lambda: self.now, self._count)

    def _count(self) -> None:
        self.ended += 1


@pytest.fixture
def case() -> Case:
    return Case()


async def test_every_campaign_that_runs_gets_one_worker(case: Case) -> None:
    case.campaigns.running = ["c1", "c2"]
    for _ in range(3):
        await case.supervising.look(1)
    assert set(case.workers.states) == {"c1", "c2"}
    assert [len(each) for each in case.workers.tokens.values()] == [1, 1]
    assert case.ended == 0


async def test_a_worker_has_a_token_for_its_campaign_of_which_the_digest_is_kept(
    case: Case,
) -> None:
    await case.supervising.look(1)
    (token,) = case.workers.tokens["c1"]
    assert campaign_of(token) == "c1"
    assert is_in_force(token, case.campaigns.kept["c1"])


async def test_one_that_ended_is_started_again_after_a_pause_with_another_token(
    case: Case,
) -> None:
    await case.supervising.look(1)
    case.workers.states["c1"] = WorkerState.ENDED
    await case.supervising.look(1)
    assert case.workers.states == {}
    assert case.ended == 1
    case.now += FIRST_SECONDS
    await case.supervising.look(1)
    first, second = case.workers.tokens["c1"]
    assert case.workers.states == {"c1": WorkerState.RUNS}
    assert not is_in_force(first, case.campaigns.kept["c1"])
    assert is_in_force(second, case.campaigns.kept["c1"])


async def test_one_that_makes_no_head_of_a_closed_round_for_hours_is_replaced(case: Case) -> None:
    await case.supervising.look(1)
    taking = Round(1, 0.0, 60.0, 2)
    case.campaigns.rounds["c1"] = replace(taking, phase=RoundPhase.OPEN)
    for number in (1, 2):  # what has to be done in time is each round
        case.campaigns.rounds["c1"] = replace(taking, number=number, phase=RoundPhase.CLOSED)
        await case.supervising.look(1)
        case.now += STUCK_SECONDS - 1
        await case.supervising.look(1)
    assert (case.ended, len(case.workers.tokens["c1"])) == (0, 1)
    case.now += 1
    await case.supervising.look(1)
    assert case.ended == 1
    case.now += FIRST_SECONDS
    await case.supervising.look(1)
    first, second = case.workers.tokens["c1"]
    assert not is_in_force(first, case.campaigns.kept["c1"])
    assert is_in_force(second, case.campaigns.kept["c1"])
    case.now += STUCK_SECONDS - 1
    await case.supervising.look(1)
    assert case.ended == 1


async def test_one_that_somebody_took_away_counts_as_ended(case: Case) -> None:
    await case.supervising.look(1)
    case.workers.states.clear()
    await case.supervising.look(1)
    assert case.ended == 1
    case.now += FIRST_SECONDS
    await case.supervising.look(1)
    assert case.workers.states == {"c1": WorkerState.RUNS}


async def test_a_program_that_is_missing_is_tried_less_and_less_and_never_given_up(
    case: Case,
) -> None:
    case.workers.missing = True
    for _ in range(20):
        await case.supervising.look(1)
        case.now += CEILING_SECONDS
    assert case.ended == 20
    case.workers.missing = False
    await case.supervising.look(1)
    assert case.workers.states == {"c1": WorkerState.RUNS}


async def test_one_that_cannot_be_started_is_in_nobody_s_way(case: Case) -> None:
    case.workers.missing = True
    await case.supervising.look(1)
    case.workers.missing = False
    case.campaigns.running.append("c2")
    await case.supervising.look(1)
    assert set(case.workers.states) == {"c2"}


async def test_a_campaign_that_is_over_loses_its_worker(case: Case) -> None:
    await case.supervising.look(1)
    case.campaigns.running.clear()
    await case.supervising.look(1)
    assert case.workers.states == {}
    assert case.ended == 0


async def test_who_leads_no_more_lets_its_workers_go(case: Case) -> None:
    await case.supervising.look(1)
    await case.supervising.look(None)
    assert case.workers.states == {}
    await case.supervising.look(2)
    assert len(case.workers.tokens["c1"]) == 2


async def test_a_leader_that_is_none_any_more_starts_nothing(case: Case) -> None:
    case.campaigns.term = 2
    with pytest.raises(FieldwiseError):
        await case.supervising.look(1)
    assert case.workers.states == {}


async def test_the_next_leader_s_worker_shuts_out_the_one_before(case: Case) -> None:
    await case.supervising.look(1)
    elsewhere = MemoryWorkers()
    await case.replica(elsewhere).look(2)
    (old,), (new,) = case.workers.tokens["c1"], elsewhere.tokens["c1"]
    assert is_in_force(new, case.campaigns.kept["c1"])
    assert not is_in_force(old, case.campaigns.kept["c1"])


async def test_a_worker_that_outlives_its_starter_is_left_alone_by_the_next_leader(
    case: Case,
) -> None:
    case.workers.outlives = True
    await case.supervising.look(1)
    await case.supervising.look(None)
    await case.replica(case.workers).look(2)
    (token,) = case.workers.tokens["c1"]
    assert is_in_force(token, case.campaigns.kept["c1"])
