"""The library for applications, where no agent or a strange one answers."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldwise import client, places, received
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import local_pb2


def test_without_an_agent_it_says_so(tmp_path: Path) -> None:
    with Device(tmp_path / "socket") as device, pytest.raises(FieldwiseError) as caught:
        device.status()
    assert caught.value.fault is Fault.UNREACHABLE


def test_waiting_for_an_agent_ends(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError, match="no agent listens"):
        Device(tmp_path / "socket", wait_seconds=0.05)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros(())],
)
def test_pixels_of_another_shape_are_refused(pixels: np.ndarray, tmp_path: Path) -> None:
    with Device(tmp_path / "socket") as device, pytest.raises(FieldwiseError) as caught:
        device.predict(pixels)
    assert caught.value.fault is Fault.IMAGE_INVALID


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, np.nan]),
        np.array([np.inf]),
        np.array([1e300]),
        np.zeros(0),
        np.zeros(1025),
        np.array(["a"]),
        np.array([1j]),
    ],
    ids=str,
)
def test_what_is_no_reading_is_refused_before_it_is_sent(
    values: np.ndarray, tmp_path: Path
) -> None:
    with Device(tmp_path / "socket") as device, pytest.raises(FieldwiseError) as caught:
        device.predict(values)
    assert caught.value.fault is Fault.READINGS_INVALID


def test_a_file_that_is_too_large_is_not_read_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(client.ENCODED_BYTES_MAX * 100)
    with pytest.raises(FieldwiseError) as caught:
        client.read_image(path)
    assert caught.value.fault is Fault.IMAGE_INVALID


def test_a_view_into_a_larger_picture_is_sent_as_it_looks() -> None:
    whole = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    part = whole[1:3, ::2]
    message = client._pixels(part)
    assert (message.height, message.width) == (2, 3)
    assert message.rgb == part.tobytes()


def test_words_of_a_newer_agent_are_unknown() -> None:
    assert received.word(local_pb2.Share, local_pb2.SHARE_JUDGE, "SHARE_") == "judge"
    assert received.word(local_pb2.Share, 99, "SHARE_") == "unknown"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"FIELDWISE_AGENT_APPLICATION_SOCKET": "/run/a"}, "/run/a"),
        ({"FIELDWISE_AGENT_STATE_FOLDER": "/var/f"}, "/var/f/applications/socket"),
        ({"XDG_STATE_HOME": "/x"}, "/x/fieldwise-agent/applications/socket"),
    ],
)
def test_the_socket_is_where_the_environment_says(
    environment: dict[str, str], expected: str
) -> None:
    assert places.application_socket(environment) == Path(expected)


@pytest.mark.parametrize("name", ["bad\udcff", "\ud800", 5, None, b"apple", ""])
def test_a_class_that_has_no_name_is_refused_before_it_is_sent(name: Any, tmp_path: Path) -> None:
    with Device(tmp_path / "socket") as device:
        for ask in (partial(device.teach, b"image"), partial(device.feedback, "prediction")):
            with pytest.raises(FieldwiseError) as caught:
                ask(name)
            assert caught.value.fault is Fault.CLASS_INVALID


@pytest.mark.parametrize("text", ["bad\udcff", "\ud800", 5])
def test_what_is_no_text_of_the_wire_is_refused(text: Any, tmp_path: Path) -> None:
    with Device(tmp_path / "socket") as device:
        for ask in (
            partial(device.teach, b"image", "apple", burst=text),
            partial(device.feedback, text, "apple"),
        ):
            with pytest.raises(FieldwiseError, match="cannot be sent") as caught:
                ask()
            assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("picture", [5, None, [1, 2]])
def test_what_is_no_picture_is_refused(picture: Any, tmp_path: Path) -> None:
    with Device(tmp_path / "socket") as device, pytest.raises(FieldwiseError) as caught:
        device.predict(picture)
    assert caught.value.fault is Fault.IMAGE_INVALID
