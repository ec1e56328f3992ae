"""Pictures of the runs, as PNG and SVG: accuracy over batches, and the five measures as bars.

Small multiples: one panel a protocol or a measure, every method in the same colour everywhere. Ours
are solid, methods of the field dashed or hatched, so that it reads without colour too.
"""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no display is needed, or looked for

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.clvision.methods import METHODS
from benchmarks.clvision.report import FIVE, Chapter, Column, curve

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#000000")
"""Okabe and Ito's: told apart by colour-blind readers too."""

LEGEND_COLUMNS = 2  # a panel

COLOUR_OF = dict(zip(METHODS, cycle(COLOURS), strict=False))
STYLE: Any = {  # the stub wants one of three hundred literal names for each key
    "svg.hashsalt": "fieldwise",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 120,
}


def draw(chapters: Sequence[Chapter], folder: Path) -> dict[str, list[str]]:
    """Draw both pictures of every set; the names of the PNG files by set."""
    drawn: dict[str, list[str]] = {}
    with mpl.rc_context(STYLE):
        for material in dict.fromkeys(chapter.material for chapter in chapters):
            of_set = [chapter for chapter in chapters if chapter.material == material]
            drawn[material] = [
                _save(_curves(of_set), folder, f"{material}-accuracy"),
                _save(_bars(of_set), folder, f"{material}-measures"),
            ]
    return drawn


def _curves(chapters: Sequence[Chapter]) -> Figure:
    figure, axes = plt.subplots(
        1, len(chapters), figsize=(3.4 * len(chapters) + 0.6, 3.4), sharey=True, squeeze=False
    )
    for panel, chapter in zip(axes[0], chapters, strict=True):
        for method in chapter.methods:
            _line(panel, chapter, method)
        panel.set_title(chapter.protocol)
        panel.set_xlabel("images learned")
        panel.set_ylim(0, 100)
        panel.grid(visible=True, alpha=0.3)
    axes[0][0].set_ylabel("validation accuracy, %")
    handles, labels = axes[0][0].get_legend_handles_labels()
    columns = LEGEND_COLUMNS * len(chapters)  # more would not fit beside one another
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
    figure.suptitle(f"{chapters[0].material}: accuracy over batches")
    return figure


def _line(panel: Axes, chapter: Chapter, method: str) -> None:
    runs = chapter.of(method)
    colour, entry = COLOUR_OF[method], METHODS[method]
    if not entry.streams:
        final = 100 * sum(run.five.test_accuracy for run in runs) / len(runs)
        panel.axhline(final, color=colour, linestyle=":", label=f"{method} (test)")
        return
    seen, means, errors = curve(runs)
    panel.plot(
        seen,
        [100 * mean for mean in means],
        color=colour,
        linestyle="-" if entry.ours else "--",
        label=method,
    )
    low = [100 * (mean - error) for mean, error in zip(means, errors, strict=True)]
    high = [100 * (mean + error) for mean, error in zip(means, errors, strict=True)]
    panel.fill_between(seen, low, high, color=colour, alpha=0.2, linewidth=0)


def _bars(chapters: Sequence[Chapter]) -> Figure:
    rows = len(chapters)
    figure, axes = plt.subplots(
        rows, len(FIVE), figsize=(13, 0.9 + 2.2 * rows), squeeze=False, sharey="row"
    )
    for row, chapter in zip(axes, chapters, strict=True):
        for panel, column in zip(row, FIVE, strict=True):
            _measure(panel, chapter, column)
        row[0].set_ylabel(chapter.protocol)
    for panel, column in zip(axes[0], FIVE, strict=True):
        panel.set_title(column.heading)
    figure.suptitle(
        f"{chapters[0].material}: the five measures (accuracies: longer is better; costs: shorter)"
    )
    return figure


def _measure(panel: Axes, chapter: Chapter, column: Column) -> None:
    for place, method in enumerate(chapter.methods):
        reading = chapter.reading(method, column)
        if reading is None:
            panel.text(0, place, " not defined", va="center", fontsize=7)
            continue
        panel.barh(
            place,
            reading[0],
            xerr=reading[1],
            color=COLOUR_OF[method],
            hatch="" if METHODS[method].ours else "//",
            alpha=0.9,
            height=0.7,
        )
        panel.text(reading[0], place, f" {reading[0]:.{column.decimals}f}", va="center", fontsize=7)
    panel.set_yticks(range(len(chapter.methods)), chapter.methods)
    panel.invert_yaxis()
    panel.margins(x=0.25)
    panel.set_xlim(left=0)


def _save(figure: Figure, folder: Path, name: str) -> str:
    figure.set_layout_engine("constrained")
    for suffix, about in (("png", {"Software": None}), ("svg", {"Date": None})):
        figure.savefig(folder / f"{name}.{suffix}", metadata=about)
    plt.close(figure)
    return f"{name}.png"
