"""What the drift detectors find, how late, and how often they cry wolf.

    python -m benchmarks.drift [--json FILE]

Streams from 0 to 1 whose level changes half-way, by a jump or over 500 values, and streams that do
not change; independent values, and values in scenes of 20 that share a level, as a camera gives.
Beside each detector stands one that fires at random as often as it does on streams without a
change: whatever finds no more than that one finds nothing.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.learning.measures.drift import Adwin, PageHinkley

LENGTH, CHANGE, WITHIN = 4000, 2000, 1000  # found: an alarm within so many values of the change
NOISE, LEVEL, SCENE = 0.15, 0.4, 20
STREAMS = 100

Alarms = Callable[[NDArray[np.float64], np.random.Generator], list[int]]


@dataclass(frozen=True, slots=True)
class Result:
    """One detector on one kind of stream."""

    stream: str
    detector: str
    found: float
    delay: float
    false_alarms: float


def stream(kind: str, shift: float, chance: np.random.Generator) -> NDArray[np.float64]:
    ramp = 500 if kind == "gradual" else 1
    level = LEVEL + shift * np.clip((np.arange(LENGTH) - CHANGE) / ramp, 0, 1)
    noise = chance.normal(0, NOISE, LENGTH)
    if kind == "scenes":
        noise = np.repeat(chance.normal(0, NOISE, LENGTH // SCENE), SCENE) + noise / 3
    values: NDArray[np.float64] = np.clip(level + noise, 0, 1)
    return values


def alarms_of(make: Callable[[], Adwin | PageHinkley]) -> Alarms:
    def alarms(values: NDArray[np.float64], _: np.random.Generator) -> list[int]:
        detector = make()
        return [number for number, value in enumerate(values) if detector.observe(float(value))]

    return alarms


def random_alarms(rate: float) -> Alarms:
    """A detector that fires at random, so many times a value."""

    def alarms(values: NDArray[np.float64], chance: np.random.Generator) -> list[int]:
        return [int(each) for each in np.flatnonzero(chance.random(len(values)) < rate)]

    return alarms


def measured(name: str, kind: str, shift: float, detector: Alarms, seed: int) -> Result:
    delays, false = [], 0
    for number in range(STREAMS):
        chance = np.random.default_rng([seed, number])
        told = detector(stream(kind, shift, chance), chance)
        after = [each - CHANGE for each in told if CHANGE <= each < CHANGE + WITHIN]
        false += sum(1 for each in told if each < CHANGE or not shift)
        if shift and after:
            delays.append(after[0])
    quiet = STREAMS * (CHANGE if shift else LENGTH)
    label = f"{kind}, shift {shift:g}" if shift else f"{kind}, no change"
    delay = float(np.mean(delays)) if delays else float("nan")
    return Result(label, name, len(delays) / STREAMS, delay, 10_000 * false / quiet)


def run(seed: int) -> list[Result]:
    results = []
    detectors = {"adwin": alarms_of(Adwin), "page-hinkley": alarms_of(PageHinkley)}
    for kind, shifts in {
        "jump": (0.0, 0.1, 0.3),
        "gradual": (0.1, 0.3),
        "scenes": (0.0, 0.1, 0.3),
    }.items():
        for name, detector in detectors.items():
            still = measured(name, "scenes" if kind == "scenes" else "jump", 0.0, detector, seed)
            chance = random_alarms(still.false_alarms / 10_000)
            for shift in shifts:
                results.append(measured(name, kind, shift, detector, seed))
                results.append(measured(f"random, as {name}", kind, shift, chance, seed))
    return results


def table(results: Sequence[Result]) -> str:
    head = f"{'stream':22}{'detector':24}{'found':>7}{'delay':>8}{'false / 10,000':>16}"
    rows = [
        f"{each.stream:22}{each.detector:24}{each.found:>7.0%}{each.delay:>8.0f}"
        f"{each.false_alarms:>16.2f}"
        for each in results
    ]
    return "\n".join([head, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description="Delay and false alarms of the drift detectors.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    results = run(chosen.seed)
    print(table(results))
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(each) for each in results], indent=2))


if __name__ == "__main__":
    main()
