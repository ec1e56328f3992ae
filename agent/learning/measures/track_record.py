"""All that is measured of a device's learning, as one value that a file can hold.

``observe`` takes what was said of a labelled sample before it was learned, ``witness`` what was
said of one without a label, ``checkpoint`` how held-out samples fare; everything else is read off.
The record is derived from samples and never decides over them: where it cannot be read it starts
anew, and says so.

Bounds. At most ``classes_max`` classes, each with its name, ``MISTAKES_MAX`` mistakes and a recall:
at most 100 bytes beside the name. ``HEADS_MAX`` heads with a window of one byte a sample; 512
points of 60 bytes; ``ALARMS_MAX`` alarms of 50 bytes; four signals with two detectors of at most 2
KiB; a yardstick of at most 16 KiB. With 81 classes that is some 15 KiB at first and 80 KiB when
everything is full. Names stand once, in a table, and are numbers elsewhere.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from agent.learning.measures.calibration import Calibration
from agent.learning.measures.confusion import MISTAKES_MAX, Tally
from agent.learning.measures.curve import POINTS_MAX, Curve, Point
from agent.learning.measures.drift import Watch
from agent.learning.measures.forgetting import Recall, Tallies, after_checkpoint
from agent.learning.measures.novelty import HELD_MAX, Yardstick
from fieldwise.errors import Fault, FieldwiseError

FORMAT = 1
BYTES_MAX = 16 * 1024 * 1024  # of an encoded record; 10,000 classes with the longest names fit
HEADS_MAX = 16
ALARMS_MAX = 256  # newest that are kept
CLASSES_MAX = 10_000
ERROR = "error"
LABEL_FREE = ("novelty", "confidence", "margin")
SIGNALS = (*LABEL_FREE, ERROR)
HELD = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Tested:
    """What every head said of a labelled sample before it was learned.

    Attributes:
        time: Unix seconds.
        class_name: What it is.
        burst: The scene that it belongs to.
        answers: The class that each enabled head named; empty where it knew none.
        champion: The head that serves.
    """

    time: float
    class_name: str
    burst: str
    answers: Mapping[str, str]
    champion: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said of a sample without a label.

    Attributes:
        time: Unix seconds.
        confidence: Of the best class, 0 to 1.
        margin: That less the confidence of the second best.
        novelty: The p-value of its novelty; None where nothing can be told.
    """

    time: float
    confidence: float
    margin: float
    novelty: float | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How held-out samples of the share for choosing settings fare.

    Attributes:
        tallies: By class: samples and right answers.
        calibration: Confidences against them.
        yardstick: What known things are like.
        gap_samples: Samples of which the answers were compared with those of a batch solve.
        gap_answers: Answers that differed.
        counts: Samples learned and held out by then.
    """

    tallies: Tallies
    calibration: Calibration
    yardstick: Yardstick
    gap_samples: int = 0
    gap_answers: int = 0
    counts: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class HeadTally:
    """One head, test then train: samples, right answers, and the last outcomes as 0 and 1."""

    samples: int = 0
    correct: int = 0
    outcomes: bytes = b""

    def after(self, right: bool, window: int) -> "HeadTally":  # noqa: FBT001 - it is the outcome
        """The tally after one more sample."""
        outcomes = (self.outcomes + bytes([right]))[-window:]
        return HeadTally(self.samples + 1, self.correct + right, outcomes)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A detector's alarm, at the ``observed``-th value of its signal."""

    time: float
    signal: str
    detector: str
    observed: int


class TrackRecord:
    """How learning went and goes; one thread at a time.

    Attributes:
        heads: Test-then-train tallies by head.
        tallies: Test-then-train tallies by class.
        recalls: Held-out recall by class.
        curve: The learning curve.
        watches: Drift detectors by signal.
        alarms: The newest alarms, oldest first.
        calibration: Of the last checkpoint.
        yardstick: Of the last checkpoint; None before the first and on another backbone.
        gap: Samples and answers of the last comparison with a batch solve.
        counts: Samples learned and held out at the last checkpoint.
        loss: Why an earlier record could not be read; empty when nothing was lost.
    """

    def __init__(self) -> None:
        self.heads: dict[str, HeadTally] = {}
        self.tallies: dict[str, Tally] = {}
        self.recalls: dict[str, Recall] = {}
        self.curve = Curve()
        self.watches: dict[str, Watch] = {signal: Watch() for signal in SIGNALS}
        self.alarms: list[Alarm] = []
        self.calibration = Calibration()
        self.yardstick: Yardstick | None = None
        self.gap = (0, 0)
        self.counts = (0, 0)
        self.loss = ""

    def observe(self, tested: Tested, window: int) -> None:
        """Take what was said of a labelled sample.

        Args:
            tested: The sample.
            window: Length of the heads' windows, samples.
        """
        name, said = tested.class_name, tested.answers.get(tested.champion, "")
        for head, answer in tested.answers.items():
            if head in self.heads or len(self.heads) < HEADS_MAX:
                before = self.heads.get(head, HeadTally())
                self.heads[head] = before.after(answer == name, window)
        if name in self.tallies or len(self.tallies) < CLASSES_MAX:
            self.tallies[name] = self.tallies.get(name, Tally()).after(name, said)
        if said:
            self._watch(ERROR, float(said != name), tested.time)

    def witness(self, seen: Seen) -> None:
        """Take what was said of a sample without a label."""
        for signal, value in zip(
            LABEL_FREE, (seen.novelty, seen.confidence, seen.margin), strict=True
        ):
            if value is not None:
                self._watch(signal, value, seen.time)

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take how held-out samples fare."""
        self.recalls = after_checkpoint(self.recalls, checkpoint.tallies)
        self.calibration = checkpoint.calibration
        self.yardstick = checkpoint.yardstick
        self.gap = (checkpoint.gap_samples, checkpoint.gap_answers)
        self.counts = checkpoint.counts

    @property
    def drift(self) -> float:
        """How near the nearest detector is to an alarm, 0 to 1."""
        return min(1.0, max(watch.page_hinkley.nearness for watch in self.watches.values()))

    def alarms_since(self, time: float) -> int:
        """Count the alarms that are kept and came at or after a time."""
        return sum(alarm.time >= time for alarm in tuple(self.alarms))

    def plot(self, point: Point) -> None:
        """Add a point to the learning curve."""
        self.curve = self.curve.after(point)

    def rebase(self) -> None:
        """Another backbone serves: what was of the old one's scores says nothing any more."""
        self.forget_checkpoint()
        for signal in LABEL_FREE:
            self.watches[signal].restart()

    def forget_checkpoint(self) -> None:
        """Keep nothing of how held-out samples fared but recall by class."""
        self.calibration, self.yardstick = Calibration(), None
        self.gap = self.counts = (0, 0)

    def forget_class(self, class_name: str) -> None:
        """Keep nothing that names a class."""
        self.tallies.pop(class_name, None)
        self.recalls.pop(class_name, None)
        self.tallies = {name: tally.without(class_name) for name, tally in self.tallies.items()}

    def encode(self) -> bytes:
        """The record as bytes, at most ``BYTES_MAX``."""
        return msgspec.msgpack.encode(_stored(self))

    def _watch(self, signal: str, value: float, time: float) -> None:
        if not math.isfinite(value):
            return
        watch = self.watches[signal]
        for detector in watch.observe(value):
            self.alarms.append(Alarm(time, signal, detector, watch.observed))
        del self.alarms[:-ALARMS_MAX]


def decode(content: bytes) -> TrackRecord:
    """The record that bytes hold.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for anything that ``encode`` did not write.
    """
    if len(content) > BYTES_MAX:
        raise _damaged(f"{len(content):,} bytes are over the limit")
    try:
        stored = msgspec.msgpack.decode(content, type=_Stored)
        _check_finite(msgspec.to_builtins(stored))
        return _record(stored)
    except (msgspec.DecodeError, ValueError, IndexError) as error:
        raise _damaged(str(error)) from error


def opened(content: bytes) -> TrackRecord:
    """The record that bytes hold; a new one for none, and one that tells its loss for rubbish."""
    if not content:
        return TrackRecord()
    try:
        return decode(content)
    except FieldwiseError as error:
        record = TrackRecord()
        record.loss = error.sentence
        return record


Count = Annotated[int, Meta(ge=0)]
Mistake = tuple[Count, Count]


class _Class(msgspec.Struct, array_like=True, frozen=True):
    name: Count
    tally: tuple[Count, Count] | None
    mistakes: Annotated[list[Mistake], Meta(max_length=MISTAKES_MAX)]
    recall: Recall | None


class _Stored(msgspec.Struct, frozen=True):
    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)]
    names: Annotated[list[str], Meta(max_length=CLASSES_MAX * (2 + MISTAKES_MAX))]
    classes: Annotated[list[_Class], Meta(max_length=2 * CLASSES_MAX)]
    heads: Annotated[dict[str, HeadTally], Meta(max_length=HEADS_MAX)]
    points: Annotated[
        list[tuple[float, int, int, float, float, float, int]], Meta(max_length=POINTS_MAX)
    ]
    stride: Annotated[int, Meta(ge=1)]
    watches: dict[str, Watch]
    alarms: Annotated[list[Alarm], Meta(max_length=ALARMS_MAX)]
    calibration: Calibration
    rate: float
    held: Annotated[bytes, Meta(max_length=HELD_MAX * HELD.itemsize)] | None
    gap: tuple[Count, Count]
    counts: tuple[Count, Count]


def _stored(record: TrackRecord) -> _Stored:
    names = sorted(_names(record))
    place = {name: number for number, name in enumerate(names)}
    known = sorted(record.tallies.keys() | record.recalls.keys())
    yardstick = record.yardstick
    return _Stored(
        format=FORMAT,
        names=names,
        classes=[
            _class_of(place, name, record.tallies.get(name), record.recalls.get(name))
            for name in known
        ],
        heads=record.heads,
        points=[
            (p.time, p.learned, p.classes, p.window, p.last_label, p.select, p.exemplar_bytes)
            for p in record.curve.points
        ],
        stride=record.curve.stride,
        watches=record.watches,
        alarms=record.alarms,
        calibration=record.calibration,
        rate=yardstick.rate if yardstick else 0.0,
        held=yardstick.held.astype(HELD).tobytes() if yardstick else None,
        gap=record.gap,
        counts=record.counts,
    )


def _names(record: TrackRecord) -> Iterable[str]:
    mistaken = {name for tally in record.tallies.values() for name, _ in tally.mistakes}
    return mistaken | record.tallies.keys() | record.recalls.keys()


def _class_of(
    place: Mapping[str, int], name: str, tally: Tally | None, recall: Recall | None
) -> _Class:
    mistakes = [(place[other], count) for other, count in tally.mistakes] if tally else []
    counts = (tally.samples, tally.correct) if tally else None
    return _Class(place[name], counts, mistakes, recall)


def _record(stored: _Stored) -> TrackRecord:
    record = TrackRecord()
    names = stored.names
    for each in stored.classes:
        if each.tally is not None:
            mistakes = tuple((names[place], count) for place, count in each.mistakes)
            record.tallies[names[each.name]] = Tally(*each.tally, mistakes)
        if each.recall is not None:
            record.recalls[names[each.name]] = each.recall
    record.heads = dict(stored.heads)
    record.curve = Curve(tuple(Point(*point) for point in stored.points), stored.stride)
    for signal, watch in stored.watches.items():
        if signal not in record.watches or not watch.is_sound():
            raise ValueError(f"the detectors of {signal[:32]!r} make no sense")
        record.watches[signal] = watch
    record.alarms = list(stored.alarms)
    record.calibration = stored.calibration
    if stored.held is not None:
        held = np.frombuffer(stored.held, HELD).astype(np.float32)
        record.yardstick = _checked_yardstick(stored.rate, held)
    record.gap, record.counts = stored.gap, stored.counts
    return record


def _check_finite(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            _check_finite(part)


def _checked_yardstick(rate: float, held: NDArray[np.float32]) -> Yardstick:
    if not 0 < rate < 1 or np.isnan(held).any() or (np.diff(held) < 0).any():
        raise ValueError("the yardstick of novelty makes no sense")
    return Yardstick(rate, held)


def _damaged(why: str) -> FieldwiseError:
    return FieldwiseError(Fault.STATE_DAMAGED, f"the record of how learning went is damaged: {why}")
