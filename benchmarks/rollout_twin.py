"""The gate of ``orchestrator.rollout.gate`` once more, for thousands of rollouts at a time.

It knows what simulated devices do and no more: nobody is unlabelled, slow or rolled back. Every
bound is asked of the rules themselves; only sums are taken for many rollouts at once.
``tests/benchmarks/test_rollout_twin.py`` holds it to the gate, rollout by rollout, look by look.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.rollout_devices import Counts, End, Pool, per_distinct
from orchestrator.rollout import gate
from orchestrator.rollout.chances import binomial_tail, normal_quantile, student_quantile
from orchestrator.rollout.evidence import Reason
from orchestrator.rollout.plan import GateRules
from orchestrator.rollout.sequential import anytime_deviations, look_level

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Members:
    """The devices of many rollouts behind the last gate, [rollouts, devices] each."""

    end: Counts
    loss: Values  # 0 where nothing was compared
    worst: Values  # the chance of a device as bad as this one; 1 where it is not worse

    @property
    def compared(self) -> Flags:
        """Which have a verdict."""
        return self.end <= End.DECLINED

    def of(self, rollouts: Flags) -> "Members":
        """Those of some rollouts only."""
        return Members(self.end[rollouts], self.loss[rollouts], self.worst[rollouts])


@dataclass(frozen=True, slots=True)
class Place:
    """Which gate looks, and at how many devices: ``seen`` of ``total`` have come to their end.

    ``overdue`` says that those that are silent have passed their deadline.
    """

    wave: int
    last_wave: int
    seen: int
    total: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate says of every rollout, and what it says it for."""

    closed: Flags
    waiting: Flags
    undecided: Flags
    reasons: dict[Reason, Flags]


def members_of(pool: Pool, rules: GateRules, which: Counts) -> Members:
    """Deal devices out to rollouts by their place in the pool."""
    compared = pool.end <= End.DECLINED
    loss = np.where(compared, (pool.only_old - pool.only_new) / pool.samples, 0.0)
    rule = partial(_worst_chance, rules.device_loss_max)
    worst = np.where(compared, per_distinct(rule, pool.scenes, pool.worse, pool.better), 1.0)
    return Members(pool.end[which], loss[which], worst[which])


def joined(parts: Sequence[Members]) -> Members:
    """The rollouts of all parts together."""
    names = ("end", "loss", "worst")
    return Members(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _worst_chance(allowed_share: float, scenes: int, worse: int, better: int) -> float:
    allowed = allowed_share * scenes
    if worse - better <= allowed:
        return 1.0
    return binomial_tail(worse + better, worse, (1 + allowed / (worse + better)) / 2)


def assess_many(
    rules: GateRules, members: Members, place: Place, *, cohort_size: int, silent_before: float
) -> Answer:
    """Ask one gate about many rollouts, all of them at the same look."""
    sums = _Sums(rules, members, place)
    usual = max(gate.SILENCE_FLOOR, silent_before)
    silent = _tails(sums.started, sums.silent, usual)
    closing = _harms(sums, members, usual, cohort_size)
    shutting = {**_doubts(sums, usual, silent), **_unproved(sums, silent)}
    early = sums.settled < (rules.settled_share_min - gate.ROUNDING) * place.total
    if not place.overdue:
        shutting = {reason: flags & ~early for reason, flags in shutting.items()}
        shutting[Reason.UNSETTLED] = early
    closed = _any(closing)
    shut = _any(shutting) & ~closed
    ends = sums.settled == place.total
    told = {**closing, **{reason: flags & ~closed for reason, flags in shutting.items()}}
    return Answer(closed, shut & ~ends, shut & ends, told)


class _Sums:
    """What the evidence of each rollout adds up to."""

    def __init__(self, rules: GateRules, members: Members, place: Place) -> None:
        self.rules, self.place = rules, place
        end = members.end[:, : place.seen]
        compared = members.compared[:, : place.seen]
        self.silent: Counts = (end == End.SILENT).sum(axis=1)
        self.failed: Counts = (end == End.FAILED).sum(axis=1)
        self.declined: Counts = (end == End.DECLINED).sum(axis=1)
        self.ended = np.full(len(end), place.seen)
        self.started = np.full(len(end), place.total)
        self.settled = self.ended - (0 if place.overdue else self.silent)
        self.devices: Counts = compared.sum(axis=1)
        many = np.maximum(self.devices, 1)
        self.mean: Values = members.loss[:, : place.seen].sum(axis=1) / many
        apart = np.where(compared, members.loss[:, : place.seen] - self.mean[:, None], 0.0)
        squares = (apart * apart).sum(axis=1)
        self.error: Values = np.sqrt(squares / np.maximum(self.devices - 1, 1) / many)
        cubes = apart**3
        below, above = np.minimum(cubes, 0.0), np.maximum(cubes, 0.0)
        variance = (3 * (below * below).sum(axis=1) + (above * above).sum(axis=1)) / 2
        self.lopsided: Values = cubes.sum(axis=1) / np.sqrt(np.where(variance, variance, 1.0))

    @property
    def many(self) -> Flags:
        """Where enough devices compared."""
        return np.asarray(self.devices >= self.rules.devices_min, dtype=np.bool_)

    @property
    def deviations(self) -> Values:
        """How far the bound from above lies above the mean, in standard errors."""

        def deviations(devices: int, settled: int) -> float:
            if devices <= 1:
                return math.inf
            fraction = settled / self.place.total
            level = look_level(self.rules.alpha, self.rules.settled_share_min, fraction)
            return student_quantile(level, devices - 1)

        return per_distinct(deviations, self.devices, self.settled)


def _tails(devices: Counts, hits: Counts, share: float) -> Values:
    return per_distinct(lambda trials, found: binomial_tail(trials, found, share), devices, hits)


def _any(reasons: dict[Reason, Flags]) -> Flags:
    any_of: Flags = np.logical_or.reduce(list(reasons.values()))
    return any_of


def _harms(sums: _Sums, members: Members, usual: float, cohort_size: int) -> dict[Reason, Flags]:
    rules = sums.rules
    level = rules.false_abort + gate.ROUNDING
    away = per_distinct(
        lambda count: anytime_deviations(count, rules.false_abort / 2), sums.devices
    )
    known = np.isfinite(away)
    worst = members.worst[:, : sums.place.seen].min(axis=1) * np.maximum(cohort_size, sums.devices)
    silence = usual + rules.silent_share_max
    shown = normal_quantile(gate.RUINED_SHOWN)
    return {
        Reason.HARM: known & (sums.mean - np.where(known, away, 0.0) * sums.error > 0),
        Reason.WORST_DEVICE: worst <= rules.worst_device_alpha,
        Reason.RUINED: sums.many & (sums.lopsided > shown),
        Reason.SILENCE: _tails(sums.started, sums.silent, silence) <= level,
        Reason.FAILURES: _tails(sums.ended, sums.failed, rules.failed_share_max) <= level,
        Reason.DECLINES: _tails(sums.ended, sums.declined, rules.declined_share_max) <= level,
    }


def _doubts(sums: _Sums, usual: float, silent: Values) -> dict[Reason, Flags]:
    rules = sums.rules
    over = sums.silent > (usual + rules.silent_share_max) * sums.started
    over |= sums.failed > rules.failed_share_max * sums.ended
    badly = sums.failed + sums.declined + sums.silent
    before_last = sums.place.wave < sums.place.last_wave
    return {
        Reason.NOT_TAKEN: before_last & (2 * badly > sums.ended),
        Reason.MORE_SILENT: silent <= gate.SILENCE_LEVEL,
        Reason.OVER_LIMIT: over & (sums.place.total >= rules.devices_min),
    }


def _unproved(sums: _Sums, silent: Values) -> dict[Reason, Flags]:
    rules, place = sums.rules, sums.place
    if place.wave >= place.last_wave or place.total < rules.devices_min:
        return {}
    width = sums.deviations * sums.error
    early = normal_quantile(1 - gate.SHOWN_BEFORE) * sums.error
    wanted = sums.many & (width + early <= rules.margin)
    if place.wave == place.last_wave - 1:
        wanted = np.ones_like(wanted)
    bounded = np.clip(silent, gate.ROUNDING, 1 - gate.ROUNDING)
    both = sums.lopsided + np.array([normal_quantile(each) for each in bounded.tolist()])
    ruined = sums.lopsided > normal_quantile(gate.LOPSIDED_DOUBT)
    ruined |= both / math.sqrt(2) > normal_quantile(gate.RUINED_DOUBT)
    return {
        Reason.EVIDENCE_MISSING: wanted & ~sums.many,
        Reason.NOT_SHOWN: wanted & sums.many & (sums.mean + width > rules.margin),
        Reason.FEW_RUINED: wanted & sums.many & ruined,
    }
