"""A verdict as people read it."""

from dataclasses import replace

import pytest

from agent.cli.judged import BASES, REASONS, verdict_sentences
from agent.cli.page import page
from agent.cli.table import report_lines
from fieldwise.answers import (
    LearningCounters,
    SettingsInForce,
    Status,
    UpdateStatus,
    VitalSigns,
)
from fieldwise.learning import LearningReport
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict

DECLINED = UpdateStatus(7, "d" * 64, "declined", "harm")
ACTIVE = UpdateStatus(7, "d" * 64, "active", "")
VERDICT = Verdict(
    generation=7,
    judgement=Judgement.DECLINED,
    basis=Basis.LABELLED,
    overall=PairedCounts(20, 12, 3, 5, 30, 9, 1),
    critical=PairedCounts(1, 4, 0, 0, 5, 4, 0),
    old_p50_micros=8_000,
    old_p99_micros=10_000,
    new_p50_micros=16_000,
    new_p99_micros=21_500,
    compared=64,
    agreed=61,
    old_confidence_permille=810,
    new_confidence_permille=790,
    old_novel=2,
    new_novel=3,
)


def said(verdict: Verdict, update: UpdateStatus = ACTIVE) -> str:
    return " ".join(verdict_sentences(verdict, update))


def status(verdict: Verdict | None, update: UpdateStatus = DECLINED) -> Status:
    return Status(
        agent_version="1",
        device_id="",
        fleet="",
        backbone="b:1",
        variant="fp32",
        update=update,
        learning=LearningCounters(),
        vital_signs=VitalSigns(),
        classes={},
        check_in_seconds=None,
        check_in_error="",
        select_samples=0,
        select_correct=0,
        settings_revision=0,
        settings=SettingsInForce(),
        lost_samples=0,
        clock_ahead_seconds=0,
        verdict=verdict,
    )


def test_a_verdict_is_told_with_all_its_counts() -> None:
    told = said(VERDICT, DECLINED)
    assert told.startswith("Declined: harm is shown.")
    assert (
        "right on 3 where the old was not, wrong on 12 where the old was right; of 30 scenes it did"
        " worse on 9 and better on 1 (p=0.011); both were right on 20, neither on 5" in told
    )
    assert "On critical classes: the new backbone was right on 0" in told
    assert "took 16.0 ms with the new backbone, 8.0 ms with the old" in told
    assert "On 64 recent images they agreed on 61; the new one was 79 % sure" in told


@pytest.mark.parametrize("failure", [*REASONS])
def test_whatever_ended_an_update_is_said(failure: str) -> None:
    ended = UpdateStatus(7, "d" * 64, "reverted", failure)
    accepted = replace(VERDICT, judgement=Judgement.ACCEPTED)
    assert f"taken back since: {REASONS[failure]}." in said(accepted, ended)


def test_a_verdict_of_an_earlier_target_is_not_told_with_the_reason_of_a_later_one() -> None:
    later = UpdateStatus(8, "e" * 64, "declined", UpdateFailure.TOO_SLOW)
    assert said(VERDICT, later).startswith("Declined. On held-out samples")


def test_what_the_owner_installed_is_declined_with_its_own_reason() -> None:
    slow = replace(DECLINED, failure=UpdateFailure.TOO_SLOW)
    installed = replace(VERDICT, generation=0)
    assert said(installed, slow).startswith("Declined: it is too slow.")


@pytest.mark.parametrize("basis", list(Basis))
def test_what_an_acceptance_rests_on_is_said(basis: Basis) -> None:
    bare = Verdict(7, Judgement.ACCEPTED, basis)
    assert said(bare) == f"Accepted: {BASES[basis]}."
    held = Verdict(7, Judgement.HELD, basis)
    assert said(held) == f"Held until the owner confirms it: {BASES[basis]}."


def test_critical_classes_of_which_nothing_is_held_out_are_said_to_be_so() -> None:
    assert "nothing is held out of them" in said(replace(VERDICT, critical=PairedCounts()))


def test_status_report_and_page_have_the_verdict() -> None:
    lines = "\n".join(report_lines(LearningReport(), status(VERDICT)))
    assert "Declined: harm is shown." in lines
    made = page(LearningReport(), status(VERDICT), 0.0)
    assert "Declined: harm is shown." in made
    assert "12 of 40" in made


def test_before_the_first_comparison_there_is_no_passage() -> None:
    assert "beside" not in "\n".join(report_lines(LearningReport(), status(None)))
    assert "beside the one before" not in page(LearningReport(), status(None), 0.0)


def test_without_a_backbone_there_is_no_shrinkage_rather_than_one_of_nothing() -> None:
    told = "\n".join(report_lines(LearningReport(), status(None)))
    assert "none without a backbone" in told
    assert "as set" in "\n".join(report_lines(LearningReport(shrinkage=0.3), status(None)))
