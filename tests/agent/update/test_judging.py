"""What counts as harm, and what does not."""

from random import Random

import pytest

from agent.update.judging import (
    Answer,
    Compared,
    JudgingRules,
    Opinion,
    counted,
    judge,
)
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Basis, Judgement, PairedCounts

RULES = JudgingRules()
CRITICAL = JudgingRules(critical_classes=frozenset({"crack"}))


def answers(
    worse: int = 0, better: int = 0, same: int = 0, *, name: str = "fine", each: int = 1
) -> list[Answer]:
    """Scenes of ``each`` samples that came out worse, better or the same."""
    outcomes = [(True, False)] * worse + [(False, True)] * better + [(True, True)] * same
    return [
        Answer(f"{name} {place}", name, *outcome)
        for place, outcome in enumerate(outcomes)
        for _ in range(each)
    ]


def test_harm_that_chance_does_not_explain_is_refused() -> None:
    found = judge(4, Compared(answers(9, 1, 20)), RULES)
    assert found.failure is UpdateFailure.HARM
    assert found.verdict.judgement is Judgement.DECLINED
    assert found.verdict.generation == 4
    assert found.verdict.overall == PairedCounts(20, 9, 1, 0, 30, 9, 1)


@pytest.mark.parametrize(("worse", "better"), [(0, 0), (4, 0), (8, 3), (3, 9), (10, 10)])
def test_what_chance_explains_is_accepted(worse: int, better: int) -> None:
    found = judge(1, Compared(answers(worse, better, 20)), RULES)
    assert (found.failure, found.verdict.judgement) == (None, Judgement.ACCEPTED)
    assert found.verdict.basis is Basis.LABELLED


def test_many_samples_of_one_scene_are_one_witness() -> None:
    one_scene = answers(1, 0, each=200) + answers(same=20, name="other")
    assert judge(1, Compared(one_scene), RULES).failure is None
    assert judge(1, Compared(answers(200, 0, 20)), RULES).failure is UpdateFailure.HARM


def test_a_loss_that_is_certain_and_tiny_is_no_harm() -> None:
    tiny = answers(30, 0, 1970)
    assert judge(1, Compared(tiny), RULES).failure is None
    assert judge(1, Compared(tiny), JudgingRules(loss_min=0.01)).failure is UpdateFailure.HARM


def test_more_worse_scenes_but_no_fewer_right_answers_are_no_harm() -> None:
    mixed = answers(8, 0) + answers(0, 1, name="long", each=8) + answers(same=5, name="same")
    assert judge(1, Compared(mixed), RULES).failure is None


@pytest.mark.parametrize("scenes", range(5))
def test_too_few_scenes_are_said_to_be_too_few(scenes: int) -> None:
    found = judge(1, Compared(answers(scenes, 0)), RULES)
    assert (found.failure, found.verdict.basis) == (None, Basis.TOO_FEW)
    assert found.verdict.judgement is Judgement.ACCEPTED


def test_an_owner_who_wants_to_be_asked_is() -> None:
    asks = JudgingRules(hold_too_few=True)
    assert judge(1, Compared(answers(3, 0)), asks).verdict.judgement is Judgement.HELD
    assert judge(1, Compared(opinions=[OPINION]), asks).verdict.judgement is Judgement.HELD
    assert judge(1, Compared(answers(0, 0, 30)), asks).verdict.judgement is Judgement.ACCEPTED
    assert judge(1, Compared(answers(9, 0, 30)), asks).verdict.judgement is Judgement.DECLINED


def test_critical_classes_are_looked_at_by_themselves() -> None:
    few = answers(7, 0, name="crack") + answers(0, 8, 40)
    assert judge(1, Compared(few), RULES).failure is None
    found = judge(1, Compared(few), CRITICAL)
    assert found.failure is UpdateFailure.HARM_CRITICAL
    assert found.verdict.critical == PairedCounts(0, 7, 0, 0, 7, 7, 0)
    assert judge(1, Compared(few), RULES).verdict.critical is None


def test_two_questions_share_alpha() -> None:
    five = answers(5, 0, 10)  # 1 in 32: enough for one question, not for the first of two
    assert judge(1, Compared(five), RULES).failure is UpdateFailure.HARM
    assert judge(1, Compared(five), CRITICAL).failure is None
    both = [*answers(9, 0, 10), *answers(5, 0, name="crack")]
    assert judge(1, Compared(both), CRITICAL).failure is UpdateFailure.HARM_CRITICAL


def test_one_more_scene_is_needed_where_two_questions_are_asked() -> None:
    assert (RULES.scenes_needed, CRITICAL.scenes_needed) == (5, 6)
    assert judge(1, Compared(answers(same=5)), CRITICAL).verdict.basis is Basis.TOO_FEW


OPINION = Opinion(
    agreed=False, old_confidence=0.9, new_confidence=0.3, old_novel=False, new_novel=True
)


def test_without_labels_nothing_is_refused_and_everything_is_told() -> None:
    opinions = [OPINION] * 3 + [
        Opinion(
            agreed=True, old_confidence=0.5, new_confidence=0.7, old_novel=True, new_novel=False
        )
    ]
    verdict = judge(1, Compared(opinions=opinions), RULES).verdict
    assert (verdict.judgement, verdict.basis) == (Judgement.ACCEPTED, Basis.UNLABELLED)
    assert (verdict.compared, verdict.agreed) == (4, 1)
    assert (verdict.old_confidence_permille, verdict.new_confidence_permille) == (800, 400)
    assert (verdict.old_novel, verdict.new_novel) == (1, 3)


def test_a_pair_that_knows_nothing_is_refused_without_any_label() -> None:
    found = judge(1, Compared(opinions=[OPINION], emptied=True), RULES)
    assert found.failure is UpdateFailure.HARM
    assert found.verdict.judgement is Judgement.DECLINED


def test_a_single_label_is_no_comparison_without_labels() -> None:
    assert judge(1, Compared(answers(1), [OPINION]), RULES).verdict.basis is Basis.TOO_FEW


@pytest.mark.parametrize(
    ("old", "new", "slow"),
    [
        (0.010, 0.095, False),  # nine times as long, and nobody waits
        (0.030, 0.119, False),  # within the ratio
        (0.030, 0.121, True),
        (0.200, 0.790, False),
        (0.200, 0.810, True),
    ],
)
def test_slow_is_what_takes_a_multiple_and_makes_wait(old: float, new: float, slow: bool) -> None:
    found = judge(1, Compared(old_seconds=[old] * 9, new_seconds=[new] * 9), RULES)
    assert (found.failure is UpdateFailure.TOO_SLOW) == slow
    assert found.verdict.old_p50_micros == round(old * 1e6)
    assert found.verdict.new_p99_micros == round(new * 1e6)


def test_a_few_slow_looks_are_not_held_against_a_pair() -> None:
    hiccups = [0.01] * 60 + [5.0] * 40
    found = judge(1, Compared(old_seconds=[0.01] * 100, new_seconds=hiccups), RULES)
    assert found.failure is None
    assert found.verdict.new_p99_micros == 5_000_000


def test_harm_is_named_before_slowness() -> None:
    both = Compared(answers(9), old_seconds=[0.1], new_seconds=[9.0])
    assert judge(1, both, RULES).failure is UpdateFailure.HARM


def test_a_scene_counts_by_which_pair_had_more_of_it() -> None:
    scene = [
        Answer("one", "fine", old_right=True, new_right=False),
        Answer("one", "fine", old_right=False, new_right=True),
        Answer("one", "fine", old_right=False, new_right=False),
        Answer("two", "fine", old_right=False, new_right=True),
        Answer("two", "fine", old_right=True, new_right=True),
    ]
    assert counted(scene) == PairedCounts(1, 1, 2, 1, 2, 0, 1)


def drawn(chance: Random, scenes: int, *, right: float, loss: float, churn: float) -> list[Answer]:
    """Scenes of four samples, most of which share one fate.

    ``churn`` is the share of samples on which the pairs differ either way by chance, ``loss`` what
    comes on top.
    """
    found: list[Answer] = []
    for scene in range(scenes):
        alike = chance.random() < 0.7
        outcome = (True, True)
        for place in range(4):
            if place == 0 or not alike:
                old = chance.random() < right
                turned = (loss + churn) / right if old else churn / (1 - right)
                outcome = (old, old != (chance.random() < turned))
            found.append(Answer(f"scene {scene}", "fine", *outcome))
    return found


def share_declined(seed: int, runs: int, scenes: int, *, loss: float, churn: float = 0.05) -> float:
    chance = Random(seed)
    declined = 0
    for _ in range(runs):
        answers_drawn = drawn(chance, scenes, right=0.8, loss=loss, churn=churn)
        declined += judge(1, Compared(answers_drawn), RULES).failure is not None
    return declined / runs


@pytest.mark.parametrize("churn", [0.02, 0.1, 0.18])
@pytest.mark.parametrize("scenes", [5, 12, 40, 100])
def test_pairs_as_good_as_each_other_are_seldom_declined(scenes: int, churn: float) -> None:
    assert share_declined(1, 400, scenes, loss=0, churn=churn) <= RULES.alpha


def test_a_loss_of_thirty_points_is_nearly_always_found_on_forty_scenes() -> None:
    assert share_declined(2, 300, 40, loss=0.3) >= 0.95
