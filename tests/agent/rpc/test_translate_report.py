"""The learning report crosses the wire and is the same value on the other side."""

from agent.rpc.translate_report import report_response
from fieldwise import wire
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
from fieldwise.received import learning_report
from fieldwise.v1alpha1 import local_pb2

FULL = LearningReport(
    heads=(HeadScore("average", True, 9, 8, 7, 6), HeadScore("ridge", False, 9, 5, 7, 4)),
    classes=(ClassScore("apple", 5, 4, 3, "pear", 2, 10, 9, 0.9), ClassScore("pear")),
    curve=(CurvePoint(1.5, 1, 1, 0.5, 0.25, -1.0, 100), CurvePoint(2.5, 2, 1, 1, 0, 0.75, 200)),
    alarms=(DriftAlarm(2.5, "novelty", "adwin", 64),),
    watches=(DriftWatch("novelty", "adwin", 640, 1), DriftWatch("error", "page-hinkley", 9, 0)),
    confidence=ConfidenceCheck(40, 2.5, 0.25, 0.125, (ConfidenceBin(20, 0.5, 0.625),)),
    wear=Wear(1000, 60, 3, 4, 500),
    tested=9,
    correct=8,
    last_label_correct=2,
    forgetting=0.25,
    backward_transfer=-0.125,
    batch_gap_answers=1,
    batch_gap_samples=40,
    skipped=11,
    self_labelled=3,
    shrinkage=0.5,
    shrinkage_chosen=True,
    novelty_rate=0.0625,
    can_tell="A word.",
    orphans=4,
    carried=3,
    known=11,
)


def crossed(report: LearningReport) -> LearningReport:
    content = report_response(report).SerializeToString()
    message = local_pb2.GetLearningReportResponse.FromString(content)
    wire.check(message)
    return learning_report(message)


def test_a_report_arrives_as_it_was_made() -> None:
    assert crossed(FULL) == FULL


def test_what_is_not_known_stays_unknown() -> None:
    assert crossed(LearningReport()) == LearningReport()


def test_words_and_classes_beyond_the_wire_are_cut() -> None:
    many = tuple(ClassScore(f"class {number}") for number in range(10_050))
    found = crossed(LearningReport(can_tell="\u00e9" * 2000, classes=many))
    assert found.can_tell == "\u00e9" * 512
    assert len(found.classes) == 10_000
