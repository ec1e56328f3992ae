"""What Grafana would ask Prometheus for a committed dashboard, and what it would draw from that.

As Grafana does: variables take their first choice, a panel asks for a step of about a pixel but no
shorter than a scrape, ``$__rate_interval`` is four scrapes or more, and times are multiples of the
step. What a query is answered is passed on with the name that its legend gives every series.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

COLUMNS, GAP = 24, 8
ROUND_SECONDS = ((1.5, 1), (3.5, 2), (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60))
LABEL_VALUES = re.compile(r"label_values\((.+), *(\w+)\)")
LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
NUMBERS_DESCENDING = 4  # a variable's way to sort, as Grafana numbers them


@dataclass(frozen=True, slots=True)
class Seen:
    """A Prometheus, from when to when it is looked at, and how often it scraped."""

    base: str
    begin: float
    end: float
    scrape_seconds: int

    def ask(self, path: str, **wanted: Any) -> Any:
        url = f"{self.base}/api/v1/{path}?{urlencode(wanted)}"
        with urlopen(url, timeout=60) as answer:  # noqa: S310 - a Prometheus of our own, by HTTP
            return json.load(answer)["data"]


def figures(board: Mapping[str, Any], seen: Seen, width: int) -> dict[str, Any]:
    """A dashboard with what its panels show, at that width in pixels."""
    chosen = _chosen(board["templating"]["list"], seen)
    panels = [
        {
            "panel": panel,
            "answers": [_answer(each, panel, chosen, seen, width) for each in panel["targets"]],
        }
        for panel in board["panels"]
    ]
    return {"title": board["title"], "chosen": chosen, "panels": panels}


def _chosen(variables: list[dict[str, Any]], seen: Seen) -> dict[str, str]:
    """What each variable is at first; a later one may ask for what an earlier one chose."""
    chosen: dict[str, str] = {}
    for each in variables:
        if each["type"] == "query":
            found = LABEL_VALUES.fullmatch(_filled(each["query"]["query"], chosen))
            assert found is not None, each["query"]
            values = seen.ask(f"label/{found[2]}/values", **{"match[]": found[1]})
            chosen[each["name"]] = _first(values, each)
    return chosen


def _first(values: list[str], variable: Mapping[str, Any]) -> str:
    pattern = variable.get("regex", "").strip("/")
    kept = [value for value in values if re.search(pattern, value)]
    if variable.get("sort") == NUMBERS_DESCENDING:
        kept.sort(key=lambda value: -int(re.sub(r"\D", "", value) or -1))
    return kept[0]


def _answer(
    target: Mapping[str, Any],
    panel: Mapping[str, Any],
    chosen: Mapping[str, str],
    seen: Seen,
    width: int,
) -> dict[str, Any]:
    step = _step(panel, seen, width)
    times = {"__range": f"{seen.end - seen.begin:.0f}s"}
    times["__rate_interval"] = f"{max(step + seen.scrape_seconds, 4 * seen.scrape_seconds)}s"
    query = _filled(target["expr"], {**chosen, **times})
    if target.get("instant"):
        found = seen.ask("query", query=query, time=seen.end)
        told = [{**each, "values": [each["value"]]} for each in found["result"]]
    else:
        begin, end = seen.begin // step * step, seen.end // step * step
        told = seen.ask("query_range", query=query, start=begin, end=end, step=step)["result"]
    series = [
        {"labels": each["metric"], "name": _name(target, each["metric"]), "values": each["values"]}
        for each in told
    ]
    return {
        "refId": target["refId"],
        "format": target.get("format"),
        "step": step,
        "series": series,
    }


def _step(panel: Mapping[str, Any], seen: Seen, width: int) -> int:
    pixels = panel["gridPos"]["w"] * width // COLUMNS - GAP
    finest = (seen.end - seen.begin) / pixels
    rounded = next(seconds for bound, seconds in ROUND_SECONDS if finest < bound)
    return max(rounded, seen.scrape_seconds)


def _filled(query: str, variables: Mapping[str, str]) -> str:
    for name in sorted(variables, key=len, reverse=True):
        query = query.replace(f"${name}", variables[name])
    assert "$" not in query, query
    return query


def _name(target: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    legend = target.get("legendFormat", "__auto")
    if legend != "__auto":
        return LEGEND.sub(lambda found: labels.get(found[1], ""), legend)
    return "" if labels else target["expr"]
