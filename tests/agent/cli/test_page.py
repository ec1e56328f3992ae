"""The report's page: well formed, self-contained, and safe from whatever classes are called."""

from html.parser import HTMLParser

import pytest

from agent.cli.learning import prediction_words
from agent.cli.page import CLASSES_SHOWN, page
from fieldwise.answers import (
    LearningCounters,
    Novelty,
    Prediction,
    ScoredClass,
    SettingsInForce,
    Status,
    UpdateStatus,
    VitalSigns,
    Wear,
)
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

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;'</title>"
VOID = {"meta", "br", "img", "link", "input"}
STATUS = Status(
    agent_version="1",
    device_id="device-1",
    fleet=HOSTILE,
    backbone="efficientnet-lite0:1",
    variant="fp32",
    update=UpdateStatus(1, "", "active", ""),
    learning=LearningCounters(300, 3, 30, 30, 90, 5_000_000, 200, 150, 20),
    vital_signs=VitalSigns(60, 120_000_000, 30_000_000, 10**9, 40, 0, 3000, 9000),
    classes={},
    check_in_seconds=None,
    check_in_error="",
    select_samples=30,
    select_correct=24,
    settings_revision=0,
    settings=SettingsInForce(),
    lost_samples=0,
    clock_ahead_seconds=0,
)


def report(names: tuple[str, ...] = ("apple", HOSTILE, "pear")) -> LearningReport:
    return LearningReport(
        heads=(
            HeadScore("average", True, 300, 200, 200, 150),
            HeadScore(HOSTILE, False, 9, 1, 9, 1),
        ),
        classes=tuple(ClassScore(name, 90, 100, 60, HOSTILE, 20, 10, 8, 0.9) for name in names),
        curve=tuple(
            CurvePoint(1e9 + n, n, 3, n / 300, 0.1, n / 400, n * 1000) for n in range(1, 300)
        ),
        alarms=(DriftAlarm(1e9 + 50, "novelty", "adwin", 50), DriftAlarm(1e9, HOSTILE, "adwin", 5)),
        watches=(DriftWatch("novelty", "adwin", 90, 1), DriftWatch(HOSTILE, "page-hinkley", 9, 0)),
        confidence=ConfidenceCheck(80, 2.5, 0.2, 0.05, (ConfidenceBin(40, 0.5, 0.45),) * 2),
        wear=Wear(10_000_000, 90_000, 300),
        tested=300,
        correct=200,
        last_label_correct=30,
        forgetting=0.02,
        backward_transfer=-0.01,
        batch_gap_samples=30,
        can_tell=f"It can tell {HOSTILE}.",
    )


class Outline(HTMLParser):
    """Tags that are opened and closed, and what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_name_of_a_class_is_never_more_than_a_name() -> None:
    outline = Outline(page(report(), STATUS, 1e9))
    assert outline.open == []
    assert "script" not in outline.tags
    assert "img" not in outline.tags
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert outline.words.count(HOSTILE) >= 4


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    text = page(report(("apple",)), STATUS, 1e9)
    outline = Outline(text)
    assert {"link", "script", "iframe", "object"}.isdisjoint(outline.tags)
    assert not [value for name, value in outline.attributes if name in {"src", "href"}]
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme:dark" in text
    assert ("name", "viewport") in outline.attributes


def test_every_figure_is_on_the_page() -> None:
    words = Outline(page(report(), STATUS, 1e9)).words
    for figure in ("75.0%", "66.7%", "80.0% \u00b1 7.3", "2.0", "-1.0", "8 of 10", "20 of 100"):
        assert figure in words
    assert "Temperature 2.5" in words


def test_a_device_that_was_taught_nothing_has_a_page_that_says_so() -> None:
    outline = Outline(page(LearningReport(), STATUS, 1e9))
    assert outline.open == []
    assert "Nothing was taught yet." in outline.words
    assert "No class is known yet." in outline.words


def test_one_point_and_one_class_make_a_page() -> None:
    single = LearningReport(
        curve=(CurvePoint(5.0, 1, 1, 0.0, 0.0, -1.0, 0),),
        classes=(ClassScore("a", 1, 1, 0),),
        watches=(DriftWatch("error", "adwin", 1, 0),),
    )
    assert Outline(page(single, STATUS, 5.0)).open == []


@pytest.mark.parametrize("classes", [10_000])
def test_a_page_of_many_classes_stays_small(classes: int) -> None:
    text = page(report(tuple(f"class {number}" for number in range(classes))), STATUS, 1e9)
    assert len(text) < 200_000
    assert f"{classes - CLASSES_SHOWN:,} more classes" in text


def test_no_number_on_a_chart_is_off_the_chart_or_no_number() -> None:
    text = page(report(), STATUS, 1e9)
    assert "nan" not in text.lower().replace("provenance", "")
    assert "inf" not in text.split("<main>")[1].lower().replace("information", "")


def test_a_prediction_of_something_new_says_so_in_words() -> None:
    known = Prediction("1", (ScoredClass("apple", 0.9),), "b", True, Novelty(0.4, False))
    new = Prediction("2", (ScoredClass("apple", 0.9),), "b", True, Novelty(0.02, True))
    assert prediction_words(known) == "apple 90%  [1]"
    assert prediction_words(new) == "apple 90%; unlike anything known (p 0.02)  [2]"


def test_a_name_that_is_written_from_right_to_left_turns_nothing_around() -> None:
    made = page(report(("שלום!",)), STATUS, 0.0)
    assert made.count("<bdi>שלום!</bdi>") == made.count("שלום!") > 0
