"""The commands, working alone on a state folder: what they print and what they end with."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.cli.desk import FAULTS, check_installed
from fieldwise import __version__
from fieldwise.answers import UpdateStatus
from fieldwise.errors import CATALOGUE, Fault, FieldwiseError
from fieldwise.update import UpdateFailure
from tests.bundles import CLASSES, Spoiled, class_folder, spoiled_bundle
from tests.fakes.agent_inside import tiny

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ready(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "bundle").write_bytes(tiny())
    installed = json_of(run, "backbone", "install", tmp_path / "bundle")
    assert installed["backbone"] == "tiny:1.0.0"
    class_folder(tmp_path / "images", count=4)
    return run


def json_of(run: Run, *arguments: str | Path) -> Any:
    status, out, err = run(*arguments, "--json")
    assert status == 0, err
    return msgspec.json.decode(out)


def test_images_are_taught_and_then_predicted(ready: Run, tmp_path: Path) -> None:
    for name in CLASSES:
        files = sorted((tmp_path / "images" / name).iterdir())
        taught = json_of(ready, "teach", name, *files, "--burst", f"scene {name} 1")
        assert [each["file"] for each in taught] == [str(file) for file in files]
        assert len({each["share"] for each in taught}) == 1
    told = json_of(ready, "status")
    assert told["backbone"] == "tiny:1.0.0"
    counted = told["learning"]
    assert counted["samples"] + counted["select_samples"] + counted["judge_samples"] == 16
    answers = json_of(ready, "predict", tmp_path / "images" / "red" / "0.png")
    assert answers[0]["backbone"] == "tiny:1.0.0"


def test_independent_images_are_scenes_of_their_own(ready: Run, tmp_path: Path) -> None:
    files = sorted((tmp_path / "images").rglob("*.png"))
    taught = json_of(ready, "teach", "thing", *files, "--independent")
    again = json_of(ready, "teach", "other", *files, "--independent")
    assert [each["share"] for each in taught] == [each["share"] for each in again]


def test_one_bad_file_does_not_keep_the_others(ready: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xffrubbish")
    good = tmp_path / "images" / "red" / "0.png"
    status, out, err = ready("teach", "red", bad, good, tmp_path / "none.png")
    assert status == CATALOGUE[Fault.IMAGE_INVALID].exit_code
    assert f"{good}: " in out
    assert str(bad) in err
    assert "none.png" in err


def test_names_that_are_not_utf8_keep_no_results(ready: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "images" / "red" / "0.png", tmp_path / os.fsdecode(b"bad\xff.png")
    shutil.copy(good, bad)
    gone = tmp_path / os.fsdecode(b"gone\xff.png")
    status, out, err = ready("predict", bad, gone, good, "--json")
    assert status == CATALOGUE[Fault.IMAGE_INVALID].exit_code
    first, second, third = msgspec.json.decode(out)
    assert first["file"] == f"{tmp_path}/bad\ufffd.png"
    assert second["fault"] == "image-invalid"
    assert third["file"] == str(good)
    assert first["classes"] == third["classes"]
    told = msgspec.json.decode(err)["error"]  # nothing but JSON, advice included
    assert "gone\ufffd.png" in told["message"]
    assert told["advice"]
    status, out, err = ready("predict", bad, gone)
    assert f"{tmp_path}/bad\ufffd.png: " in out
    assert "gone\ufffd.png" in err


def test_a_class_that_is_not_utf8_is_refused(ready: Run, tmp_path: Path) -> None:
    image = tmp_path / "images" / "red" / "0.png"
    status, _, err = ready("teach", os.fsdecode(b"bad\xff"), image)
    assert status == CATALOGUE[Fault.CLASS_INVALID].exit_code
    assert "cannot be printed" in err


def test_a_pipe_is_neither_image_nor_bundle(ready: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    status, _, err = ready("predict", tmp_path / "pipe.png")
    assert (status, "no regular file" in err) == (CATALOGUE[Fault.IMAGE_INVALID].exit_code, True)
    status, _, err = ready("backbone", "install", tmp_path / "pipe.png")
    assert (status, "no regular file" in err) == (CATALOGUE[Fault.NOT_FOUND].exit_code, True)


@pytest.mark.parametrize(
    ("spoiled", "fault"),
    [
        (Spoiled.LOAD, Fault.GRAPH_FAILED),
        (Spoiled.RUN, Fault.GRAPH_FAILED),
        (Spoiled.GOLDEN, Fault.GOLDEN_MISMATCH),
    ],
)
def test_a_backbone_that_does_not_come_into_use_says_why(
    spoiled: Spoiled, fault: Fault, run: Run, tmp_path: Path
) -> None:
    status, _, err = run("backbone", "install", spoiled_bundle(tmp_path / "bad", spoiled), "--json")
    assert msgspec.json.decode(err.splitlines()[-1])["error"]["fault"] == fault
    assert status == CATALOGUE[fault].exit_code


def test_a_damaged_bundle_file_is_to_be_made_again(run: Run, tmp_path: Path) -> None:
    content = bytearray(tiny())
    content[len(content) // 2] ^= 1
    (tmp_path / "bundle").write_bytes(content)
    _, _, err = run("backbone", "install", tmp_path / "bundle")
    assert "is damaged" in err
    assert "by itself" not in err


def test_an_update_that_another_one_replaced_is_told_apart() -> None:
    with pytest.raises(FieldwiseError) as caught:
        check_installed("a" * 64, UpdateStatus(0, "b" * 64, "active", ""))
    assert caught.value.fault is Fault.CONFLICT


def test_every_failure_of_an_update_is_a_fault_of_its_own() -> None:
    assert set(FAULTS) == set(UpdateFailure) - {UpdateFailure.INTERNAL}


def test_without_a_backbone_it_says_what_to_do(run: Run, tmp_path: Path) -> None:
    images = class_folder(tmp_path / "images", count=1)
    status, _, err = run("predict", images / "red" / "0.png")
    assert status == CATALOGUE[Fault.NO_BACKBONE].exit_code
    assert "backbone install FILE" in err


def test_a_bundle_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_bytes(b"rubbish" * 1000)
    status, _, err = run("backbone", "install", tmp_path / "rubbish")
    assert status == CATALOGUE[Fault.BUNDLE_INVALID].exit_code
    assert err.startswith("error: ")


def test_an_error_is_an_object_where_json_is_asked_for(run: Run, tmp_path: Path) -> None:
    status, _, err = run("backbone", "install", tmp_path / "none", "--json")
    told = msgspec.json.decode(err)["error"]
    assert status == CATALOGUE[Fault.NOT_FOUND].exit_code
    assert told["fault"] == "not-found"
    assert set(told) == {"fault", "message", "advice"}


def test_backbones_are_listed(ready: Run) -> None:
    (found,) = json_of(ready, "backbone", "list")
    assert (found["backbone"], found["in_use"]) == ("tiny:1.0.0", True)


def test_a_ticket_that_is_none_is_refused(run: Run) -> None:
    status, _, err = run("join", "fw1_rubbish")
    assert status == CATALOGUE[Fault.TICKET_INVALID].exit_code
    assert "ticket create" in err


def test_outside_a_fleet_nothing_left_and_nothing_is_left(run: Run) -> None:
    assert run("leave")[0] == CATALOGUE[Fault.NOT_JOINED].exit_code
    assert json_of(run, "ledger") == {"entries": [], "totals": {}}


def test_a_wipe_leaves_nothing(ready: Run, tmp_path: Path) -> None:
    status, out, _ = ready("leave", "--wipe", "--json")
    assert (status, msgspec.json.decode(out)) == (0, {"told": False, "wiped": True})
    assert not (tmp_path / "s").exists()


def test_feedback_on_a_forgotten_prediction_says_so(ready: Run) -> None:
    status, _, err = ready("feedback", "abc", "red")
    assert status == CATALOGUE[Fault.NOT_FOUND].exit_code
    assert "'abc'" in err


def test_every_setting_is_shown_with_its_origin(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("threads = 2\n")
    shown = json_of(run, "--config", file, "--set", "variant=int8", "settings")
    found = {each["name"]: (each["value"], each["origin"]) for each in shown}
    assert found["threads"] == ("2", str(file))
    assert found["variant"] == ("int8", "--set variant")  # as it can be typed again
    assert found["queue_max"][1] == "default"
    assert all(each["description"] for each in shown)


def test_the_environment_may_name_the_file_of_settings(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("threads = 2\n")
    monkeypatch.setenv("FIELDWISE_AGENT_CONFIG", str(file))
    found = {each["name"]: (each["value"], each["origin"]) for each in json_of(run, "settings")}
    assert found["threads"] == ("2", str(file))


def test_it_says_its_version(run: Run) -> None:
    assert run("--version") == (0, f"fieldwise-agent {__version__}\n", "")


@pytest.mark.parametrize("pair", ["threads=0", "nothing=1", "threads", "variant=INT 8"])
def test_a_setting_out_of_bounds_is_refused(pair: str, run: Run) -> None:
    status, _, err = run("--set", pair, "status")
    assert status == CATALOGUE[Fault.SETTING_INVALID].exit_code
    assert err.startswith("error: ")


def test_a_report_is_told_and_written_as_a_page(ready: Run, tmp_path: Path) -> None:
    for name in CLASSES:
        files = sorted((tmp_path / "images" / name).iterdir())
        ready("teach", name, *files, "--independent")
    _, words, _ = ready("report")
    assert "How well it does" in words
    assert f"{4 * len(CLASSES)} labels" in " ".join(words.split())
    page = tmp_path / "report.html"
    assert ready("report", "--html", page)[1] == f"wrote {page}\n"
    assert page.read_text().startswith("<!doctype html>")
    assert all(name in page.read_text() for name in CLASSES)
    found = json_of(ready, "report")
    assert (found["tested"], len(found["classes"])) == (4 * len(CLASSES), len(CLASSES))
    assert "What it can tell" in ready("status")[1]


def test_a_page_that_cannot_be_written_is_told(ready: Run, tmp_path: Path) -> None:
    status, _, said = ready("report", "--html", tmp_path / "missing" / "page.html")
    assert status != 0
    assert "cannot be written" in said


def test_looking_twice_measures_once(ready: Run, tmp_path: Path) -> None:
    for name in CLASSES:
        ready("teach", name, *sorted((tmp_path / "images" / name).iterdir()), "--independent")
    first = json_of(ready, "report")
    ready("status")
    assert json_of(ready, "report")["forgetting"] is first["forgetting"] is None
