import json
import math
import random
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.update import UpdateFailure
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from orchestrator.rollout.chances import binomial_tail
from orchestrator.rollout.evidence import Evidence, Finding, Outcome, Reason
from orchestrator.rollout.gate import assess, detectable_loss
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import GateRules

RULES = GateRules()


def ask(
    evidence: list[Evidence],
    wave: int = 1,
    last_wave: int = 2,
    silent_before: float = 0.02,
    late: bool = False,
    cohort: int = 500,
    rules: GateRules = RULES,
) -> Finding:
    return assess(
        rules,
        evidence,
        wave=wave,
        last_wave=last_wave,
        cohort_size=cohort,
        silent_before=silent_before,
        deadline_passed=late,
    )


def verdict(old: int, new: int, samples: int = 100, basis: Basis = Basis.LABELLED) -> Verdict:
    counts = PairedCounts(samples - old - new, old, new, 0, samples, old, new)
    return Verdict(1, Judgement.ACCEPTED, basis, counts)


def device(
    old: int = 0,
    new: int = 0,
    place: Place = Place.HEALTHY,
    samples: int = 100,
    wave: int = 1,
    name: str = "device",
) -> Evidence:
    return Evidence(name, wave, place, verdict(old, new, samples), started=True)


def without(place: Place, started: bool = True, failure: UpdateFailure | None = None) -> Evidence:
    return Evidence("device", 1, place, failure=failure, started=started)


def mixed(devices: int, loss: int = 0) -> list[Evidence]:
    """Devices whose losses lie evenly around one, in points: 6 above, on it, 6 below, ..."""
    leads = [6, 0, -6]
    return [device(10 + loss + leads[at % 3], 10) for at in range(devices)]


def test_nothing_is_waited_for_and_nothing_is_found_in_nothing() -> None:
    assert ask([]).outcome is Outcome.WAITING
    late = ask([], late=True)
    assert (late.outcome, late.reasons) == (
        Outcome.UNDECIDED,
        (Reason.EVIDENCE_MISSING, Reason.DEADLINE),
    )
    assert late.mean_loss is late.lower is late.upper is late.detectable is None


@pytest.mark.parametrize(
    "ends",
    [
        [device(30, 5, Place.DECLINED)],
        [device(30, 5, Place.DECLINED), without(Place.FAILED, failure=UpdateFailure.LOAD_FAILED)],
        [device(30, 5, Place.DECLINED)] * 2 + [device()],
        [without(Place.OVERDUE, started=False)] * 5,
    ],
    ids=["one declined", "none ended well", "most declined", "nobody was reached"],
)
@pytest.mark.parametrize("last_wave", [2, 1], ids=["a canary", "the last wave"])
def test_a_wave_that_hardly_anybody_took_is_no_success(
    ends: list[Evidence], last_wave: int
) -> None:
    finding = ask(ends, last_wave=last_wave)
    assert finding.outcome is Outcome.UNDECIDED
    assert Reason.NOT_TAKEN in finding.reasons
    assert Reason.NOT_TAKEN not in ask([*ends, *[device()] * 6], last_wave=last_wave).reasons


def test_a_small_wave_without_harm_opens_the_next() -> None:
    finding = ask(mixed(6))
    assert (finding.outcome, finding.reasons) == (Outcome.OPEN, (Reason.NO_HARM,))


def test_before_the_last_wave_the_loss_has_to_be_shown_to_be_small() -> None:
    assert ask(mixed(120)).reasons == (Reason.NOT_INFERIOR,)
    close = ask(mixed(60, loss=1))
    assert (close.outcome, close.reasons) == (Outcome.UNDECIDED, (Reason.NOT_SHOWN,))
    assert close.upper is not None
    assert close.upper > RULES.margin


def test_one_or_two_devices_prove_nothing_whatever_a_plan_says() -> None:
    rules = replace(RULES, devices_min=1)
    for few in ([device()], [device()] * 2):
        assert ask(few, last_wave=4, rules=rules).reasons == (Reason.NO_HARM,)
        assert ask(few, rules=rules).reasons == (Reason.EVIDENCE_MISSING,)


def test_behind_the_last_wave_there_is_nobody_left_to_prove_it_for() -> None:
    close = mixed(60, loss=1)
    assert ask(close, wave=2).reasons == (Reason.NO_HARM,)


def test_an_earlier_wave_proves_it_where_its_evidence_is_fine_enough() -> None:
    assert ask(mixed(120), last_wave=4).reasons == (Reason.NOT_INFERIOR,)
    coarse = [device(3 + at % 7 + (at % 4 == 0), 6, samples=30) for at in range(60)]
    assert ask(coarse, last_wave=4).reasons == (Reason.NO_HARM,)
    assert ask(coarse, last_wave=2).outcome is Outcome.UNDECIDED


def test_harm_closes_the_gate_at_any_look_and_in_any_wave() -> None:
    harmed = mixed(40, loss=6)
    unsettled = [without(Place.FETCHING)] * 300
    for wave, more in ((1, []), (1, unsettled), (2, [])):
        finding = ask(harmed + more, wave=wave)
        assert (finding.outcome, finding.reasons) == (Outcome.CLOSED, (Reason.HARM,))
        assert finding.lower is not None
        assert finding.lower > 0


def test_who_declined_speaks_of_the_bundle_all_the_same() -> None:
    kept = mixed(80)
    refused = [replace(each, place=Place.DECLINED) for each in mixed(20, loss=30)]
    finding = ask(kept + refused)
    assert finding.mean_loss == pytest.approx(0.06, abs=0.002)
    assert finding.taken_loss == pytest.approx(0, abs=0.002)
    assert finding.outcome is Outcome.CLOSED
    assert ask(kept).outcome is Outcome.OPEN


def passed_at_some_look(limit: float, share: float, devices: int = 500) -> float:
    """The chance that a share passes its limit where one looks after every device."""
    chances, passed, needed = [1.0], 0.0, 1
    for count in range(1, devices + 1):
        while binomial_tail(count, needed, limit) > RULES.false_abort + 1e-12:
            needed += 1
        stay = [each * (1 - share) for each in chances] + [0.0]
        move = [0.0] + [each * share for each in chances]
        chances = [a + b for a, b in zip(stay, move, strict=True)]
        passed += sum(chances[needed:])
        chances = chances[:needed]
    return passed


@pytest.mark.parametrize(
    ("limit", "share", "chance"),
    [
        (0.05, 0.01, 0.012),
        (0.05, 0.025, 0.042),
        (0.05, 0.05, 0.265),
        (0.3, 0.15, 0.006),
        (0.3, 0.3, 0.300),
    ],
)
def test_half_of_a_limit_is_hardly_ever_passed_at_any_look_and_the_limit_itself_often(
    limit: float, share: float, chance: float
) -> None:
    assert passed_at_some_look(limit, share) == pytest.approx(chance, abs=0.001)


def test_a_device_counts_once_whatever_it_brings() -> None:
    few, many = device(10, 0, samples=20), device(0, 0, samples=100_000)
    assert ask([few, many]).mean_loss == pytest.approx(0.25)


def test_without_labels_a_device_adds_nothing_to_the_mean() -> None:
    told = replace(verdict(90, 0, basis=Basis.UNLABELLED), compared=50, agreed=40)
    others = [Evidence(f"u{at}", 1, Place.HEALTHY, told, started=True) for at in range(60)]
    finding = ask(mixed(40) + others)
    assert (finding.devices, finding.unlabelled) == (40, 60)
    assert finding.mean_loss == pytest.approx(0, abs=0.002)
    assert finding.agreement == pytest.approx(0.8)
    assert (finding.outcome, finding.reasons) == (Outcome.UNDECIDED, (Reason.EVIDENCE_MISSING,))


@pytest.mark.parametrize(
    ("failed", "devices", "outcome"),
    [
        (1, 1, Outcome.CLOSED),
        (1, 2, Outcome.OPEN),
        (1, 5, Outcome.OPEN),
        (2, 7, Outcome.CLOSED),
        (2, 8, Outcome.OPEN),
        (3, 16, Outcome.CLOSED),
        (3, 17, Outcome.OPEN),
    ],
)
def test_of_few_devices_a_few_failures_are_needed(
    failed: int, devices: int, outcome: Outcome
) -> None:
    fine = [device() for _ in range(devices - failed)]
    failures = [without(Place.FAILED, failure=UpdateFailure.LOAD_FAILED)] * failed
    finding = ask(fine + failures)
    assert finding.outcome is outcome
    assert finding.failed == failed
    assert finding.rolled_back == 0


def test_a_limit_that_is_passed_by_what_may_be_chance_is_for_people_to_look_at() -> None:
    failures = [without(Place.FAILED, failure=UpdateFailure.DISK_FULL)] * 8
    finding = ask(mixed(112) + failures)
    assert (finding.outcome, finding.reasons) == (Outcome.UNDECIDED, (Reason.OVER_LIMIT,))


def test_devices_that_went_back_on_probation_are_told_apart() -> None:
    back = [without(Place.FAILED, failure=UpdateFailure.PROBATION_ERRORS)] * 20
    finding = ask(mixed(100) + back)
    assert finding.outcome is Outcome.CLOSED
    assert {Reason.FAILURES, Reason.ROLLBACKS} <= set(finding.reasons)
    assert (finding.failed, finding.rolled_back) == (20, 20)


def test_too_many_declines_close_the_gate() -> None:
    declined = [replace(each, place=Place.DECLINED) for each in mixed(60)]
    assert ask(mixed(60) + declined).reasons == (Reason.DECLINES,)


def test_silence_is_held_against_what_was_silent_before() -> None:
    def silent(place: Place, count: int, before: float) -> Finding:
        return ask(mixed(240) + [without(place)] * count, silent_before=before)

    assert silent(Place.OVERDUE, 6, 0.02).outcome is Outcome.OPEN
    assert silent(Place.OVERDUE, 17, 0.10).outcome is Outcome.OPEN
    assert silent(Place.OFFLINE, 13, 0.02).outcome is Outcome.WAITING
    more = silent(Place.OVERDUE, 15, 0.02)
    assert more.outcome is Outcome.UNDECIDED
    assert Reason.MORE_SILENT in more.reasons
    assert silent(Place.OFFLINE, 60, 0.02).reasons == (Reason.SILENCE,)
    assert more.silent == 15
    assert more.silent_expected == pytest.approx(0.02 * 255)


def test_who_was_never_reached_is_not_silent_because_of_the_backbone() -> None:
    away = [without(Place.OFFLINE, started=False)] * 80
    finding = ask(mixed(120) + away)
    assert (finding.outcome, finding.silent, finding.unsettled) == (Outcome.OPEN, 0, 0)


def test_only_what_counts_is_counted() -> None:
    outside = [
        device(90, 0, place=Place.EXCLUDED),
        device(90, 0, place=Place.SUPERSEDED),
        device(90, 0, wave=2),
    ]
    assert ask(mixed(12) + outside * 20) == ask(mixed(12))


def test_a_wave_is_judged_when_nearly_all_of_it_has_settled() -> None:
    waiting = [without(Place.MIGRATING)] * 20
    assert ask(mixed(120) + waiting).reasons == (Reason.UNSETTLED,)
    late = ask(mixed(120) + waiting, late=True)
    assert (late.outcome, late.reasons) == (
        Outcome.UNDECIDED,
        (Reason.UNSETTLED, Reason.DEADLINE),
    )
    assert ask(mixed(120) + waiting[:6]).outcome is Outcome.OPEN


def test_what_a_look_does_not_show_a_later_one_may() -> None:
    evidence = [*mixed(60, loss=1), without(Place.MIGRATING)]
    assert ask(evidence).outcome is Outcome.WAITING
    late = ask(evidence, late=True)
    assert (late.outcome, late.reasons) == (
        Outcome.UNDECIDED,
        (Reason.NOT_SHOWN, Reason.DEADLINE),
    )


def test_the_worst_device_is_named_and_its_chance_is_that_of_the_whole_fleet() -> None:
    worst = device(60, 2, samples=100, name="cellar")
    finding = ask([*mixed(40), worst])
    assert finding.worst_device == "cellar"
    assert (finding.outcome, finding.reasons) == (Outcome.CLOSED, (Reason.WORST_DEVICE,))
    assert ask([*mixed(40), worst], cohort=10**12).outcome is Outcome.OPEN


def test_a_few_ruined_devices_show_where_the_mean_does_not() -> None:
    ruined = [device(20, 0, samples=60, name=f"r{at}") for at in range(4)]
    finding = ask(mixed(300) + ruined)
    assert finding.upper is not None
    assert finding.upper < RULES.margin
    assert Reason.FEW_RUINED in finding.reasons or Reason.RUINED in finding.reasons
    gaining = [device(0, 20, samples=60, name=f"g{at}") for at in range(4)]
    assert ask(mixed(120) + gaining).outcome is Outcome.OPEN


def test_a_backbone_that_is_slow_everywhere_closes_the_gate() -> None:
    slow = [
        replace(each, verdict=replace(each.verdict, old_p50_micros=10, new_p50_micros=25))
        for each in mixed(10)
        if each.verdict
    ]
    assert ask(slow).reasons == (Reason.LATENCY,)
    assert ask(slow).latency_ratio == pytest.approx(2.5)
    assert ask(slow[:3] + mixed(7)).outcome is Outcome.OPEN


def test_more_devices_and_more_samples_detect_less() -> None:
    assert detectable_loss(RULES, []) is None
    assert detectable_loss(RULES, [100] * 3) is None
    assert detectable_loss(RULES, [0] * 500) is None
    losses = [detectable_loss(RULES, [30] * count) for count in (5, 50, 500, 5_000)]
    assert all(each is not None for each in losses)
    assert losses == sorted((each for each in losses if each is not None), reverse=True)
    finer, coarse = detectable_loss(RULES, [200] * 50), detectable_loss(RULES, [30] * 50)
    assert finer is not None
    assert coarse is not None
    assert RULES.margin < finer < coarse


def someone(seed: int) -> Evidence:
    """A device that follows from a number: cheap to draw by the hundred."""
    dice = random.Random(seed)
    old, new, both, wrong = (dice.randrange(40) for _ in range(4))
    scenes = PairedCounts(both, old, new, wrong, old + new, old, new)
    basis, judgement = dice.choice(list(Basis)), dice.choice(list(Judgement))
    micros = {"old_p50_micros": dice.randrange(3), "new_p50_micros": dice.randrange(9)}
    compared = Verdict(1, judgement, basis, scenes, compared=old, agreed=min(old, new), **micros)
    return Evidence(
        f"device-{dice.randrange(9)}",
        dice.randrange(1, 4),
        dice.choice(list(Place)),
        dice.choice([None, compared]),
        dice.choice([None, *UpdateFailure]),
        dice.random() < 0.7,
    )


crowds = st.lists(st.integers(0, 2**32).map(someone), max_size=120)


@given(crowds, st.integers(1, 4), st.floats(0, 1), st.booleans())
def test_whatever_comes_in_there_is_an_answer_in_numbers(
    crowd: list[Evidence], wave: int, silent_before: float, late: bool
) -> None:
    finding = ask(crowd, wave, 3, silent_before, late)
    json.dumps(asdict(finding), allow_nan=False)
    assert finding.reasons
    assert not (late and finding.outcome is Outcome.WAITING)
    assert all(
        not isinstance(each, float) or math.isfinite(each) for each in asdict(finding).values()
    )


@given(crowds, st.randoms(use_true_random=False))
def test_the_order_of_devices_changes_nothing(crowd: list[Evidence], dice: random.Random) -> None:
    other = list(crowd)
    dice.shuffle(other)
    assert ask(other) == ask(crowd)


losses = st.lists(st.integers(-20, 20), min_size=1, max_size=120)
RANK = {Outcome.CLOSED: 0, Outcome.UNDECIDED: 1, Outcome.WAITING: 1, Outcome.OPEN: 2}


def fleet(leads: list[int], more: int = 0) -> list[Evidence]:
    return [device(30 + lead + more, 30, samples=200) for lead in leads]


@given(losses, st.integers(1, 30), st.booleans())
def test_more_harm_to_everyone_never_opens_the_gate(
    leads: list[int], more: int, last: bool
) -> None:
    wave = 2 if last else 1
    assert RANK[ask(fleet(leads, more), wave).outcome] <= RANK[ask(fleet(leads), wave).outcome]


@given(losses, st.lists(st.sampled_from([Place.FAILED, Place.OVERDUE, Place.DECLINED])))
def test_one_that_ends_badly_never_opens_the_gate(leads: list[int], ends: list[Place]) -> None:
    well = fleet(leads) + [without(Place.HEALTHY)] * len(ends)
    badly = fleet(leads) + [without(place) for place in ends]
    assert RANK[ask(badly).outcome] <= RANK[ask(well).outcome]


@given(losses)
def test_harm_that_is_shown_stays_shown_with_twice_the_devices(leads: list[int]) -> None:
    once = ask(fleet(leads))
    if Reason.HARM in once.reasons:
        assert Reason.HARM in ask(fleet(leads) * 2).reasons
