"""``watch`` and ``camera``: sources of images that a person starts."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agent.cli.learning import lesson_words, prediction_words
from agent.cli.output import AsJson, complain, failure_of, legible
from agent.cli.told import settings_of
from agent.sources.frame import Frame
from fieldwise.answers import UNUSED, Lesson, Prediction
from fieldwise.errors import Fault, FieldwiseError

PATIENCE_SECONDS = 30.0  # a run that nobody watches ends when its agent stays away


def watch(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to watch.")],
    *,
    existing: Annotated[
        bool, typer.Option("--existing", help="Take what is there already as well.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Take what is there now, and end.")] = False,
    json: AsJson = False,
) -> None:
    """Learn files in class folders of DIR, predict the others; until interrupted, or once.

    CLASS/SCENE/FILE names a scene, whose images are learned together or set aside together. An
    image that is on record is not learned again, so that a run which ended early may be repeated.
    """
    from agent.cli.desk import desk
    from agent.sourcing import feeder, watched_folder

    if once:
        _take_once(context, folder, as_json=json)
        return
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
    from agent.cli.desk import desk
    from agent.sourcing import camera as opened
    from agent.sourcing import feeder

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


def _take_once(context: typer.Context, folder: Path, *, as_json: bool) -> None:
    from agent.cli.desk import desk
    from agent.sourcing import feeder, folder_tree

    run = Run(Voice("file", as_json=as_json))
    with desk(settings_of(context)) as reached:
        source = folder_tree(folder, run.tell)
        run.begin(len(source.files))
        try:
            feeder(reached, run.say, run.tell).feed_all(source, PATIENCE_SECONDS)
        finally:
            run.sum_up()
    run.finish()


class Voice:
    """Says what becomes of frames: on standard output what was asked for, the rest beside it.

    Args:
        kind: What a frame is called in JSON.
        as_json: Whether every frame is a line of JSON.

    Attributes:
        place: How far a run that ends has come, and how far it is: 3 of 40.
    """

    def __init__(self, kind: str, *, as_json: bool) -> None:
        self._kind = kind
        self._as_json = as_json
        self.place: tuple[int, int] | None = None

    def say(self, frame: Frame, result: Lesson | Prediction) -> None:
        """What the agent made of a frame."""
        if self._as_json:
            self._print_json({**self._named(frame.name), **msgspec.to_builtins(result)})
            return
        words = lesson_words(result) if isinstance(result, Lesson) else prediction_words(result)
        print(f"{self._progress()}{legible(frame.name)}: {words}", flush=True)

    def tell(self, name: str, error: FieldwiseError) -> None:
        """What is wrong with a frame; without a name, why all of them wait."""
        if not name:
            print(f"{self._kind}s wait: {legible(error.sentence)}", file=sys.stderr)
        elif self._as_json:
            self._print_json({**self._named(name), **failure_of(error)})
        else:
            print(f"{self._progress()}{legible(f'{name}: {error.sentence}')}", file=sys.stderr)

    def sum_up(self, offered: int, skipped: int) -> None:
        """How many frames the agent took, and how many were newer than it was quick."""
        if self._as_json:
            self._print_json({"offered": offered, "skipped": skipped})
        else:
            print(
                f"{offered:,} frames offered, {skipped:,} skipped while the agent was not ready",
                file=sys.stderr,
            )

    def count(self, counts: Mapping[str, int]) -> None:
        """What became of all frames of a run."""
        if self._as_json:
            self._print_json(dict(counts))
        else:
            said = ", ".join(f"{number:,} {what}" for what, number in counts.items())
            print(said.replace("_", " "), file=sys.stderr)

    def end(self, error: FieldwiseError) -> None:
        """Say what the first frame that was refused had, and end the program with its code."""
        if self._as_json:
            complain(error, as_json=True)
        else:
            print(f"  {error.entry.advice}", file=sys.stderr)
        raise SystemExit(error.entry.exit_code)

    def _progress(self) -> str:
        return "[{:,}/{:,}] ".format(*self.place) if self.place else ""

    def _named(self, name: str) -> dict[str, object]:
        at = dict(zip(("place", "of"), self.place, strict=True)) if self.place else {}
        return {self._kind: legible(name), **at}

    def _print_json(self, line: dict[str, object]) -> None:
        print(msgspec.json.encode(line).decode(), flush=True)


class Run:
    """A run over frames of which there is a last one: how far it is, and what came of them.

    Args:
        voice: Says it.
    """

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._total = 0
        self._counts = dict.fromkeys(
            ("learned", "set_aside", "put_to_no_use", "known", "predicted", "refused"), 0
        )
        self._first: FieldwiseError | None = None

    def begin(self, total: int) -> None:
        """Hear how many frames there are."""
        self._total = total

    def say(self, frame: Frame, result: Lesson | Prediction) -> None:
        """What the agent made of a frame."""
        self._step(_fate_of(result))
        self._voice.say(frame, result)

    def tell(self, name: str, error: FieldwiseError) -> None:
        """What is wrong with a frame; without a name, why it waits."""
        if name:
            self._first = self._first or error
            self._step("refused")
        self._voice.tell(name, error)

    def sum_up(self) -> None:
        """Say the counts, and what was not come to."""
        left = self._total - sum(self._counts.values())
        self._voice.count({**self._counts, **({"left": left} if left else {})})

    def finish(self) -> None:
        """End the program with the fault of the first frame that was refused, if any was."""
        if self._first is not None:
            self._voice.end(self._first)

    def _step(self, fate: str) -> None:
        self._counts[fate] += 1
        self._voice.place = (sum(self._counts.values()), self._total)


def _fate_of(result: Lesson | Prediction) -> str:
    if isinstance(result, Prediction):
        return "predicted"
    if result.known:
        return "known"
    return {"learn": "learned", UNUSED: "put_to_no_use"}.get(result.share, "set_aside")
