"""The learning report as one HTML page: no script, no font and no picture from elsewhere.

Every name on it comes from whoever labels images, so everything but our own words is escaped.
"""

import time
from collections.abc import Sequence
from html import escape

from agent.cli.charts import Axis, Line, bar, diagonal, lines, timeline
from agent.cli.judged import TITLE as JUDGED
from agent.cli.judged import verdict_sentences
from agent.cli.output import DASH, percent, size, with_error
from agent.cli.style import STYLE
from agent.learning.measures.calibration import SAMPLES_MIN
from fieldwise.answers import Status
from fieldwise.learning import ClassScore, HeadScore, LearningReport

CLASSES_SHOWN = 200  # rows of the table; a page of 10,000 is read by no one
MISTAKES_SHOWN = 8
HOUR_SECONDS = 3600
FOOTER = (
    "Made by fieldwise-agent on the device; nothing of it leaves the device by itself. What each"
    " figure means, and how it can mislead, is in docs/measures.md."
)


def page(report: LearningReport, status: Status, now: float) -> str:
    """The page.

    Args:
        report: What it shows.
        status: Whose report it is.
        now: When it is made, Unix seconds.
    """
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    member = f"{status.device_id} of {status.fleet}" if status.fleet else "a device outside a fleet"
    head = (
        f"{escape(status.backbone or 'no backbone yet')} &middot; {escape(member)} &middot; {made}"
    )
    parts = (
        f"<header><h1>How learning goes</h1><p>{head}</p></header>",
        f'<p class="note">{escape(report.can_tell)}</p>' if report.can_tell else "",
        _figures(report, status),
        f'<div class="pair">{_curve(report)}{_heads(report)}</div>',
        f'<div class="pair">{_calibration(report)}{_mistakes(report)}</div>',
        f'<div class="pair">{_drift(report)}{_memory(report, status)}</div>',
        _judged(status),
        _classes(report.classes),
        f"<footer><p>{FOOTER}</p></footer>",
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'\">"
        '<meta name="color-scheme" content="light dark"><title>How learning goes</title>'
        f"<style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _figures(report: LearningReport, status: Status) -> str:
    learning, found = status.learning, []
    window = learning.window_samples
    found.append(
        _figure(
            percent(learning.window_correct, window),
            f"right before learning, last {window:,}",
            f"last label: {percent(learning.window_last_label_correct, window)}",
        )
    )
    found.append(
        _figure(
            percent(report.correct, report.tested),
            f"the same, all {report.tested:,}",
            f"last label: {percent(report.last_label_correct, report.tested)}",
        )
    )
    found.append(
        _figure(
            with_error(status.select_correct, status.select_samples),
            f"right of {status.select_samples:,} held out (select)",
            "never learned, whole scenes",
        )
    )
    found.append(
        _figure(
            _points(report.forgetting),
            "forgetting, points",
            f"backward transfer {_points(report.backward_transfer)}",
        )
    )
    gap = report.batch_gap_samples
    found.append(
        _figure(
            f"{report.batch_gap_answers:,}" if gap else DASH,
            f"of {gap:,} answers differ from a batch solve",
            "0 means nothing was lost by learning bit by bit",
        )
    )
    found.append(
        _figure(
            f"{learning.samples:,}",
            f"samples learned, {learning.classes:,} classes",
            f"{learning.exemplars:,} images in {size(learning.exemplar_bytes)}",
        )
    )
    return f'<section class="figures">{"".join(found)}</section>'


def _figure(value: str, label: str, beside: str) -> str:
    return (
        f'<div class="figure"><b>{escape(value)}</b><span>{escape(label)}</span>'
        f"<small>{escape(beside)}</small></div>"
    )


def _card(title: str, content: str, words: str = "") -> str:
    said = f'<p class="words">{escape(words)}</p>' if words else ""
    return f"<section><h2>{escape(title)}</h2>{content}{said}</section>"


def _nothing(words: str) -> str:
    return f'<p class="empty">{escape(words)}</p>'


def _curve(report: LearningReport) -> str:
    title, points = "Learning curve", report.curve
    if not points:
        return _card(title, _nothing("Nothing was taught yet."))
    drawn = (
        Line("head, before learning", "head", [(p.learned, p.window_accuracy) for p in points]),
        Line(
            "held out (select)",
            "held",
            [(p.learned, p.select_accuracy) for p in points if p.select_accuracy >= 0],
        ),
        Line(
            "same as the last label", "last", [(p.learned, p.last_label_accuracy) for p in points]
        ),
    )
    across = Axis(points[0].learned, points[-1].learned)
    chart = lines("Accuracy by labelled samples", across, Axis(0, 1, "{:.0%}"), drawn)
    return _card(
        title, chart, "Across: labelled samples. A head near the last label knows nothing."
    )


def _heads(report: LearningReport) -> str:
    if not any(head.samples for head in report.heads):
        return _card("Champion and challengers", _nothing("No head was tested yet."))
    rows = "".join(
        f"<tr><th>{_name(head)}</th>"
        f"<td>{bar(_share(head.window_correct, head.window_samples))}</td>"
        f"<td class=n>{percent(head.window_correct, head.window_samples)}</td>"
        f"<td class=n>{percent(head.correct, head.samples)}</td></tr>"
        for head in sorted(report.heads, key=lambda each: -_share(each.correct, each.samples))
    )
    table = (
        "<table><thead><tr><th>head</th><th></th><th class=n>window</th><th class=n>all</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
    )
    return _card(
        "Champion and challengers", table, "All are tested on each sample; the one in bold serves."
    )


def _apart(name: str) -> str:
    """A class's name, whose direction of writing leaves what stands beside it alone."""
    return f"<bdi>{escape(name)}</bdi>"


def _name(head: HeadScore) -> str:
    return f"<b>{escape(head.name)}</b>" if head.serves else escape(head.name)


def _calibration(report: LearningReport) -> str:
    title, found = "Are its confidences true?", report.confidence
    if not found.bins:
        return _card(title, _nothing("No held-out samples yet: confidences are not calibrated."))
    chart = diagonal(
        "Accuracy by confidence", [(b.confidence, b.accuracy, b.samples) for b in found.bins]
    )
    fitted = (
        f"Temperature {found.temperature:.3g}: expected error {found.error_before:.1%} before,"
        f" {found.error_after:.1%} after."
        if found.samples >= SAMPLES_MIN
        else f"{found.samples:,} held-out samples are too few to calibrate (from {SAMPLES_MIN})."
    )
    words = f"Across: confidence; up: share right, of {found.samples:,} held-out samples. {fitted}"
    return _card(title, chart, words)


def _mistakes(report: LearningReport) -> str:
    title = "What is taken for what"
    worst = sorted(
        (each for each in report.classes if each.mistaken), key=lambda each: -each.mistaken
    )[:MISTAKES_SHOWN]
    if not worst:
        return _card(title, _nothing("No mistake is on record."))
    most = worst[0].mistaken
    rows = "".join(
        f"<tr><th>{_apart(each.name)} <em>taken for</em> {_apart(each.mistaken_for)}</th>"
        f"<td>{bar(each.mistaken / most, 'wrong')}</td>"
        f"<td class=n>{each.mistaken:,} of {each.samples:,}</td></tr>"
        for each in worst
    )
    return _card(
        title, f"<table><tbody>{rows}</tbody></table>", "Before learning, since the start."
    )


def _drift(report: LearningReport) -> str:
    title = "Has the world changed?"
    if not any(watch.observed for watch in report.watches):
        return _card(title, _nothing("Nothing was observed yet."))
    signals = list(dict.fromkeys(watch.signal for watch in report.watches))
    detectors = list(dict.fromkeys(watch.detector for watch in report.watches))
    times = [p.time for p in report.curve] + [alarm.time for alarm in report.alarms]
    across = Axis(min(times, default=0.0), max(times, default=0.0))
    rows = [
        (
            signal,
            [(a.time, detectors.index(a.detector)) for a in report.alarms if a.signal == signal],
        )
        for signal in signals
    ]
    chart = timeline("Drift alarms in time", rows, across, (_day(across.low), _day(across.high)))
    legend = "".join(
        f'<span><i class="kind{number}"></i>{escape(name)}</span>'
        for number, name in enumerate(detectors)
    )
    counts = ", ".join(
        f"{each.signal} {each.detector} {each.alarms:,}" for each in report.watches if each.alarms
    )
    words = f"Alarms so far: {counts or 'none'}. An alarm says look; lasting scenes raise some too."
    return _card(title, f'{chart}<p class="legend">{legend}</p>', words)


def _memory(report: LearningReport, status: Status) -> str:
    points = [(p.learned, p.exemplar_bytes / 2**20) for p in report.curve]
    top = max((y for _, y in points), default=0.0)
    chart = (
        lines(
            "Images remembered, MiB",
            Axis(points[0][0], points[-1][0]),
            Axis(0, max(top, 0.1) * 1.1, "{:.1f}"),
            (Line("images remembered, MiB", "head", points),),
        )
        if points
        else _nothing("Nothing is remembered yet.")
    )
    wear, vital = report.wear, status.vital_signs
    written = ""
    if wear is not None:
        written = f" {size(wear.written_bytes)} written in {wear.seconds / HOUR_SECONDS:.1f} h"
        if wear.samples:
            written += f", {size(wear.written_bytes / wear.samples)} a sample"
        written += "."
    words = (
        f"{size(vital.resident_bytes)} of memory, {size(vital.state_bytes)} on disk."
        f"{written} Skipped: {report.skipped:,}."
    )
    return _card("Memory", chart, words)


def _judged(status: Status) -> str:
    verdict = status.verdict
    if verdict is None:
        return ""
    conclusion, *sentences = map(escape, verdict_sentences(verdict, status.update))
    counts = verdict.overall
    outcomes = (
        ("both were right", counts.both_right, "head"),
        ("only the old one was", counts.only_old, "wrong"),
        ("only the new one was", counts.only_new, "held"),
        ("neither was", counts.both_wrong, "last"),
    )
    rows = "".join(
        f"<tr><th>{name}</th><td>{bar(number / counts.samples, kind)}</td>"
        f"<td class=n>{number:,} of {counts.samples:,}</td></tr>"
        for name, number, kind in outcomes
        if counts.samples
    )
    table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
    said = "".join(f'<p class="words">{each}</p>' for each in sentences)
    return _card(JUDGED, f"<p>{conclusion}</p>{table}{said}")


def _classes(classes: Sequence[ClassScore]) -> str:
    if not classes:
        return _card("Classes", _nothing("No class is known yet."))
    ordered = sorted(classes, key=lambda each: (_recall(each), each.name))
    rows = "".join(
        f"<tr><th>{_apart(each.name)}</th><td class=n>{each.learned:,}</td>"
        f"<td>{bar(_recall(each), 'held') if each.select_samples else ''}</td>"
        f"<td class=n>{_of(each.select_correct, each.select_samples)}</td>"
        f"<td class=n>{f'{each.select_best:.0%}' if each.select_samples else DASH}</td>"
        f"<td class=n>{percent(each.correct, each.samples)}</td></tr>"
        for each in ordered[:CLASSES_SHOWN]
    )
    head = (
        "<tr><th>class</th><th class=n>learned</th><th></th><th class=n>held out</th>"
        "<th class=n>best</th><th class=n>before learning</th></tr>"
    )
    more = len(ordered) - CLASSES_SHOWN
    words = f"Recall of each class, worst first; {DASH} where none of it is held out."
    tail = f" {more:,} more classes are in the JSON form." if more > 0 else ""
    table = f'<div class="wide"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
    return _card("Classes", table, words + tail)


def _recall(score: ClassScore) -> float:
    return _share(score.select_correct, score.select_samples) if score.select_samples else 2.0


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _of(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" if whole else DASH


def _points(share: float | None) -> str:
    return DASH if share is None else f"{100 * share + 0.0:.1f}"


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
