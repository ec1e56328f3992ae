"""``consent`` and ``federation``, alone on a state folder: what an owner says and is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.cli.federation import lines_of
from agent.federation.standing import FederationState, SharedClass
from fieldwise.errors import CATALOGUE, Fault
from fieldwise.federation import Consent, FederationReport, HeadOutcome, RoundStep
from fieldwise.verdict import PairedCounts

Run = Callable[..., tuple[int, str, str]]


def json_of(run: Run, *arguments: str | Path) -> Any:
    status, out, err = run(*arguments, "--json")
    assert status == 0, err
    return msgspec.json.decode(out)


def test_nothing_may_leave_until_the_owner_says_so(run: Run) -> None:
    assert json_of(run, "federation", "show")["consent"] == "off"
    status, out, _ = run("federation", "show")
    assert (status, out.splitlines()[0]) == (0, "consent off: nothing leaves")


def test_a_consent_stands_and_the_ledger_says_so(run: Run) -> None:
    status, out, _ = run("consent", "weights")
    assert status == 0
    assert "means and counts of shared classes may leave" in out
    assert "shared_classes lists none" in out
    found = json_of(run, "federation", "show")
    assert (found["consent"], found["until"], found["classes"]) == ("weights", None, [])
    assert run("consent", "off")[0] == 0
    entries = json_of(run, "ledger")["entries"]
    assert [(each["kind"], each["bytes"]) for each in entries] == [("consent", 0)] * 2
    assert "lets means and counts of the classes leave" in entries[0]["summary"]
    assert "lets nothing of its heads leave" in entries[1]["summary"]


def test_a_consent_until_a_date_says_so(run: Run) -> None:
    found = json_of(run, "consent", "statistics", "--until", "2999-01-31")
    assert found["consent"] == "statistics"
    assert "until 2999-01-31" in run("federation", "show")[1]


@pytest.mark.parametrize("until", ["2001-01-01", "2001-01-01T10:00"])
def test_a_date_that_has_passed_is_refused(run: Run, until: str) -> None:
    status, _, err = run("consent", "weights", "--until", until)
    assert status == CATALOGUE[Fault.INVALID_ARGUMENT].exit_code
    assert "has passed" in err
    assert json_of(run, "federation", "show")["consent"] == "off"


@pytest.mark.parametrize("until", ["0001-01-01", "1970-01-01", "9999-12-31"])
def test_a_date_that_nobody_can_tell_is_refused(run: Run, until: str) -> None:
    status, _, err = run("consent", "weights", "--until", until)
    assert status == CATALOGUE[Fault.INVALID_ARGUMENT].exit_code
    assert "cannot end in the year" in err
    assert "Traceback" not in err


def test_a_word_that_is_no_consent_is_refused(run: Run) -> None:
    assert run("consent", "everything")[0] == 2


def test_dropping_where_nothing_is_in_use_changes_nothing(run: Run) -> None:
    assert run("federation", "drop")[1].strip() == "this device's own head serves"


def test_a_round_that_waits_for_a_hook_that_there_is_not_says_so() -> None:
    report = FederationReport(Consent.WEIGHTS, "c7", 3, RoundStep.NO_HOOK)
    told = "\n".join(lines_of(FederationState(Consent.WEIGHTS, report=report)))
    assert "3 of campaign c7: no-hook (it asks for the owner's conditions, and there is no" in told


def test_all_that_came_of_it_is_told() -> None:
    counts = PairedCounts(80, 4, 9, 7, 50, 3, 6)
    state = FederationState(
        Consent.WEIGHTS,
        None,
        tuple(SharedClass(f"class {number}", 20, 12, ready=number > 0) for number in range(25)),
        FederationReport(
            Consent.WEIGHTS, "c7", 3, RoundStep.ANSWERED, "c7", 2, HeadOutcome.ADOPTED, counts, 750
        ),
        4,
        40_960,
        2,
        5,
        counts,
    )
    told = "\n".join(lines_of(state))
    for words in (
        "4 updates, 40.0 KiB",
        "3 of campaign c7: answered",
        "version 2 of campaign c7: adopted",
        "84.0% right own, 89.0% with it, of 100",
        "75 % of it is others'",
        "2 global heads that were declined",
        "5; held-out samples 84.0% right without them, 89.0% with them",
        "class 0       20       12                 stays",
        "and 5 more classes",
    ):
        assert words in told
