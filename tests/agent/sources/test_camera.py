"""The camera: a video file that OpenCV itself wrote, and a camera that comes and goes."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.sources.camera import FRAME_RATE, Camera, Capture, open_capture
from agent.sources.frame import Frame
from fieldwise.errors import Fault, FieldwiseError

FRAMES, RATE = 20, 10


class ManualClock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waited: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1e9 + self.now

    def pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds


class FakeCapture:
    """A camera that gives so many images, one each tenth of a second, and is then gone."""

    def __init__(self, clock: ManualClock, images: int, *, decodes: bool = True) -> None:
        self._clock = clock
        self._left = images
        self._opened = images > 0
        self._decodes = decodes
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._opened

    def grab(self) -> bool:
        self._left -= 1
        self._clock.now += 1 / RATE
        return self._left >= 0

    def retrieve(self) -> tuple[bool, NDArray[np.uint8]]:
        return self._decodes, np.zeros((2, 3, 3), np.uint8)

    def get(self, property_id: int, /) -> float:
        return float(RATE)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (64, 48))
    for number in range(FRAMES):
        blue_green_red = (0, 0, 255) if number % 2 else (255, 0, 0)
        writer.write(np.full((48, 64, 3), blue_green_red, np.uint8))
    writer.release()
    return path


def no_word(name: str, error: FieldwiseError) -> None:
    raise AssertionError(error.sentence)


def camera(
    clock: ManualClock, device: object, every: float = 0.0, class_name: str | None = None
) -> Camera:
    return Camera(
        str(device),
        every,
        class_name,
        clock,
        pause=clock.pause,
        waits=lambda: iter(()),
        tell=no_word,
    )


def frames_of(source: Camera) -> list[Frame]:
    return [frame for frame in source.frames() if frame is not None]


def test_every_frame_of_a_file_comes_in_its_colours_at_the_file_s_own_pace(
    clock: ManualClock, video: Path
) -> None:
    frames = frames_of(camera(clock, video, class_name="lamp"))
    assert len(frames) == FRAMES
    assert {frame.class_name for frame in frames} == {"lamp"}
    assert np.allclose([frame.time - 1e9 for frame in frames], np.arange(FRAMES) / RATE)
    first, second = (np.asarray(frame.image) for frame in frames[:2])
    assert first.shape == (48, 64, 3)
    assert first.mean(axis=(0, 1)).argmax() == 2  # blue
    assert second.mean(axis=(0, 1)).argmax() == 0  # red
    assert first.flags.c_contiguous


def test_frames_between_the_due_ones_are_read_and_left(clock: ManualClock, video: Path) -> None:
    frames = frames_of(camera(clock, video, every=0.45))
    assert [round(frame.time - 1e9, 3) for frame in frames] == [0.0, 0.5, 0.9, 1.4, 1.8]


def test_after_a_pause_of_whoever_takes_them_frames_do_not_come_in_a_rush(
    clock: ManualClock,
) -> None:
    cameras = iter([FakeCapture(clock, 50)])
    source = with_cameras(clock, cameras, every=1.0)
    times = []
    for frame in islice(source.frames(), 4):
        assert frame is not None
        times.append(clock.now)
        if len(times) == 1:
            clock.now += 2.55
    assert np.allclose(times, [0.1, 2.75, 3.05, 4.05])


def with_cameras(
    clock: ManualClock,
    cameras: Iterator[FakeCapture],
    every: float = 0.0,
    told: list[str] | None = None,
) -> Camera:
    notes = [] if told is None else told

    def opened(device: str) -> Capture:
        assert device == "0"
        return next(cameras)

    return Camera(
        "0",
        every,
        None,
        clock,
        pause=clock.pause,
        waits=lambda: iter([1.0, 2.0, 4.0]),
        tell=lambda name, error: notes.append(f"{name}: {error.sentence}"),
        opened=opened,
    )


def test_a_camera_that_is_gone_is_said_once_and_looked_for_ever_more_slowly(
    clock: ManualClock,
) -> None:
    cameras = [FakeCapture(clock, images) for images in (2, 0, 0, 3)]
    told: list[str] = []
    source = with_cameras(clock, iter(cameras), told=told).frames()
    came = [frame is not None for frame in islice(source, 9)]
    assert came == [True, True, False, False, False, False, True, True, True]
    assert told == ["0: the camera 0 gives no more images; it is looked for again"]
    assert clock.waited == [1.0, 2.0, 4.0]
    assert [each.released for each in cameras] == [True, True, True, False]


def test_a_camera_that_was_found_again_may_be_lost_again(clock: ManualClock) -> None:
    cameras = [FakeCapture(clock, images) for images in (1, 1, 1)]
    told: list[str] = []
    source = with_cameras(clock, iter(cameras), told=told).frames()
    assert sum(frame is not None for frame in islice(source, 7)) == 3
    assert len(told) == 2
    assert clock.waited == [1.0, 1.0]  # each time from the beginning


def test_an_image_that_cannot_be_decoded_is_passed_over(clock: ManualClock) -> None:
    cameras = iter([FakeCapture(clock, 3, decodes=False), FakeCapture(clock, 1)])
    frames = with_cameras(clock, cameras).frames()
    assert sum(frame is not None for frame in islice(frames, 3)) == 1


@pytest.mark.parametrize("device", ["rubbish", "rubbish.jpg", "nothing", "0"])
def test_what_cannot_be_opened_at_first_is_refused(
    device: str, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rubbish").write_bytes(b"no video" * 999)
    (tmp_path / "rubbish.jpg").write_bytes(b"no image" * 999)  # OpenCV looks at it too late
    if device == "0":
        source = with_cameras(clock, iter([FakeCapture(clock, 0)]))
    else:
        source = camera(clock, device)
    with pytest.raises(FieldwiseError) as caught:
        next(iter(source.frames()))
    assert caught.value.fault is Fault.CAMERA_UNAVAILABLE
    assert device in caught.value.sentence


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(FieldwiseError) as caught:
        open_capture("0")
    assert caught.value.fault is Fault.EXTRA_MISSING
    assert "[camera]" in caught.value.sentence


def test_the_frame_rate_is_asked_by_opencv_s_own_number() -> None:
    assert FRAME_RATE == cv2.CAP_PROP_FPS
