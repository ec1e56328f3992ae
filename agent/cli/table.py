"""Learning in a terminal: what status and report say, section by section."""

import io
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent.cli.judged import TITLE, verdict_sentences
from agent.cli.output import DASH, percent, size, with_error
from fieldwise.answers import Status
from fieldwise.learning import LearningReport

CLASSES_SHOWN = 20
ALARMS_SHOWN = 5
BAR = 20  # characters of a full bar
WIDTH_MAX = 100
Rows = Sequence[Sequence[str]]


def sections(parts: Sequence[tuple[str, Rows]]) -> list[str]:
    """Titles with their rows under them, as lines; coloured on a terminal only."""
    made = io.StringIO()
    terminal = sys.stdout.isatty()
    found = Console().width if terminal else WIDTH_MAX
    console = Console(
        file=made, width=min(WIDTH_MAX, found), force_terminal=terminal, highlight=False
    )
    for title, rows in parts:
        if not rows:
            continue
        console.print(Text(title, style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(max(map(len, rows))):
            grid.add_column(overflow="fold")
        for row in rows:
            grid.add_row(*(Text(text) for text in row))
        console.print(Padding(grid, (0, 0, 1, 2)))
    return [line.rstrip() for line in made.getvalue().splitlines()]


def learning_sections(report: LearningReport, status: Status) -> list[tuple[str, Rows]]:
    """What status shows of learning."""
    return [
        ("How well it does", _accuracy(report, status)),
        ("Heads, before learning", _heads(report)),
        ("What it can tell", _knowledge(report)),
        (TITLE, _judged(status)),
    ]


def report_lines(report: LearningReport, status: Status) -> list[str]:
    """The report in a terminal."""
    return sections([*learning_sections(report, status), *_details(report)])


def _accuracy(report: LearningReport, status: Status) -> Rows:
    learning, window = status.learning, status.learning.window_samples
    last = percent(learning.window_last_label_correct, window)
    return [
        (
            "before learning, window",
            f"{percent(learning.window_correct, window)} of the last {window:,}",
            f"last label {last}",
        ),
        (
            "before learning, total",
            f"{percent(report.correct, report.tested)} of {report.tested:,}",
            f"last label {percent(report.last_label_correct, report.tested)}",
        ),
        (
            "held out (select)",
            (
                f"{with_error(status.select_correct, status.select_samples)}"
                f" of {status.select_samples:,}"
            ),
            (
                f"forgetting {_signed(report.forgetting)},"
                f" backward transfer {_signed(report.backward_transfer)}"
            ),
        ),
        (
            "against a batch solve",
            f"{report.batch_gap_answers:,} answers differ" if report.batch_gap_samples else DASH,
            f"of {report.batch_gap_samples:,}" if report.batch_gap_samples else "",
        ),
    ]


def _heads(report: LearningReport) -> Rows:
    ordered = sorted(report.heads, key=lambda head: (not head.serves, -head.window_correct))
    return [
        (
            head.name,
            bar(head.window_correct, head.window_samples),
            (
                f"{percent(head.window_correct, head.window_samples)} of the last"
                f" {head.window_samples:,}"
            ),
            f"{percent(head.correct, head.samples)} of all",
            "serves" if head.serves else "",
        )
        for head in ordered
    ]


def _judged(status: Status) -> Rows:
    verdict = status.verdict
    return [(each,) for each in verdict_sentences(verdict, status.update)] if verdict else []


def _knowledge(report: LearningReport) -> Rows:
    found = report.confidence
    alarms = ", ".join(
        f"{each.signal} ({each.detector}) {each.alarms:,}" for each in report.watches if each.alarms
    )
    calibrated = (
        f"error {found.error_before:.1%} before, {found.error_after:.1%} after"
        f" temperature {found.temperature:.3g}"
        if found.samples
        else "not calibrated"
    )
    rate = f"at most {report.novelty_rate:.1%} false alarms" if report.novelty_rate else "not yet"
    by = "chosen on held-out samples" if report.shrinkage_chosen else "as set"
    shrinkage = f"{report.shrinkage:.3g}, {by}" if report.shrinkage else "none without a backbone"
    return [
        ("confidence", calibrated),
        ("new things", rate),
        ("drift alarms", alarms or "none"),
        ("shrinkage", shrinkage),
        *([("self-labelled", f"{report.self_labelled:,} samples")] if report.self_labelled else []),
        *([("orphans", f"{report.orphans:,} samples")] if report.orphans else []),
        *(
            [("estimated", f"{report.carried:,} of {report.known:,} samples are carried over")]
            if report.carried
            else []
        ),
        ("in words", report.can_tell),
    ]


def _details(report: LearningReport) -> list[tuple[str, Rows]]:
    worst = sorted(
        report.classes,
        key=lambda each: (
            each.select_correct / each.select_samples if each.select_samples else 2.0,
            each.name,
        ),
    )
    classes = [
        (
            each.name,
            f"{each.learned:,} learned",
            f"held out {each.select_correct:,} of {each.select_samples:,}"
            if each.select_samples
            else "none held out",
            f"before learning {percent(each.correct, each.samples)}",
            f"taken for {each.mistaken_for} {each.mistaken:,}" if each.mistaken else "",
        )
        for each in worst[:CLASSES_SHOWN]
    ]
    more = len(worst) - CLASSES_SHOWN
    if more > 0:
        classes.append((f"and {more:,} more", "", "", "", ""))
    alarms = [
        (each.signal, each.detector, f"at value {each.observed:,}")
        for each in report.alarms[-ALARMS_SHOWN:]
    ]
    return [("Classes, worst first", classes), ("Newest drift alarms", alarms), _wear(report)]


def _wear(report: LearningReport) -> tuple[str, Rows]:
    wear = report.wear
    written = []
    if wear:
        what = f"{wear.samples:,} samples, {wear.predictions:,} predictions"
        kept = f"{size(wear.written_bytes)} in {wear.seconds:,} s: {what}"
        written = [("written", f"{kept} of {size(wear.prediction_bytes)}")]
    return "Streams and flash", [*written, ("skipped", f"{report.skipped:,} frames of streams")]


def bar(part: int, whole: int) -> str:
    """A share as a bar of characters."""
    filled = round(BAR * part / whole) if whole else 0
    return "█" * filled + "·" * (BAR - filled)


def _signed(share: float | None) -> str:
    return DASH if share is None else f"{100 * share:+.1f} points"
