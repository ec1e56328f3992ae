from itertools import pairwise

from orchestrator.federation.restarting import (
    CEILING_SECONDS,
    FIRST_SECONDS,
    STEADY_SECONDS,
    Trials,
    after_end,
    after_start,
    may_start,
)


def test_the_first_starts_at_once_and_one_that_runs_is_left_alone() -> None:
    assert may_start(Trials(), 0.0)
    assert not may_start(after_start(Trials(), 0.0), 1e9)


def test_pauses_grow_up_to_a_ceiling_and_nothing_is_given_up() -> None:
    trials, now, pauses = Trials(), 0.0, []
    for _ in range(2000):
        trials = after_end(after_start(trials, now), now)
        pauses.append(trials.due_at - now)
        assert not may_start(trials, trials.due_at - 0.5)
        now = trials.due_at
        assert may_start(trials, now)
    assert pauses[0] == FIRST_SECONDS
    assert all(before <= after for before, after in pairwise(pauses[:8]))
    assert pauses[-1] == CEILING_SECONDS


def test_one_that_has_run_for_long_begins_anew() -> None:
    trials = Trials()
    for _ in range(20):
        trials = after_end(trials, 0.0)
    lasting = after_start(trials, 1000.0)
    assert after_end(lasting, 1000.0 + STEADY_SECONDS).failures == 1
    assert after_end(lasting, 1000.0 + STEADY_SECONDS - 1).failures == 21
