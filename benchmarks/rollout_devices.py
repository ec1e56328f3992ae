"""Simulated devices for the calibration of the gate: what they compare, and how they end.

Every device has a true loss of its own, normal around the fleet's. Its held-out samples come in
bursts: each sample of a burst repeats, with a stated chance, what the burst's common cause makes of
it, so that samples of a burst agree more often than chance. What the pairs do on a sample is only
old right, only new right, or the same; how often they differ is stated too, and a device with a
great loss differs more.

The device then judges as a real one does, by the sign test over scenes, and declines where harm is
shown. Some fail on the way and some fall silent, as devices do with no fault of the backbone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from fieldwise.sign_test import chance_of
from fieldwise.update import UpdateFailure
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from orchestrator.rollout.evidence import Evidence
from orchestrator.rollout.places import Place

Counts = NDArray[np.int64]

CHUNK = 5_000  # devices whose samples are in memory at once
DEVICE_ALPHA, DEVICE_LOSS_MIN, DEVICE_SCENES_MIN = 0.05, 0.02, 5  # as agent.update.judging


@dataclass(frozen=True, slots=True)
class World:
    """What is true of a fleet; losses and shares are 0 to 1.

    ``burst`` is the mean length of a burst, ``alike`` the chance that a sample repeats its cause.
    Of the ``ruined`` share of devices, ``dead`` fall silent and the others lose ``ruin`` more.
    """

    loss: float = 0.0
    spread: float = 0.03
    samples_min: int = 30
    samples_max: int = 200
    discordance: float = 0.1
    burst: float = 3.0
    alike: float = 0.5
    ruined: float = 0.0
    dead: float = 0.0
    ruin: float = 0.3
    failing: float = 0.01
    silent: float = 0.02


def per_distinct(rule: Callable[..., float], *columns: Counts) -> NDArray[np.float64]:
    """A rule on whole numbers for every row of columns, asked once for rows that are alike."""
    rows, which = np.unique(np.stack(columns, axis=-1), axis=0, return_inverse=True)
    answers = np.array([rule(*row) for row in rows.tolist()], dtype=np.float64)
    return answers[which.ravel()]


class End(IntEnum):
    """How a simulated device ends."""

    HEALTHY = 0
    DECLINED = 1
    FAILED = 2
    SILENT = 3


@dataclass(frozen=True, slots=True)
class Pool:
    """Many devices, one entry each; counts as in ``PairedCounts``."""

    end: Counts
    samples: Counts
    only_old: Counts
    only_new: Counts
    scenes: Counts
    worse: Counts
    better: Counts

    def evidence(self, at: int) -> Evidence:
        """One of them, once it has settled."""
        end = End(int(self.end[at]))
        if end is End.SILENT:
            return Evidence(f"device-{at}", 1, Place.OVERDUE, started=True)
        if end is End.FAILED:
            return _ended(at, Place.FAILED, UpdateFailure.GOLDEN_MISMATCH, None)
        declined = end is End.DECLINED
        judgement = Judgement.DECLINED if declined else Judgement.ACCEPTED
        verdict = Verdict(1, judgement, Basis.LABELLED, self._counts(at))
        place = Place.DECLINED if declined else Place.HEALTHY
        return _ended(at, place, UpdateFailure.HARM if declined else None, verdict)

    def _counts(self, at: int) -> PairedCounts:
        old, new = int(self.only_old[at]), int(self.only_new[at])
        same = int(self.samples[at]) - old - new
        scenes = int(self.scenes[at]), int(self.worse[at]), int(self.better[at])
        return PairedCounts(same * 9 // 10, old, new, same - same * 9 // 10, *scenes)


def _ended(
    at: int, place: Place, failure: UpdateFailure | None, verdict: Verdict | None
) -> Evidence:
    return Evidence(f"device-{at}", 1, place, verdict, failure, started=True)


def pool_of(world: World, devices: int, extra: float, chance: np.random.Generator) -> Pool:
    """Let devices with so much extra loss compare and end."""
    sizes = [min(CHUNK, devices - done) for done in range(0, devices, CHUNK)]
    return pooled([_compare(world, size, extra, chance) for size in sizes])


def pooled(parts: Sequence[Pool]) -> Pool:
    """Several pools as one."""
    names = [each.name for each in fields(Pool)]
    return Pool(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _compare(world: World, devices: int, extra: float, chance: np.random.Generator) -> Pool:
    longest = world.samples_max
    least, most = np.log(world.samples_min), np.log(world.samples_max + 1)
    samples = np.exp(chance.uniform(least, most, devices)).astype(np.int64)
    loss = np.clip(chance.normal(world.loss, world.spread, devices) + extra, -0.6, 0.6)
    differ = np.maximum(world.discordance, np.abs(loss) + 0.04)
    scene, drawn = _bursts(world, devices, chance)
    there = np.arange(longest) < samples[:, None]
    old = there & (drawn < ((differ + loss) / 2)[:, None])
    new = there & ~old & (drawn < differ[:, None])
    place = (np.arange(devices)[:, None] * longest + scene).ravel()
    lead = np.bincount(place, (old * 1 - new * 1).ravel(), devices * longest)
    lead = lead.reshape(devices, longest)
    scenes = np.take_along_axis(scene, samples[:, None] - 1, axis=1)[:, 0] + 1
    worse, better = (lead > 0).sum(axis=1), (lead < 0).sum(axis=1)
    counts = (samples, old.sum(axis=1), new.sum(axis=1), scenes, worse, better)
    return Pool(_ends(world, counts, chance), *counts)


def _bursts(
    world: World, devices: int, chance: np.random.Generator
) -> tuple[Counts, NDArray[np.float64]]:
    """Which burst each sample is of, and the number, 0 to 1, that decides what comes of it."""
    shape = (devices, world.samples_max)
    starts = chance.random(shape) < 1 / world.burst
    starts[:, 0] = True
    scene = np.cumsum(starts, axis=1) - 1
    cause = np.take_along_axis(chance.random(shape), scene, axis=1)
    return scene, np.where(chance.random(shape) < world.alike, cause, chance.random(shape))


def _ends(world: World, counts: tuple[Counts, ...], chance: np.random.Generator) -> Counts:
    samples, old, new, scenes, worse, better = counts
    shown = per_distinct(chance_of, worse, better) <= DEVICE_ALPHA
    harm = shown & (scenes >= DEVICE_SCENES_MIN) & (old - new >= DEVICE_LOSS_MIN * samples)
    fate = chance.random(len(samples))
    ends = np.where(harm, End.DECLINED, End.HEALTHY)
    ends = np.where(fate < world.silent + world.failing, End.FAILED, ends)
    return np.where(fate < world.silent, End.SILENT, ends).astype(np.int64)
