"""Each alert fires when it should and is quiet when it should be, and leads to a page."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from orchestrator.metric_entry import Kind
from orchestrator.metric_names import CATALOGUE
from tests.services.alert_cases import CASES, Case

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "helm" / "fieldwise" / "files" / "rules"
RUNBOOKS = ROOT / "docs" / "runbooks"
SEVERITIES = {"critical", "warning", "info"}
PARTS = (
    "What it means",
    "What users feel",
    "How to look",
    "What to do",
    "When it is a false alarm",
)
METRIC = re.compile(r"\b(?:\w+:)?(?:fieldwise|grpc_server)_\w+(?::\w+)?")


def rules() -> list[dict[str, object]]:
    return [
        rule
        for file in sorted(RULES.glob("*.yaml"))
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]


ALERTS = {str(rule["alert"]): rule for rule in rules() if "alert" in rule}


def test_every_alert_has_a_case_and_a_page_and_nothing_else_has() -> None:
    assert sorted(case.alert for case in CASES) == sorted(ALERTS)
    assert sorted(page.stem for page in RUNBOOKS.glob("Fieldwise*.md")) == sorted(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_is_wrong_and_leads_to_its_page(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in SEVERITIES  # type: ignore[index]  # YAML has no types
    notes: dict[str, str] = rule["annotations"]  # type: ignore[assignment]  # YAML has no types
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert all(text.endswith(".") for text in (notes["summary"], notes["description"]))
    assert notes["runbook_url"] == f"docs/runbooks/{name}.md"
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    assert [part for part in PARTS if f"\n## {part}\n" not in page] == []


def written() -> set[str]:
    """Every series that the orchestrator, its process and the rules write."""
    parts = {
        f"{each.name}_{part}"
        for each in CATALOGUE
        if each.kind in {Kind.HISTOGRAM, Kind.DISTRIBUTION}
        for part in ("bucket", "sum", "count", "gsum", "gcount")
    }
    recorded = {str(rule["record"]) for rule in rules() if "record" in rule}
    return {each.name for each in CATALOGUE} | parts | recorded


def test_rules_read_no_metric_that_nobody_writes() -> None:
    for rule in rules():
        assert set(METRIC.findall(str(rule["expr"]))) <= written(), rule


@pytest.mark.services
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_fires_on_what_it_is_for_and_on_nothing_alike(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "case.json"  # JSON is YAML
    tests = [as_promtool(case, fires=True), as_promtool(case, fires=False)]
    told = {
        "rule_files": sorted(map(str, RULES.glob("*.yaml"))),
        "evaluation_interval": "1m",
        "tests": tests,
    }
    file.write_text(json.dumps(told))
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def as_promtool(case: Case, *, fires: bool) -> dict[str, object]:
    """A test of promtool: how many alerts of that name fire; each is one series of ALERTS."""
    series = case.firing if fires else case.quiet
    looks = [(case.after, int(fires))]
    if "for" in ALERTS[case.alert]:
        looks.append(("1m", 0))
    firing = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"{firing} or vector(0)",
                "eval_time": time,
                "exp_samples": [{"labels": "{}", "value": alerts}],
            }
            for time, alerts in looks
        ],
    }
