"""The commands, working alone on a state folder: what they print and what they end with."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from agent.cli import root
from fieldwise.errors import CATALOGUE, Fault
from tests.bundles import CLASSES, class_folder
from tests.fakes.agent_inside import tiny

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a command in this process: exit status, standard output, standard error."""
    monkeypatch.setenv("FIELDWISE_AGENT_STATE_FOLDER", str(tmp_path / "s"))

    def run_one(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["fieldwise-agent", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            root.run()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    handlers = logging.getLogger().handlers[:]
    yield run_one
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


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
    assert ready("leave", "--wipe")[0] == 0
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
    assert found["variant"][0] == "int8"
    assert found["queue_max"][1] == "default"
    assert all(each["description"] for each in shown)


@pytest.mark.parametrize("pair", ["threads=0", "nothing=1", "threads", "variant=INT 8"])
def test_a_setting_out_of_bounds_is_refused(pair: str, run: Run) -> None:
    status, _, err = run("--set", pair, "status")
    assert status == CATALOGUE[Fault.SETTING_INVALID].exit_code
    assert err.startswith("error: ")
