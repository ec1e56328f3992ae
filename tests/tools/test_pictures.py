"""Pictures ask what Grafana would ask."""

from collections.abc import Mapping
from typing import Any

import pytest

from tools.pictures.asking import Seen, figures

LABELS = {"rollout": ["other", "r10", "r2", "r9"], "job": ["orchestrator"]}


class Asked(Seen):
    """A Prometheus that has one series for whatever it is asked, and remembers what that was."""

    def ask(self, path: str, **wanted: Any) -> Any:
        told.append((path, wanted))
        if path.startswith("label/"):
            return LABELS[path.split("/")[1]]
        value = {"value": [900, "7"]} if path == "query" else {"values": [[0, "1"], [30, "2"]]}
        return {"result": [{"metric": {"phase": "active"}, **value}]}


told: list[tuple[str, Mapping[str, Any]]] = []
ROLLOUT = {
    "type": "query",
    "name": "rollout",
    "query": {"query": 'label_values(fieldwise_rollout_devices{job="$job"}, rollout)'},
    "regex": r"/^r\d+$/",
    "sort": 4,
}
JOB = {"type": "query", "name": "job", "query": {"query": "label_values(fieldwise_ready, job)"}}


def asked(target: Mapping[str, Any], width: int = 8, variables: Any = (JOB, ROLLOUT)) -> Any:
    """What a panel with one target shows of an hour and a quarter, scraped every five seconds."""
    told.clear()
    panel = {"gridPos": {"w": width}, "targets": [{"refId": "A", **target}]}
    board = {"title": "?", "templating": {"list": list(variables)}, "panels": [panel]}
    shown = figures(board, Asked("", 902.0, 5403.0, 5), 1600)
    return shown, told[-1][1]


def test_a_variable_takes_the_choice_that_grafana_shows_first() -> None:
    shown, wanted = asked({"expr": 'x{job="$job", rollout=~"$rollout"}'})
    assert shown["chosen"] == {"job": "orchestrator", "rollout": "r10"}
    assert wanted["query"] == 'x{job="orchestrator", rollout=~"r10"}'
    assert (
        "label/rollout/values",
        {"match[]": 'fieldwise_rollout_devices{job="orchestrator"}'},
    ) in told


@pytest.mark.parametrize(("width", "step"), [(8, 10), (24, 5)])
def test_a_step_is_about_a_pixel_and_never_shorter_than_a_scrape(width: int, step: int) -> None:
    shown, wanted = asked({"expr": "x"}, width)
    assert wanted["step"] == step == shown["panels"][0]["answers"][0]["step"]
    assert wanted["start"] % step == wanted["end"] % step == 0


def test_rates_reach_over_four_scrapes_and_ranges_over_all_that_is_shown() -> None:
    _, wanted = asked({"expr": "rate(x[$__rate_interval]) / increase(x[$__range])"}, 24)
    assert wanted["query"] == "rate(x[20s]) / increase(x[4501s])"


def test_a_table_asks_once_at_the_end() -> None:
    shown, wanted = asked({"expr": "x", "instant": True, "format": "table"})
    assert wanted == {"query": "x", "time": 5403.0}
    assert shown["panels"][0]["answers"][0]["series"][0]["values"] == [[900, "7"]]


@pytest.mark.parametrize(
    ("legend", "name"), [("{{phase}} by {{ who }}", "active by "), ("__auto", ""), ("p99", "p99")]
)
def test_a_series_has_the_name_of_the_legend(legend: str, name: str) -> None:
    shown, _ = asked({"expr": "x", "legendFormat": legend})
    assert shown["panels"][0]["answers"][0]["series"][0]["name"] == name


def test_a_variable_that_nobody_fills_is_noticed() -> None:
    with pytest.raises(AssertionError, match="forgotten"):
        asked({"expr": "x{job='$forgotten'}"})
