"""Choices that held-out samples decide: views, shrinkage, members of the average, temperatures.

Everything is chosen on ``select``, samples of scenes of which none was learned; neither ``judge``
nor anything else is looked at. There are few of them and their scenes are alike within, so a choice
other than the default has to be better by more than its own noise: with d_b the sum over scene b of
the paired differences (+1 where only the other is right, -1 where only the default is), it is taken
if sum d_b > 2 sqrt(sum d_b**2), two standard errors with scenes, not samples, as what is
independent: one in twenty is then chosen by chance, and what is given up is smaller than the noise.
Random halves of samples would look tens of points too good here: on bursts of the same scene,
cross-validation says 92 where new scenes say 63.

Temperatures are one number per head and are fitted on all of ``select``. Where members are compared
they are crossed: scenes alternate between two folds, and each is judged by the other's.

With fewer than ``SAMPLES_MIN`` samples, ``SCENES_MIN`` scenes or two classes the defaults stay, and
the result says so. Of several views those combinations are compared that fit into the stated time.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agent.learning.heads.average import NAME as AVERAGE
from agent.learning.heads.discriminant import Discriminant
from agent.learning.heads.lane import Lane
from agent.learning.heads.nearest_mean import NearestMean
from agent.learning.heads.ridge import BalancedRidge
from agent.learning.measures.calibration import UNKNOWN, fit_temperature
from agent.learning.stopping import ShouldStop, Stopped
from fieldwise.head import Statistics

SAMPLES_MIN = 30  # below, one standard error is 9 points
SCENES_MIN = 8  # below, a scene decides everything
CLASSES_MIN = 2
RETUNE_GROWTH = 1.5  # times the samples: what they tell has then become a fifth more certain
STANDARD_ERRORS = 2.0  # by which another choice has to be ahead
FACTORS = (1 / 3, 3.0)  # times the shrinkage: accuracy changes by a point or two over that range
DEFAULT_MEMBERS = (Discriminant.name, BalancedRidge.name)
MEMBERS = (
    (Discriminant.name,),
    (BalancedRidge.name,),
    (NearestMean.name, Discriminant.name, BalancedRidge.name),
)

Choice = TypeVar("Choice")
Seconds = Callable[[frozenset[str]], float]
Positive = Annotated[float, Meta(gt=0)]


class Tuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was chosen; the values of the defaults mean that nothing was.

    Attributes:
        samples: Held-out samples that it was chosen on.
        sentence: What was chosen, or why nothing was.
        shrinkage_factor: Times the setting.
        members: Heads that the average has.
        temperatures: Of the average's members by ``view/head``, for their share in it.
        confidences: Of whole heads by name, for the confidences that they state.
        views: Views that predictions are made from; empty for those that fit into the time.
    """

    samples: Annotated[int, Meta(ge=0)] = 0
    sentence: str = ""
    shrinkage_factor: Positive = 1.0
    members: tuple[str, ...] = DEFAULT_MEMBERS
    temperatures: dict[str, Positive] = {}
    confidences: dict[str, Positive] = {}
    views: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Held-out samples: rows int16[N,D] of all views, and each one's class and scene."""

    grid: NDArray[np.int16]
    class_names: Sequence[str]
    bursts: Sequence[str]

    def of_classes(self, classes: Collection[str]) -> "HeldOut":
        """Those of some classes."""
        kept = [place for place, name in enumerate(self.class_names) if name in classes]
        return HeldOut(
            self.grid[kept],
            [self.class_names[place] for place in kept],
            [self.bursts[place] for place in kept],
        )

    def scenes(self) -> NDArray[np.int64]:
        """The number of each sample's scene, int64[N], in order of arrival."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(self.bursts))}
        return np.array([numbers[name] for name in self.bursts], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What one view has learned."""

    view: str
    columns: slice
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class Bounds:
    """What tuning may choose within.

    Attributes:
        shrinkage: The setting.
        view_seconds: What a set of views takes for an image.
        seconds_max: What it may take.
    """

    shrinkage: float
    view_seconds: Seconds
    seconds_max: float


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """A head's scores float32[N,K] of the held-out samples, and its model's temperature."""

    values: NDArray[np.float32]
    temperature: float


Scores = dict[str, _Scored]


def is_due(samples: int, tuned: int) -> bool:
    """Whether so many held-out samples may choose better than the ones that chose last."""
    return samples >= max(SAMPLES_MIN, RETUNE_GROWTH * tuned)


def views_within(views: Sequence[str], seconds: Seconds, seconds_max: float) -> tuple[str, ...]:
    """The first view, and each later one that still fits into the time beside those before it."""
    used = views[:1]
    for view in views[1:]:
        if seconds(frozenset((*used, view))) <= seconds_max:
            used = (*used, view)
    return tuple(used)


def tune(
    learned: Sequence[Learned], held_out: HeldOut, bounds: Bounds, should_stop: ShouldStop
) -> Tuning:
    """Choose on held-out samples.

    Args:
        learned: What each view has learned.
        held_out: Samples of ``select``.
        bounds: What may be chosen.
        should_stop: Asked between two solves.

    Raises:
        Stopped: When asked to.
    """
    known = set(held_out.class_names) & set(learned[0].statistics.classes)
    samples, scenes = len(held_out.class_names), len(set(held_out.bursts))
    if samples < SAMPLES_MIN or scenes < SCENES_MIN or len(known) < CLASSES_MIN:
        return Tuning(
            samples,
            f"{samples} held-out samples of {len(known)} known classes in {scenes} scenes are too"
            f" few to choose by (from {SAMPLES_MIN}, {CLASSES_MIN} and {SCENES_MIN}): the defaults"
            " stay",
        )
    return _Search(learned, held_out, bounds, should_stop).run()


class _Search:
    """One tuning under way: all on scores, which are computed once for each factor."""

    def __init__(
        self,
        learned: Sequence[Learned],
        held_out: HeldOut,
        bounds: Bounds,
        should_stop: ShouldStop,
    ) -> None:
        self._learned = learned
        self._grid = held_out.grid
        self._bounds = bounds
        self._should_stop = should_stop
        place = {name: number for number, name in enumerate(learned[0].statistics.classes)}
        self._labels = np.array([place.get(name, UNKNOWN) for name in held_out.class_names])
        self._scenes = held_out.scenes()

    def run(self) -> Tuning:
        """Views first, then the shrinkage with them, then the members."""
        names = tuple(each.view for each in self._learned)
        scores = self._scores(1.0)
        views = self._best_views(names, scores)
        factor, scores = self._best_factor(views, scores)
        members = self._best(
            DEFAULT_MEMBERS, MEMBERS, lambda each: self._right_crossed(scores, views, each)
        )
        temperatures = {
            label: fit_temperature(scores[label].values, self._labels)
            for label in _labels(views, members)
        }
        chosen_views = f", views {' and '.join(views)}" if len(names) > 1 else ""
        return Tuning(
            samples=len(self._labels),
            sentence=f"chosen on {len(self._labels):,} held-out samples of"
            f" {self._scenes.max() + 1:,} scenes: shrinkage {self._bounds.shrinkage * factor:.3g},"
            f" average of {' and '.join(members)}{chosen_views}",
            shrinkage_factor=factor,
            members=members,
            temperatures=temperatures,
            confidences=self._confidences(scores, views, members, temperatures),
            views=views,
        )

    def _scores(self, factor: float) -> Scores:
        """Scores of every head of every view, by ``view/head``."""
        found: Scores = {}
        wanted = frozenset((*DEFAULT_MEMBERS, NearestMean.name))
        for each in self._learned:
            if self._should_stop():
                raise Stopped
            shrinkage = self._bounds.shrinkage * factor
            lane = Lane(each.view, each.columns, each.statistics, wanted, shrinkage)
            for name, keeper in lane.linear.items():
                values = keeper.head.scores(self._grid[:, each.columns])
                found[f"{each.view}/{name}"] = _Scored(values, keeper.temperature)
        return found

    def _best_views(self, names: tuple[str, ...], scores: Scores) -> tuple[str, ...]:
        seconds, most = self._bounds.view_seconds, self._bounds.seconds_max
        others = [
            chosen
            for size in range(1, len(names) + 1)
            for chosen in combinations(names, size)
            if seconds(frozenset(chosen)) <= most
        ]
        default = views_within(names, seconds, most)
        return self._best(
            default,
            others,
            lambda views: self._right(_pooled(scores, _labels(views, DEFAULT_MEMBERS), {})),
        )

    def _best_factor(self, views: tuple[str, ...], scores: Scores) -> tuple[float, Scores]:
        tried = {1.0: scores} | {factor: self._scores(factor) for factor in FACTORS}
        labels = _labels(views, DEFAULT_MEMBERS)
        factor = self._best(
            1.0, FACTORS, lambda each: self._right(_pooled(tried[each], labels, {}))
        )
        return factor, tried[factor]

    def _confidences(
        self,
        scores: Scores,
        views: tuple[str, ...],
        members: tuple[str, ...],
        temperatures: Mapping[str, float],
    ) -> dict[str, float]:
        heads = {name: (name,) for name in (*DEFAULT_MEMBERS, NearestMean.name)}
        return {
            name: fit_temperature(_pooled(scores, _labels(views, of), temperatures), self._labels)
            for name, of in ({AVERAGE: members} | heads).items()
        }

    def _right(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = scores.argmax(axis=1) == self._labels
        return right

    def _right_crossed(
        self, scores: Scores, views: tuple[str, ...], members: tuple[str, ...]
    ) -> NDArray[np.bool_]:
        """Right answers of an average whose temperatures are fitted on the other fold."""
        labels = _labels(views, members)
        right = np.zeros(len(self._labels), bool)
        for fold in (0, 1):
            own = self._scenes % 2 == fold
            other = {
                label: fit_temperature(scores[label].values[~own], self._labels[~own])
                for label in labels
            }
            right[own] = self._right(_pooled(scores, labels, other))[own]
        return right

    def _best(
        self,
        default: Choice,
        others: Sequence[Choice],
        right: Callable[[Choice], NDArray[np.bool_]],
    ) -> Choice:
        return furthest_ahead(default, others, right, self._scenes, STANDARD_ERRORS)


def furthest_ahead(
    default: Choice,
    others: Sequence[Choice],
    right: Callable[[Choice], NDArray[np.bool_]],
    scenes: NDArray[np.int64],
    standard_errors: float,
) -> Choice:
    """The choice that is furthest ahead of the default, if by more than its noise.

    Args:
        default: What stays otherwise.
        others: What else there is.
        right: Whether a choice has each sample right, bool[N].
        scenes: The number of each sample's scene, int64[N].
        standard_errors: By how much more.
    """
    usual = right(default).astype(int)
    best, ahead = default, standard_errors
    for choice in others:
        by_scene = np.bincount(scenes, right(choice).astype(int) - usual)
        noise = float(np.sqrt((by_scene**2).sum()))
        if noise and by_scene.sum() / noise > ahead:
            best, ahead = choice, float(by_scene.sum()) / noise
    return best


def _labels(views: Sequence[str], members: Sequence[str]) -> list[str]:
    return [f"{view}/{member}" for view in views for member in members]


def _pooled(
    scores: Scores, labels: Sequence[str], temperatures: Mapping[str, float]
) -> NDArray[np.float32]:
    """What ``average`` makes of some heads' scores."""
    if len(labels) == 1:
        return scores[labels[0]].values
    parts = [
        scores[label].values / temperatures.get(label, scores[label].temperature)
        for label in labels
    ]
    pooled: NDArray[np.float32] = np.mean(parts, axis=0)
    return pooled
