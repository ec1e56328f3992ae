"""Whether a new pair does harm: what is compared, and what counts as shown.

The new pair is refused where harm is *shown*, and only there: a device that refused whatever it
could not prove harmless would never take anything, since forty scenes cannot prove a loss of two
points absent. What one device cannot see, the fleet can: every verdict goes to the orchestrator in
counts, and the gate of the rollout weighs them together.

*Harm* is shown where two things come together. The exact one-sided sign test over scenes
(``fieldwise.sign_test``) finds more worse ones than chance makes of equal pairs, at the stated
alpha; and right answers were lost on at least the stated share of samples, since with thousands of
samples a loss can be certain and of no account. Samples of one scene are alike, so a scene counts
once, however many samples it has. Where the owner marked classes as critical, the same question is
asked of their samples alone; the two answers share alpha by Holm's rule, the smaller chance against
half of it, and the other one then against all of it. So the chance to refuse a pair that is as good
is at most alpha for both questions together.

*Too few* scenes are those of which not even the worst outcome, every one of them worse, could have
reached the smallest level that the test may come to. Then the question was never open, and the
verdict says so.

*Without any held-out label* the pairs are compared on what the device saw lately: how often they
agree, how sure they are, how much is new to them. None of it shows which of the two is right, so
none of it refuses a pair. One exception needs no label: a pair that knows no class, beside one that
does, answers nothing.

*Time*. Both are measured on the same images in turn. The medians are compared, and not the tails,
of which a hundred looks say nothing; tails are for probation. A pair is too slow where its median
is above a multiple of the old one's and above a floor under which nobody waits.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fieldwise.sign_test import chance_of, needed
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict


@dataclass(frozen=True, slots=True)
class JudgingRules:
    """What a judgement goes by; the reasons stand beside the defaults in ``agent.config``.

    Attributes:
        alpha: Chance, at most, to refuse a pair that is as good.
        loss_min: Smallest loss that counts as harm, a share of samples.
        critical_classes: Classes that are looked at by themselves as well.
        latency_ratio_max: Most times the old pair's median that a prediction may take.
        latency_floor_seconds: Up to this median no pair is too slow.
        hold_too_few: Whether to wait for the owner where no harm could have been shown.
    """

    alpha: float = 0.05
    loss_min: float = 0.02
    critical_classes: frozenset[str] = frozenset()
    latency_ratio_max: float = 4.0
    latency_floor_seconds: float = 0.1
    hold_too_few: bool = False

    @property
    def scenes_needed(self) -> int:
        """Scenes with which harm can be shown at all."""
        return needed(self.alpha / 2 if self.critical_classes else self.alpha)


@dataclass(frozen=True, slots=True)
class Answer:
    """A held-out sample, as both pairs answered it."""

    scene: str
    class_name: str
    old_right: bool
    new_right: bool


@dataclass(frozen=True, slots=True)
class Opinion:
    """A recent prediction's image, as both pairs see it now; nobody said what it shows."""

    agreed: bool
    old_confidence: float
    new_confidence: float
    old_novel: bool
    new_novel: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Everything that a judgement is made of.

    Attributes:
        answers: Held-out samples that both could see.
        opinions: Recent images that both saw.
        old_seconds: What single predictions of the old pair took.
        new_seconds: The same of the new one.
        emptied: Whether the new pair knows no class where the old one does.
    """

    answers: Sequence[Answer] = ()
    opinions: Sequence[Opinion] = ()
    old_seconds: Sequence[float] = ()
    new_seconds: Sequence[float] = ()
    emptied: bool = False


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A verdict, and why it declines where it does."""

    verdict: Verdict
    failure: UpdateFailure | None = None


def judge(generation: int, compared: Compared, rules: JudgingRules) -> Conclusion:
    """Conclude from a comparison.

    Args:
        generation: The target that it was about; 0 for an installation by the owner.
        compared: What both pairs did.
        rules: What counts as harm.
    """
    critical = [each for each in compared.answers if each.class_name in rules.critical_classes]
    overall = counted(compared.answers)
    apart = counted(critical) if rules.critical_classes else None
    failure = _failure(overall, apart, compared, rules)
    basis = _basis(overall, compared, rules)
    opinions = compared.opinions
    old_p50, old_p99 = _micros(compared.old_seconds)
    new_p50, new_p99 = _micros(compared.new_seconds)
    verdict = Verdict(
        generation=generation,
        judgement=_judgement(failure, basis, rules),
        basis=basis,
        overall=overall,
        critical=apart,
        old_p50_micros=old_p50,
        old_p99_micros=old_p99,
        new_p50_micros=new_p50,
        new_p99_micros=new_p99,
        compared=len(opinions),
        agreed=sum(each.agreed for each in opinions),
        old_confidence_permille=_permille([each.old_confidence for each in opinions]),
        new_confidence_permille=_permille([each.new_confidence for each in opinions]),
        old_novel=sum(each.old_novel for each in opinions),
        new_novel=sum(each.new_novel for each in opinions),
    )
    return Conclusion(verdict, failure)


def counted(answers: Iterable[Answer]) -> PairedCounts:
    """Answers as counts of samples and of scenes."""
    both_right = only_old = only_new = both_wrong = 0
    leads: dict[str, int] = defaultdict(int)
    for each in answers:
        both_right += each.old_right and each.new_right
        only_old += each.old_right and not each.new_right
        only_new += each.new_right and not each.old_right
        both_wrong += not (each.old_right or each.new_right)
        leads[each.scene] += each.new_right - each.old_right
    return PairedCounts(
        both_right=both_right,
        only_old=only_old,
        only_new=only_new,
        both_wrong=both_wrong,
        scenes=len(leads),
        scenes_worse=sum(lead < 0 for lead in leads.values()),
        scenes_better=sum(lead > 0 for lead in leads.values()),
    )


def harm(
    overall: PairedCounts, critical: PairedCounts | None, rules: JudgingRules
) -> UpdateFailure | None:
    """The harm that counts show, the graver kind first; None where they show none."""
    asked = {UpdateFailure.HARM: overall}
    if critical is not None:
        asked[UpdateFailure.HARM_CRITICAL] = critical
    shown: set[UpdateFailure] = set()
    chances = {
        kind: chance_of(each.scenes_worse, each.scenes_better) for kind, each in asked.items()
    }
    for place, kind in enumerate(sorted(asked, key=chances.__getitem__)):
        if chances[kind] > rules.alpha / (len(asked) - place):
            break
        if _is_sizeable(asked[kind], rules.loss_min):
            shown.add(kind)
    for kind in (UpdateFailure.HARM_CRITICAL, UpdateFailure.HARM):
        if kind in shown:
            return kind
    return None


def is_too_slow(old_micros: int, new_micros: int, rules: JudgingRules) -> bool:
    """Whether a new pair's median time of a prediction is harm, beside the old one's."""
    floor = rules.latency_floor_seconds * 1e6
    return old_micros > 0 and new_micros > max(floor, rules.latency_ratio_max * old_micros)


def _is_sizeable(counts: PairedCounts, loss_min: float) -> bool:
    lost = counts.only_old - counts.only_new
    return lost > 0 and lost >= loss_min * counts.samples


def _failure(
    overall: PairedCounts,
    critical: PairedCounts | None,
    compared: Compared,
    rules: JudgingRules,
) -> UpdateFailure | None:
    shown = harm(overall, critical, rules)
    if shown is not None:
        return shown
    if compared.emptied:
        return UpdateFailure.HARM
    old, new = _micros(compared.old_seconds)[0], _micros(compared.new_seconds)[0]
    return UpdateFailure.TOO_SLOW if is_too_slow(old, new, rules) else None


def _basis(overall: PairedCounts, compared: Compared, rules: JudgingRules) -> Basis:
    if overall.scenes >= rules.scenes_needed:
        return Basis.LABELLED
    return Basis.TOO_FEW if overall.samples or not compared.opinions else Basis.UNLABELLED


def _judgement(failure: UpdateFailure | None, basis: Basis, rules: JudgingRules) -> Judgement:
    if failure is not None:
        return Judgement.DECLINED
    if rules.hold_too_few and basis is not Basis.LABELLED:
        return Judgement.HELD
    return Judgement.ACCEPTED


def _micros(seconds: Sequence[float]) -> tuple[int, int]:
    """Median and 99th percentile, microseconds; 0 for none."""
    if not seconds:
        return 0, 0
    ordered = sorted(seconds)
    places = (len(ordered) // 2, min(len(ordered) - 1, len(ordered) * 99 // 100))
    p50, p99 = (round(ordered[place] * 1e6) for place in places)
    return p50, p99


def _permille(shares: Sequence[float]) -> int:
    return round(1000 * sum(shares) / len(shares)) if shares else 0
