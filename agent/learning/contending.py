"""Which head to begin with on a new backbone: what is held learned anew, or what was known carried.

Four candidates, from the simplest on: *refit*, the exemplars alone; *carried*, what was known
carried over and the exemplars added; *mixed*, the same with a covariance between the carried one
and the exemplars' own; *means*, carried means with the exemplars' covariance alone
(``agent.learning.carrying``). Mixed is what is begun with: over both reference sets, two changes of
backbone and 2 to 12 exemplars a class it is better than refit and carried or within a quarter of a
point of them (``benchmarks.migration``). Another candidate takes its place where samples speak for
it by more than two standard errors of the paired difference, scenes and not samples being
independent; of two that are equally far ahead the simpler one.

How much of each. Of N exemplars in K classes N - K directions tell their own covariance, and P
pairs the map that takes the other along. So mixed takes P / (P + N - K) of the carried: two thirds
with two exemplars a class and no other pairs, a half with many exemplars, nearly all of it where
many images passed beside few exemplars. A half everywhere does half a point worse than carrying
there.

Samples of ``select`` decide, of whose scenes nothing was learned. Where there are too few of them
(as in ``agent.learning.tuning``) the exemplars do, in three folds of whole scenes: each fold is
taken out of the exemplars' own statistics and asked about. It never was in what is carried. That is
less honest than ``select``: evicted samples of the same scenes still are, and the map has seen the
fold, though not its labels. Both speak for carrying, so what speaks against it counts all the more:
exemplars may turn away what was carried, and are not asked which covariance is best, about which
they were wrong by a point in one row of that table. With too few of either, mixed stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from agent.learning.carrying import with_exact
from agent.learning.heads.head import predict
from agent.learning.roster import Part, Roster
from agent.learning.settings import HeadName, HeadSettings, LearningSettings
from agent.learning.tuning import (
    SAMPLES_MIN,
    SCENES_MIN,
    STANDARD_ERRORS,
    HeldOut,
    Tuning,
    furthest_ahead,
)
from fieldwise.head import Statistics, unlearn

FOLDS = 3  # of two samples a class, two are left for most; each costs a solve for each candidate
CLOSED = (
    HeadName.AVERAGE,
    HeadName.DISCRIMINANT,
    HeadName.RIDGE,
    HeadName.NEAREST_MEAN,
)
"""Heads that sums alone decide."""


class Start(StrEnum):
    """What a head on a new backbone begins with."""

    REFIT = "refit"
    CARRIED = "carried"
    MIXED = "mixed"
    MEANS = "means"


SHARES = {Start.CARRIED: 1.0, Start.MIXED: 0.5, Start.MEANS: 0.0}
"""Of the carried covariance within classes."""
USUAL = Start.MIXED


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of one view of the new backbone.

    Attributes:
        name: The view's.
        columns: Its columns in a row.
        exact: Statistics of the exemplars, and of a starter head.
        carried: What is carried over.
        pairs: On how many pairs the map was fitted that it was carried by.
    """

    name: str
    columns: slice
    exact: Statistics
    carried: Statistics
    pairs: int

    def beginning(self, start: Start) -> Statistics:
        """The statistics that a candidate begins with."""
        if start is Start.REFIT:
            return self.exact
        return with_exact(self.carried, self.exact, self._share(start))

    def less(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> "Known":
        """The same without some exemplars int16[N,D], whole rows."""
        return replace(self, exact=unlearn(self.exact, grid[:, self.columns], class_names))

    def _share(self, start: Start) -> float:
        """Of the carried covariance within classes."""
        spare = max(0, self.exact.total - len(self.exact.classes))
        mixed = self.pairs / max(1, self.pairs + spare)
        return {Start.CARRIED: 1.0, Start.MIXED: mixed, Start.MEANS: 0.0}[start]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A candidate, and what spoke for it."""

    start: Start
    sentence: str


def choose(
    known: Sequence[Known],
    views: Sequence[str],
    settings: LearningSettings,
    select: HeldOut,
    exemplars: HeldOut,
) -> Chosen:
    """The candidate to begin with.

    Args:
        known: Of every view.
        views: Those that predictions are made from.
        settings: Which head serves, and how it is solved.
        select: Held-out samples.
        exemplars: Samples that are in the exact statistics, or some of them.
    """
    for samples, folded in ((select, False), (exemplars, True)):
        classes = set(known[0].beginning(USUAL).classes)
        asked = samples.of_classes(classes)
        scenes = asked.scenes()
        if len(scenes) < SAMPLES_MIN or len(set(scenes.tolist())) < SCENES_MIN:
            continue
        ask = _Asking(known, views, settings, asked, scenes % FOLDS if folded else None)
        others = [Start.REFIT] if folded else [start for start in Start if start is not USUAL]
        start = furthest_ahead(USUAL, others, ask.right, scenes, STANDARD_ERRORS)
        by = "exemplars left out by scene" if folded else "held-out samples"
        return Chosen(
            start,
            f"{start} is right on {int(ask.right(start).sum()):,} and {Start.REFIT} on"
            f" {int(ask.right(Start.REFIT).sum()):,} of {len(scenes):,} {by}",
        )
    return Chosen(USUAL, f"too few samples to choose by: {USUAL} is usually best")


class _Asking:
    """Asks candidates for samples, each candidate once."""

    def __init__(
        self,
        known: Sequence[Known],
        views: Sequence[str],
        settings: LearningSettings,
        samples: HeldOut,
        folds: NDArray[np.int64] | None,
    ) -> None:
        self._known = known
        self._views = views
        self._settings = _closed(settings)
        self._samples = samples
        self._folds = folds
        self._answers: dict[Start, NDArray[np.bool_]] = {}

    def right(self, start: Start) -> NDArray[np.bool_]:
        """Whether a candidate has each sample right; none where it cannot be solved."""
        if start not in self._answers:
            try:
                self._answers[start] = self._asked(start)
            except np.linalg.LinAlgError:
                self._answers[start] = np.zeros(len(self._samples.bursts), bool)
        return self._answers[start]

    def _asked(self, start: Start) -> NDArray[np.bool_]:
        names = np.array(self._samples.class_names)
        found = np.zeros(len(names), bool)
        if self._folds is None:
            right: NDArray[np.bool_] = self._said(start, self._known, self._samples.grid) == names
            return right
        for fold in range(FOLDS):
            own = self._folds == fold
            grid = self._samples.grid[own]
            rest = [each.less(grid, names[own].tolist()) for each in self._known]
            found[own] = self._said(start, rest, grid) == names[own]
        return found

    def _said(
        self, start: Start, known: Sequence[Known], grid: NDArray[np.int16]
    ) -> NDArray[np.str_]:
        parts = [Part(each.name, each.columns, each.beginning(start)) for each in known]
        roster = Roster(parts, self._views, self._settings, Tuning())
        head = next(iter(roster.keepers.values())).head
        if not head.classes:
            return np.full(len(grid), "")
        return np.array(predict(head, grid))


def _closed(settings: LearningSettings) -> LearningSettings:
    """The settings with one head: the first that sums alone decide."""
    named = [name for name in settings.heads.enabled if name in CLOSED]
    heads = HeadSettings(
        enabled=tuple(named[:1]) or (HeadName.AVERAGE,),
        image_seconds_max=settings.heads.image_seconds_max,
    )
    return LearningSettings(shrinkage=settings.shrinkage, heads=heads)
