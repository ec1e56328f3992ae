from pathlib import Path

import pytest

from agent.device.clock import SystemClock
from agent.sources.feeding import Feeder
from agent.sources.frame import Frame
from agent.sources.tree import FolderTree
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.taker import NotingTaker


def no_word(name: str, error: FieldwiseError) -> None:
    raise AssertionError(f"{name}: {error.sentence}")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def frames(folder: Path) -> list[Frame]:
    return [frame for frame in FolderTree(folder, SystemClock(), no_word).frames() if frame]


def test_classes_take_turns_and_what_has_none_comes_last(tmp_path: Path) -> None:
    write(tmp_path, "a/1.png", "a/2.png", "a/3.png", "b/1.png", "c/1.png", "c/2.png", "0.png")
    found = [(each.class_name, Path(each.name).name) for each in frames(tmp_path)]
    assert found == [
        ("a", "1.png"),
        ("b", "1.png"),
        ("c", "1.png"),
        ("a", "2.png"),
        ("c", "2.png"),
        ("a", "3.png"),
        (None, "0.png"),
    ]


def test_a_folder_in_a_class_is_a_scene_and_an_image_without_one_is_its_own(tmp_path: Path) -> None:
    write(tmp_path, "a/monday/1.png", "a/monday/late/2.png", "a/3.png", "a/4.png")
    scenes = {Path(each.name).name: each.scene for each in frames(tmp_path)}
    assert scenes["1.png"] == "a/monday"
    assert scenes["2.png"] == "a/monday/late"
    assert scenes["3.png"].startswith("image ")
    assert scenes["3.png"] != scenes["4.png"]


def test_a_scene_that_the_wire_would_refuse_gets_a_name_that_it_takes(tmp_path: Path) -> None:
    write(tmp_path, f"a/{'long' * 40}/1.png", "a/new\nline/1.png", f"a/{'long' * 41}/1.png")
    scenes = [each.scene for each in frames(tmp_path)]
    assert len(set(scenes)) == 3
    assert all(scene.isprintable() and len(scene.encode()) <= 128 for scene in scenes)


def test_an_image_keeps_its_key_wherever_it_is(tmp_path: Path) -> None:
    write(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "b" / "copy.png").write_bytes(b"a/1.png")
    of = {each.name.removeprefix(f"{tmp_path}/"): each.key for each in frames(tmp_path)}
    assert of["a/1.png"] == of["b/copy.png"] != of["b/1.png"]


def test_what_is_no_image_and_what_is_hidden_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "a/1.png", "a/notes.txt", ".trash/1.png", "a/.2.png")
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    assert [each.name for each in frames(tmp_path)] == [f"{tmp_path}/a/1.png"]


def test_a_file_that_went_meanwhile_is_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "a/1.png", "a/2.png")
    told: list[tuple[str, Fault]] = []
    tree = FolderTree(tmp_path, SystemClock(), lambda name, error: told.append((name, error.fault)))
    (tmp_path / "a" / "1.png").unlink()
    assert len(list(tree.frames())) == 1
    assert told == [(f"{tmp_path}/a/1.png", Fault.IMAGE_INVALID)]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError) as caught:
        FolderTree(tmp_path / "none", SystemClock(), no_word)
    assert caught.value.fault is Fault.NOT_FOUND


def test_it_is_fed_with_scene_and_key(tmp_path: Path) -> None:
    write(tmp_path, "a/monday/1.png")
    taker = NotingTaker()
    Feeder(taker, lambda *_: None, no_word, lambda _: None).feed_all(
        FolderTree(tmp_path, SystemClock(), no_word)
    )
    ((scene, key),) = taker.scenes
    assert (scene, key.startswith("image ")) == ("a/monday", True)
