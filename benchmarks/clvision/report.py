"""What the runs say: means over seeds with standard errors, as tables, as a page and as JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from benchmarks.clvision import measures
from benchmarks.clvision.measures import mean_and_error
from benchmarks.clvision.methods import METHODS
from benchmarks.clvision.run import Run

Reading = Callable[[Run], float | None]


@dataclass(frozen=True, slots=True)
class Column:
    """A measure as a column: its heading, how it is read off a run, its factor and decimals."""

    key: str
    heading: str
    read: Reading
    factor: float = 1.0
    decimals: int = 1


def _combined(place: int) -> Reading:
    def read(run: Run) -> float | None:
        both = measures.score(run.five)
        return None if both is None else both[place]

    return read


FIVE = (
    Column("test_accuracy", "test, %", lambda run: run.five.test_accuracy, 100),
    Column("validation_accuracy", "validation, %", lambda run: run.five.validation_accuracy, 100),
    Column("minutes", "minutes", lambda run: run.five.minutes, decimals=2),
    Column("memory_mb", "memory, MB", lambda run: run.five.memory_mb, decimals=0),
    Column("disk_mb", "disk, MB", lambda run: run.five.disk_mb),
)
BESIDE = (
    Column("score_of_08", "score of 0.8", _combined(0), decimals=3),
    Column("score_of_1", "score of 1", _combined(1), decimals=3),
    Column("forgetting", "forgetting", lambda run: run.forgetting, 100),
    Column("backward_transfer", "backward", lambda run: run.backward_transfer, 100),
    Column("forward_transfer", "forward", lambda run: run.forward_transfer, 100),
    Column("learning_minutes", "learning, min", lambda run: run.learning_minutes, decimals=3),
    Column("wall_minutes", "wall, min", lambda run: run.wall_minutes, decimals=3),
    Column("memory_mean_mb", "mean memory, MB", lambda run: run.memory_mean_mb, decimals=0),
    Column("state_mb", "held, MB", lambda run: run.state_mb, decimals=2),
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """All runs of one protocol on one set.

    Attributes:
        material: Name of the set.
        protocol: Name of the protocol.
        note: What a session is on this set.
        kinship: Share of nearest neighbours of the same session, and by chance.
        embedding_ms: Of one image.
        runs: Every seed of every method.
    """

    material: str
    protocol: str
    note: str
    kinship: tuple[float, float]
    embedding_ms: float
    runs: tuple[Run, ...]

    def of(self, method: str) -> list[Run]:
        """The runs of a method."""
        return [run for run in self.runs if run.method == method]

    @property
    def methods(self) -> list[str]:
        """Methods in the order in which they ran."""
        return list(dict.fromkeys(run.method for run in self.runs))

    def reading(self, method: str, column: Column) -> tuple[float, float | None] | None:
        """Mean and standard error of a column over the seeds; None where it is not defined."""
        values = [column.read(run) for run in self.of(method)]
        known = [column.factor * value for value in values if value is not None]
        return mean_and_error(known) if known else None


def table(chapter: Chapter, columns: Sequence[Column]) -> list[str]:
    """A Markdown table, a row a method."""
    lines = [
        "| method | " + " | ".join(column.heading for column in columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for method in chapter.methods:
        cells = [_cell(chapter.reading(method, column), column.decimals) for column in columns]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return lines


def heading(chapter: Chapter) -> str:
    """One line that says what was run."""
    first = chapter.runs[0]
    seeds = len(chapter.of(first.method))
    return (
        f"{chapter.material}, {chapter.protocol}: {first.batches} batches,"
        f" {first.trained:,} images learned, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    )


def about(chapter: Chapter) -> str:
    """What a session is on the set, and how far that is borne out."""
    seen, chance = (f"{100 * share:.0f} %" for share in chapter.kinship)
    return (
        f"{chapter.note[0].upper()}{chapter.note[1:]}. Kinship: the nearest neighbour within a"
        f" class is of the same session in {seen} of cases, by chance it would be in {chance}."
        f" Embedding takes {chapter.embedding_ms:.1f} ms an image."
    )


def printed(chapter: Chapter) -> str:
    """Both tables of a chapter, for a terminal and for the page."""
    return "\n".join([*table(chapter, FIVE), "", *table(chapter, BESIDE)])


def page(chapters: Sequence[Chapter], intro: str, plots: Mapping[str, Sequence[str]]) -> str:
    """README.md of the folder of results."""
    lines = [intro.rstrip("\n"), "", "## Methods", ""]
    present = {run.method for chapter in chapters for run in chapter.runs}
    lines += [f"- `{name}`: {entry.says}" for name, entry in METHODS.items() if name in present]
    for material in dict.fromkeys(chapter.material for chapter in chapters):
        of_set = [chapter for chapter in chapters if chapter.material == material]
        lines += ["", f"## {material}", "", about(of_set[0]), ""]
        lines += [f"![{file}]({file})" for file in plots.get(material, ())]
        for chapter in of_set:
            lines += ["", f"### {heading(chapter)}", "", printed(chapter)]
    return "\n".join(lines) + "\n"


def figures(chapters: Sequence[Chapter]) -> dict[str, object]:
    """Everything as JSON: means and errors by set, protocol, method and measure; and every run."""
    means: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    for chapter in chapters:
        by_method = means.setdefault(chapter.material, {}).setdefault(chapter.protocol, {})
        for method in chapter.methods:
            by_method[method] = {
                column.key: _pair(chapter.reading(method, column)) for column in (*FIVE, *BESIDE)
            }
    return {"means": means, "chapters": [asdict(chapter) for chapter in chapters]}


def curve(runs: Sequence[Run]) -> tuple[list[float], list[float], list[float]]:
    """Samples seen, mean accuracy and its standard error at each moment, over the seeds."""
    # On a tiny set the plans of two seeds may differ by a batch.
    points = list(zip(*(run.curve for run in runs), strict=False))
    seen = [fmean(place for place, _ in point) for point in points]
    both = [mean_and_error([accuracy for _, accuracy in point]) for point in points]
    return seen, [mean for mean, _ in both], [error or 0.0 for _, error in both]


def _cell(reading: tuple[float, float | None] | None, decimals: int) -> str:
    if reading is None:
        return "-"
    mean, error = reading
    return f"{mean:.{decimals}f}" + ("" if error is None else f" ± {error:.{decimals}f}")


def _pair(reading: tuple[float, float | None] | None) -> dict[str, float | None] | None:
    return None if reading is None else {"mean": reading[0], "standard_error": reading[1]}
