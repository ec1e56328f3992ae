"""Commands about rollouts: plans from files and options, what happens now, watching to an end."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import _NamedTextIOWrapper
from rich.console import Console

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli import looking, rollout_screens
from orchestrator.cli.watching import CODES, end_of
from orchestrator.paging import Page
from orchestrator.rollout.evidence import Outcome
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.plan import GateRules, Limits, Plan, Promotion, Wave, Window
from orchestrator.rollout_views import ChangeView
from tests.fakes.operator_client import CHANGE, DRAWN, EVENT, FINDING, ROLLOUT, CannedClient

REQUEST = "0f" * 16
COMPLETE = replace(ROLLOUT, phase=Phase.COMPLETE)


def sent(client: CannedClient) -> Plan:
    plan: Plan = client.asked[-1][1]
    return plan


def test_a_plan_of_options_reaches_the_server(run: Any, client: CannedClient) -> None:
    options = (
        "--cohort=line!=3",
        "--wave=20",
        "--wave=10%",
        "--wave=rest",
        "--margin=1%",
        "--promotion=manual",
        "--in-flight=50",
        "--bandwidth=5 MiB/s",
        "--soak=2h",
    )
    assert run("rollout", "start", "lite0:1.0.0", *options).exit_code == 0
    assert client.asked[-1][0] == "start_rollout"
    assert sent(client) == Plan(
        "lite0:1.0.0",
        "line!=3",
        waves=(Wave(devices=20), Wave(share=0.1), Wave()),
        gate=GateRules(margin=0.01),
        promotion=Promotion.MANUAL,
        limits=Limits(50, 0, 5 << 20),
        soak_seconds=7200,
    )


def test_options_go_before_what_the_file_says(
    run: Any, client: CannedClient, tmp_path: Path
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "backbone: lite0\ncohort: a=b\nwaves: [5, rest]\nlimits: {in_flight: 9}\nsoak: 1h\n"
    )
    options = ("--cohort=", "--wave=7", "--wave=rest", "--starts-per-minute=3")
    assert run("rollout", "start", "--plan", str(path), *options).exit_code == 0
    assert sent(client) == Plan(
        "lite0",
        "",
        waves=(Wave(devices=7), Wave()),
        limits=Limits(9, 3),
        soak_seconds=3600,
    )


def test_mistakes_of_options_and_file_are_told_at_once_before_the_server_is_asked(
    run: Any, client: CannedClient, tmp_path: Path
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("backbone: lite0\nlimits: many\n")
    options = ("--wave=some", "--soak=later", "--in-flight=5")
    refused = run("rollout", "start", "--plan", str(path), *options)
    assert refused.exit_code == 2
    told = [each for each in refused.stderr.splitlines() if each.startswith("error: ")]
    assert [each.split(": ")[1] for each in told] == ["soak", "waves[0]", "limits"]
    assert client.asked == []


def test_a_dry_run_starts_nothing_and_shows_waves_exclusions_and_what_can_be_seen(
    run: Any, client: CannedClient
) -> None:
    shown = run("rollout", "start", "lite0", "--wave=2", "--wave=rest", "--dry-run")
    assert [each[0] for each in client.asked] == ["preview_rollout", "list_previewed"]
    assert "none: too few samples" in shown.stdout
    assert "3.1 points" in shown.stdout
    assert shown.stdout.count("its owner pinned the backbone in use") == 2
    assert "Nothing was started." in shown.stderr
    listed = run("rollout", "start", "lite0", "--dry-run", "--limit=1")
    assert "d-2" not in listed.stdout
    full = json.loads(run("rollout", "start", "lite0", "--dry-run", "--limit=1", "--json").stdout)
    assert [each["id"] for each in full["devices"]] == [each.id for each in DRAWN]


@pytest.mark.parametrize(
    ("command", "phase", "said"),
    [
        ("pause", Phase.PAUSED, "r1 is paused: no further device starts"),
        ("abort", Phase.REVERTING, "r1 turns back: 4 devices ordered to what they had before."),
        ("hold", Phase.HELD, "r1 has ended where it is: devices keep what they have."),
    ],
)
def test_a_command_says_what_happens_now_and_how_many_may_still_start(
    run: Any, client: CannedClient, command: str, phase: Phase, said: str
) -> None:
    rollout = replace(ROLLOUT, phase=phase)
    client.answers[f"{command}_rollout"] = ChangeView(rollout, True, 5, 90, 4)
    shown = run("rollout", command, "r1").stdout
    assert said in shown
    assert "5 devices may still start on permits, for 90 s at most." in shown
    client.answers[f"{command}_rollout"] = ChangeView(rollout, False)
    again = run("rollout", command, "r1").stdout
    assert "already" in again
    assert "No device may still start" in again


@pytest.mark.parametrize(
    ("command", "phase", "reason", "said"),
    [
        ("resume", Phase.PAUSED, Reason.UNDECIDED, "r1 is paused: nobody starts until"),
        ("promote", Phase.COMPLETE, None, "r1 is complete."),
        ("pause", Phase.REVERTING, Reason.HARM, "r1 was aborted, and brings its devices back"),
        ("hold", Phase.REVERTED, Reason.OPERATOR, "r1 was aborted, and its devices are back"),
    ],
)
def test_a_command_whose_look_found_more_says_where_that_led(
    run: Any, client: CannedClient, command: str, phase: Phase, reason: Reason | None, said: str
) -> None:
    rollout = replace(ROLLOUT, phase=phase, reason=reason)
    client.answers[f"{command}_rollout"] = ChangeView(rollout)
    assert said in run("rollout", command, "r1").stdout


def test_now_revokes_permits(run: Any, client: CannedClient) -> None:
    run("rollout", "pause", "r1", "--now")
    run("rollout", "hold", "r1", "--now")
    run("rollout", "promote", "r1", "--to-end", "--wave=2")
    run("rollout", "undo", "r5", "--to=r2", f"--request={REQUEST}")
    assert client.asked == [
        ("pause_rollout", "r1", True),
        ("hold_rollout", "r1", True),
        ("promote_rollout", "r1", True, 2),
        ("undo_rollout", "r5", "r2", REQUEST),
    ]


def test_a_promotion_is_of_the_wave_that_is_open_as_it_is_given(
    run: Any, client: CannedClient
) -> None:
    run("rollout", "promote", "r1")
    assert client.asked == [
        ("get_rollout", "r1"),
        ("promote_rollout", "r1", False, ROLLOUT.wave),
    ]


REPEATABLE = {
    ("rollout", "start", "lite0"): ("start_rollout", f"--request={REQUEST}"),
    ("rollout", "undo", "r1"): ("undo_rollout", f"--request={REQUEST}"),
    ("rollout", "promote", "r1"): ("promote_rollout", "--wave=1"),
    ("ticket", "create"): ("create_ticket", f"--request={REQUEST}"),
}


@pytest.mark.parametrize("arguments", REPEATABLE, ids=" ".join)
def test_who_is_not_answered_is_told_how_to_ask_again(
    run: Any, client: CannedClient, arguments: tuple[str, ...]
) -> None:
    call, option = REPEATABLE[arguments]
    client.error = FieldwiseError(Fault.UNREACHABLE, "nobody answers")
    told = " ".join(run(*arguments, option).stderr.split())
    assert told.startswith("error: nobody answers; it may have been heard")
    assert option.replace("=", " ") in told
    assert client.asked[-1][0] == call
    client.error = FieldwiseError(Fault.NOT_FOUND, "there is none")
    assert "heard" not in run(*arguments, option).stderr


DESTRUCTIVE = [
    ("rollout", "abort", "r1"),
    ("rollout", "hold", "r1"),
    ("rollout", "undo", "r1"),
    ("rollout", "promote", "r1", "--to-end"),
    ("backbone", "recall", "lite0"),
]


@pytest.mark.parametrize("arguments", DESTRUCTIVE, ids=" ".join)
def test_a_person_is_asked_before_what_is_hard_to_take_back_and_a_script_is_not(
    run: Any,
    client: CannedClient,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    assert run(*arguments).exit_code == 0
    client.asked.clear()
    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _self: True)
    refused = run(*arguments, asked="n\n")
    assert refused.exit_code == 2
    assert "nothing was changed" in refused.stderr
    assert client.asked == []
    assert run(*arguments, asked="y\n").exit_code == 0
    assert run(*arguments, "--yes").exit_code == 0
    assert run(*arguments, "--json").exit_code == 0
    assert len([each for each in client.asked if each[0] != "get_rollout"]) == 3


def test_an_abort_that_finds_nobody_says_so(run: Any, client: CannedClient) -> None:
    client.answers["abort_rollout"] = ChangeView(replace(ROLLOUT, phase=Phase.REVERTED))
    assert "no device has to go anywhere" in run("rollout", "abort", "r1").stdout


def test_a_backbone_that_was_recalled_before_says_so(run: Any, client: CannedClient) -> None:
    client.answers["recall_backbone"] = replace(client.answers["recall_backbone"], rollouts=())
    assert "was recalled already" in run("backbone", "recall", "lite0").stdout


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_goes_on_or_has_an_exit_code_of_its_own(phase: Phase) -> None:
    going_on = phase in {Phase.RUNNING, Phase.REVERTING}
    assert (end_of(replace(ROLLOUT, phase=phase)) is None) is going_on
    assert len(set(CODES.values())) == len(CODES) == len(Phase) - 2


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (COMPLETE, 0),
        (replace(ROLLOUT, phase=Phase.PAUSED), 20),
        (replace(ROLLOUT, reason=Reason.PROMOTION), 20),
        (replace(ROLLOUT, phase=Phase.REVERTED), 21),
        (replace(ROLLOUT, phase=Phase.HELD), 22),
        (replace(ROLLOUT, phase=Phase.SUPERSEDED), 23),
    ],
)
def test_watching_ends_with_a_code_for_how_it_went(
    run: Any, client: CannedClient, last: Any, code: int
) -> None:
    client.answers["get_rollout"] = [ROLLOUT, ROLLOUT, last]
    client.answers["list_events"] = [Page((EVENT,)), Page((EVENT,)), Page((EVENT,))]
    watched = run("rollout", "watch", "r1", "--every=0.2")
    assert watched.exit_code == code
    lines = watched.stdout.splitlines()
    assert "Started, by an operator." in lines[0]
    assert lines[1].startswith("r1 running, wave 1 of 2; 1 healthy, 1 offline, 1 waiting")
    assert len(lines) == 3  # an event once, and only a look that brings something new


def test_with_json_every_change_is_a_line(run: Any, client: CannedClient) -> None:
    client.answers["get_rollout"] = [ROLLOUT, COMPLETE]
    client.answers["list_events"] = [Page((EVENT,)), Page((replace(EVENT, sequence=2), EVENT))]
    lines = run("rollout", "watch", "r1", "--every=0.2", "--json").stdout.splitlines()
    told = [json.loads(each) for each in lines]
    assert [each["rollout"]["phase"] for each in told] == ["running", "complete"]
    assert [[event["sequence"] for event in each["events"]] for each in told] == [[1], [2]]


def test_watching_gives_up_when_its_time_is_over(run: Any) -> None:
    assert run("rollout", "watch", "r1", "--within=0s").exit_code == 24
    assert run("rollout", "watch", "r1", "--within=soon").exit_code == 2


def test_watching_outlasts_a_server_that_is_away_for_a_moment_and_no_other_error(
    run: Any, client: CannedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([FieldwiseError(Fault.UNREACHABLE, "away"), None])

    async def look(_rollout: str) -> Any:
        error = next(looks)
        if error is not None:
            raise error
        return COMPLETE

    monkeypatch.setattr(client, "get_rollout", look, raising=False)
    assert run("rollout", "watch", "r1", "--every=0.2").exit_code == 0
    monkeypatch.delattr(client, "get_rollout")
    client.error = FieldwiseError(Fault.NOT_FOUND, "no such rollout")
    assert run("rollout", "watch", "r1").exit_code == 4
    client.error = FieldwiseError(Fault.UNREACHABLE, "away")
    monkeypatch.setattr(looking, "FAILED_LOOKS_MAX", 2)
    assert run("rollout", "watch", "r1", "--every=0.2").exit_code == 6


def test_the_live_view_has_waves_evidence_what_is_awaited_and_news() -> None:
    console = Console(width=120, record=True, file=StringIO())
    console.print(rollout_screens.screen(ROLLOUT, [EVENT] * 9))
    shown = console.export_text()
    assert "waits for" in shown
    assert "devices of the waves that are open: 1 offline" in shown
    assert "mean loss 0.4 points over 2 devices, between -2.0 points and 3.0 points" in shown
    assert "a loss of 5.0 points would show" in shown
    assert shown.count("Started, by an operator.") == 5
    assert "healthy" in shown


@pytest.mark.parametrize(
    ("rollout", "waits"),
    [
        (replace(ROLLOUT, phase=Phase.PAUSED), "an operator: `rollout resume r1`"),
        (
            replace(ROLLOUT, waves=({}, {}), finding=replace(FINDING, outcome=Outcome.UNDECIDED)),
            "more evidence until its deadline",
        ),
        (replace(ROLLOUT, reason=Reason.PROMOTION), "an operator: `rollout promote r1`"),
        (replace(ROLLOUT, counts={}, waves=()), "its first device"),
        (COMPLETE, ""),
        (
            replace(
                ROLLOUT, waves=({Place.HEALTHY: 2}, {Place.WAITING: 1}), counts={Place.HEALTHY: 2}
            ),
            "its time to be watched",
        ),
        (
            replace(ROLLOUT, phase=Phase.REVERTING, waves=({Place.HEALTHY: 2},)),
            "the next look",
        ),
    ],
)
def test_what_a_rollout_waits_for_is_said(rollout: Any, waits: str) -> None:
    said = rollout_screens.awaited(rollout)
    assert said.startswith(waits)
    assert bool(said) is bool(waits)


def test_a_window_that_is_closed_is_waited_for() -> None:
    shut = replace(ROLLOUT, plan=replace(ROLLOUT.plan, window=Window(60, 120)))
    assert rollout_screens.awaited(shut, 0.0).endswith("its window, which opens in 60 min")
    assert "window" not in rollout_screens.awaited(shut, 90.0 * 60)
    back = replace(shut, phase=Phase.REVERTING)
    assert "window" not in rollout_screens.awaited(back, 0.0)


def test_a_finding_without_a_loss_is_its_outcome_and_reasons_alone() -> None:
    bare = replace(FINDING, mean_loss=None)
    assert rollout_screens.evidence(bare) == ["waiting: devices have not settled"]
    assert rollout_screens.evidence(None) == []


def test_a_rollout_shows_its_plan_and_its_waves(run: Any, client: CannedClient) -> None:
    shown = run("rollout", "show", "r1").stdout
    assert "waves: 2, rest" in shown
    assert "open" in shown
    client.answers["list_events"] = Page((EVENT,) * 3, "more")
    assert "Only the newest 2" in run("rollout", "show", "r1", "--history", "--limit=2").stderr


def test_a_fleet_shows_its_rollouts_by_phase(run: Any) -> None:
    assert "paused" in run("status").stdout


def test_a_change_that_lets_devices_start_says_nothing_of_permits(
    run: Any, client: CannedClient
) -> None:
    client.answers["resume_rollout"] = replace(CHANGE, may_still_start=3)
    assert "may still start" not in run("rollout", "resume", "r1").stdout
