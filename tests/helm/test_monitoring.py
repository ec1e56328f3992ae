"""Prometheus finds the metrics and the rules, and Grafana's sidecar the dashboards."""

import json
from typing import Any

import yaml

from tests import charts

RULES = sorted((charts.CHART / "files" / "rules").glob("*.yaml"))
# Two installations of one name, in namespaces of their own, are two jobs.
JOB = {
    "sourceLabels": ["__meta_kubernetes_namespace", "__meta_kubernetes_service_name"],
    "separator": "/",
    "targetLabel": "job",
}
DASHBOARDS = sorted((charts.CHART / "files" / "dashboards").glob("*.json"))


def test_nothing_of_it_is_made_unless_it_is_asked_for() -> None:
    kinds = {each["kind"] for each in charts.rendered("default")}
    assert not kinds & {"ServiceMonitor", "PrometheusRule"}
    labels = [each["metadata"]["labels"] for each in charts.rendered("default")]
    assert not [each for each in labels if "grafana_dashboard" in each]


def test_every_replica_is_scraped_under_the_labels_that_prometheus_wants() -> None:
    objects = charts.rendered("outside")
    monitor = charts.named(objects, "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "monitoring"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": [charts.NAMESPACE]}
    [endpoint] = monitor["spec"]["endpoints"]
    told = {"port": "metrics", "path": "/metrics", "interval": "30s"}
    assert endpoint == {**told, "relabelings": [JOB]}
    service = charts.named(objects, "Service", "-metrics")
    assert [each["name"] for each in service["spec"]["ports"]] == [endpoint["port"]]


def test_what_becomes_of_labels_is_the_operator_s_choice() -> None:
    rule = {"action": "labeldrop", "regex": "pod"}
    named = ("scrapeTimeout", "relabelings", "metricRelabelings")
    given = [json.dumps(each) for each in ("10s", [rule], [rule])]
    settings = [
        f"metrics.serviceMonitor.{name}={value}" for name, value in zip(named, given, strict=True)
    ]
    monitor = charts.named(charts.rendered_with("outside", *settings), "ServiceMonitor")
    [endpoint] = monitor["spec"]["endpoints"]
    assert [endpoint[name] for name in named] == ["10s", [JOB, rule], [rule]]


def groups(*settings: str) -> list[dict[str, Any]]:
    """The groups of rules as they are made."""
    made = charts.named(charts.rendered_with("outside", *settings), "PrometheusRule")
    assert made["metadata"]["labels"]["release"] == "monitoring"
    found: list[dict[str, Any]] = made["spec"]["groups"]
    return found


def alerts(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [rule for group in found for rule in group["rules"] if "alert" in rule]


def test_the_rules_are_those_of_the_files_under_the_labels_that_prometheus_wants() -> None:
    assert RULES
    written = [each for path in RULES for each in yaml.safe_load(path.read_text())["groups"]]
    assert groups('metrics.prometheusRule.runbookBase=""') == written


def test_every_alert_leads_to_a_page_of_what_to_do() -> None:
    found = alerts(groups())
    assert found
    base = "https://git.example.org/fieldwise/blob/main/"
    for each in found:
        page = each["annotations"]["runbook_url"].removeprefix(base)
        assert (charts.ROOT / page).read_text().startswith(f"# {each['alert']}")


def test_an_alert_that_is_not_wanted_is_left_out_and_nothing_else() -> None:
    every = alerts(groups())
    unwanted = every[0]["alert"]
    setting = f"metrics.prometheusRule.disabledAlerts={json.dumps([unwanted])}"
    assert alerts(groups(setting)) == every[1:]
    assert sum(len(group["rules"]) for group in groups(setting)) == (
        sum(len(group["rules"]) for group in groups()) - 1
    )


def test_the_dashboards_are_those_of_the_files_where_the_sidecar_looks() -> None:
    made = [
        each
        for each in charts.of_kind(charts.rendered("outside"), "ConfigMap")
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    assert all(each["metadata"]["annotations"] == {"grafana_folder": "fieldwise"} for each in made)
    held = {name: text for each in made for name, text in each["data"].items()}
    assert DASHBOARDS
    assert {name: json.loads(text) for name, text in held.items()} == {
        f"fieldwise-{path.name}": json.loads(path.read_text()) for path in DASHBOARDS
    }
