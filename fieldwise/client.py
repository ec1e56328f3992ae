"""For applications on a device: ask its agent, teach it, correct it.

    from fieldwise.client import Device

    with Device() as device:
        prediction = device.predict("shelf.jpg")
        print(prediction.best)
        device.teach("apple.jpg", "apple")
        device.feedback(prediction.id, "pear")

Images are files, their bytes, or pixels as uint8[H,W,3] in red, green, blue. Where the backbone
takes readings of a sensor, a sample is an array of numbers [W]. Everything stays on the machine:
the agent listens on a Unix socket. Needs nothing but fieldwise itself, without extras.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from fieldwise import readings, received, wire
from fieldwise.answers import (
    Lesson,
    Novelty,
    Prediction,
    Question,
    Questions,
    ScoredClass,
    Status,
)
from fieldwise.channel import CLIENT_OPTIONS, unix_address
from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.learning import LearningReport
from fieldwise.places import application_socket
from fieldwise.regular import open_regular
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import local_pb2, local_pb2_grpc

ENCODED_BYTES_MAX = 32 * 1024 * 1024  # the wire's cap
CALL_SECONDS = 60.0  # a slow board with a full queue answers within ten
PIXEL_AXES, CHANNELS = 3, 3

Seen = bytes | NDArray[np.uint8] | NDArray[np.float32]
Picture = str | Path | bytes | NDArray[np.uint8] | NDArray[np.floating[Any]]
RequestT = TypeVar("RequestT", bound=Message)

__all__ = ["Device", "Lesson", "Picture", "Prediction", "ScoredClass", "Status"]


class LocalClient:
    """A connection to one socket of the agent, to be closed or used in a ``with``.

    Args:
        socket: Where it is.
        wait_seconds: How long to wait for an agent that is just starting; 0 for not at all.

    Raises:
        FieldwiseError: ``UNREACHABLE`` when no agent listens within ``wait_seconds``, if any.
    """

    def __init__(self, socket: Path, wait_seconds: float) -> None:
        self.socket = socket
        self._channel = _local_channel(socket, wait_seconds)

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Device(LocalClient):
    """The agent of this machine; safe to use from several threads.

    Args:
        socket: Its socket for applications; by default where the environment or the rules for
            state folders say.
        wait_seconds: How long to wait for an agent that is just starting; 0 for not at all.

    Raises:
        FieldwiseError: ``UNREACHABLE`` when no agent listens within ``wait_seconds``, if any.
    """

    def __init__(self, socket: str | Path | None = None, *, wait_seconds: float = 0.0) -> None:
        super().__init__(Path(socket) if socket else application_socket(os.environ), wait_seconds)
        self._stub: Any = local_pb2_grpc.ApplicationStub(self._channel)

    def predict(self, image: Picture) -> Prediction:
        """The best classes for an image, or for readings [W].

        Raises:
            FieldwiseError: ``NO_BACKBONE``, ``IMAGE_INVALID``, ``READINGS_INVALID``, ``BUSY``,
                ``UNREACHABLE``.
        """
        request = local_pb2.PredictRequest(image=_image(image))
        message = call(self._stub.Predict, request)
        return Prediction(
            message.id,
            tuple(ScoredClass(each.name, each.confidence) for each in message.classes),
            message.backbone,
            message.calibrated,
            Novelty(message.novelty.p_value, message.novelty.novel)
            if message.HasField("novelty")
            else None,
        )

    def teach(
        self,
        image: Picture,
        class_name: str,
        burst: str | None = None,
        key: str | None = None,
    ) -> Lesson:
        """Learn an image or readings of a class; the class need not be known before.

        Args:
            image: What is to be seen, or readings [W].
            class_name: What it is: 1 to 128 printable characters.
            burst: Names the scene that several images show, so that all of them are learned or
                none. Without it, images that follow one another within seconds are one scene.
            key: Your own name for this sample, up to 128 bytes: one that is on record is not
                learned again, so a request may be repeated whose answer was lost. With another
                class it is corrected.

        Raises:
            FieldwiseError: ``NO_BACKBONE``, ``IMAGE_INVALID``, ``READINGS_INVALID``,
                ``CLASS_INVALID``, ``TOO_MANY_CLASSES``, ``DISK_FULL``, ``BUSY``, ``UNREACHABLE``;
                ``INVALID_ARGUMENT`` for a burst or key that is no text.
        """
        request = make(
            local_pb2.TeachRequest,
            image=_image(image),
            class_name=_class_name(class_name),
            burst=burst or "",
            key=key or "",
        )
        return _lesson(call(self._stub.Teach, request))

    def feedback(self, prediction_id: str, class_name: str) -> Lesson:
        """Say what the image of an earlier prediction really was.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when newer predictions took its place; and as ``teach``.
        """
        request = make(
            local_pb2.FeedbackRequest,
            prediction_id=prediction_id,
            class_name=_class_name(class_name),
        )
        return _lesson(call(self._stub.Feedback, request))

    def learning_report(self) -> LearningReport:
        """How learning went and goes.

        Raises:
            FieldwiseError: ``GRAPH_FAILED``, ``UNREACHABLE``.
        """
        request = local_pb2.GetLearningReportRequest()
        return received.learning_report(call(self._stub.GetLearningReport, request))

    def report_skipped(self, frames: int) -> None:
        """Tell of frames of a stream that could not wait for the agent, to have them counted.

        Raises:
            FieldwiseError: ``UNREACHABLE``.
        """
        call(self._stub.ReportSkipped, make(local_pb2.ReportSkippedRequest, frames=frames))

    def questions(self, count: int = 10) -> Questions:
        """Earlier predictions that are worth a label, most useful first; answer with ``feedback``.

        Args:
            count: At most so many, up to 100.

        Raises:
            FieldwiseError: ``NO_BACKBONE``, ``BUSY``, ``UNREACHABLE``.
        """
        request = make(local_pb2.ListQuestionsRequest, questions=count)
        message = call(self._stub.ListQuestions, request)
        return Questions(tuple(_question(each) for each in message.questions), message.budget)

    def question_image(self, prediction_id: str) -> Seen:
        """What an earlier prediction saw: an image file's bytes, pixels or readings.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when it is not kept any more.
        """
        request = make(local_pb2.GetQuestionImageRequest, prediction_id=prediction_id)
        return _seen(call(self._stub.GetQuestionImage, request).image)

    def status(self) -> Status:
        """How the agent is.

        Raises:
            FieldwiseError: ``UNREACHABLE``.
        """
        return received.status(call(self._stub.GetAgentStatus, local_pb2.GetAgentStatusRequest()))


def _local_channel(socket: Path, wait_seconds: float) -> grpc.Channel:
    options = [*CLIENT_OPTIONS, ("grpc.enable_http_proxy", 0)]
    channel = grpc.insecure_channel(unix_address(socket), options=options)
    if wait_seconds:
        try:
            grpc.channel_ready_future(channel).result(wait_seconds)
        except grpc.FutureTimeoutError as error:
            channel.close()
            raise FieldwiseError(Fault.UNREACHABLE, f"no agent listens on {socket}") from error
    return channel


def make(kind: type[RequestT], /, **fields: Any) -> RequestT:
    """Make a request of what a caller gave.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what is no text, or none that UTF-8 has.
    """
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        given = ", ".join(
            f"{name}={value!a:.80}" for name, value in fields.items() if name != "image"
        )
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"these cannot be sent: {given}") from error


def call(method: Any, request: Message, seconds: float = CALL_SECONDS) -> Any:
    """Call a method of the agent within the bounds of the wire.

    Raises:
        FieldwiseError: What the agent says, ``OVER_LIMIT`` for a request that is too large.
    """
    wire.check(request)
    with client_errors():
        response = method(request, timeout=seconds)
    wire.check(response)
    return response


def _image(picture: Picture) -> local_pb2.Image:
    if isinstance(picture, np.ndarray) and picture.ndim == 1:
        return local_pb2.Image(vector=_vector(picture))
    if isinstance(picture, np.ndarray):
        return local_pb2.Image(pixels=_pixels(picture))
    if isinstance(picture, str | Path):
        picture = read_image(Path(picture))
    if not isinstance(picture, bytes | bytearray | memoryview):
        raise FieldwiseError(
            Fault.IMAGE_INVALID, f"a {type(picture).__name__} is no path, bytes or array of pixels"
        )
    return local_pb2.Image(encoded=bytes(picture))


def _class_name(name: object) -> str:
    if not isinstance(name, str):
        raise FieldwiseError(
            Fault.CLASS_INVALID, f"a class name is text and not a {type(name).__name__}"
        )
    return check_class_name(name)


def read_image(path: Path) -> bytes:
    """The bytes of an image file.

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` when it cannot be read or is larger than any image may be.
    """
    with open_regular(path, Fault.IMAGE_INVALID) as file:
        try:
            content = file.read(ENCODED_BYTES_MAX + 1)
        except OSError as error:
            raise FieldwiseError(
                Fault.IMAGE_INVALID, f"{path} cannot be read: {error.strerror}"
            ) from error
    if len(content) > ENCODED_BYTES_MAX:
        raise FieldwiseError(
            Fault.IMAGE_INVALID, f"{path} has more than {ENCODED_BYTES_MAX:,} bytes"
        )
    return content


def _vector(values: NDArray[Any]) -> local_pb2.Vector:
    if values.dtype.kind not in "fiub":
        raise FieldwiseError(Fault.READINGS_INVALID, f"readings are {values.dtype}, not numbers")
    return local_pb2.Vector(values=readings.of_numbers(values))


def _pixels(rgb: NDArray[Any]) -> local_pb2.Pixels:
    if rgb.dtype != np.uint8 or rgb.ndim != PIXEL_AXES or rgb.shape[-1] != CHANNELS:
        raise FieldwiseError(
            Fault.IMAGE_INVALID, f"pixels are {rgb.dtype}{list(rgb.shape)}, not uint8[H, W, 3]"
        )
    height, width, _ = rgb.shape
    return local_pb2.Pixels(height=height, width=width, rgb=rgb.tobytes())


def _question(message: local_pb2.Question) -> Question:
    return Question(
        message.prediction_id,
        message.time.ToNanoseconds() / 1e9,
        received.word(local_pb2.QuestionReason, message.reason, "QUESTION_REASON_"),
        tuple(ScoredClass(each.name, each.confidence) for each in message.classes),
        message.image_held,
    )


def _seen(message: local_pb2.Image) -> Seen:
    if message.HasField("pixels"):
        pixels = message.pixels
        flat = np.frombuffer(pixels.rgb, np.uint8)
        return flat.reshape(pixels.height, pixels.width, CHANNELS)
    if message.HasField("vector"):
        return np.array(message.vector.values, np.float32)
    return message.encoded


def _lesson(message: Any) -> Lesson:
    return Lesson(
        message.sample_id,
        received.word(local_pb2.Share, message.share, "SHARE_"),
        message.predicted,
        known=message.known,
    )
