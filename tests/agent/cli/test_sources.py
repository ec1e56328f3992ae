"""``watch`` and ``camera``: what they print and what they end with."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from agent.cli import sources
from agent.cli.sources import Voice
from agent.sources.frame import Frame
from fieldwise.answers import Lesson, Prediction, ScoredClass
from fieldwise.errors import CATALOGUE, Fault, FieldwiseError
from tests.bundles import CLASSES, class_folder, class_images
from tests.fakes.agent_inside import tiny

Run = Callable[..., tuple[int, str, str]]
STRANGE = os.fsdecode(b"bad\xff.png")


@pytest.fixture
def run(run: Run, tmp_path: Path) -> Run:
    """The same, on a state folder with a backbone."""
    (tmp_path / "bundle").write_bytes(tiny())
    assert run("backbone", "install", tmp_path / "bundle")[0] == 0
    return run


@pytest.fixture
def video(tmp_path: Path) -> Callable[[str, int], Path]:
    def make(class_name: str, frames: int) -> Path:
        path = tmp_path / f"{class_name}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 64))
        for image in class_images(class_name, frames):
            writer.write(np.ascontiguousarray(cv2.resize(image, (64, 64))[..., ::-1]))
        writer.release()
        return path

    return make


def lines_of(output: str) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in output.splitlines()]


def test_a_camera_teaches_a_class_and_then_asks(
    run: Run, video: Callable[[str, int], Path], tmp_path: Path
) -> None:
    for name in CLASSES[:2]:
        status, out, err = run(
            "camera", "--device", video(name, 12), "--class", name, "--every", "0.2", "--json"
        )
        assert status == 0, err
        *taught, summed = lines_of(out)
        assert {each["share"] for each in taught} <= {"learn", "select", "judge"}
        assert summed == {"offered": len(taught), "skipped": summed["skipped"]}
        assert taught
    status, out, err = run("camera", "--device", video(CLASSES[0], 4), "--every", "0.1", "--json")
    assert status == 0, err
    *told, _ = lines_of(out)
    assert told[0]["frame"] == f"{tmp_path / CLASSES[0]}.avi #1"
    assert all(each["backbone"] == "tiny:1.0.0" for each in told)


def test_frames_and_how_many_there_were_are_said_in_words(
    run: Run, video: Callable[[str, int], Path]
) -> None:
    path = video("red", 4)
    status, out, err = run("camera", "--device", path, "--every", "0.1")
    assert status == 0
    assert f"{path} #1: no class is known yet" in out
    assert " frames offered, " in err


def test_a_camera_that_is_not_there_ends_with_a_sentence_and_advice(run: Run) -> None:
    status, out, err = run("camera", "--device", "/dev/video987", "--json")
    assert status == CATALOGUE[Fault.CAMERA_UNAVAILABLE].exit_code
    assert "/dev/video987 cannot be opened" in err
    assert lines_of(out) == [{"offered": 0, "skipped": 0}]


@pytest.mark.parametrize("every", ["-1", "nan", "86401"])
def test_a_beat_that_is_none_is_refused(run: Run, every: str) -> None:
    assert run("camera", "--every", every)[0] == 2


def test_names_that_are_not_utf8_are_said_as_far_as_they_can_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    frame = Frame(STRANGE, 0.0, b"", None)
    answer = Prediction("id", (ScoredClass("red", 1.0),), "tiny:1.0.0")
    for as_json in (False, True):
        voice = Voice("file", as_json=as_json)
        voice.say(frame, answer)
        voice.say(frame, Lesson("id", "learn", "red"))
        voice.tell(STRANGE, FieldwiseError(Fault.IMAGE_INVALID, f"{STRANGE} is no image"))
        voice.tell("", FieldwiseError(Fault.BUSY, "not now"))
    said = capsys.readouterr()
    words, lines = said.out.splitlines()[:2], lines_of("\n".join(said.out.splitlines()[2:]))
    assert words == [
        "bad\ufffd.png: red 100%  [id]",
        "bad\ufffd.png: learned; took it for red  [id]",
    ]
    assert [each["file"] for each in lines] == ["bad\ufffd.png"] * 3
    assert lines[2]["fault"] == "image-invalid"
    assert said.err.count("files wait: not now") == 2
    assert "bad\ufffd.png: bad\ufffd.png is no image" in said.err


def test_a_folder_is_taken_once_and_repeated_without_learning_twice(
    run: Run, tmp_path: Path
) -> None:
    photos = class_folder(tmp_path / "photos", count=4)
    (photos / "red" / "0.png").rename(photos / "what.png")
    status, out, err = run("watch", photos, "--once", "--json")
    assert status == 0, err
    *lines, counts = lines_of(out)
    total = 4 * len(CLASSES)
    assert [(each["place"], each["of"]) for each in lines] == [
        (number, total) for number in range(1, total + 1)
    ]
    assert lines[-1]["file"] == f"{photos}/what.png"
    assert counts["predicted"] == 1
    assert counts["learned"] + counts["set_aside"] == total - 1  # type: ignore[operator]  # numbers
    (photos / "green" / "0.png").rename(photos / "red" / "0.png")
    *lines, counts = lines_of(run("watch", photos, "--once", "--json")[1])
    assert counts["known"] == total - 2
    (corrected,) = [each for each in lines if each["file"] == f"{photos}/red/0.png"]
    assert not corrected["known"]


def test_a_run_says_how_far_it_is_and_ends_with_what_was_refused_first(
    run: Run, tmp_path: Path
) -> None:
    photos = class_folder(tmp_path / "photos", count=1)
    (photos / "a").mkdir()
    (photos / "a" / "broken.png").write_bytes(b"no image")
    status, out, err = run("watch", photos, "--once")
    assert status == CATALOGUE[Fault.IMAGE_INVALID].exit_code
    total = 1 + len(CLASSES)
    assert f"[1/{total}] {photos}/a/broken.png: " in err
    assert f"[{total}/{total}] {photos}/" in out
    assert "1 refused" in err
    assert err.rstrip().endswith(CATALOGUE[Fault.IMAGE_INVALID].advice)


def test_a_run_that_no_agent_takes_ends_and_says_what_is_left(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = class_folder(tmp_path / "photos", count=1)
    monkeypatch.setattr(sources, "PATIENCE_SECONDS", 0.0)
    state = tmp_path / "other"
    status, out, _ = run("--state-folder", state, "watch", photos, "--once", "--json")
    assert status == CATALOGUE[Fault.NO_BACKBONE].exit_code
    assert lines_of(out)[-1]["left"] == len(CLASSES)
