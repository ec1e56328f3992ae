"""Two real pairs compared on what a device holds."""

from collections.abc import Callable
from random import Random
from typing import NoReturn

import pytest
from msgspec.structs import replace

from agent.learning.catch_up import evaluate, open_pair
from agent.learning.samples import Origin, Share
from agent.learning.settings import LearningSettings
from agent.learning.stopping import Stopped, never
from agent.update.comparing import LOOKS_MAX, LOOKS_MIN, Comparer
from agent.update.judging import Conclusion, JudgingRules
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Basis, Judgement
from tests.fakes.rivals import HALF_HELD, Bench


def compare(
    bench: Bench,
    rules: JudgingRules | None = None,
    should_stop: Callable[[], bool] = never,
    *,
    name: str = "two",
    seconds: float = 0.01,
    sight: float = 1.0,
) -> Conclusion:
    comparer = Comparer(bench, bench.recent, bench.clock, lambda: rules or JudgingRules())
    new = bench.rival(name, seconds=seconds, sight=sight)
    return comparer.compare(3, new, should_stop)


@pytest.fixture(scope="module")
def taught() -> Bench:
    """A device with some fifty scenes held out for judging; no test teaches it anything."""
    bench = Bench()
    bench.teach(120, each=2)
    bench.serving.pair.settle()  # as a pair is that is made anew
    bench.predict(40)
    return bench


def test_a_pair_that_is_as_good_is_accepted_on_every_scene_held_out(taught: Bench) -> None:
    found = compare(taught)
    assert found.failure is None
    assert (found.verdict.judgement, found.verdict.basis) == (Judgement.ACCEPTED, Basis.LABELLED)
    held = taught.serving.figures().judge
    assert found.verdict.overall.samples == held
    assert found.verdict.overall.scenes == held // 2
    assert found.verdict.overall.scenes > 40


def test_a_pair_that_sees_less_is_declined(taught: Bench) -> None:
    found = compare(taught, sight=0.05)
    assert found.failure is UpdateFailure.HARM
    assert found.verdict.overall.only_old > 10 * found.verdict.overall.only_new


def test_the_counts_are_those_of_each_pair_by_itself(taught: Bench) -> None:
    new = taught.rival(sight=0.2)
    comparer = Comparer(taught, taught.recent, taught.clock, JudgingRules)
    counts = comparer.compare(1, new, never).verdict.overall
    old_tally = evaluate(taught.serving.pair, taught.store, Share.JUDGE)
    new_tally = evaluate(new, taught.store, Share.JUDGE)
    assert counts.both_right + counts.only_old == old_tally.correct
    assert counts.both_right + counts.only_new == new_tally.correct


def test_critical_classes_are_counted_by_themselves(taught: Bench) -> None:
    rules = JudgingRules(critical_classes=frozenset({"class 2", "class 5"}))
    critical = compare(taught, rules).verdict.critical
    assert critical is not None
    judged = taught.store.samples_after(0, 1000, "", frozenset({Share.JUDGE}))
    wanted = [each for each in judged if each.class_name in rules.critical_classes]
    assert critical.samples == len(wanted) > 10


def test_a_pair_that_takes_much_longer_is_too_slow(taught: Bench) -> None:
    found = compare(taught, seconds=0.5)
    assert found.failure is UpdateFailure.TOO_SLOW
    assert found.verdict.old_p50_micros == 10_000
    assert found.verdict.new_p50_micros == 500_000


def test_looking_ends_early_where_a_backbone_takes_its_time(taught: Bench) -> None:
    new, began = taught.rival(seconds=2.0), taught.clock.seconds
    Comparer(taught, taught.recent, taught.clock, JudgingRules).compare(1, new, never)
    assert taught.clock.seconds - began < 2.1 * (LOOKS_MIN + 1)


def test_recent_predictions_tell_how_far_two_pairs_agree(taught: Bench) -> None:
    same, blind = compare(taught).verdict, compare(taught, sight=0.05).verdict
    assert same.compared == blind.compared == 40
    assert same.agreed > 30 > blind.agreed
    assert same.old_confidence_permille == blind.old_confidence_permille > 0


def test_a_pair_compared_with_its_like_differs_in_nothing(taught: Bench) -> None:
    verdict = compare(taught, name="one").verdict
    assert (verdict.overall.only_old, verdict.overall.only_new) == (0, 0)
    assert verdict.agreed == verdict.compared
    assert verdict.old_confidence_permille == verdict.new_confidence_permille
    assert verdict.old_novel == verdict.new_novel


def test_without_labels_the_verdict_rests_on_recent_predictions() -> None:
    bench = Bench(LearningSettings())
    bench.teach(60, origin=Origin.ASKED)
    bench.predict(LOOKS_MAX + 20)
    verdict = compare(bench).verdict
    assert (verdict.judgement, verdict.basis) == (Judgement.ACCEPTED, Basis.UNLABELLED)
    assert verdict.overall.samples == 0
    assert verdict.compared == LOOKS_MAX


def test_labels_that_a_head_had_a_part_in_are_never_judged_on() -> None:
    bench = Bench()
    for origin in (Origin.ASKED, Origin.CORRECTED, Origin.SELF):
        bench.teach(60, origin=origin)
    assert compare(bench).verdict.overall.samples == 0


def test_a_device_without_predictions_measures_time_on_what_it_remembers() -> None:
    bench = Bench()
    bench.teach(3)
    verdict = compare(bench, seconds=0.03).verdict
    assert (verdict.compared, verdict.basis) == (0, Basis.TOO_FEW)
    assert (verdict.old_p50_micros, verdict.new_p50_micros) == (10_000, 30_000)


def test_a_device_that_saw_nothing_accepts_what_it_cannot_judge() -> None:
    verdict = compare(Bench()).verdict
    assert (verdict.judgement, verdict.basis) == (Judgement.ACCEPTED, Basis.TOO_FEW)
    assert verdict.old_p50_micros == verdict.new_p50_micros == 0


def test_where_nothing_serves_there_is_nothing_to_compare_with() -> None:
    bench = Bench()
    new = bench.rival()
    bench.learner = None
    verdict = (
        Comparer(bench, bench.recent, bench.clock, JudgingRules).compare(1, new, never).verdict
    )
    assert (verdict.judgement, verdict.basis) == (Judgement.ACCEPTED, Basis.NONE)


def test_a_pair_that_has_forgotten_every_class_is_declined() -> None:
    bench = Bench(LearningSettings())
    bench.teach(30)
    bench.predict(5)
    empty = open_pair(bench.rival().embedder, (), Bench().store, bench.settings)
    found = Comparer(bench, bench.recent, bench.clock, JudgingRules).compare(1, empty, never)
    assert found.failure is UpdateFailure.HARM


def test_a_new_backbone_that_fails_on_an_image_ends_the_comparison(taught: Bench) -> None:
    new = taught.rival("three")
    assert isinstance(new.embedder, type(taught.embedder))
    new.embedder.broken = True
    with pytest.raises(FieldwiseError) as caught:
        Comparer(taught, taught.recent, taught.clock, JudgingRules).compare(1, new, never)
    assert caught.value.fault is Fault.GRAPH_FAILED


def test_an_old_backbone_that_fails_is_no_reason_to_keep_it() -> None:
    bench = Bench()
    bench.teach(60)
    bench.predict(20)
    new, bench.embedder.broken = bench.rival(), True
    found = Comparer(bench, bench.recent, bench.clock, JudgingRules).compare(1, new, never)
    assert found.verdict.judgement is Judgement.ACCEPTED
    assert found.verdict.compared == 0


@pytest.mark.parametrize("times", [1, 5, 30])
def test_it_stops_when_asked_to(taught: Bench, times: int) -> None:
    asked = iter(range(times))
    with pytest.raises(Stopped):
        compare(taught, should_stop=lambda: next(asked, None) is None)


def test_a_scene_that_differs_by_chance_alone_is_not_declined() -> None:
    chance, declined = Random(5), 0
    for seed in range(12):
        bench = Bench()
        bench.scenes = type(bench.scenes)(seed, noise=220.0)  # hard: both err on a third
        bench.teach(60)
        found = compare(bench, name=f"other {chance.random()}")
        declined += found.failure is not None
    assert declined <= 1


HOLDING = JudgingRules(hold_too_few=True)


def comparer_of(bench: Bench, rules: JudgingRules = HOLDING) -> Comparer:
    return Comparer(bench, bench.recent, bench.clock, lambda: rules)


def test_what_was_held_is_compared_again_once_there_are_enough_scenes() -> None:
    bench = Bench()
    comparer = comparer_of(bench)
    assert comparer.compare(1, bench.rival(), never).verdict.judgement is Judgement.HELD
    assert not comparer.is_enough()
    bench.teach(60)
    assert comparer.is_enough()


def test_scenes_of_which_no_image_is_held_are_not_enough() -> None:
    bench = Bench()
    bench.teach(60)
    comparer, new = comparer_of(bench), bench.rival()
    bench.serving.configure(replace(HALF_HELD, exemplar_bytes_max=0))
    bench.teach(1)
    assert bench.serving.figures().judge > HOLDING.scenes_needed
    assert bench.serving.figures().exemplars == 0
    assert comparer.compare(1, new, never).verdict.judgement is Judgement.HELD
    assert not comparer.is_enough()
    assert not comparer_of(bench).is_enough()


def test_scenes_that_a_new_pair_could_not_see_are_not_enough_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    bench.teach(60)
    comparer, new = comparer_of(bench), bench.rival()
    assert comparer.is_enough()
    new.held_out = {}
    monkeypatch.setattr(new.embedder, "embed", unreadable)  # as one that takes readings
    assert comparer.compare(1, new, never).verdict.judgement is Judgement.HELD
    assert not comparer.is_enough()
    bench.teach(10)
    assert comparer.is_enough()


def test_what_is_held_goes_on_where_the_owner_does_not_want_it_held_any_more() -> None:
    assert comparer_of(Bench(), JudgingRules()).is_enough()


def unreadable(*_: object) -> NoReturn:
    raise FieldwiseError(Fault.IMAGE_INVALID, "this is no image")
