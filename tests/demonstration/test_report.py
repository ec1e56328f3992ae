import json
from dataclasses import replace
from pathlib import Path

import pytest

from demonstration.report import (
    Answer,
    Departed,
    DeviceFindings,
    Examination,
    Findings,
    KillFindings,
    Switch,
    problems,
    write_json,
)

TARGET = "lite1:1"
GOOD = DeviceFindings(
    name="north",
    condition="plain",
    classes=("a", "b"),
    taught=20,
    learned=16,
    before=Examination("lite0:1", right=9, total=10, bound=0.9),
    after=Examination(TARGET, right=10, total=10, bound=1.0),
    switch=Switch(seconds=3.0, predictions=40, failures=()),
    departed=(Departed("check-in", 4, 400),),
)
ANSWERS = (Answer("a", 0.9), Answer("b", 0.8))
UNHURT = KillFindings("north", 16, 16, ANSWERS, ANSWERS)


def told(device: DeviceFindings = GOOD, kill: KillFindings = UNHURT) -> list[str]:
    return problems(Findings("digits", 60.0, (device,), kill), TARGET)


def test_a_good_run_has_no_problems() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        (replace(GOOD, switch=Switch(None, 40, (), "too late")), "instead of lite1:1: too late"),
        (replace(GOOD, switch=Switch(3.0, 40, ("no answer",))), "1 of 40 predictions"),
        (replace(GOOD, switch=Switch(3.0, 0, ())), "nothing was predicted"),
        (replace(GOOD, after=Examination(TARGET, 7, 10, 1.0)), "70.0% right after the switch"),
        (replace(GOOD, before=Examination("lite0:1", 1, 10, 0.9)), "10.0% right before the switch"),
        (replace(GOOD, departed=()), "ledger of north is empty"),
    ],
)
def test_a_broken_promise_of_a_device_is_said(device: DeviceFindings, sentence: str) -> None:
    found = told(device)
    assert len(found) == 1
    assert sentence in found[0]


def test_lost_samples_are_said() -> None:
    assert told(kill=replace(UNHURT, samples_after=15)) == [
        "north had learned 16 samples before it was killed and 15 after it came back"
    ]


def test_an_answer_that_changed_is_said_even_where_the_class_is_the_same() -> None:
    other = (ANSWERS[0], Answer("b", 0.7999999))
    assert "1 of 2 test images differently" in told(kill=replace(UNHURT, answers_after=other))[0]


def test_machines_read_the_same_as_people(tmp_path: Path) -> None:
    findings = Findings("digits", 60.0, (GOOD,), UNHURT)
    write_json(tmp_path / "report.json", findings, ["a sentence"])
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["problems"] == ["a sentence"]
    assert written["devices"][0]["after"]["accuracy"] == 1.0
    assert written["devices"][0]["departed"] == [{"kind": "check-in", "messages": 4, "bytes": 400}]
    assert written["kill"]["changed_answers"] == 0
