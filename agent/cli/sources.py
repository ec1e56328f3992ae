"""``watch`` and ``camera``: sources of images that a person starts and interrupts."""

import math
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agent.cli.learning import lesson_words, prediction_words
from agent.cli.output import AsJson, failure_of, legible
from agent.cli.told import settings_of
from agent.sources.frame import Frame
from fieldwise.answers import Lesson, Prediction
from fieldwise.errors import Fault, FieldwiseError


def watch(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to watch.")],
    *,
    existing: Annotated[
        bool, typer.Option("--existing", help="Take what is there already as well.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Learn new files in class folders of DIR, predict the others; until interrupted."""
    from agent.app import feeder, watched_folder
    from agent.cli.desk import desk

    voice = Voice("file", as_json=json)
    with desk(settings_of(context)) as reached:
        source = watched_folder(folder, voice.tell, existing=existing)
        print(f"watching {legible(source.path)}", file=sys.stderr)
        feeder(reached, voice.say, voice.tell).feed_all(source)


def camera(
    context: typer.Context,
    *,
    device: Annotated[
        str, typer.Option(help="Number of a camera, a video file, or the URL of a stream.")
    ] = "0",
    every: Annotated[
        float, typer.Option(min=0, max=86_400, help="Seconds from frame to frame; 0 for all.")
    ] = 1.0,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Learn every frame as this; else predict.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Predict what a camera sees, or teach it; until interrupted (needs the extra ``camera``)."""
    from agent.app import camera as opened
    from agent.app import feeder
    from agent.cli.desk import desk

    if not math.isfinite(every):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{every} is no number of seconds")
    voice = Voice("frame", as_json=json)
    with desk(settings_of(context)) as reached:
        source = opened(device, every, class_name, voice.tell)
        feeding = feeder(reached, voice.say, voice.tell)
        try:
            feeding.feed_newest(source)
        finally:
            voice.sum_up(feeding.offered, feeding.skipped)


class Voice:
    """Says what becomes of frames: on standard output what was asked for, the rest beside it.

    Args:
        kind: What a frame is called in JSON.
        as_json: Whether every frame is a line of JSON.
    """

    def __init__(self, kind: str, *, as_json: bool) -> None:
        self._kind = kind
        self._as_json = as_json

    def say(self, frame: Frame, result: Lesson | Prediction) -> None:
        """What the agent made of a frame."""
        if self._as_json:
            self._print_json({self._kind: legible(frame.name), **msgspec.to_builtins(result)})
            return
        words = lesson_words(result) if isinstance(result, Lesson) else prediction_words(result)
        print(f"{legible(frame.name)}: {words}", flush=True)

    def tell(self, name: str, error: FieldwiseError) -> None:
        """What is wrong with a frame; without a name, why all of them wait."""
        if not name:
            print(f"{self._kind}s wait: {legible(error.sentence)}", file=sys.stderr)
        elif self._as_json:
            self._print_json({self._kind: legible(name), **failure_of(error)})
        else:
            print(legible(f"{name}: {error.sentence}"), file=sys.stderr)

    def sum_up(self, offered: int, skipped: int) -> None:
        """How many frames the agent took, and how many were newer than it was quick."""
        if self._as_json:
            self._print_json({"offered": offered, "skipped": skipped})
        else:
            print(
                f"{offered:,} frames offered, {skipped:,} skipped while the agent was not ready",
                file=sys.stderr,
            )

    def _print_json(self, line: dict[str, object]) -> None:
        print(msgspec.json.encode(line).decode(), flush=True)
