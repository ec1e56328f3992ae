"""Commands about campaigns: plans from options, what happens now, watching to an end."""

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, RowKind
from orchestrator.campaign_views import CampaignView
from orchestrator.cli import campaign_screens
from orchestrator.cli.campaign_watching import CODES
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.plan import CampaignPlan
from orchestrator.paging import Page
from tests.fakes.campaign_client import CAMPAIGN, HEAD, ROUND, THEN
from tests.fakes.operator_client import CannedClient

REQUEST = "0f" * 16
COMPLETE = replace(CAMPAIGN, phase=CampaignPhase.COMPLETE)


def sent(client: CannedClient) -> CampaignPlan:
    plan: CampaignPlan = client.campaigns.asked[-1][1]
    return plan


def text_of(campaign: CampaignView) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(campaign_screens.screen(campaign, [ROUND]))
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # it is the file above


def test_a_plan_of_options_reaches_the_server(run: Any, client: CannedClient) -> None:
    options = (
        "--class=apple",
        "--class=pear",
        "--cohort=line!=3",
        "--kind=weights",
        "--strategy=FedTrimmedAvg",
        "--option=beta=0.3",
        "--rounds=20",
        "--quorum=5",
        "--participants=10",
        "--over-selection=50%",
        "--deadline=2h",
        "--pause=10m",
        "--only-idle",
        "--norm-max=4",
        "--noise=0.01",
        "--samples-min=20",
    )
    assert run("federation", "start", "lite0:1.0.0", *options).exit_code == 0
    assert sent(client) == CampaignPlan(
        "lite0:1.0.0",
        ("apple", "pear"),
        "line!=3",
        kind=RowKind.WEIGHTS,
        strategy="FedTrimmedAvg",
        options={"beta": 0.3},
        rounds=20,
        quorum=5,
        participants=10,
        over_selection=0.5,
        deadline_seconds=7200,
        pause_seconds=600,
        only_idle=True,
        norm_max=4.0,
        noise=0.01,
        samples_min=20,
    )


def test_what_is_not_said_is_as_the_plan_has_it(run: Any, client: CannedClient) -> None:
    assert run("federation", "start", "lite0", "--class=apple").exit_code == 0
    assert sent(client) == CampaignPlan("lite0", ("apple",))


def test_classes_come_from_a_file_as_well(run: Any, client: CannedClient, tmp_path: Path) -> None:
    file = tmp_path / "classes.txt"
    file.write_text("pear\n\n  red apple \n")
    run("federation", "start", "lite0", "--class=fig", f"--classes={file}", "--level=statistics")
    assert sent(client).classes == ("fig", "pear", "red apple")
    assert sent(client).level is Consent.STATISTICS


def test_a_campaign_without_an_end_is_asked_for_by_name(run: Any, client: CannedClient) -> None:
    assert run("federation", "start", "lite0", "--class=apple", "--continuous").exit_code == 0
    assert sent(client).rounds == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "classes: there are 0"),
        (("--class=a", "--rounds=2", "--continuous"), "contradict"),
        (("--class=a", "--option=beta=x"), "no number"),
        (("--class=a", "--option=beta=1", "--option=beta=2"), "given twice"),
        (("--class=a", "--over-selection=much"), "no share"),
        (("--class=a", "--deadline=soon"), "no time"),
        (("--class=a", "--quorum=1", "--noise=1"), "quorum"),
        (("--class=a", "--quorum=1", "--noise=1"), "noise"),
        (("--classes=/nowhere",), "cannot be read"),
    ],
)
def test_every_mistake_is_told_before_the_server_is_asked(
    run: Any, client: CannedClient, options: tuple[str, ...], told: str
) -> None:
    done = run("federation", "start", "lite0", *options)
    assert done.exit_code == 2
    assert told in done.stderr
    assert client.campaigns.asked == []


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 2_097_153])
def test_a_file_that_is_no_list_of_classes_is_refused(
    run: Any, client: CannedClient, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "classes"
    file.write_bytes(content)
    done = run("federation", "start", "lite0", f"--classes={file}")
    assert done.exit_code == 2
    assert str(file) in done.stderr.replace("\n", "")
    assert client.campaigns.asked == []


def test_a_start_without_an_answer_says_how_to_ask_again(run: Any, client: CannedClient) -> None:
    client.campaigns.error = FieldwiseError(Fault.UNREACHABLE, "nobody answers")
    done = run("federation", "start", "lite0", "--class=a", f"--request={REQUEST}")
    assert done.exit_code == 6
    assert f"--request {REQUEST}" in done.stderr
    assert client.campaigns.asked[-1][2] == REQUEST


def test_a_dry_run_starts_nothing(run: Any, client: CannedClient) -> None:
    done = run("federation", "start", "lite0", "--class=apple", "--dry-run")
    assert "Nothing was started" in done.stderr
    assert client.campaigns.asked[-1][-1] is True
    assert "20 of 40 devices to weights" in done.stdout


def test_campaigns_are_listed_in_a_table_and_as_json(run: Any, client: CannedClient) -> None:
    assert "FedAvgM" in run("federation", "list").stdout
    (listed,) = json.loads(run("federation", "list", "--json").stdout)
    assert (listed["id"], listed["phase"]) == ("c1", "running")


def test_a_campaign_shows_how_it_stands(run: Any) -> None:
    shown = run("federation", "show", "c1").stdout
    for told in (
        "FedAvgM (server_momentum=0.5)",
        "2 of 1 made, 1 missed, 3 left it unchanged",
        "7 adopted it",
        "by dora",
    ):
        assert told in shown


def test_rounds_and_heads_are_listed(run: Any, client: CannedClient) -> None:
    assert "400.0 KiB" in run("federation", "show", "c1", "--rounds").stdout
    assert "cdcdcdcdcdcd" in run("federation", "head", "list", "c1").stdout
    (head,) = json.loads(run("federation", "head", "list", "c1", "--json").stdout)
    assert head["outcomes"] == {"adopted": 7, "harm": 1}


def test_a_campaign_is_stopped(run: Any, client: CannedClient) -> None:
    assert run("federation", "stop", "c1", "--yes").exit_code == 0
    assert client.campaigns.asked[-1] == ("stop", "c1")


def test_an_earlier_head_is_offered_again(run: Any, client: CannedClient) -> None:
    client.campaigns.answers["roll_back"] = replace(HEAD, version=3, round=0, back_to=1)
    done = run("federation", "head", "rollback", "c1", "1", "--yes")
    assert client.campaigns.asked[-1][:3] == ("roll_back", "c1", 1)
    assert "version 3 offers what version 1 did" in done.stdout


def test_a_taking_back_that_is_not_answered_tells_how_it_may_be_repeated(
    run: Any, client: CannedClient
) -> None:
    client.campaigns.error = FieldwiseError(Fault.UNREACHABLE, "nobody answers")
    again = ("federation", "head", "rollback", "c1", "1", "--yes", f"--request={REQUEST}")
    done = run(*again)
    assert f"--request {REQUEST}" in " ".join(done.stderr.split())
    assert client.campaigns.asked[-1] == ("roll_back", "c1", 1, REQUEST)


def test_a_head_is_written_whole(run: Any, client: CannedClient, tmp_path: Path) -> None:
    target = tmp_path / "head.safetensors"
    done = run("federation", "head", "export", "c1", "2", f"--output={target}", "--json")
    assert target.read_bytes() == b"head file"
    assert json.loads(done.stdout) == {"path": str(target), "bytes": 9}


def test_a_head_that_breaks_off_is_not_written(
    run: Any, client: CannedClient, tmp_path: Path
) -> None:
    client.campaigns.pieces.pop()
    done = run("federation", "head", "export", "c1", f"--output={tmp_path / 'head'}")
    assert "4 of 9 bytes" in done.stderr
    assert list(tmp_path.glob("head*")) == []


@pytest.mark.parametrize(("phase", "code"), list(CODES.items()))
def test_watching_ends_with_what_became_of_it(
    run: Any, client: CannedClient, phase: CampaignPhase, code: int
) -> None:
    later = replace(CAMPAIGN, phase=phase, reason="why" if phase == "failed" else "")
    client.campaigns.answers["get"] = [CAMPAIGN, CAMPAIGN, later]
    done = run("federation", "watch", "c1", "--every=0.2")
    assert done.exit_code == code
    assert len(done.stdout.splitlines()) == 2  # what did not change is not told again


def test_watching_as_json_tells_each_change_on_a_line(run: Any, client: CannedClient) -> None:
    client.campaigns.answers["get"] = [CAMPAIGN, COMPLETE]
    lines = run("federation", "watch", "c1", "--every=0.2", "--json").stdout.splitlines()
    assert [json.loads(each)["campaign"]["phase"] for each in lines] == ["running", "complete"]


def test_watching_gives_up_when_the_time_is_over(run: Any, client: CannedClient) -> None:
    assert run("federation", "watch", "c1", "--every=5", "--within=1s").exit_code == 24


def test_a_screen_shows_how_far_the_round_is() -> None:
    shown = text_of(CAMPAIGN)
    assert "4 of 10" in shown
    assert "13" in shown


def test_a_campaign_tells_what_it_waits_for() -> None:
    closed = replace(ROUND, phase=RoundPhase.CLOSED)
    told = campaign_screens.awaited
    assert told(CAMPAIGN) == "devices answer round 3"
    assert told(replace(CAMPAIGN, round=closed)) == "the aggregator works on round 3"
    few = replace(CAMPAIGN, round=None, agreed=1)
    assert told(few) == "waits until 2 devices agree; 1 do"
    assert told(replace(few, agreed=2)) == "waits for the next round"
    assert told(replace(COMPLETE, round=closed)) == "complete"
    over = campaign_screens.progress(CAMPAIGN, THEN + timedelta(days=1))
    assert over.endswith("0 s left")


def test_a_name_that_a_terminal_would_obey_is_shown_without_it(
    run: Any, client: CannedClient
) -> None:
    spoiled = replace(CAMPAIGN, plan=replace(CAMPAIGN.plan, classes=("a\x1b[2J",)))
    client.campaigns.answers["get"] = spoiled
    client.campaigns.answers["rounds"] = Page(())
    assert "\x1b[2J" not in run("federation", "show", "c1").stdout
