"""What a dashboard asks, in the house's form; ``drawing`` makes of it what Grafana loads.

A dashboard answers one question, which is its title, and a panel a smaller one. Of the fleet only
the replica that leads tells, two for a moment when another takes over, so panels take the greatest;
counters are each replica's own and added up. ``$job`` chooses the installation, ``$datasource``
where Prometheus is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

JOB = 'job="$job"'


class Form(StrEnum):
    """How a panel draws its series."""

    LINES = "lines"
    STACKED = "stacked"
    NUMBER = "number"
    HEATMAP = "heatmap"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a panel, and how its series are called."""

    query: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """Where an alert fires: above the value, or ``below`` it."""

    value: float
    below: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """A panel.

    Attributes:
        title: The question that it answers.
        asked: Its queries.
        unit: As Grafana names it: "percentunit", "s", "bytes", "reqps", "short".
        form: How it is drawn.
        width: Of 24 columns.
        text: What helps to read it.
        limit: Where it is bad; red from there on, and a dashed line in graphs.
        most: Up to where its axis goes at least, so that next to nothing does not look like much.
        colours: Of its series, by name; the others get Grafana's.
        says: What a number means, as a word and its colour, by the number.
        columns: Of a table: its headings by label, from left to right; "Value" is the value's.
        lowest: Of a table: by which heading its rows are sorted, the lowest first.
        highest: The same, the highest first.
        empty: What stands there when there is nothing to show.
        is_named: Whether a number shows what it is called, and not its value.
        shows_zeros: Whether series are drawn that are zero all the time.
    """

    title: str
    asked: tuple[Asked, ...]
    unit: str = "short"
    form: Form = Form.LINES
    width: int = 8
    text: str = ""
    limit: Limit | None = None
    most: float | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    lowest: str = ""
    highest: str = ""
    empty: str = ""
    is_named: bool = False
    shows_zeros: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable: the values of a label that match, by their number, the highest first."""

    name: str
    query: str
    matching: str


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard: its file, its question, its panels in order, and further variables."""

    name: str
    title: str
    text: str
    panels: tuple[Drawn, ...]
    variables: tuple[Choice, ...] = ()


def largest(metric: str, by: str = "", labels: str = "") -> str:
    """A gauge of the fleet, once, whichever replica tells it."""
    kept = f" by ({by})" if by else ""
    return f"max{kept} ({metric}{{{_joined(JOB, labels)}}})"


def worst_devices(
    title: str, metric: str, unit: str, heading: str, width: int = 8, *, highest: bool = False
) -> Drawn:
    """A table of the few devices that a setting lets metrics name, the worst of them first."""
    return Drawn(
        title,
        (Asked(largest(metric, "device")),),
        unit,
        Form.TABLE,
        width,
        columns={"device": "device", "Value": heading},
        highest=heading if highest else "",
        lowest="" if highest else heading,
        text="As many as the setting metrics_worst_devices says.",
        empty="the setting metrics_worst_devices names none",
    )


def rate(metric: str, by: str, labels: str = "") -> str:
    """A counter of every replica, a second, together."""
    return f"sum by ({by}) (rate({metric}{{{_joined(JOB, labels)}}}[$__rate_interval]))"


def largest_by(metric: str, label: str, labels: str = "") -> tuple[Asked, ...]:
    """A gauge of the fleet by one label, whose values are the names of the series."""
    return (Asked(largest(metric, label, labels), f"{{{{{label}}}}}"),)


def rate_by(metric: str, label: str, labels: str = "") -> tuple[Asked, ...]:
    """A counter of every replica by one label, whose values are the names of the series."""
    return (Asked(rate(metric, label, labels), f"{{{{{label}}}}}"),)


def by_replica(query: str) -> tuple[Asked, ...]:
    """What each replica tells of itself, with ``{}`` where its selector goes."""
    return (Asked(query.replace("{}", f"{{{JOB}}}"), "{{instance}}"),)


def quantile(share: float, metric: str) -> str:
    """What that share of the devices is at most at."""
    return f"histogram_quantile({share}, {largest(f'{metric}_bucket', 'le')})"


def quantiles(metric: str, *shares: float) -> tuple[Asked, ...]:
    """The distribution of a measure over devices."""
    return tuple(Asked(quantile(share, metric), _name(share)) for share in shares)


def latency(share: float, metric: str, by: str, labels: str = "") -> str:
    """What that share of calls takes at most, where there were any."""
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', f'{by}, le', labels)}) > 0"


def _name(share: float) -> str:
    return "median" if share == 0.5 else f"p{share * 100:.0f}"  # noqa: PLR2004 - a half


def _joined(*labels: str) -> str:
    return ",".join(each for each in labels if each)
