"""What every source of images gives: frames, one after another, for as long as there are any.

Two kinds of source differ in one thing. What lies in a **folder** stays there: it is offered until
the agent can take it, and the folder is the queue. A **stream** does not wait: what the agent
cannot take in time makes room for what is newer, and is counted (``agent.sources.queue``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from agent.predictions import Image
from fieldwise.errors import FieldwiseError

# Told the name of what went wrong, and what did.
Tell = Callable[[str, FieldwiseError], None]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image of a source.

    Attributes:
        name: What people know it by: a file's path, a camera's frame.
        time: When it came, Unix seconds by the device's clock.
        image: An encoded image, or pixels uint8[H,W,3].
        class_name: What it shows; None where the agent is asked.
        scene: Name of the scene that it shows; empty to let time decide.
        key: By which it is known when it comes again; empty where it never does.
    """

    name: str
    time: float
    image: Image
    class_name: str | None
    scene: str = ""
    key: str = ""


class Source(Protocol):
    """Where frames come from."""

    def frames(self) -> Iterator[Frame | None]:
        """Every frame as it comes; None in a pause, so that whoever takes them gets a turn.

        Raises:
            FieldwiseError: Where there is nothing to begin with; what befalls a single frame or
                passes is told, and does not end it.
        """
        ...
