"""Keeps the track record of a learner: fed by predictions and labels, written now and then.

Predictions come from many threads and never wait: what they say of themselves goes into a short
queue, which whoever labels or writes next empties. Of more than ``SEEN_MAX`` in between the oldest
are not counted, so the detectors see a stream with a gap.

The record is written with a group of samples when it has grown old enough for its size: one byte
for every ``BYTES_A_SAMPLE`` that came, so that it costs a sample at most that much, and whenever a
checkpoint was taken. A loss of power takes what the detail says of the samples since; the counts of
window and total are in every group and lose nothing.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import structlog

from agent.learning.heads.head import Ranking, predict
from agent.learning.measures.calibration import UNKNOWN, calibrate
from agent.learning.measures.curve import Point
from agent.learning.measures.novelty import Novelty, yardstick
from agent.learning.measures.prequential import Window
from agent.learning.measures.track_record import (
    Checkpoint,
    Seen,
    Tested,
    opened,
)
from agent.learning.pair import Pair
from agent.learning.samples import Sample
from agent.learning.settings import HeadName, LearningSettings
from agent.learning.tuning import HeldOut, Learned

SEEN_MAX = 4096  # predictions between two ticks: 4,096 a second are more than a device makes
NOVELTY_WINDOW = 1000  # newest predictions of which the share of new ones is told
BYTES_A_SAMPLE = 4096  # a sixth of an image
NO_BATCH_SOLVE = (HeadName.GRADIENT, HeadName.DECAYED)  # what they are depends on the order

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where learning stands after a sample."""

    window: Window
    classes: int
    exemplar_bytes: int


class Tracker:
    """A track record and when to write it; one thread at a time but for ``witness``.

    Args:
        content: The record as stored; empty for none.

    Attributes:
        record: What was measured.
    """

    def __init__(self, content: bytes) -> None:
        self.record = opened(content)
        if self.record.loss:
            _log.warning("the track record begins anew", reason=self.record.loss)
        self._seen: deque[Seen] = deque(maxlen=SEEN_MAX)
        self._novel: deque[bool] = deque(maxlen=NOVELTY_WINDOW)
        self._samples = 0
        self._size = len(content)
        self._due = False
        self._select = -1.0

    def witness(self, ranking: Ranking, time: float) -> Novelty | None:
        """Take note of a prediction, from any thread.

        Returns:
            How unlike everything known its sample is; None where that cannot be told.
        """
        novelty = self.judge(ranking.unlikeness)
        if novelty is not None:
            self._novel.append(novelty.novel)
        if ranking.confidences:
            first, second = (*ranking.confidences, 0.0)[:2]
            told = novelty.p_value if novelty else None
            self._seen.append(Seen(time, first, first - second, told))
        return novelty

    def novelties(self) -> tuple[int, int]:
        """Newest predictions of which novelty could be told, and the new ones among them."""
        told = tuple(self._novel)
        return len(told), sum(told)

    def judge(self, unlikeness: float) -> Novelty | None:
        """How new something is; None where that cannot be told."""
        stick = self.record.yardstick
        return stick.judge(unlikeness) if stick else None

    def observe(
        self, sample: Sample, answers: Mapping[str, str], champion: str, standing: Standing
    ) -> None:
        """Take note of what heads said of a sample before it was learned."""
        self.settle()
        window, record = standing.window, self.record
        tested = Tested(sample.time, sample.class_name, sample.burst, answers, champion)
        record.observe(tested, max(1, window.samples))
        self._samples += 1
        if record.curve.is_due(window.total.samples):
            record.plot(
                Point(
                    time=sample.time,
                    learned=window.total.samples,
                    classes=standing.classes,
                    window=window.correct / window.samples,
                    last_label=window.last_label_correct / window.samples,
                    select=self._select,
                    exemplar_bytes=standing.exemplar_bytes,
                )
            )

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take note of how held-out samples fare."""
        self.settle()
        self.record.checkpoint(checkpoint)
        held = sum(samples for samples, _ in checkpoint.tallies.values())
        right = sum(correct for _, correct in checkpoint.tallies.values())
        self._select = right / held if held else -1.0
        self._due = True

    def rebase(self) -> None:
        """Another backbone serves from now on."""
        self._seen.clear()
        self._novel.clear()
        self.record.rebase()
        self._select, self._due = -1.0, True

    def forget_class(self, class_name: str) -> None:
        """Keep nothing that names a class."""
        self.record.forget_class(class_name)
        self._due = True

    def without(self, class_names: Iterable[str]) -> bytes:
        """The record as it will be when samples and all of some classes are forgotten, encoded.

        What known things are like was measured on samples that may go, by a head that changes.
        """
        self.settle()
        record = opened(self.record.encode())
        record.forget_checkpoint()
        for name in class_names:
            record.forget_class(name)
        return record.encode()

    def settle(self) -> None:
        """Count the predictions that wait in the queue."""
        while self._seen:
            self.record.witness(self._seen.popleft())

    def finish(self) -> None:
        """The agent ends: whatever was noted is to be written."""
        self._due = self._due or self._samples > 0

    def to_write(self) -> bytes:
        """The record if it is time to write it, else nothing."""
        self.settle()
        grown = self._samples * BYTES_A_SAMPLE >= self._size and self._samples > 0
        return self.record.encode() if self._due or grown else b""

    def wrote(self, content: bytes) -> None:
        """Hear that it is written."""
        if content:
            self._size, self._samples, self._due = len(content), 0, False


def gap_to_batch(
    pair: Pair, learned: Sequence[Learned], held_out: HeldOut, settings: LearningSettings
) -> tuple[int, int]:
    """Held-out samples, and how many of their answers solving everything anew would change.

    Args:
        pair: What serves.
        learned: What it has learned, of every view.
        held_out: Samples of the share for choosing settings.
        settings: How it learns.
    """
    statistics = [each.statistics for each in learned]
    anew = Pair(pair.embedder, statistics, 0, settings, pair.tuning)
    if pair.champion not in anew.heads or pair.champion in NO_BATCH_SOLVE:
        return 0, 0
    anew.serve(pair.champion)
    heads = (each.heads[pair.champion] for each in (pair, anew))  # without anything of others
    said, again = (predict(head, held_out.grid) for head in heads)
    differ = sum(1 for one, other in zip(said, again, strict=True) if one != other)
    return len(said), differ


def examined(
    pair: Pair, held_out: HeldOut, rate: float, gap: tuple[int, int], counts: tuple[int, int]
) -> Checkpoint:
    """How held-out samples fare with the head that serves.

    Args:
        pair: What serves.
        held_out: Samples of the share for choosing settings, in order of arrival.
        rate: False-alarm rate of novelty.
        gap: As ``gap_to_batch`` found it.
        counts: Samples learned and held out by then.
    """
    head, names = pair.head, held_out.class_names
    said = predict(head, held_out.grid)
    place = {name: number for number, name in enumerate(head.classes)}
    labels = np.array([place.get(name, UNKNOWN) for name in names], np.int64)
    scores = head.scores(held_out.grid) if place else np.zeros((len(names), 0), np.float32)
    tallies: dict[str, tuple[int, int]] = {}
    for name, answer in zip(names, said, strict=True):
        samples, correct = tallies.get(name, (0, 0))
        tallies[name] = (samples + 1, correct + (answer == name))
    return Checkpoint(
        tallies=tallies,
        calibration=calibrate(scores, labels),
        yardstick=yardstick(scores, labels != UNKNOWN, rate),
        gap_samples=gap[0],
        gap_answers=gap[1],
        counts=counts,
    )
