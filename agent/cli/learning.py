"""``teach``, ``predict`` and ``feedback``."""

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.output import AsJson, FileResults, show
from agent.cli.told import settings_of
from fieldwise.answers import UNUSED, Lesson, Prediction
from fieldwise.client import read_image
from fieldwise.errors import Fault, FieldwiseError

if TYPE_CHECKING:
    from agent.cli.desk import Desk

Files = Annotated[list[Path], typer.Argument(help="Image files.")]
CONFIDENCE_SHOWN = 3  # classes of a prediction that a person reads


def teach(
    context: typer.Context,
    class_name: Annotated[str, typer.Argument(metavar="CLASS", help="What the images show.")],
    files: Files,
    *,
    burst: Annotated[
        str | None, typer.Option(help="Name of the one scene that all the images show.")
    ] = None,
    independent: Annotated[
        bool, typer.Option("--independent", help="Every image is a scene of its own.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Learn images of a class; without a word on scenes, images in quick succession are one."""
    from agent.cli.desk import desk

    if burst and independent:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "--burst and --independent exclude each other")
    results = FileResults(as_json=json)
    with desk(settings_of(context)) as reached:
        for path in files:
            work = partial(_teach, reached, path, class_name, burst or "", independent=independent)
            results.take(path, work, lesson_words)
    results.finish()


def predict(context: typer.Context, files: Files, *, json: AsJson = False) -> None:
    """Say what images show."""
    from agent.cli.desk import desk

    results = FileResults(as_json=json)
    with desk(settings_of(context)) as reached:
        for path in files:
            results.take(path, partial(_predict, reached, path), prediction_words)
    results.finish()


def feedback(
    context: typer.Context,
    prediction_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the prediction.")],
    class_name: Annotated[str, typer.Argument(metavar="CLASS", help="What it really was.")],
    *,
    json: AsJson = False,
) -> None:
    """Say what the image of an earlier prediction really showed (the daemon keeps the newest)."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        lesson = reached.feedback(prediction_id, class_name)
    show(lesson, lambda: [lesson_words(lesson)], as_json=json)


def lesson_words(lesson: Lesson) -> str:
    """A lesson as people read it."""
    fate = {"learn": "learned", UNUSED: "put to no use"}.get(
        lesson.share, f"set aside ({lesson.share})"
    )
    guess = f"; took it for {lesson.predicted}" if lesson.predicted else ""
    return f"{fate}{guess}"


def prediction_words(prediction: Prediction) -> str:
    """A prediction as people read it."""
    best = prediction.classes[:CONFIDENCE_SHOWN]
    said = ", ".join(f"{each.name} {each.confidence:.0%}" for each in best)
    return f"{said or 'no class is known yet'}  [{prediction.id}]"


def _teach(desk: "Desk", path: Path, class_name: str, scene: str, *, independent: bool) -> Lesson:
    image = read_image(path)
    if independent:
        scene = f"image {hashlib.sha256(image).hexdigest()[:32]}"
    return desk.teach(image, class_name, scene)


def _predict(desk: "Desk", path: Path) -> Prediction:
    return desk.predict(read_image(path))
