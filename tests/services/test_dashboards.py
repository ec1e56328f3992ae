"""Dashboards are what the code says, and none of their panels is dead."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.campaign_metric_names import OF_CAMPAIGNS
from tests.services.living import living
from tests.services.programs import prometheus, query, until, wait_for
from tests.services.test_alerts import METRIC, written
from tests.services.test_prometheus import series_of
from tools.dashboards.__main__ import FOLDER, fresh
from tools.dashboards.boards import BOARDS
from tools.generated import stale

SELECTED = re.compile(r"\b(?:fieldwise|grpc_server|process)_\w+({[^}]*})?")
VARIABLES = {
    "$job": "orchestrator",
    "$rollout": ".*",
    "$campaign": ".*",
    "$__rate_interval": "30s",
    "$__range": "30m",
}


def test_every_dashboard_is_what_the_code_says() -> None:
    assert stale(fresh()) == {}, "run `make dashboards`"
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted(
        f"{board.name}.json" for board in BOARDS
    )


def test_every_dashboard_and_every_panel_asks_a_question() -> None:
    for board in BOARDS:
        titles = [panel.title for panel in board.panels]
        assert all(title.endswith("?") for title in (board.title, *titles))
        assert len(titles) == len(set(titles))


def test_panels_read_no_metric_that_nobody_writes() -> None:
    for board in BOARDS:
        read = {
            name
            for panel in board.panels
            for each in panel.asked
            for name in METRIC.findall(each.query)
        }
        assert read <= written()


def test_every_figure_is_of_the_installation_that_is_chosen() -> None:
    for board in BOARDS:
        queries = [each.query for panel in board.panels for each in panel.asked]
        for asked in (*queries, *(choice.query for choice in board.variables)):
            read = SELECTED.findall(asked)
            assert read
            assert all('job="$job"' in labels for labels in read), asked


def has_figures(found: list[dict[str, Any]]) -> bool:
    return any(math.isfinite(float(each["value"][1])) for each in found)


@pytest.mark.services
@pytest.mark.timeout(1800)
def test_no_panel_is_dead_where_devices_live(tmp_path: Path) -> None:
    with living(tmp_path) as running, prometheus(tmp_path, running.told["metrics_address"]) as base:
        wait_for(base, "up == 1")  # what happens before the first scrape is no increase
        none = running.json("rollout", "start", "tiny:1.0.0", "--cohort=site=nowhere")
        running.json("rollout", "hold", none["id"])
        asked = {
            # What is only shown where something happened is there without that, too.
            f"{board.name}: {panel.title} {each.name}": each.query.removesuffix(" > 0")
            for board in BOARDS
            for panel in board.panels
            for each in panel.asked
        }
        asked |= {name: name for entry in OF_CAMPAIGNS for name in series_of(entry)}
        for variable, value in VARIABLES.items():
            asked = {title: each.replace(variable, value) for title, each in asked.items()}
        assert not [each for each in asked.values() if re.search(r"\$\w", each)]

        def dead() -> list[str]:
            return [title for title, each in asked.items() if not has_figures(query(base, each))]

        until(lambda: not dead(), lambda: "\n".join(dead()))
