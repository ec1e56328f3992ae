"""Questions and forgetting between messages and values."""

import numpy as np

from agent.learning.forgetting import Forgotten, Selection
from agent.learning.samples import Origin
from agent.predictions import Image
from agent.rpc.translate_local import timestamp
from fieldwise import readings
from fieldwise.answers import Question, Questions
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import local_pb2

REASONS = {
    "uncertain": local_pb2.QUESTION_REASON_UNCERTAIN,
    "novel": local_pb2.QUESTION_REASON_NOVEL,
    "disagreement": local_pb2.QUESTION_REASON_DISAGREEMENT,
}


def questions_response(questions: Questions) -> local_pb2.ListQuestionsResponse:
    """Questions as a message."""
    return local_pb2.ListQuestionsResponse(
        questions=[_question(each) for each in questions.questions], budget=questions.budget
    )


def image_response(image: Image) -> local_pb2.GetQuestionImageResponse:
    """What a prediction saw as a message."""
    return local_pb2.GetQuestionImageResponse(image=_image(image))


def selection(request: local_pb2.ForgetRequest) -> Selection:
    """What is to be forgotten.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a request that names nothing.
    """
    match request.WhichOneof("what"):
        case "class_name" if request.class_name:
            return Selection(class_name=request.class_name)
        case "since":
            return Selection(since=request.since.ToNanoseconds() / 1e9)
        case "sample_id" if request.sample_id:
            return Selection(sample_id=request.sample_id)
        case "self_labelled" if request.self_labelled:
            return Selection(origin=Origin.SELF)
        case _:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, "the request does not say what is to be forgotten"
            )


def forget_request(meant: Selection, *, strict: bool) -> local_pb2.ForgetRequest:
    """What is to be forgotten, as a message."""
    request = local_pb2.ForgetRequest(strict=strict)
    if meant.since is not None:
        request.since.FromNanoseconds(round(meant.since * 1e9))
    elif meant.origin is not None:
        request.self_labelled = True
    elif meant.sample_id:
        request.sample_id = meant.sample_id
    else:
        request.class_name = meant.class_name
    return request


def forget_response(forgotten: Forgotten) -> local_pb2.ForgetResponse:
    """What was forgotten, as a message."""
    return local_pb2.ForgetResponse(
        samples=forgotten.samples,
        exact=forgotten.exact,
        images=forgotten.images,
        orphans=forgotten.orphans,
        lost=forgotten.lost,
        predictions=forgotten.predictions,
        sentences=forgotten.sentences,
    )


def forgotten_of(message: local_pb2.ForgetResponse) -> Forgotten:
    """What was forgotten, of a message."""
    return Forgotten(
        samples=message.samples,
        exact=message.exact,
        images=message.images,
        orphans=message.orphans,
        lost=message.lost,
        predictions=message.predictions,
        sentences=tuple(message.sentences),
    )


def _question(question: Question) -> local_pb2.Question:
    return local_pb2.Question(
        prediction_id=question.prediction_id,
        time=timestamp(question.seconds),
        reason=REASONS[question.reason],
        classes=[
            local_pb2.ScoredClass(name=each.name, confidence=each.confidence)
            for each in question.classes
        ],
        image_held=question.image_held,
    )


def _image(image: Image) -> local_pb2.Image:
    if isinstance(image, bytes):
        if not readings.is_encoded(image):
            return local_pb2.Image(encoded=image)
        image = readings.decode(image)
    if image.dtype == np.float32:
        return local_pb2.Image(vector=local_pb2.Vector(values=image.tolist()))
    height, width, _ = image.shape
    return local_pb2.Image(pixels=local_pb2.Pixels(height=height, width=width, rgb=image.tobytes()))
