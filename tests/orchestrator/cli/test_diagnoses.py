"""``fieldwise device diagnose``: what it asks, what it shows, and how waiting ends."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli import diagnoses
from orchestrator.diagnosis_views import DiagnosisView
from orchestrator.fleet.diagnosis import DiagnosisState
from tests.diagnoses import DIAGNOSIS, OTHER, REQUEST
from tests.fakes.operator_client import THEN, CannedClient

ASKED = DiagnosisView(REQUEST, "d-1", DiagnosisState.ASKED, THEN, THEN, None, None)
GIVEN = replace(ASKED, state=DiagnosisState.GIVEN, answered_at=THEN, diagnosis=DIAGNOSIS)
AWAY = FieldwiseError(Fault.UNREACHABLE, "it is started anew")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnoses, "LOOK_SECONDS", 0.0)


@pytest.mark.parametrize("state", DiagnosisState)
def test_every_state_is_told_in_words(
    run: Any, client: CannedClient, state: DiagnosisState
) -> None:
    client.answers["ask_diagnosis"] = replace(ASKED, state=state)
    result = run("device", "diagnose", "d-1")
    assert result.exit_code == 0
    assert diagnoses.SENTENCES[state] in result.stdout
    assert client.asked == [("ask_diagnosis", "d-1", 7 * 86_400, False)]


def test_a_diagnosis_is_shown_with_all_that_is_in_it(run: Any, client: CannedClient) -> None:
    client.answers["ask_diagnosis"] = GIVEN
    shown = run("device", "diagnose", "d-1", "--again", "--lifetime=2h").stdout
    assert client.asked == [("ask_diagnosis", "d-1", 7200, True)]
    for part in (
        "Python 3.11.4",
        "debian 12, kernel 6.1.0-18-arm64, aarch64",
        "average, nearest-mean",
        "download by link",
        "disk-full",
        "agent.device.room:Room.write:7",
        "KeyError",
    ):
        assert part in shown
    told = json.loads(run("device", "diagnose", "d-1", "--json").stdout)
    assert told["diagnosis"]["troubles"][0]["frames"][1]["function"] == "Room.write"


def test_waiting_ends_with_the_owners_word_and_survives_a_server_that_starts_anew(
    run: Any, client: CannedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = [[ASKED], AWAY, [replace(ASKED, state=DiagnosisState.WAITING)], [GIVEN]]

    async def look(_device: str) -> list[DiagnosisView]:
        answer = answers.pop(0)
        if isinstance(answer, FieldwiseError):
            raise answer
        return [replace(ASKED, id=OTHER), *answer]

    monkeypatch.setattr(client, "list_diagnoses", look, raising=False)
    client.answers["ask_diagnosis"] = ASKED
    told = json.loads(run("device", "diagnose", "d-1", "--wait", "--json").stdout)
    assert (told["id"], told["state"]) == (REQUEST, "given")
    assert answers == []


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (DiagnosisState.UNSUPPORTED, 5),
        (DiagnosisState.REFUSED, 3),
        (DiagnosisState.EXPIRED, 6),
    ],
)
def test_waiting_fails_where_nothing_will_come(
    run: Any, client: CannedClient, state: DiagnosisState, code: int
) -> None:
    client.answers["ask_diagnosis"] = ASKED
    client.answers["list_diagnoses"] = [[replace(ASKED, state=state)]]
    result = run("device", "diagnose", "d-1", "--wait")
    assert result.exit_code == code
    assert diagnoses.SENTENCES[state] in result.stderr


def test_a_request_that_is_not_kept_any_more_is_not_waited_for(
    run: Any, client: CannedClient
) -> None:
    client.answers["ask_diagnosis"] = ASKED
    client.answers["list_diagnoses"] = [[]]
    assert run("device", "diagnose", "d-1", "--wait").exit_code == 4


def test_a_list_asks_the_device_nothing(run: Any, client: CannedClient) -> None:
    client.answers["list_diagnoses"] = (GIVEN, ASKED)
    result = run("device", "diagnose", "d-1", "--list")
    assert REQUEST in result.stdout
    assert [call for call, *_ in client.asked] == ["list_diagnoses"]
