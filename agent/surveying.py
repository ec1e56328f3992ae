"""The learning report: everything measured, put together, and said in words what it can tell.

A report is of now, so held-out samples are examined again where something was learned or set aside
since they last were; that takes a solve, and nobody waits for it but who asked.
"""

from collections.abc import Callable

from agent.learning.learner import Learner
from agent.learning.measures.calibration import SAMPLES_MIN
from agent.learning.measures.drift import DETECTORS
from agent.learning.measures.forgetting import backward_transfer, forgetting
from agent.learning.measures.novelty import samples_needed
from agent.learning.measures.track_record import TrackRecord
from agent.learning.outcomes import Figures
from agent.serving import Serving
from fieldwise.answers import Wear
from fieldwise.learning import (
    ClassScore,
    ConfidenceBin,
    ConfidenceCheck,
    CurvePoint,
    DriftAlarm,
    DriftWatch,
    HeadScore,
    LearningReport,
)

NO_BACKBONE = "There is no backbone yet, so nothing is known and nothing can be told."


class Surveyor:
    """Makes learning reports.

    Args:
        serving: What serves and learns.
        wear: What the flash has borne; None where nobody counts.
    """

    def __init__(self, serving: Serving, wear: Callable[[], Wear | None]) -> None:
        self._serving = serving
        self._wear = wear

    def report(self) -> LearningReport:
        """How learning went and goes, as of now.

        Raises:
            FieldwiseError: ``GRAPH_FAILED``, ``DISK_FULL``.
        """
        learner = self._serving.learner
        if learner is None:
            return LearningReport(can_tell=NO_BACKBONE)
        figures = learner.figures()
        if figures.select and learner.tracker.record.counts != (figures.learned, figures.select):
            learner.checkpoint()
        record, total, champion = learner.track(), learner.total(), learner.pair.champion
        tuning, recalls = learner.pair.tuning, record.recalls.values()
        stick = record.yardstick
        return LearningReport(
            heads=_heads(record, champion),
            classes=_classes(record, learner),
            curve=_curve(record),
            alarms=tuple(
                DriftAlarm(each.time, each.signal, each.detector, each.observed)
                for each in record.alarms
            ),
            watches=_watches(record),
            confidence=_confidence(record),
            wear=self._wear(),
            tested=total.samples,
            correct=total.correct,
            last_label_correct=total.last_label_correct,
            forgetting=forgetting(recalls),
            backward_transfer=backward_transfer(recalls),
            batch_gap_answers=record.gap[1],
            batch_gap_samples=record.gap[0],
            skipped=self._serving.stopwatch.skipped,
            self_labelled=learner.self_labelled(),
            shrinkage=learner.settings.shrinkage * tuning.shrinkage_factor,
            shrinkage_chosen=tuning.shrinkage_factor != 1.0,
            novelty_rate=stick.rate if stick and stick.can_tell else 0.0,
            can_tell=can_tell(
                figures,
                record,
                total.samples,
                learner.settings.novelty_rate,
                calibrated=learner.pair.calibrated,
            ),
            orphans=learner.pair.orphans,
            carried=sum(learner.pair.carried.values()),
            known=learner.pair.total,
        )


def can_tell(
    figures: Figures, record: TrackRecord, tested: int, rate: float, *, calibrated: bool
) -> str:
    """What an agent can and cannot know with the labels it has, in words.

    Args:
        figures: Learning in numbers.
        record: What was measured.
        tested: Labelled samples that were tested before learning.
        rate: False-alarm rate of novelty that is wished for.
        calibrated: Whether predictions go by a temperature.
    """
    if not tested:
        known = (
            f"The starter head answers for {figures.classes:,} classes."
            if figures.classes
            else "No class is known."
        )
        return (
            f"No label was given on this device. {known} How often it is right here, and whether a"
            " thing is new, cannot be told without labels; only whether its confidence changes"
            " over time can."
        )
    said = [f"Accuracy before learning rests on {tested:,} labels."]
    if not figures.select:
        said.append(
            "Nothing is held out yet, so accuracy on scenes never learned, forgetting, calibration"
            " and novelty cannot be told."
        )
        return " ".join(said)
    held, needed = figures.select, samples_needed(rate)
    points = 50 / held**0.5
    said.append(f"Held-out accuracy rests on {held:,} samples: at most ±{points:.0f} points.")
    if not calibrated:
        said.append(
            "Confidences are not calibrated yet: the daemon does it with its next tuning, from"
            f" {SAMPLES_MIN} held-out samples on."
        )
    stick = record.yardstick
    said.append(
        f"New things are told at a false-alarm rate of {rate:.1%}."
        if stick and stick.can_tell
        else f"New things cannot be told: a rate of {rate:.1%} takes {needed:,} held-out samples."
    )
    if record.loss:
        said.append("Earlier figures were lost: the track record was damaged.")
    return " ".join(said)


def _heads(record: TrackRecord, champion: str) -> tuple[HeadScore, ...]:
    return tuple(
        HeadScore(
            name,
            name == champion,
            tally.samples,
            tally.correct,
            len(tally.outcomes),
            sum(tally.outcomes),
        )
        for name, tally in record.heads.items()
    )


def _classes(record: TrackRecord, learner: Learner) -> tuple[ClassScore, ...]:
    learned = learner.class_counts()
    return tuple(
        _class(name, learned.get(name, 0), record)
        for name in sorted(learned.keys() | record.tallies.keys() | record.recalls.keys())
    )


def _class(name: str, learned: int, record: TrackRecord) -> ClassScore:
    tally, recall = record.tallies.get(name), record.recalls.get(name)
    mistaken_for, mistaken = tally.worst if tally else ("", 0)
    return ClassScore(
        name=name,
        learned=learned,
        samples=tally.samples if tally else 0,
        correct=tally.correct if tally else 0,
        mistaken_for=mistaken_for,
        mistaken=mistaken,
        select_samples=recall.samples if recall else 0,
        select_correct=recall.correct if recall else 0,
        select_best=recall.peak if recall else 0.0,
    )


def _curve(record: TrackRecord) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(
            point.time,
            point.learned,
            point.classes,
            point.window,
            point.last_label,
            point.select,
            point.exemplar_bytes,
        )
        for point in record.curve.points
    )


def _watches(record: TrackRecord) -> tuple[DriftWatch, ...]:
    return tuple(
        DriftWatch(signal, detector, watch.observed, alarms)
        for signal, watch in record.watches.items()
        for detector, alarms in zip(DETECTORS, watch.alarms, strict=True)
    )


def _confidence(record: TrackRecord) -> ConfidenceCheck:
    found = record.calibration
    return ConfidenceCheck(
        found.samples,
        found.temperature,
        found.error_before,
        found.error_after,
        tuple(ConfidenceBin(each.samples, each.confidence, each.accuracy) for each in found.bins),
    )
