"""A dashboard as the JSON that Grafana loads, by Grafana's own foundation SDK.

What a reader may count on: a series that is zero all the time is neither drawn nor named in a
legend; axes begin at zero; a word has one colour on all dashboards; red is where an alert fires,
and a number that has no alert has no colour.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
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
    BigValueTextMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    GridPos,
    MatcherConfig,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from tools.dashboards.panels import Asked, Board, Choice, Drawn, Form, Limit

COLUMNS = 24  # of Grafana's grid
HEIGHTS = {Form.NUMBER: 4, Form.TABLE: 6}
HEIGHT = 8
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
NEITHER, GOOD, BAD = "text", "green", "red"
LEAST = {"percentunit": 0.1, "short": 1, "reqps": 1, "cps": 1}  # an axis goes at least so far
ALWAYS_ZERO = {"reducer": "allIsZero", "op": "gte", "value": 0}
UNSEEN = {"legend": True, "tooltip": True, "viz": True}


def encoded(board: Board) -> str:
    """A dashboard as the JSON that Grafana loads."""
    return f"{JSONEncoder(sort_keys=True, indent=2).encode(_built(board))}\n"


def _built(board: Board) -> Any:
    others = dashboard.DashboardLink("fieldwise").type(DashboardLinkType.DASHBOARDS)
    made = (
        dashboard.Dashboard(board.title)
        .uid(f"fieldwise-{board.name}")
        .description(board.text)
        .tags(["fieldwise"])
        .link(others.tags(["fieldwise"]).as_dropdown(as_dropdown=True).keep_time(keep_time=True))
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
        .with_variable(_asking("job", "label_values(fieldwise_build_info, job)"))
    )
    for choice in board.variables:
        made = made.with_variable(_variable(choice))
    for panel, place in zip(board.panels, _places(board.panels), strict=True):
        made = made.with_panel(_panel(panel).grid_pos(place))
    return made.build()


def _variable(choice: Choice) -> dashboard.QueryVariable:
    asking = _asking(choice.name, choice.query)
    return asking.regex(f"/{choice.matching}/").sort(VariableSort.NUMERICAL_DESC)


def _asking(name: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .datasource(SOURCE)
        .query({"query": query, "refId": name})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )


def _places(panels: Sequence[Drawn]) -> Iterator[GridPos]:
    """From left to right, and on below where a row is full; in a row all are as high."""
    y = 0
    for _, row in groupby(_rows(panels), key=lambda each: each[0]):
        placed = [(x, panel) for _, x, panel in row]
        height = max(HEIGHTS.get(panel.form, HEIGHT) for _, panel in placed)
        for x, panel in placed:
            yield GridPos(h=height, w=panel.width, x=x, y=y)
        y += height


def _rows(panels: Sequence[Drawn]) -> Iterator[tuple[int, int, Drawn]]:
    row, x = 0, 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            row, x = row + 1, 0
        yield row, x, panel
        x += panel.width


def _panel(drawn: Drawn) -> Any:
    made = _shape(drawn).title(drawn.title).datasource(SOURCE).unit(drawn.unit)
    if drawn.text:
        made = made.description(drawn.text)
    if drawn.empty:
        made = made.no_value(drawn.empty)
    for number, asked in enumerate(drawn.asked):
        made = made.with_target(_target(asked, chr(ord("A") + number), drawn.form))
    return made


def _shape(drawn: Drawn) -> Any:
    match drawn.form:
        case Form.NUMBER:
            return _number(drawn)
        case Form.HEATMAP:
            return _heatmap(drawn)
        case Form.TABLE:
            return _table(drawn)
        case Form.STACKED:
            stacking = common.StackingConfig().mode(StackingMode.NORMAL)
            return _graph(drawn).fill_opacity(30).stacking(stacking)
        case Form.LINES:
            return _graph(drawn)


def _graph(drawn: Drawn) -> Any:
    legend = (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
    made = timeseries.Panel().legend(legend).tooltip(tooltip).axis_soft_min(0)
    if (most := _most(drawn)) > 0:
        made = made.axis_soft_max(most)
    if drawn.limit is not None:
        dashed = common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED)
        made = made.thresholds(_thresholds(drawn.limit, "transparent")).thresholds_style(dashed)
    if not drawn.shows_zeros:
        made = made.with_override(
            MatcherConfig("byValue", ALWAYS_ZERO), [DynamicConfigValue("custom.hideFrom", UNSEEN)]
        )
    for name, colour in drawn.colours.items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        made = made.override_by_name(name, [DynamicConfigValue("color", fixed)])
    return made


def _most(drawn: Drawn) -> float:
    """Up to where an axis goes at least: far enough to see where it would be bad."""
    wanted = LEAST.get(drawn.unit, 0) if drawn.most is None else drawn.most
    return max(wanted, drawn.limit.value if drawn.limit is not None else 0)


def _number(drawn: Drawn) -> Any:
    made = stat.Panel().graph_mode(BigValueGraphMode.NONE).thresholds(_thresholds(drawn.limit))
    if drawn.is_named:
        made = made.text_mode(BigValueTextMode.NAME)
    if drawn.says:
        words = {
            number: ValueMappingResult(text=text, color=colour)
            for number, (text, colour) in drawn.says.items()
        }
        made = made.mappings([ValueMap(options=words)])
    return made


def _thresholds(limit: Limit | None, fine: str = GOOD) -> dashboard.ThresholdsConfig:
    made = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE)
    if limit is None:
        return made.steps([Threshold(None, NEITHER)])
    least, above = (BAD, fine) if limit.below else (fine, BAD)
    return made.steps([Threshold(None, least), Threshold(limit.value, above)])


def _heatmap(drawn: Drawn) -> Any:
    colour = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges")
    return (
        heatmap.Panel()
        .calculate(calculate=False)
        .color(colour.exponent(0.5).steps(64))
        .y_axis(heatmap.YAxisConfig().unit(drawn.unit))
    )


def _table(drawn: Drawn) -> Any:
    places = {label: place for place, label in enumerate(drawn.columns)}
    unasked = {name: True for name in ("Time", "Value") if name not in drawn.columns}
    told = {"indexByName": places, "renameByName": drawn.columns, "excludeByName": unasked}
    made = table.Panel().show_header(show_header=True)
    if heading := drawn.lowest or drawn.highest:
        order = common.TableSortByFieldState().display_name(heading)
        made = made.sort_by([order.desc(desc=bool(drawn.highest))])
    return made.with_transformation(DataTransformerConfig("organize", options=told))


def _target(asked: Asked, letter: str, form: Form) -> Builder[Any]:
    made = prometheus.Dataquery().expr(asked.query).ref_id(letter).datasource(SOURCE)
    match form:
        case Form.TABLE:
            return made.instant().format(PromQueryFormat.TABLE)
        case Form.HEATMAP:
            return made.range().format(PromQueryFormat.HEATMAP).legend_format("{{le}}")
        case _:
            return made.range().legend_format(asked.name or "__auto")
