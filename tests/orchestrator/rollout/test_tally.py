from fieldwise.update import UpdateFailure
from orchestrator.rollout.evidence import Evidence, Outcome, Reason
from orchestrator.rollout.gate import assess
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import GateRules
from orchestrator.rollout.tally import tally_of

HEALTHY = Evidence("well", 1, Place.HEALTHY, started=True)
FAILED = Evidence("failed", 1, Place.FAILED, failure=UpdateFailure.LOAD_FAILED, started=True)
ABSENT = Evidence("absent", 1, Place.OVERDUE)
LOST = Evidence("lost", 1, Place.OVERDUE, started=True)


def test_who_never_tried_has_settled_and_counts_for_no_share() -> None:
    tally = tally_of([HEALTHY, FAILED, ABSENT, LOST], 1)
    assert (tally.settled, tally.untried, tally.ended) == (4, 1, 3)
    assert (tally.started, tally.silent) == (3, 1)


def test_devices_that_were_never_there_hide_no_failures_of_the_others() -> None:
    tried = [HEALTHY] * 16 + [FAILED] * 4
    for absent in (0, 100):
        finding = assess(
            GateRules(),
            tried + [ABSENT] * absent,
            wave=1,
            last_wave=2,
            cohort_size=500,
            silent_before=0.8,
            deadline_passed=False,
        )
        assert (finding.outcome, finding.reasons) == (Outcome.CLOSED, (Reason.FAILURES,))
