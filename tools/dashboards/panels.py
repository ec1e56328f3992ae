"""Panels in the house's form, and the dashboards that they make up.

A dashboard answers one question, which is its title, and a panel a smaller one. Of the fleet only
the replica that leads tells, two for a moment when another takes over, so panels take the greatest;
counters are each replica's own and added up. ``$job`` chooses the installation, ``$datasource``
where Prometheus is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    GridPos,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

COLUMNS = 24  # of Grafana's grid
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
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
class Drawn:
    """A panel.

    Attributes:
        title: The question that it answers.
        asked: Its queries.
        unit: As Grafana names it: "percentunit", "s", "bytes", "reqps", "short".
        form: How it is drawn.
        width: Of 24 columns.
        text: What helps to read it.
    """

    title: str
    asked: tuple[Asked, ...]
    unit: str = "short"
    form: Form = Form.LINES
    width: int = 8
    text: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard: its file, its question, its panels in order, and further variables."""

    name: str
    title: str
    text: str
    panels: tuple[Drawn, ...]
    variables: tuple[tuple[str, str], ...] = ()


def largest(metric: str, by: str = "", labels: str = "") -> str:
    """A gauge of the fleet, once, whichever replica tells it."""
    kept = f" by ({by})" if by else ""
    return f"max{kept} ({metric}{{{_joined(JOB, labels)}}})"


def rate(metric: str, by: str, labels: str = "") -> str:
    """A counter of every replica, a second, together."""
    return f"sum by ({by}) (rate({metric}{{{_joined(JOB, labels)}}}[$__rate_interval]))"


def quantile(share: float, metric: str) -> str:
    """What that share of the devices is at most at."""
    return f"histogram_quantile({share}, {largest(f'{metric}_bucket', 'le')})"


def quantiles(metric: str, *shares: float) -> tuple[Asked, ...]:
    """The distribution of a measure over devices."""
    return tuple(Asked(quantile(share, metric), _name(share)) for share in shares)


def latency(share: float, metric: str, by: str, labels: str = "") -> str:
    """What that share of calls takes at most."""
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', f'{by}, le', labels)})"


def encoded(board: Board) -> str:
    """A dashboard as the JSON that Grafana loads."""
    return f"{JSONEncoder(sort_keys=True, indent=2).encode(_built(board))}\n"


def _built(board: Board) -> Any:
    made = (
        dashboard.Dashboard(board.title)
        .uid(f"fieldwise-{board.name}")
        .description(board.text)
        .tags(["fieldwise"])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
        .with_variable(_variable("job", "label_values(fieldwise_build_info, job)"))
    )
    for name, query in board.variables:
        made = made.with_variable(_variable(name, query))
    for panel, place in zip(board.panels, _places(board.panels), strict=True):
        made = made.with_panel(_panel(panel).grid_pos(place))
    return made.build()


def _variable(name: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .datasource(SOURCE)
        .query({"query": query, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )


def _places(panels: Sequence[Drawn]) -> list[GridPos]:
    """From left to right, and on below where a row is full; rows are as high as their highest."""
    places, x, y, height = [], 0, 0, 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, height = 0, y + height, 0
        own = 4 if panel.form is Form.NUMBER else 8
        places.append(GridPos(h=own, w=panel.width, x=x, y=y))
        x, height = x + panel.width, max(height, own)
    return places


def _panel(drawn: Drawn) -> Any:
    made = _shape(drawn.form).title(drawn.title).datasource(SOURCE).unit(drawn.unit)
    if drawn.text:
        made = made.description(drawn.text)
    for number, asked in enumerate(drawn.asked):
        made = made.with_target(_target(asked, chr(ord("A") + number), drawn.form))
    return made


def _shape(form: Form) -> Any:
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    match form:
        case Form.NUMBER:
            return stat.Panel().graph_mode(BigValueGraphMode.NONE)
        case Form.HEATMAP:
            return heatmap.Panel().calculate(calculate=False)
        case Form.TABLE:
            return table.Panel().show_header(show_header=True)
        case Form.STACKED:
            stacking = common.StackingConfig().mode(StackingMode.NORMAL)
            return timeseries.Panel().legend(legend).fill_opacity(30).stacking(stacking)
        case Form.LINES:
            return timeseries.Panel().legend(legend)


def _target(asked: Asked, letter: str, form: Form) -> Builder[Any]:
    made = prometheus.Dataquery().expr(asked.query).ref_id(letter).datasource(SOURCE)
    match form:
        case Form.TABLE:
            return made.instant().format(PromQueryFormat.TABLE)
        case Form.HEATMAP:
            return made.range().format(PromQueryFormat.HEATMAP).legend_format("{{le}}")
        case _:
            return made.range().legend_format(asked.name or "__auto")


def _name(share: float) -> str:
    return "median" if share == 0.5 else f"p{share * 100:.0f}"  # noqa: PLR2004 - a half


def _joined(*labels: str) -> str:
    return ",".join(each for each in labels if each)
