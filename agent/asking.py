"""Predictions that somebody else may label: which to ask about, and which a forgetting means.

What the heads say of a kept prediction is worked out anew from its features whenever it is needed:
heads have learned meanwhile, and no class name has to be kept with it. A question stays open until
it is answered or makes room; asking it again costs nothing of the day's budget.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.learning.forgetting import Selection
from agent.learning.heads.head import predict, rank
from agent.learning.kept import Asking, Entry
from agent.learning.measures.calibration import beliefs
from agent.learning.measures.novelty import Novelty, unlikeness_of
from agent.learning.pair import Pair
from agent.learning.questions import Candidate, Choice, choose, day_of
from agent.predictions import Image, RecentPredictions
from fieldwise.answers import Question, Questions, ScoredClass
from fieldwise.errors import Fault, FieldwiseError

Judge = Callable[[float], Novelty | None]

TOP = 5  # classes of a question, as on the local wire


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """Kept predictions of one bundle and their features int16[N,D]."""

    entries: list[Entry]
    grid: NDArray[np.int16]


class Asker:
    """Chooses questions among the kept predictions.

    Args:
        recent: The kept predictions.
    """

    def __init__(self, recent: RecentPredictions) -> None:
        self._recent = recent

    def questions(self, pair: Pair, judge: Judge, count: int, a_day: int, now: float) -> Questions:
        """Open questions, and new ones within the day's budget.

        Args:
            pair: The pair that serves.
            judge: Says how new something is, of how unlike everything known it is.
            count: At most so many.
            a_day: Most new questions of a day.
            now: Unix seconds.
        """
        shown, left = self._shown(pair), self._left(a_day, now)
        is_open = [entry.asked and not entry.label for entry in shown.entries]
        is_new = [not entry.asked and not entry.label for entry in shown.entries]
        # Of all that are shown: what is usual among them must not depend on which are asked for.
        candidates = _candidates(pair, judge, [entry.id for entry in shown.entries], shown.grid)
        told = _choose(candidates, shown, is_open, count)
        fresh = _choose(candidates, shown, is_new, min(left, count - len(told)))
        if fresh:
            asking = Asking(day_of(now), a_day - left + len(fresh))
            self._recent.ask([each.id for each in fresh], asking)
        questions = [_question(pair, shown, each) for each in (*told, *fresh)]
        return Questions(tuple(questions), left - len(fresh))

    def image(self, prediction_id: str) -> Image:
        """What a prediction saw.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when it or its image is not kept any more.
        """
        image = self._recent.find(prediction_id).image
        if image is None:
            raise FieldwiseError(
                Fault.NOT_FOUND, f"the image of prediction {prediction_id} made room for newer ones"
            )
        return image

    def meant_by(self, selection: Selection, pair: Pair) -> list[str]:
        """Kept predictions that a forgetting means.

        Of a class these are the ones labelled so and, of those without a label, the ones that the
        head takes for it and those that it cannot judge, since another backbone saw them.
        """
        entries = self._recent.entries()
        if selection.sample_id:
            return [entry.id for entry in entries if entry.id == selection.sample_id]
        if selection.since is not None:
            return [entry.id for entry in entries if entry.time >= selection.since]
        if not selection.class_name:
            return []
        shown = self._shown(pair)
        said = dict(
            zip([entry.id for entry in shown.entries], predict(pair.head, shown.grid), strict=True)
        )
        name = selection.class_name
        return [entry.id for entry in entries if (entry.label or said.get(entry.id, name)) == name]

    def _left(self, a_day: int, now: float) -> int:
        asking = self._recent.asking
        asked = asking.asked if asking.day == day_of(now) else 0
        return max(0, a_day - asked)

    def _shown(self, pair: Pair) -> _Shown:
        entries = [entry for entry in self._recent.entries() if entry.bundle == pair.bundle]
        grids = self._recent.grids([entry.id for entry in entries])
        held = [(entry, grid) for entry, grid in zip(entries, grids, strict=True) if grid.size]
        width = pair.embedder.manifest.feature_width
        grid = np.array([grid for _, grid in held], np.int16).reshape(len(held), width)
        return _Shown([entry for entry, _ in held], grid)


def _choose(
    every: Sequence[Candidate], shown: _Shown, wanted: Sequence[bool], count: int
) -> list[Choice]:
    """The best of the wanted ones; new ones must not look like any that needs no question."""
    if not every:
        return []
    mask = np.array(wanted, bool)
    settled = [bool(entry.label or entry.asked) for entry in shown.entries]
    known = shown.grid[np.array(settled, bool) & ~mask]
    grid = shown.grid[mask]
    candidates = [each for each, is_wanted in zip(every, wanted, strict=True) if is_wanted]
    return choose(candidates, grid, known, count)


def _question(pair: Pair, shown: _Shown, choice: Choice) -> Question:
    place = [entry.id for entry in shown.entries].index(choice.id)
    entry = shown.entries[place]
    ranking = rank(pair.head, shown.grid[place], TOP, pair.temperature)
    scored = zip(ranking.classes, ranking.confidences, strict=True)
    return Question(
        entry.id,
        entry.time,
        choice.reason.value,
        tuple(ScoredClass(name, confidence) for name, confidence in scored),
        bool(entry.image_bytes),
    )


def _candidates(
    pair: Pair, judge: Judge, names: Sequence[str], grid: NDArray[np.int16]
) -> list[Candidate]:
    head, heads = pair.head, pair.heads
    if not len(names) or not head.classes:
        return []
    said = np.array(predict(head, grid))
    others = [each for name, each in heads.items() if name != pair.champion]
    dissent = [np.array(predict(each, grid)) != said for each in others]
    shares = np.mean(dissent, axis=0) if dissent else np.zeros(len(names))
    scores = head.scores(grid)
    margins = _margins(scores, pair.temperature) if pair.calibrated else _usual_gaps(scores)
    unlike = unlikeness_of(scores)
    novelties = [judge(float(each)) if len(head.classes) > 1 else None for each in unlike]
    return [
        Candidate(
            name,
            float(margin),
            novelty.p_value if novelty else None,
            novel=bool(novelty and novelty.novel),
            dissent=float(share),
        )
        for name, margin, share, novelty in zip(names, margins, shares, novelties, strict=True)
    ]


def _margins(scores: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """By how much the best class is ahead of the second, float64[N]; 1 for a single class."""
    if scores.shape[1] == 1:
        return np.ones(len(scores))
    best = np.sort(beliefs(scores, temperature), axis=1)
    margins: NDArray[np.float64] = best[:, -1] - best[:, -2]
    return margins


def _usual_gaps(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """The same while confidences are not calibrated, and so all but certain of everything.

    The gap between the two best scores, as a share of what is usual among these predictions.
    """
    if scores.shape[1] == 1:
        return np.ones(len(scores))
    best = np.sort(scores.astype(np.float64), axis=1)
    gaps = best[:, -1] - best[:, -2]
    shares: NDArray[np.float64] = np.minimum(gaps / max(float(np.median(gaps)), 1e-12), 1.0)
    return shares
