import threading
from collections.abc import Iterator

import pytest

from agent.sources.feeding import WAITING_MAX, Feeder
from agent.sources.frame import Frame
from fieldwise.answers import Lesson, Prediction
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.taker import NotingTaker


class Frames:
    """A source of numbered frames; with ``after`` the rest waits until that many were taken."""

    def __init__(self, count: int, class_name: str | None = None) -> None:
        self._count = count
        self._class_name = class_name

    def frames(self) -> Iterator[Frame | None]:
        yield None
        for number in range(self._count):
            yield Frame(f"#{number}", float(number), b"%d" % number, self._class_name)


class Slow(NotingTaker):
    """Takes nothing before the stream has ended."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.ended = threading.Event()

    def predict(self, image: object) -> Prediction:
        assert self.ended.wait(30)
        return super().predict(image)  # type: ignore[arg-type]  # frames here are bytes


class Ending(Frames):
    """Says when it has ended, however it ends."""

    def __init__(self, count: int, taker: Slow, *, broken: bool = False) -> None:
        super().__init__(count)
        self._taker = taker
        self._broken = broken

    def frames(self) -> Iterator[Frame | None]:
        try:
            yield from super().frames()
            if self._broken:
                raise FieldwiseError(Fault.CAMERA_UNAVAILABLE, "it broke")
        finally:
            self._taker.ended.set()


class Notes:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.waited = 0

    def say(self, frame: Frame, result: Lesson | Prediction) -> None:
        self.said.append(frame.name)

    def tell(self, name: str, error: FieldwiseError) -> None:
        self.told.append((name, error.fault))

    def pause(self, seconds: float) -> None:
        self.waited += 1


def feeder(taker: NotingTaker, notes: Notes) -> Feeder:
    return Feeder(taker, notes.say, notes.tell, notes.pause)


def test_what_stays_is_offered_until_it_is_taken() -> None:
    taker, notes = NotingTaker(Fault.BUSY, Fault.DISK_FULL, Fault.UNREACHABLE), Notes()
    feeding = feeder(taker, notes)
    feeding.feed_all(Frames(3, "lamp"))
    assert taker.taught == [(b"0", "lamp"), (b"1", "lamp"), (b"2", "lamp")]
    assert (feeding.offered, feeding.skipped, taker.skipped) == (3, 0, [])
    assert notes.waited == 3
    assert len(notes.told) == 1  # the reason, once
    assert taker.ticks > 3


def test_what_is_refused_for_good_is_told_and_passed() -> None:
    taker, notes = NotingTaker(Fault.IMAGE_INVALID), Notes()
    feeder(taker, notes).feed_all(Frames(2))
    assert notes.told == [("#0", "image-invalid")]
    assert taker.asked == [b"1"]


@pytest.mark.parametrize("way", ["feed_all", "feed_newest"])
def test_an_agent_that_takes_readings_ends_the_feeding_of_images(way: str) -> None:
    taker, notes = NotingTaker(*[Fault.READINGS_INVALID] * 9), Notes()
    with pytest.raises(FieldwiseError) as caught:
        getattr(feeder(taker, notes), way)(Frames(3))
    assert caught.value.fault is Fault.READINGS_INVALID
    assert notes.told == []


def test_a_stream_does_not_wait_and_what_it_skips_is_counted_and_reported() -> None:
    taker = Slow()
    feeding = feeder(taker, Notes())
    feeding.feed_newest(Ending(100, taker))
    assert feeding.offered + feeding.skipped == 100
    assert taker.asked[-WAITING_MAX:] == [b"%d" % number for number in range(96, 100)]
    assert len(taker.asked) <= WAITING_MAX + 1  # one was on its way before the others came
    assert sum(taker.skipped) == feeding.skipped >= 95


def test_a_frame_that_the_agent_is_too_busy_for_is_skipped_not_kept() -> None:
    taker = Slow(Fault.BUSY, Fault.UNREACHABLE)
    feeding = feeder(taker, Notes())
    feeding.feed_newest(Ending(4, taker))
    assert (feeding.offered, feeding.skipped) == (2, 2)
    assert sum(taker.skipped) == 2


def test_skips_that_could_not_be_reported_are_reported_with_the_next() -> None:
    class Away(Slow):
        away = True

        def report_skipped(self, frames: int) -> None:
            if self.away:
                self.away = False
                raise FieldwiseError(Fault.UNREACHABLE, "nobody is there")
            super().report_skipped(frames)

    taker = Away()
    feeding = feeder(taker, Notes())
    feeding.feed_newest(Ending(50, taker))
    assert sum(taker.skipped) == feeding.skipped > 0


def test_what_ends_a_stream_is_raised_after_its_last_frames() -> None:
    taker = Slow()
    with pytest.raises(FieldwiseError) as caught:
        feeder(taker, Notes()).feed_newest(Ending(2, taker, broken=True))
    assert caught.value.fault is Fault.CAMERA_UNAVAILABLE
    assert taker.asked == [b"0", b"1"]


def test_an_interrupted_stream_still_says_what_it_skipped() -> None:
    class Interrupted(Slow):
        def predict(self, image: object) -> Prediction:
            super().predict(image)
            raise KeyboardInterrupt

    taker = Interrupted()
    feeding = feeder(taker, Notes())
    with pytest.raises(KeyboardInterrupt):
        feeding.feed_newest(Ending(40, taker))
    assert sum(taker.skipped) == feeding.skipped >= 35


def test_patience_that_runs_out_ends_it_with_why_the_frame_waited() -> None:
    taker, notes = NotingTaker(*[Fault.UNREACHABLE] * 9), Notes()
    with pytest.raises(FieldwiseError) as caught:
        feeder(taker, notes).feed_all(Frames(1), patience_seconds=1.0)
    assert (caught.value.fault, notes.waited, taker.asked) == (Fault.UNREACHABLE, 4, [])
