import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

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


Watched = Callable[[Desk, Callable[[], bool]], None]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Watches ``tmp_path`` until something is so."""
    monkeypatch.setattr(watching, "ROUND_MILLISECONDS", 50)
    monkeypatch.setattr(watching, "Stillness", lambda: Stillness(0.1))

    def run(desk: Desk, done: Callable[[], bool]) -> None:
        rounds = 0

        def changes(folder: Path, real: Callable[[Path], object] = watching._changes) -> object:
            nonlocal rounds
            for each in real(folder):  # type: ignore[attr-defined]  # it is an iterator
                rounds += 1
                assert rounds < 600
                yield each
                if done():
                    return

        monkeypatch.setattr(watching, "_changes", changes)
        watching.watch_folder(tmp_path, desk, as_json=False)  # type: ignore[arg-type]  # what it needs

    return run


def later(deed: Callable[[], object]) -> None:
    threading.Timer(0.4, deed).start()


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
