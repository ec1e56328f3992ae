"""A device that is played: it calls a real orchestrator, and what it reports of itself is made up.

Accuracy rises from a guess to a level of the device's own, confidences get better with it, and a
backbone changes both. All chance comes from the device's number.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fieldwise.v1alpha1 import device_pb2
from tests.orchestrators import Member
from tools.pictures.sharing import Sharing, agrees

GUESS = 0.25
WINDOW = 200  # labelled samples that accuracy is taken over
JUDGED = 60  # held-out scenes that two pairs are compared on
GIB = 1 << 30
HELD_CALLS = 8  # of a device whose owner's conditions are not met at once
ON_ITS_WAY = (
    device_pb2.UPDATE_PHASE_FETCHING,
    device_pb2.UPDATE_PHASE_MIGRATING,
    device_pb2.UPDATE_PHASE_JUDGING,
    device_pb2.UPDATE_PHASE_PROBATION,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a backbone does to devices: shares of scenes, and of devices that fail with it.

    Attributes:
        worse: Scenes that only the pair before had right.
        better: Scenes that only the new pair has right.
        crashing: Devices that fall back on probation.
        files: Digests of what has to be downloaded.
    """

    worse: float
    better: float
    crashing: float
    files: tuple[str, ...]


@dataclass(slots=True)
class Played:
    """One device; ``world`` tells what every backbone does, by digest."""

    member: Member
    number: int
    world: Mapping[bytes, Effect]
    chance: np.random.Generator = field(init=False)
    best: float = field(init=False)
    pace: float = field(init=False)
    sequence: int = 0
    generation: int = 0
    seconds: float = 0.0
    in_use: bytes = b""
    wanted: bytes = b""
    phase: int = device_pb2.UPDATE_PHASE_IDLE
    failure: int = device_pb2.UPDATE_FAILURE_UNSPECIFIED
    verdict: dict[str, Any] = field(default_factory=dict)
    drifting: float = 0.0
    held: int = 0
    sharing: Sharing | None = field(init=False)

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng(self.number)
        self.sharing = Sharing(self.member, self.number) if agrees(self.number) else None
        self.best = 0.99 - 0.2 * self.chance.random() ** 2  # of its answers that are right
        self.pace = 60 + 120 * self.chance.random()  # seconds to two thirds of that

    def call(self, seconds: float) -> None:
        """Check in, do one step of what was ordered, and hear what is new.

        Args:
            seconds: How long the device has been learning.
        """
        self.sequence, self.seconds = self.sequence + 1, seconds
        answer = self.member.check_in(**self._report())
        if self.sharing is not None:
            self.sharing.hear(answer)
        if answer.target.generation > self.generation:
            self._ordered(answer.target)
        elif self.phase in ON_ITS_WAY:
            self._step()
        elif self.held:
            self.held -= 1
        elif answer.HasField("permit") and self.phase == device_pb2.UPDATE_PHASE_IDLE:
            self.phase = device_pb2.UPDATE_PHASE_FETCHING
            for digest in self.world[self.wanted].files:
                self.member.download(digest)

    def _ordered(self, target: device_pb2.Target) -> None:
        self.generation, self.wanted = target.generation, target.bundle_digest
        self.failure, self.verdict = device_pb2.UPDATE_FAILURE_UNSPECIFIED, {}
        self.phase = device_pb2.UPDATE_PHASE_IDLE
        self.held = 0 if self.number % 10 else HELD_CALLS
        if target.back or self.wanted == self.in_use:
            self.in_use, self.phase = self.wanted, device_pb2.UPDATE_PHASE_ACTIVE

    def _step(self) -> None:
        match self.phase:
            case device_pb2.UPDATE_PHASE_JUDGING if self.in_use:
                self._judge()
            case device_pb2.UPDATE_PHASE_PROBATION if self._falls_back:
                self._fail(device_pb2.UPDATE_PHASE_REVERTED, device_pb2.UPDATE_FAILURE_CRASHED)
            case device_pb2.UPDATE_PHASE_PROBATION:
                self.in_use, self.phase = self.wanted, device_pb2.UPDATE_PHASE_ACTIVE
            case _:
                self.phase = ON_ITS_WAY[ON_ITS_WAY.index(self.phase) + 1]

    @property
    def _falls_back(self) -> bool:
        return bool(self.in_use) and self.chance.random() < self.world[self.wanted].crashing

    def _judge(self) -> None:
        effect = self.world[self.wanted]
        worse, better = self._drawn(JUDGED, effect.worse), self._drawn(JUDGED, effect.better)
        right = min(JUDGED - worse - better, int(JUDGED * self._level))
        declines = worse - better > JUDGED / 5
        judgements = (device_pb2.JUDGEMENT_ACCEPTED, device_pb2.JUDGEMENT_DECLINED)
        self.verdict = {
            "generation": self.generation,
            "judgement": judgements[declines],
            "basis": device_pb2.VERDICT_BASIS_LABELLED,
            "overall": {
                "both_right": right,
                "only_old": worse,
                "only_new": better,
                "both_wrong": JUDGED - right - worse - better,
                "scenes": JUDGED,
                "scenes_worse": worse,
                "scenes_better": better,
            },
        }
        self.phase = device_pb2.UPDATE_PHASE_PROBATION
        if declines:
            self._fail(device_pb2.UPDATE_PHASE_DECLINED, device_pb2.UPDATE_FAILURE_HARM)

    def _fail(self, phase: int, failure: int) -> None:
        self.phase, self.failure = phase, failure

    def _drawn(self, times: int, share: float) -> int:
        return int(self.chance.binomial(times, share))

    @property
    def _level(self) -> float:
        """How often it is right in the end, by its backbone and by what it sees."""
        effect = self.world.get(self.in_use)
        gain = (effect.better - effect.worse) / 2 if effect is not None else 0
        return min(0.99, self.best + gain) * (1 - 0.35 * self.drifting)

    @property
    def _learned(self) -> float:
        """How far it has come, 0 to 1: devices differ by what their users teach."""
        return 1 - math.exp(-self.seconds / self.pace)

    def _report(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "sequence": self.sequence,
            "generation": self.generation,
            "bundle_in_use": self.in_use,
            "agent_version": "0.1.0" if self.number % 6 else "0.2.0",
            "learning": self._learning(),
            "signs": self._signs(),
            "vital_signs": self._vital_signs(),
        }
        if self.phase != device_pb2.UPDATE_PHASE_IDLE:
            told["update"] = {
                "generation": self.generation,
                "bundle_digest": self.wanted,
                "phase": self.phase,
                "failure": self.failure,
            }
        elif self.held:
            told["update"] = {
                "generation": self.generation,
                "bundle_digest": self.wanted,
                "phase": self.phase,
                "hold": device_pb2.UPDATE_HOLD_CONDITIONS,
            }
        if self.verdict:
            told["verdict"] = self.verdict
        if self.sharing is not None:
            told["federation"] = self.sharing.report
        return told

    def _learning(self) -> dict[str, int]:
        samples = int(self.seconds * (1 + self.number % 4))
        window = min(WINDOW, samples) if self.number % 8 else 0
        accuracy = GUESS + (self._level - GUESS) * self._learned
        return {
            "samples": samples,
            "classes": 4,
            "window_samples": window,
            "window_correct": self._drawn(window, accuracy),
            "judge_samples": samples // 6,
        }

    def _signs(self) -> dict[str, int]:
        seen = min(1000, int(self.seconds * 20))
        error = 200 - 165 * self._learned + 250 * self.drifting
        return {
            "novelty_samples": seen,
            "novelty_novel": self._drawn(seen, 0.02 + 0.4 * self.drifting),
            "calibration_samples": seen // 4,
            "calibration_error_permille": int(error * self.chance.uniform(0.9, 1.1)),
            "drift_permille": min(
                1000, int(1000 * (self.chance.uniform(0.02, 0.3) + self.drifting))
            ),
            "drift_alarms": int(self.drifting > 0),
            "skipped": int(self.seconds * (self.number % 3)),
            "waiting_samples": int(self.chance.integers(4)) + int(30 * self.drifting),
            "learning_p50_micros": int(self.chance.normal(7600, 400)),
            "clock_off_seconds": 0 if self.number % 20 else 45,
        }

    def _vital_signs(self) -> dict[str, int]:
        predictions = int(self.seconds * 20)
        return {
            "uptime_seconds": int(self.seconds),
            "resident_bytes": int((140 + 30 * self._learned + self.number % 20) * (1 << 20)),
            "disk_free_bytes": (2 + self.number % 40) * GIB - int(self.seconds * 100_000),
            "predictions": predictions,
            "prediction_errors": predictions // 500 if self.number % 9 == 0 else 0,
            "prediction_p50_micros": 8000 + 400 * (self.number % 7),
            "prediction_p99_micros": int(
                (14_000 + 900 * (self.number % 7)) * self.chance.uniform(0.9, 1.3)
            ),
        }
