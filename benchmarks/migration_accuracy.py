"""How accurate a head is after its backbone was changed.

``migration.SET.TARGET.E.P.COLUMN``: per cent of the test half right with E exemplars a class and P
unlabelled pairs, mean of ``DRAWS`` draws, with its standard error over the draws. Columns are the
candidates of ``agent.learning.contending``, what the device chooses, and the ideal: everything
learned on the new backbone.

A device learns on Lite0 at 128 px, then changes. Of the training half a third (at most 1,000) is
set aside as what passes through Predict, never learned; a tenth of the scenes, runs of a tenth of a
class, is ``select``. Exemplars are drawn from the rest by chance, all others are known by sums
alone. ``reference`` instead of a number of pairs: everything is learned and nothing set aside, as
in the published table; exemplars then choose. ``discriminant`` columns are that head alone, as in
that table; all others are the head that serves by default.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from agent.learning.carrying import Target, carry, without
from agent.learning.contending import Known, Start, choose
from agent.learning.heads.head import predict
from agent.learning.roster import Part, Roster
from agent.learning.settings import HeadName, HeadSettings, LearningSettings
from agent.learning.tuning import HeldOut, Tuning
from benchmarks.learning_accuracy import summary
from benchmarks.learning_data import Features
from fieldwise.affine import PairSums, fit
from fieldwise.bundle import Transform
from fieldwise.head import Statistics, empty, learn

DRAWS = 3
EXEMPLARS = {"grocery": (2, 6, 12), "caltech101": (2, 4, 9)}
PAIRS = (0, 250, 1000)
PASSING_SHARE, PASSING_MAX = 1 / 3, 1000
RUNS = 10  # of a class, each a scene
TRANSFORM = Transform()
UNIT = float(1 << TRANSFORM.grid_bits)
SETTINGS = LearningSettings()
DISCRIMINANT = LearningSettings(heads=HeadSettings(enabled=(HeadName.DISCRIMINANT,)))
OLD, NEW = "0" * 64, "1" * 64
VIEW = "main"


@dataclass(frozen=True, slots=True, eq=False)
class Switch:
    """A set as both backbones see it; samples in the same order."""

    name: str
    old: Features
    new: Features


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Places of training samples by what they are used for."""

    learned: NDArray[np.int64]
    exemplars: NDArray[np.int64]
    select: NDArray[np.int64]
    passing: NDArray[np.int64]


def figures(switch: Switch, target: str) -> Iterator[dict[str, float]]:
    """The table of a set and a target, row by row."""
    for exemplars in EXEMPLARS[switch.name]:
        for pairs in ("reference", *PAIRS):
            found: dict[str, list[float]] = {}
            for seed in range(DRAWS):
                apart = pairs != "reference"
                draw = _draw(switch.new.train_labels, exemplars, Random(seed), apart=apart)  # noqa: S311 - draws samples
                count = pairs if isinstance(pairs, int) else 0
                for column, value in _row(switch, draw, count).items():
                    found.setdefault(column, []).append(value)
            stem = f"migration.{switch.name}.{target}.{exemplars}.{pairs}"
            row: dict[str, float] = {}
            for column, values in found.items():
                row |= summary(f"{stem}.{column}", values)
            yield row


def _row(switch: Switch, draw: Draw, pairs: int) -> dict[str, float]:
    labels = np.array(switch.new.train_labels)
    ideal = _sums(NEW, switch.new.train[draw.learned], labels[draw.learned])
    exact = _sums(NEW, switch.new.train[draw.exemplars], labels[draw.exemplars])
    known = Known(VIEW, slice(0, ideal.width), exact, *_carried(switch, draw, pairs, labels))
    chosen = choose(
        [known],
        (VIEW,),
        SETTINGS,
        _held(switch, labels, draw.select),
        _held(switch, labels, draw.exemplars),
    )
    found = {"ideal": _right(switch, ideal, SETTINGS)}
    for start in Start:
        found[start.value] = _right(switch, known.beginning(start), SETTINGS)
    found["chosen"] = found[chosen.start]
    found["discriminant.ideal"] = _right(switch, ideal, DISCRIMINANT)
    for start in (Start.REFIT, Start.CARRIED, Start.MIXED):
        found[f"discriminant.{start}"] = _right(switch, known.beginning(start), DISCRIMINANT)
    return found


def _carried(
    switch: Switch, draw: Draw, pairs: int, labels: NDArray[np.str_]
) -> tuple[Statistics, int]:
    sums = PairSums((UNIT, UNIT), (switch.old.train.shape[1], switch.new.train.shape[1]))
    for places, keep in ((draw.exemplars, True), (draw.passing[:pairs], False)):
        sums.add(switch.old.train[places], switch.new.train[places], keep=keep)
    through = fit(sums)
    assert through is not None
    left = without(
        _sums(OLD, switch.old.train[draw.learned], labels[draw.learned]),
        _sums(OLD, switch.old.train[draw.exemplars], labels[draw.exemplars]),
    )
    return carry(left, through, Target(NEW, TRANSFORM)), through.pairs


def _draw(labels: Sequence[str], exemplars: int, chance: Random, *, apart: bool) -> Draw:
    learned: list[int] = []
    kept: list[int] = []
    select: list[int] = []
    passing: list[int] = []
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    for held in places.values():
        left = held
        if apart:
            passes = set(chance.sample(held, round(PASSING_SHARE * len(held))))
            tried = chance.randrange(RUNS)
            chosen = [
                place
                for number, place in enumerate(held)
                if place not in passes and number * RUNS // len(held) == tried
            ]
            select += chosen
            passing += sorted(passes)
            left = [place for place in held if place not in passes and place not in chosen]
        learned += left
        kept += chance.sample(left, min(exemplars, len(left)))
    chance.shuffle(passing)
    passing = passing[:PASSING_MAX]
    return Draw(*(np.array(each, np.int64) for each in (learned, kept, select, passing)))


def _held(switch: Switch, labels: NDArray[np.str_], places: NDArray[np.int64]) -> HeldOut:
    counts: dict[str, int] = {}
    numbers = []
    for label in labels.tolist():
        numbers.append(counts.get(label, 0))
        counts[label] = numbers[-1] + 1
    names = labels[places].tolist()
    scenes = [
        f"{name} {numbers[place] * RUNS // counts[name]}"
        for name, place in zip(names, places.tolist(), strict=True)
    ]
    return HeldOut(switch.new.train[places], names, scenes)


def _sums(bundle: str, rows: NDArray[np.int16], labels: NDArray[np.str_]) -> Statistics:
    return learn(empty(bundle, TRANSFORM, rows.shape[1]), rows, labels.tolist())


def _right(switch: Switch, statistics: Statistics, settings: LearningSettings) -> float:
    part = Part(VIEW, slice(0, statistics.width), statistics)
    roster = Roster([part], (VIEW,), settings, Tuning())
    head = next(iter(roster.keepers.values())).head
    said = np.array(predict(head, switch.new.test))
    return 100 * float((said == np.array(switch.new.test_labels)).mean())
