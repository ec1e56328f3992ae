"""The old pair beside the new one, on what this device has seen: the material of a judgement.

What is held out for judging is read here and nowhere else, and once for each generation: the
verdict is journaled, and nobody compares again while it stands. A reading that a stop breaks off
has told nobody anything, and the one after the restart takes its place.

Recent predictions' images serve twice: for the time that a prediction takes, measured with both
pairs in turn so that a busy moment hits both alike, and for what can be told without labels. Where
there are too few of them, remembered images serve for the time.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from agent.learning.catch_up import BATCH, stored_batches
from agent.learning.choosing import select_samples
from agent.learning.heads.head import predict
from agent.learning.learner import Learner
from agent.learning.measures.novelty import Yardstick, yardstick
from agent.learning.pair import UNREADABLE, Pair
from agent.learning.pair_values import Look
from agent.learning.samples import Share
from agent.learning.stopping import ShouldStop, Stopped
from agent.ports import Clock, SampleStore
from agent.predictions import RecentPredictions
from agent.update.judging import Answer, Compared, Conclusion, JudgingRules, Opinion, judge
from fieldwise.errors import FieldwiseError
from fieldwise.inputs import Input
from fieldwise.verdict import Basis, Judgement, Verdict

JUDGED = frozenset({Share.JUDGE})
LOOKS_MAX = 100  # images: 10 points is the error of an agreement, and two seconds the time it takes
LOOKS_MIN = 20  # of which a median does not jump; fewer images are looked at again
SECONDS_MAX = 30.0  # of looking, once there were so many: a backbone may take a second an image
NOWHERE = ""  # no bundle: every stored sample comes with its image


class Serving(Protocol):
    """What serves, and what is stored."""

    store: SampleStore

    @property
    def learner(self) -> Learner | None:
        """The learner; None before the first backbone."""
        ...


@dataclass(slots=True)
class _Looks:
    """What looking at images in turn has given so far."""

    opinions: list[Opinion] = field(default_factory=list)
    old_seconds: list[float] = field(default_factory=list)
    new_seconds: list[float] = field(default_factory=list)


class Comparer:
    """Compares a new pair with the one that serves.

    Args:
        serving: What serves.
        recent: The kept predictions.
        clock: For the time that predictions take.
        rules: What counts as harm, as it is set now.
    """

    def __init__(
        self,
        serving: Serving,
        recent: RecentPredictions,
        clock: Clock,
        rules: Callable[[], JudgingRules],
    ) -> None:
        self._serving = serving
        self._recent = recent
        self._clock = clock
        self._rules = rules
        self._scenes_met = 0  # that could be seen at the last comparison

    def compare(self, generation: int, new: Pair, should_stop: ShouldStop) -> Conclusion:
        """Judge a new pair that is up to date; the old one serves on.

        Args:
            generation: The target that it is about; 0 for an installation by the owner.
            new: The pair to judge.
            should_stop: Asked after every batch of samples and every image.

        Raises:
            Stopped: When asked to.
            FieldwiseError: ``GRAPH_FAILED`` where the new backbone fails.
        """
        learner = self._serving.learner
        if learner is None:
            return Conclusion(Verdict(generation, Judgement.ACCEPTED, Basis.NONE))
        self._scenes_met = self._scenes()
        old, rate = learner.pair, learner.settings.novelty_rate
        looks = self._look(old, new, rate, should_stop)
        compared = Compared(
            answers=_answers(old, new, self._serving.store, should_stop),
            opinions=looks.opinions,
            old_seconds=looks.old_seconds,
            new_seconds=looks.new_seconds,
            emptied=bool(old.head.classes) and not new.head.classes,
        )
        return judge(generation, compared, self._rules())

    def is_enough(self) -> bool:
        """Whether a comparison that was held may be made again: there is more that could show harm.

        Only scenes of which an image is held count, since the new pair sees no others; and only if
        there are more than the last time, since it may not have been able to see those either.
        """
        rules = self._rules()
        if self._serving.learner is None or not rules.hold_too_few:
            return True
        wanted = max(rules.scenes_needed, self._scenes_met + 1)
        return self._scenes(wanted) >= wanted

    def _scenes(self, most: float = math.inf) -> int:
        """Scenes held out for judging of which an image is held; not counted beyond ``most``."""
        scenes: set[str] = set()
        for batch in stored_batches(NOWHERE, self._serving.store, JUDGED):
            scenes.update(sample.burst for sample in batch)
            if len(scenes) >= most:
                break
        return len(scenes)

    def _look(self, old: Pair, new: Pair, rate: float, should_stop: ShouldStop) -> _Looks:
        """Let both pairs look at the same images, the one first and then the other."""
        store, looks = self._serving.store, _Looks()
        sticks = [_yardstick(pair, store, rate, should_stop) for pair in (old, new)]
        recent = self._recent_images()
        began = self._clock.monotonic()
        for place, image in enumerate(_enough(recent, self._stored_images)):
            seen = self._in_turn((old, new), image, newest_first=bool(place % 2))
            if seen is not None and place > 0:  # the first look makes room in memory, once
                looks.old_seconds.append(seen[0][1])
                looks.new_seconds.append(seen[1][1])
            if seen is not None and place < len(recent):
                looks.opinions.append(_opinion(seen[0][0], seen[1][0], sticks))
            if should_stop():
                raise Stopped
            if place >= LOOKS_MIN and self._clock.monotonic() - began > SECONDS_MAX:
                break
        return looks

    def _in_turn(
        self, pairs: tuple[Pair, Pair], image: Input, *, newest_first: bool
    ) -> list[tuple[Look, float]] | None:
        """What each pair sees and how long it takes; None where one cannot see such a thing."""
        seen: dict[int, tuple[Look, float]] = {}
        for place in (1, 0) if newest_first else (0, 1):
            began = self._clock.monotonic()
            try:
                look = pairs[place].look(image, top=1)
            except FieldwiseError as error:
                if error.fault in UNREADABLE or place == 0:  # an old pair that fails is no measure
                    return None
                raise
            seen[place] = look, self._clock.monotonic() - began
        return [seen[0], seen[1]]

    def _recent_images(self) -> list[Input]:
        """The images of the newest predictions, newest first."""
        found: list[Input] = []
        for entry in reversed(self._recent.entries()):
            if entry.image_bytes and len(found) < LOOKS_MAX:
                try:
                    image = self._recent.find(entry.id).image
                except FieldwiseError:  # it made room meanwhile
                    continue
                if image is not None:
                    found.append(image)
        return found

    def _stored_images(self) -> list[Input]:
        """The images of a batch of samples, whatever their share: nobody asks what they show."""
        stored = self._serving.store.samples_after(0, BATCH, NOWHERE, frozenset(Share))
        return [sample.image for sample in stored if sample.image is not None]


def _enough(recent: Sequence[Input], stored: Callable[[], list[Input]]) -> Iterator[Input]:
    """Recent images, and while they are fewer than it takes stored ones, over and over."""
    yield from recent
    left = LOOKS_MIN + 1 - len(recent)
    others = (stored() or list(recent)) if left > 0 else []
    for place in range(left if others else 0):
        yield others[place % len(others)]


def _answers(old: Pair, new: Pair, store: SampleStore, should_stop: ShouldStop) -> list[Answer]:
    """Every sample held out for judging that both pairs can see."""
    said = [_said(pair, store, should_stop) for pair in (old, new)]
    return [
        Answer(scene, name, answer == name, said[1][each][2] == name)
        for each, (scene, name, answer) in said[0].items()
        if each in said[1]
    ]


def _said(
    pair: Pair, store: SampleStore, should_stop: ShouldStop
) -> dict[str, tuple[str, str, str]]:
    """Scene, class and a pair's answer, by sample."""
    found = {}
    for batch in stored_batches(pair.bundle, store, JUDGED):
        for sample in batch:
            row, names = pair.features_of([sample])
            if names:
                found[sample.id] = sample.burst, sample.class_name, predict(pair.head, row)[0]
        if should_stop():
            raise Stopped
    return found


def _yardstick(
    pair: Pair, store: SampleStore, rate: float, should_stop: ShouldStop
) -> Yardstick | None:
    """What known things are like for a pair; None where it knows too little to tell."""
    held_out = select_samples(pair, store, should_stop)
    if not pair.head.classes or not held_out.class_names:
        return None
    known = np.isin(held_out.class_names, pair.head.classes)
    return yardstick(pair.head.scores(held_out.grid), known, rate)


def _opinion(old: Look, new: Look, sticks: Sequence[Yardstick | None]) -> Opinion:
    return Opinion(
        agreed=old.ranking.best == new.ranking.best,
        old_confidence=_confidence(old),
        new_confidence=_confidence(new),
        old_novel=_is_novel(old, sticks[0]),
        new_novel=_is_novel(new, sticks[1]),
    )


def _confidence(look: Look) -> float:
    return look.ranking.confidences[0] if look.ranking.confidences else 0.0


def _is_novel(look: Look, stick: Yardstick | None) -> bool:
    told = stick.judge(look.ranking.unlikeness) if stick else None
    return told is not None and told.novel
