import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.device.clock import SystemClock
from agent.sources import folder as folder_source
from agent.sources.feeding import Feeder
from agent.sources.folder import Stillness, WatchedFolder
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.taker import NotingTaker


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

Watched = Callable[..., str]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Watches ``tmp_path`` until something is so and nothing more comes; returns what was told."""
    real = folder_source._changes
    _deeds.clear()
    monkeypatch.setattr(folder_source, "ROUND_MILLISECONDS", 50)
    monkeypatch.setattr(folder_source, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(folder_source, "Stillness", lambda: Stillness(0.1))

    def run(
        taker: NotingTaker,
        done: Callable[[], bool],
        folder: Path = tmp_path,
        *,
        existing: bool = False,
    ) -> str:
        rounds = quiet = 0
        told: list[str] = []

        def changes(*arguments: Any) -> Iterator[list[Path]]:
            nonlocal rounds, quiet
            for each in real(*arguments):
                rounds += 1
                assert rounds < 600
                while _deeds:  # not before the folder is watched
                    threading.Thread(target=_deeds.popleft()).start()
                yield each
                quiet = quiet + 1 if done() and not each else 0
                if quiet > QUIET_ROUNDS:
                    return

        def tell(name: str, error: FieldwiseError) -> None:
            told.append(f"{name}: {error.sentence}")

        monkeypatch.setattr(folder_source, "_changes", changes)
        source = WatchedFolder(folder, SystemClock(), tell, existing=existing)
        Feeder(taker, lambda *_: None, tell, lambda _: None).feed_all(source)
        return "\n".join(told)

    return run


def no_word(name: str, error: FieldwiseError) -> None:
    raise AssertionError(f"{name}: {error.sentence}")


_deeds: deque[Callable[[], object]] = deque()


def later(deed: Callable[[], object]) -> None:
    """Do something as soon as the folder is watched, while that goes on."""
    _deeds.append(deed)


def once(said: Callable[[], bool]) -> None:
    """Wait until something is so."""
    for _ in range(3000):
        if said():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to be")


def test_class_folders_teach_and_the_rest_asks(watched: Watched, tmp_path: Path) -> None:
    taker = NotingTaker()

    def write() -> None:
        (tmp_path / "apple").mkdir()
        (tmp_path / "apple" / "1.png").write_bytes(b"one")
        (tmp_path / "2.jpg").write_bytes(b"two")
        (tmp_path / "notes.txt").write_bytes(b"no image")

    later(write)
    watched(taker, lambda: bool(taker.taught and taker.asked))
    assert taker.taught == [(b"one", "apple")]
    assert taker.asked == [b"two"]


def test_what_is_there_before_is_left_alone_unless_it_is_asked_for(
    watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / "apple").mkdir()
    (tmp_path / "apple" / "old.png").write_bytes(b"old")
    taker = NotingTaker()
    later(lambda: (tmp_path / "new.png").write_bytes(b"new"))
    watched(taker, lambda: bool(taker.asked))
    assert (taker.taught, taker.asked) == ([], [b"new"])
    watched(taker, lambda: bool(taker.taught), existing=True)
    assert taker.taught == [(b"old", "apple")]


def test_a_busy_or_absent_agent_is_waited_for(watched: Watched, tmp_path: Path) -> None:
    taker = NotingTaker(Fault.BUSY, Fault.UNREACHABLE, Fault.DISK_FULL)
    later(lambda: (tmp_path / "1.png").write_bytes(b"one"))
    told = watched(taker, lambda: bool(taker.asked))
    assert taker.asked == [b"one"]
    assert told == ": not now"


def test_what_cannot_be_read_is_named_and_skipped(watched: Watched, tmp_path: Path) -> None:
    taker = NotingTaker(Fault.IMAGE_INVALID)

    def write() -> None:
        (tmp_path / "1.png").write_bytes(b"bad")
        later(lambda: (tmp_path / "2.png").write_bytes(b"good"))

    later(write)
    told = watched(taker, lambda: bool(taker.asked))
    assert taker.asked == [b"good"]
    assert told.endswith("1.png: not now")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError) as caught:
        WatchedFolder(tmp_path / "none", SystemClock(), no_word)
    assert caught.value.fault is Fault.NOT_FOUND


def test_a_folder_is_watched_by_a_relative_name_and_through_a_link(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos" / "red").mkdir(parents=True)
    (tmp_path / "link").symlink_to("photos")
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("photos", "link", "link/../photos")):
        taker = NotingTaker()
        later(partial((tmp_path / "photos" / "red" / f"{number}.png").write_bytes, b"one"))
        watched(taker, lambda taker=taker: bool(taker.taught), Path(name))
        assert taker.taught == [(b"one", "red")]


def test_a_file_is_taken_once_for_each_content(watched: Watched, tmp_path: Path) -> None:
    taker, path = NotingTaker(), tmp_path / "1.png"
    path.write_bytes(b"before")

    def write() -> None:
        for content in (b"one", b"two"):
            path.write_bytes(content)
            once(partial(taker.asked.__contains__, content))
            path.touch()
        (tmp_path / "end.png").write_bytes(b"end")

    later(write)
    watched(taker, lambda: b"end" in taker.asked)
    assert taker.asked == [b"one", b"two", b"end"]


def test_hidden_names_and_linked_folders_are_left_alone(watched: Watched, tmp_path: Path) -> None:
    taker, folder, elsewhere = NotingTaker(), tmp_path / "photos", tmp_path / "elsewhere"
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
    watched(taker, lambda: len(taker.asked) > 1, folder)
    assert sorted(taker.asked) == [b"end", b"not meant"]
    assert taker.taught == []


def test_a_name_that_is_not_utf8_ends_nothing_and_nothing_is_missed(
    watched: Watched, tmp_path: Path
) -> None:
    taker = NotingTaker()
    (tmp_path / "before.png").write_bytes(b"before")

    def write() -> None:
        strange = tmp_path / os.fsdecode(b"bad\xff")
        strange.mkdir()
        for number in range(20):
            (strange / f"{number}.txt").write_bytes(b"no image")
            (tmp_path / f"{number}.png").write_bytes(b"%d" % number)
        (tmp_path / os.fsdecode(b"bad\xff.png")).write_bytes(b"strange")

    later(write)
    told = watched(taker, lambda: len(taker.asked) > 20)
    assert sorted(taker.asked) == sorted([*(b"%d" % number for number in range(20)), b"strange"])
    assert told.count("is not UTF-8") == 1


def test_a_folder_whose_own_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / os.fsdecode(b"bad\xff")
    strange.mkdir()
    with pytest.raises(FieldwiseError) as caught:
        WatchedFolder(strange, SystemClock(), no_word)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
