"""``teach``, ``predict`` and ``feedback``.

A file is an image, or a table of readings (.csv, .npy) of which every row is a sample.
"""

import hashlib
from collections.abc import Callable, Iterator
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
    from fieldwise.inputs import Input

    Sample = Callable[[], Input]

Files = Annotated[
    list[Path], typer.Argument(help="Image files, or .csv and .npy files of readings.")
]
Label = Annotated[
    str | None, typer.Option(help="Column of a CSV that holds each row's class and is no reading.")
]
CONFIDENCE_SHOWN = 3  # classes of a prediction that a person reads


def teach(
    context: typer.Context,
    class_name: Annotated[str, typer.Argument(metavar="CLASS", help="What they show.")],
    files: Files,
    *,
    burst: Annotated[
        str | None, typer.Option(help="Name of the one scene that all the images show.")
    ] = None,
    independent: Annotated[
        bool, typer.Option("--independent", help="Every image is a scene of its own.")
    ] = False,
    label: Label = None,
    json: AsJson = False,
) -> None:
    """Learn images of a class; without a word on scenes, images in quick succession are one.

    Of a table of readings every row is learned; with --label only those that it calls CLASS.
    """
    from agent.cli.desk import desk

    if burst and independent:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "--burst and --independent exclude each other")
    results = FileResults(as_json=json)
    with desk(settings_of(context)) as reached:
        for path in files:
            for name, sample in _samples(path, label, class_name):
                work = partial(
                    _teach, reached, sample, class_name, burst or "", independent=independent
                )
                results.take(name, work, lesson_words)
    results.finish()


def predict(
    context: typer.Context, files: Files, *, label: Label = None, json: AsJson = False
) -> None:
    """Say what images, or rows of readings, show."""
    from agent.cli.desk import desk

    results = FileResults(as_json=json)
    with desk(settings_of(context)) as reached:
        for path in files:
            for name, sample in _samples(path, label):
                results.take(name, partial(_predict, reached, sample), prediction_words)
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
    if lesson.known:
        fate = f"known already, {fate}"
    guess = f"; took it for {lesson.predicted}" if lesson.predicted else ""
    return f"{fate}{guess}  [{lesson.sample_id}]"


def prediction_words(prediction: Prediction) -> str:
    """A prediction as people read it."""
    best = prediction.classes[:CONFIDENCE_SHOWN]
    said = ", ".join(f"{each.name} {each.confidence:.0%}" for each in best)
    novelty = prediction.novelty
    new = f"; unlike anything known (p {novelty.p_value:.2g})" if novelty and novelty.novel else ""
    return f"{said or 'no class is known yet'}{new}  [{prediction.id}]"


def _samples(
    path: Path, label: str | None, class_name: str | None = None
) -> "Iterator[tuple[Path, Sample]]":
    """Every sample of a file with its name; what is wrong with one shows when it is called for."""
    from fieldwise import tables

    if path.suffix.lower() not in tables.SUFFIXES:
        yield path, partial(read_image, path)
        return
    try:
        table = tables.read(path, label)
    except FieldwiseError as error:
        yield path, partial(_refuse, error)
        return
    wanted = table.of(class_name) if label and class_name else range(len(table.rows))
    if not wanted:
        said = f"no row of {path} is called {class_name} in the column {label}"
        yield path, partial(_refuse, FieldwiseError(Fault.NOT_FOUND, said))
    for place in wanted:
        yield Path(f"{path}:{place + 1}"), partial(table.rows.__getitem__, place)


def _refuse(error: FieldwiseError) -> "Input":
    raise error


def _teach(
    desk: "Desk", sample: "Sample", class_name: str, scene: str, *, independent: bool
) -> Lesson:
    given = sample()
    if independent:
        content = given if isinstance(given, bytes) else given.tobytes()
        scene = f"image {hashlib.sha256(content).hexdigest()[:32]}"
    return desk.teach(given, class_name, scene)


def _predict(desk: "Desk", sample: "Sample") -> Prediction:
    return desk.predict(sample())
