"""The gate for many rollouts at once says what the gate says of each of them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.rollout_devices import End, Pool, World, pool_of, pooled
from benchmarks.rollout_twin import Answer, Place, assess_many, members_of
from orchestrator.rollout import places
from orchestrator.rollout.evidence import Evidence, Outcome
from orchestrator.rollout.gate import assess
from orchestrator.rollout.plan import GateRules

RULES = GateRules()
ROLLOUTS, DEVICES, SILENT_BEFORE = 12, 120, 0.02
LOOKS = [
    (wave, size, share)
    for wave, size in ((1, 10), (2, 60), (3, DEVICES), (4, DEVICES))
    for share in (0.5, 0.95, 1.0, math.inf)
]


def evidence_at(pool: Pool, which: list[int], place: Place) -> list[Evidence]:
    pending = Evidence("pending", 1, places.Place.MIGRATING, started=True)
    seen = [pool.evidence(at) for at in which[: place.seen]]
    if not place.overdue:
        seen = [
            replace(each, place=places.Place.OFFLINE)
            if each.place is places.Place.OVERDUE
            else each
            for each in seen
        ]
    return seen + [pending] * (place.total - place.seen)


def told(answer: Answer, at: int) -> tuple[Outcome, set[str]]:
    outcomes = {
        Outcome.CLOSED: answer.closed[at],
        Outcome.WAITING: answer.waiting[at],
        Outcome.UNDECIDED: answer.undecided[at],
    }
    said = [outcome for outcome, holds in outcomes.items() if holds]
    assert len(said) <= 1
    reasons = {reason.name for reason, flags in answer.reasons.items() if flags[at]}
    return (said[0] if said else Outcome.OPEN), reasons


@pytest.mark.parametrize(
    "world",
    [
        World(),
        World(0.02, 0.05),
        World(0.04, silent=0.1, failing=0.04),
        World(0.0, 0.05, samples_max=30, ruined=0.1),
        World(0.01, 0.01, samples_min=200, ruined=0.2),
    ],
    ids=str,
)
def test_many_at_once_are_judged_as_one_by_one(world: World) -> None:
    chance = np.random.default_rng(3)
    good = pool_of(world, 400, 0.0, chance)
    pool = pooled([good, pool_of(world, 400, 0.3 if world.ruined else 0.0, chance)])
    odds = [1 - world.ruined, world.ruined]
    which = chance.integers(0, 400, (ROLLOUTS, DEVICES))
    which += 400 * chance.choice(2, (ROLLOUTS, DEVICES), p=odds)
    members = members_of(pool, RULES, which)
    outcomes = set()
    for wave, size, share in LOOKS:
        place = Place(wave, 4, math.ceil(min(1.0, share) * size), size, overdue=math.isinf(share))
        answer = assess_many(RULES, members, place, cohort_size=500, silent_before=SILENT_BEFORE)
        for at, row in enumerate(which.tolist()):
            finding = assess(
                RULES,
                evidence_at(pool, row, place),
                wave=wave,
                last_wave=4,
                cohort_size=500,
                silent_before=SILENT_BEFORE,
                deadline_passed=False,
            )
            kept = {each.name for each in finding.reasons} - {"NO_HARM", "NOT_INFERIOR"}
            assert (finding.outcome, kept) == told(answer, at), (world, place, at)
            outcomes.add(finding.outcome)
    assert len(outcomes) > 1


def test_every_end_of_a_device_is_among_the_simulated_ones() -> None:
    pool = pool_of(World(0.05, 0.1), 2_000, 0.0, np.random.default_rng(0))
    assert set(pool.end.tolist()) == set(End)
    assert {pool.evidence(at).place for at in range(2_000)} == {
        places.Place.HEALTHY,
        places.Place.DECLINED,
        places.Place.FAILED,
        places.Place.OVERDUE,
    }
