"""Whether a rollout may go on: what the comparisons of its devices show.

The unit is the device. Each one that has labels tells how many of its held-out samples only the old
pair had right, how many only the new one, and of how many: its loss is the difference over the
number. Samples of one device are alike, and pooling them over the fleet would take a thousand
samples of one site for a thousand witnesses; so the mean is taken over devices, each counting once
whatever it brings, and its error comes from how much devices differ, which has everything in it:
few samples, bursts, and true differences between sites. Devices come in the order of a hash, so at
every moment those that were reached are a random sample of the cohort.

Whose loss? Two means can be asked for, and they differ by who declined. *What the bundle does*: the
mean over all that compared, those that declined among them. *What the fleet bears*: the mean over
those that took it. The gate asks for the first. A device declines because its own samples look bad,
by harm and by bad luck alike; a mean over the others has been picked for its good looks, and gets
rosier the more harm there is. And later devices with too few samples to see the harm will bear it.
The second mean is told beside the first and decides nothing. That devices decline costs them
nothing, and still speaks against the bundle, so there is a limit on their share as well.

**Harm** closes the gate, at any look from the first device on:

- the mean loss is above 0 by a bound that holds at every look together (``sequential.py``), at half
  of ``false_abort``;
- failures, rollbacks, declines, or silence beyond what was silent before, are above their limits by
  more than chance: the exact binomial chance of so many where the true share is at its limit is at
  most ``false_abort``. So of few devices a few are needed: at a limit of 5 %, one of one, two of up
  to seven, three of up to sixteen. That is the chance of one look, and many looks are not paid
  for: whoever is well below a limit passes it about as rarely at any of them, and whoever is at it
  is better stopped at the first (``docs/rollouts.md`` has the figures);
- the middle device's predictions take longer than ``latency_ratio_max`` times as before, by an
  exact sign test over devices;
- one device loses more than ``device_loss_max`` of its scenes, by an exact test over those on which
  the pairs differ, at ``worst_device_alpha`` shared among all devices of the cohort, so that it
  does not matter how often and at whom one looks;
- losses are lopsided far beyond chance, see below.

**Doubt** keeps it shut without closing it: more devices fell silent than before the rollout (exact
binomial test at ``SILENCE_LEVEL``; a site without power looks the same, so people should look); a
limit is passed, but not by more than chance, where there are devices enough for a share to mean
something; nobody ended well, or more ended badly than well, which so few cannot show to be harm and
no operator would take for success, in the last wave as little as in a canary: who joins later would
get what everyone refused. The limit of declines is no such doubt: who declines bears nothing, its
loss is in the mean, and where devices truly differ by 5 points a sixth of them declines an equal
bundle rightly.

**Proof** is what opens it: that the mean loss is below ``margin``, and that no few devices pay for
it. It is asked for once so many devices are behind the open wave (``devices_min``) that it can be
had, always before the last wave, and before an earlier one only if its evidence is fine enough to
give it with a chance of ``SHOWN_BEFORE`` where nothing changed. To ask for it sooner would stop
good rollouts for lack of evidence, and the last gate asks in any case. Each gate is a test at
``alpha``, and to get to the end a rollout has to pass them all, so the chance to do so at a loss of
the margin is at most ``alpha`` however many waves there are; only the repeated looks at one gate
have to be paid for. They begin when ``settled_share_min`` of the wave has settled: those that
settle first are not like the others, and those that crash do so late. Smaller waves, and the last
one, behind which nobody is left to be kept from harm, ask for no proof: they open unless harm is
shown or in doubt.

*A few ruined devices* among many unharmed ones hardly move the mean: 5 % that lose 30 points make
1.5, below a margin of 2. They do make the losses lopsided. Where nothing is wrong, old and new pair
may change places and so losses lie alike on both sides of their mean; the third central moment is
then 0 but for chance, and it is held against its standard error. Ruined devices inflate that error
too, and hide behind it; so three quarters of it are taken from the side of those that gain, which
no harm can inflate. A backbone that ruins some devices kills others: lopsidedness and silence, each
in standard deviations, are also added (Stouffer's method), and the first alone (``LOPSIDED_DOUBT``)
or both together (``RUINED_DOUBT``) raise the doubt. It is a doubt and not harm, since devices may
also differ by nature; far beyond it, at ``RUINED_SHOWN``, it closes the gate.

A device that compared without labels, or with too few of them, adds nothing to the mean; that it
failed, declined, fell silent or got slow counts like anyone's. Where proof is needed and too few
devices have labels, evidence is missing, and the gate says that and not more.

What it cannot see is written in ``docs/rollouts.md``, beside the table of what it does see.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from orchestrator.rollout.chances import (
    binomial_tail,
    normal_quantile,
    student_quantile,
    student_tail,
)
from orchestrator.rollout.evidence import Evidence, Finding, Outcome, Reason
from orchestrator.rollout.plan import PROOF_DEVICES_MIN, GateRules
from orchestrator.rollout.sequential import anytime_deviations, look_level
from orchestrator.rollout.tally import Spread, Tally, spread_of, tally_of

SILENCE_LEVEL = 0.01  # a pause for people to look at; sites fail as a whole, so not for a little
SILENCE_FLOOR = 0.01  # some device is always being moved, though none was at the first look
LOPSIDED_DOUBT = 0.045
RUINED_DOUBT = 0.065  # of lopsidedness and silence together
RUINED_SHOWN = 0.0005
SHOWN_BEFORE = 0.95  # a gate that asks for proof early stops at most so many good rollouts less
DETECTED = 0.8  # what people mean by a loss that can be detected
# For plans, before any device has compared: how much devices of a fleet differ in truth, the share
# of samples that two pairs answer differently, and how many samples of a burst count as one.
PLANNED_SPREAD, PLANNED_DISCORDANCE, PLANNED_BURST = 0.03, 0.1, 2.0
ROUNDING = 1e-12  # one failure of one device at a limit of 5 % has a chance of 5 %, not of more


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at the evidence, with what it adds up to."""

    rules: GateRules
    wave: int
    last_wave: int
    deadline_passed: bool
    tally: Tally
    spread: Spread
    usual_silence: float
    worst_device: str
    worst_chance: float

    @property
    def may_change(self) -> bool:
        """Whether waiting can bring more evidence."""
        return self.tally.unsettled > 0 and not self.deadline_passed

    @property
    def many(self) -> bool:
        """Whether so many compared that their spread can be asked for."""
        return self.spread.devices >= max(PROOF_DEVICES_MIN, self.rules.devices_min)

    @property
    def level(self) -> float:
        """Of the test for proof, at this look."""
        return look_level(self.rules.alpha, self.rules.settled_share_min, self.tally.fraction)


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
    tally = tally_of(evidence, wave)
    spread = spread_of(tally.losses)
    usual = max(SILENCE_FLOOR, silent_before)
    worst_device, worst_chance = _worst(rules, tally, cohort_size)
    look = _Look(
        rules, wave, last_wave, deadline_passed, tally, spread, usual, worst_device, worst_chance
    )
    harms = tuple(_harms(look))
    outcome, reasons = (Outcome.CLOSED, harms) if harms else _without_harm(look)
    return _finding(look, outcome, reasons)


def detectable_loss(rules: GateRules, samples: Iterable[int]) -> float | None:
    """The mean loss that devices would show to be harm with a chance of ``DETECTED``.

    Args:
        rules: Of the plan.
        samples: Held-out samples of each device in the waves up to one; those with none are passed
            over.

    Returns:
        The loss, or None where so few devices can show none.
    """
    each = [count for count in samples if count > 0]
    noise = PLANNED_DISCORDANCE * PLANNED_BURST
    squares = math.fsum(PLANNED_SPREAD**2 + noise / count for count in each)
    return _detectable(rules, len(each), math.sqrt(squares) / len(each)) if each else None


def _detectable(rules: GateRules, devices: int, error: float) -> float | None:
    loss = (anytime_deviations(devices, rules.false_abort / 2) + normal_quantile(1 - DETECTED)) * (
        error or math.inf
    )
    return loss if loss <= 1 else None


def _harms(look: _Look) -> Iterator[Reason]:
    rules, tally, spread = look.rules, look.tally, look.spread
    lower = _lower(look)
    if lower is not None and lower > 0:
        yield Reason.HARM
    if look.worst_chance <= rules.worst_device_alpha:
        yield Reason.WORST_DEVICE
    if look.many and spread.lopsided > normal_quantile(RUINED_SHOWN):
        yield Reason.RUINED
    silence = look.usual_silence + rules.silent_share_max
    for reason, devices, hits, limit in (
        (Reason.SILENCE, tally.started, tally.silent, silence),
        (Reason.FAILURES, tally.ended, tally.failed, rules.failed_share_max),
        (Reason.ROLLBACKS, tally.ended, tally.rolled_back, rules.rollback_share_max),
        (Reason.DECLINES, tally.ended, tally.declined, rules.declined_share_max),
        (Reason.LATENCY, len(tally.ratios), _slower(look), 0.5),
    ):
        if hits and binomial_tail(devices, hits, limit) <= rules.false_abort + ROUNDING:
            yield reason


def _without_harm(look: _Look) -> tuple[Outcome, tuple[Reason, ...]]:
    tally = look.tally
    if not tally.settled or tally.fraction < look.rules.settled_share_min - ROUNDING:
        missing = Reason.UNSETTLED if tally.unsettled else Reason.EVIDENCE_MISSING
        return _shut(look, (missing,), waits=not look.deadline_passed)
    proof = _wants_proof(look)
    shut = (*_doubts(look), *(_unproved(look) if proof else ()))
    if shut:
        return _shut(look, shut, waits=look.may_change)
    return Outcome.OPEN, (Reason.NOT_INFERIOR if proof else Reason.NO_HARM,)


def _shut(
    look: _Look, reasons: tuple[Reason, ...], *, waits: bool
) -> tuple[Outcome, tuple[Reason, ...]]:
    if waits:
        return Outcome.WAITING, reasons
    ended = (Reason.DEADLINE,) if look.deadline_passed else ()
    return Outcome.UNDECIDED, reasons + ended


def _doubts(look: _Look) -> Iterator[Reason]:
    tally = look.tally
    if binomial_tail(tally.started, tally.silent, look.usual_silence) <= SILENCE_LEVEL:
        yield Reason.MORE_SILENT
    if tally.devices >= look.rules.devices_min and _is_over_limit(look):
        yield Reason.OVER_LIMIT
    badly = tally.failed + tally.declined + tally.silent
    if not tally.well or badly > tally.well:
        yield Reason.NOT_TAKEN


def _is_over_limit(look: _Look) -> bool:
    rules, tally = look.rules, look.tally
    silence = look.usual_silence + rules.silent_share_max
    return (
        tally.silent > silence * tally.started
        or tally.failed > rules.failed_share_max * tally.ended
        or tally.rolled_back > rules.rollback_share_max * tally.ended
        or 2 * _slower(look) > len(tally.ratios)
    )


def _may_have_ruined(look: _Look) -> bool:
    """Whether losses are lopsided, or that and silence are together more than chance makes."""
    silence = binomial_tail(look.tally.started, look.tally.silent, look.usual_silence)
    both = look.spread.lopsided + normal_quantile(min(1 - ROUNDING, max(ROUNDING, silence)))
    together = both / math.sqrt(2) > normal_quantile(RUINED_DOUBT)
    return together or look.spread.lopsided > normal_quantile(LOPSIDED_DOUBT)


def _wants_proof(look: _Look) -> bool:
    rules, spread = look.rules, look.spread
    if look.wave >= look.last_wave or look.tally.devices < rules.devices_min:
        return False
    if look.wave == look.last_wave - 1:
        return True
    if not look.many:
        return False
    needed = _width(look) + normal_quantile(1 - SHOWN_BEFORE) * spread.error
    return needed <= rules.margin


def _unproved(look: _Look) -> Iterator[Reason]:
    rules, spread = look.rules, look.spread
    if not look.many:
        yield Reason.EVIDENCE_MISSING
        return
    below = rules.margin - spread.mean
    deviations = below / spread.error if spread.error else math.copysign(math.inf, below)
    if student_tail(deviations, spread.devices - 1) > look.level:
        yield Reason.NOT_SHOWN
    if _may_have_ruined(look):
        yield Reason.FEW_RUINED


def _worst(rules: GateRules, tally: Tally, cohort_size: int) -> tuple[str, float]:
    """The device least like chance, and how likely one like it is among all of the cohort.

    Of the scenes on which the pairs differ, a device that loses just the most allowed would have
    this share worse: (1 + most allowed / share that differ) / 2. How many differ is taken as given.
    """
    chance, device = 1.0, ""
    for each in tally.compared:
        counts = each.verdict.overall if each.verdict else None
        if counts is None:
            continue
        allowed = rules.device_loss_max * counts.scenes
        differing = counts.scenes_worse + counts.scenes_better
        if counts.scenes_worse - counts.scenes_better > allowed:
            expected = (1 + allowed / differing) / 2
            its = binomial_tail(differing, counts.scenes_worse, expected)
            chance, device = min((chance, device), (its, each.device))
    return device, min(1.0, chance * max(cohort_size, len(tally.compared)))


def _slower(look: _Look) -> int:
    return sum(1 for each in look.tally.ratios if each > look.rules.latency_ratio_max)


def _lower(look: _Look) -> float | None:
    deviations = anytime_deviations(look.spread.devices, look.rules.false_abort / 2)
    return None if math.isinf(deviations) else look.spread.mean - deviations * look.spread.error


def _width(look: _Look) -> float:
    """How far the bound from above lies above the mean loss."""
    return student_quantile(look.level, look.spread.devices - 1) * look.spread.error


def _finding(look: _Look, outcome: Outcome, reasons: tuple[Reason, ...]) -> Finding:
    tally, spread = look.tally, look.spread
    several = spread.devices > 1
    return Finding(
        outcome,
        reasons,
        wave=look.wave,
        devices=spread.devices,
        unlabelled=tally.unlabelled,
        mean_loss=spread.mean if spread.devices else None,
        taken_loss=math.fsum(tally.taken) / len(tally.taken) if tally.taken else None,
        standard_error=spread.error if several else None,
        lower=_lower(look),
        upper=spread.mean + _width(look) if several else None,
        detectable=_detectable(look.rules, spread.devices, spread.error),
        settled=tally.settled,
        unsettled=tally.unsettled,
        failed=tally.failed,
        rolled_back=tally.rolled_back,
        declined=tally.declined,
        silent=tally.silent,
        silent_expected=look.usual_silence * tally.started,
        worst_device=look.worst_device,
        worst_chance=look.worst_chance,
        lopsided=spread.lopsided,
        latency_ratio=median(tally.ratios) if tally.ratios else None,
        agreement=tally.agreed / tally.seen_by_both if tally.seen_by_both else None,
    )
