import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from agent.cli import watching
from agent.cli.watching import Stillness
from fieldwise.answers import Lesson, Prediction
from fieldwise.errors import Fault, FieldwiseError


def test_a_file_that_still_grows_is_waited_for() -> None:
    stillness, path = Stillness(1.0), Path("image.png")
    stillness.see(path, (10, 1), 0.0)
    stillness.see(path, (20, 2), 0.9)
    assert stillness.whole(1.5) == []
    stillness.see(path, (20, 2), 1.5)
    assert stillness.whole(2.0) == [path]
    assert stillness.whole(9.0) == []


def test_an_empty_file_is_never_whole() -> None:
    stillness, path = Stillness(1.0), Path("image.png")
    stillness.see(path, (0, 1), 0.0)
    assert stillness.whole(100.0) == []
    stillness.see(path, (5, 2), 100.0)
    assert stillness.whole(101.0) == [path]


def test_a_file_that_went_is_forgotten() -> None:
    stillness, path = Stillness(1.0), Path("image.png")
    stillness.see(path, (5, 1), 0.0)
    stillness.forget(path)
    assert stillness.moving == ()


QUIET_ROUNDS = 6  # what was wrongly noticed would have stood still by then


class Desk:
    """Learns and predicts by taking notes; ``faults`` come first, one for each request."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = deque(faults)
        self.taught: list[tuple[bytes, str]] = []
        self.asked: list[bytes] = []

    def teach(self, image: bytes, class_name: str, burst: str) -> Lesson:
        self._fail()
        self.taught.append((image, class_name))
        return Lesson("id", "learn", "")

    def predict(self, image: bytes) -> Prediction:
        self._fail()
        self.asked.append(image)
        return Prediction("id", (), "tiny:1.0.0")

    def tick(self) -> None:
        """Nothing waits."""

    def _fail(self) -> None:
        if self.faults:
            raise FieldwiseError(self.faults.popleft(), "not now")


Watched = Callable[..., None]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Watches ``tmp_path`` until something is so and nothing more comes."""
    real = watching._changes
    monkeypatch.setattr(watching, "ROUND_MILLISECONDS", 50)
    monkeypatch.setattr(watching, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(watching, "Stillness", lambda: Stillness(0.1))

    def run(
        desk: Desk, done: Callable[[], bool], folder: Path = tmp_path, *, as_json: bool = False
    ) -> None:
        rounds = quiet = 0

        def changes(folder: Path, seen: dict[Path, watching.Form]) -> Iterator[list[Path]]:
            nonlocal rounds, quiet
            for each in real(folder, seen):
                rounds += 1
                assert rounds < 600
                yield each
                quiet = quiet + 1 if done() and not each else 0
                if quiet > QUIET_ROUNDS:
                    return

        monkeypatch.setattr(watching, "_changes", changes)
        watching.watch_folder(folder, desk, as_json=as_json)  # type: ignore[arg-type]  # what it needs

    return run


def later(deed: Callable[..., object], *arguments: object) -> None:
    threading.Timer(0.4, deed, arguments).start()


def test_class_folders_teach_and_the_rest_asks(
    watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk()

    def write() -> None:
        (tmp_path / "apple").mkdir()
        (tmp_path / "apple" / "1.png").write_bytes(b"one")
        (tmp_path / "2.jpg").write_bytes(b"two")
        (tmp_path / "notes.txt").write_bytes(b"no image")

    later(write)
    watched(desk, lambda: bool(desk.taught and desk.asked))
    assert desk.taught == [(b"one", "apple")]
    assert desk.asked == [b"two"]
    assert "learned" in capsys.readouterr().out


def test_a_busy_or_absent_agent_is_waited_for(
    watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(Fault.BUSY, Fault.UNREACHABLE, Fault.DISK_FULL)
    later(lambda: (tmp_path / "1.png").write_bytes(b"one"))
    watched(desk, lambda: bool(desk.asked))
    assert desk.asked == [b"one"]
    assert capsys.readouterr().err.count("files wait: not now") == 1


def test_what_cannot_be_read_is_named_and_skipped(
    watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(Fault.IMAGE_INVALID)

    def write() -> None:
        (tmp_path / "1.png").write_bytes(b"bad")
        later(lambda: (tmp_path / "2.png").write_bytes(b"good"))

    later(write)
    watched(desk, lambda: bool(desk.asked))
    assert desk.asked == [b"good"]
    assert "1.png: not now" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError) as caught:
        watching.watch_folder(tmp_path / "none", Desk(), as_json=False)  # type: ignore[arg-type]  # what it needs
    assert caught.value.fault is Fault.NOT_FOUND


def test_a_folder_is_watched_by_a_relative_name_and_through_a_link(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos" / "red").mkdir(parents=True)
    (tmp_path / "link").symlink_to("photos")
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("photos", "link", "link/../photos")):
        desk = Desk()
        later(partial((tmp_path / "photos" / "red" / f"{number}.png").write_bytes, b"one"))
        watched(desk, lambda desk=desk: bool(desk.taught), Path(name))
        assert desk.taught == [(b"one", "red")]


def test_a_file_is_taken_once_for_each_content(watched: Watched, tmp_path: Path) -> None:
    desk, path = Desk(), tmp_path / "1.png"
    path.write_bytes(b"before")

    def write() -> None:
        path.write_bytes(b"one")
        threading.Timer(0.5, path.touch).start()
        threading.Timer(1.0, path.write_bytes, [b"two"]).start()
        threading.Timer(1.5, path.touch).start()
        threading.Timer(2.0, (tmp_path / "end.png").write_bytes, [b"end"]).start()

    later(write)
    watched(desk, lambda: b"end" in desk.asked)
    assert desk.asked == [b"one", b"two", b"end"]


def test_hidden_names_and_linked_folders_are_left_alone(watched: Watched, tmp_path: Path) -> None:
    desk, folder, elsewhere = Desk(), tmp_path / "photos", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / ".cache").mkdir(parents=True)
    (folder / "linked").symlink_to(elsewhere)

    def write() -> None:
        for hidden in (".1.png", ".cache/1.png", "linked/1.png"):
            (folder / hidden).write_bytes(b"not meant")
        (folder / "late").symlink_to(elsewhere)
        (folder / "file.png").symlink_to(elsewhere / "1.png")
        (folder / "end.png").write_bytes(b"end")

    later(write)
    watched(desk, lambda: len(desk.asked) > 1, folder)
    assert sorted(desk.asked) == [b"end", b"not meant"]
    assert desk.taught == []


def test_a_name_that_is_not_utf8_ends_nothing_and_nothing_is_missed(
    watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk()
    (tmp_path / "before.png").write_bytes(b"before")

    def write() -> None:
        strange = tmp_path / os.fsdecode(b"bad\xff")
        strange.mkdir()
        for number in range(20):
            (strange / f"{number}.txt").write_bytes(b"no image")
            (tmp_path / f"{number}.png").write_bytes(b"%d" % number)
        (tmp_path / os.fsdecode(b"bad\xff.png")).write_bytes(b"strange")

    later(write)
    watched(desk, lambda: len(desk.asked) > 20)
    assert sorted(desk.asked) == sorted([*(b"%d" % number for number in range(20)), b"strange"])
    said = capsys.readouterr()
    assert "bad\ufffd.png: " in said.out
    assert said.err.count("is not UTF-8") == 1


def test_what_became_of_a_file_can_be_lines_of_json(
    watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(Fault.IMAGE_INVALID)

    def write() -> None:
        (tmp_path / "1.png").write_bytes(b"bad")
        later((tmp_path / os.fsdecode(b"bad\xff.png")).write_bytes, b"good")

    later(write)
    watched(desk, lambda: bool(desk.asked), as_json=True)
    first, second = map(msgspec.json.decode, capsys.readouterr().out.splitlines())
    assert (first["file"], first["fault"]) == (str(tmp_path / "1.png"), "image-invalid")
    assert (second["file"], second["id"]) == (f"{tmp_path}/bad\ufffd.png", "id")


def test_a_folder_whose_own_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / os.fsdecode(b"bad\xff")
    strange.mkdir()
    with pytest.raises(FieldwiseError) as caught:
        watching.watch_folder(strange, Desk(), as_json=False)  # type: ignore[arg-type]  # what it needs
    assert caught.value.fault is Fault.INVALID_ARGUMENT
