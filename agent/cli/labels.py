"""``ask``, ``answer`` and ``forget``."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.cli.learning import feedback
from agent.cli.output import AsJson, moment, show
from agent.cli.told import settings_of
from fieldwise.errors import Fault, FieldwiseError

if TYPE_CHECKING:
    from agent.cli.desk import Desk
    from agent.learning.forgetting import Selection
    from agent.predictions import Image
    from fieldwise.answers import Question

SHOWN = 3  # classes of a question that a person reads
KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp", b"GIF8": "gif", b"BM": "bmp"}
UNITS = {"m": 60, "h": 3600, "d": 86_400}

REASONS = {
    "uncertain": "the best classes are close",
    "novel": "it is unlike everything known",
    "disagreement": "the heads do not agree",
}


def ask(
    context: typer.Context,
    *,
    count: Annotated[
        int, typer.Option(min=1, max=100, help="Most questions that are listed.")
    ] = 10,
    save: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write their images there, to look at.")
    ] = None,
    json: AsJson = False,
) -> None:
    """List predictions that are worth a label; answer them with ``answer ID CLASS``."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        asked = reached.questions(count)
        saved = {} if save is None else _save(reached, asked.questions, save)
    rows = [_row(each, saved) for each in asked.questions]
    show(
        {"questions": rows, "budget": asked.budget},
        lambda: [
            *(_words(each, saved) for each in asked.questions),
            f"{asked.budget} more may be asked today",
        ],
        as_json=json,
    )


def answer(
    context: typer.Context,
    prediction_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the question.")],
    class_name: Annotated[str, typer.Argument(metavar="CLASS", help="What it shows.")],
    *,
    json: AsJson = False,
) -> None:
    """Say what a prediction that the agent asked about shows; it is learned, never held out."""
    feedback(context, prediction_id, class_name, json=json)


def forget(
    context: typer.Context,
    *,
    class_name: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="A class and all its samples.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="What was taught since: 2026-11-22, 14:30, 90m, 2h, 3d."),
    ] = None,
    sample: Annotated[
        str | None, typer.Option(metavar="ID", help="One sample, or the prediction of that id.")
    ] = None,
    self_labelled: Annotated[
        bool, typer.Option("--self-labelled", help="What the agent labelled itself.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Build the head anew from what is held.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Take back what was learned, with everything that is kept of it; there is no way back."""
    from agent.cli.desk import desk

    meant = _selection(class_name, since, sample, self_labelled=self_labelled)
    if not yes:
        typer.confirm(f"Forget {_meaning(meant)} for good?", abort=True, err=True)
    with desk(settings_of(context)) as reached:
        forgotten = reached.forget(meant, strict=strict)
    show(forgotten, lambda: forgotten.sentences, as_json=json)


def moment_of(text: str, now: datetime) -> float:
    """A time that a person wrote, as Unix seconds.

    Args:
        text: A day, a day and a time, a time of today, or how long ago (90m, 2h, 3d).
        now: Now, with a time zone: that of what has none.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else.
    """
    ago = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    day = f"{now:%Y-%m-%d} " if re.fullmatch(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", text) else ""
    try:
        if ago:
            return (now - timedelta(seconds=int(ago[1]) * UNITS[ago[2]])).timestamp()
        found = datetime.fromisoformat(f"{day}{text}")
        local = found if found.tzinfo else found.astimezone()
        return local.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"--since {text[:80]!r} is no time: 2026-11-22, 2026-11-22 14:30, 14:30, 90m, 2h or 3d",
        ) from error


def _selection(
    class_name: str | None, since: str | None, sample: str | None, *, self_labelled: bool
) -> "Selection":
    from agent.learning.forgetting import Selection
    from agent.learning.samples import Origin

    if sum((bool(class_name), bool(since), bool(sample), self_labelled)) != 1:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            "forget takes exactly one of --class, --since, --sample and --self-labelled",
        )
    return Selection(
        class_name=class_name or "",
        since=moment_of(since, _now()) if since else None,
        sample_id=sample or "",
        origin=Origin.SELF if self_labelled else None,
    )


def _now() -> datetime:
    from agent.device.clock import SystemClock

    return datetime.fromtimestamp(SystemClock().wall(), UTC).astimezone()


def _meaning(meant: "Selection") -> str:
    if meant.class_name:
        return f"the class {meant.class_name} and all its samples"
    if meant.since is not None:
        return f"everything taught since {moment(meant.since)}"
    if meant.sample_id:
        return f"sample {meant.sample_id}"
    return "everything that the agent labelled itself"


def _save(desk: "Desk", questions: "tuple[Question, ...]", folder: Path) -> dict[str, str]:
    """Write the images that are held; returns their files by prediction."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = {}
    for question in questions:
        if question.image_held:
            name, content = _file_of(desk.question_image(question.prediction_id))
            path = folder / f"{question.prediction_id}.{name}"
            path.write_bytes(content)
            saved[question.prediction_id] = str(path)
    return saved


def _file_of(image: "Image") -> tuple[str, bytes]:
    from io import BytesIO

    import numpy as np

    from fieldwise import readings
    from fieldwise.inputs import exemplar

    if isinstance(image, np.ndarray) and image.dtype == np.uint8:
        image = exemplar(image)
    elif isinstance(image, bytes) and readings.is_encoded(image):
        image = readings.decode(image)
    if isinstance(image, bytes):
        found = [kind for start, kind in KINDS.items() if image.startswith(start)]
        return found[0] if found else "bin", image
    target = BytesIO()
    np.savetxt(target, image[None], delimiter=",")
    return "csv", target.getvalue()


def _row(question: "Question", saved: dict[str, str]) -> dict[str, object]:
    return {
        "prediction_id": question.prediction_id,
        "seconds": question.seconds,
        "reason": question.reason,
        "classes": [
            {"name": each.name, "confidence": each.confidence} for each in question.classes
        ],
        "image_held": question.image_held,
        "file": saved.get(question.prediction_id, ""),
    }


def _words(question: "Question", saved: dict[str, str]) -> str:
    said = ", ".join(f"{each.name} {each.confidence:.0%}" for each in question.classes[:SHOWN])
    file = saved.get(question.prediction_id, "" if question.image_held else "image not held")
    parts = (moment(question.seconds), said, REASONS.get(question.reason, question.reason), file)
    return f"{question.prediction_id}  {'; '.join(part for part in parts if part)}"
