"""An application that keeps asking for predictions and counts the answers it did not get."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from demonstration.repeating import repeating
from demonstration.streams import Pixels

PAUSE_SECONDS = 0.05  # twenty images a second and device leave two cores room for the switch


@dataclass(slots=True)
class Answers:
    """What came of the questions until now."""

    predictions: int = 0
    failures: tuple[str, ...] = ()


@contextmanager
def asking(predict: Callable[[Pixels], object], images: Sequence[Pixels]) -> Iterator[Answers]:
    """Ask, beside whatever happens, while in the context.

    Args:
        predict: The call of the application; every exception counts as a failure.
        images: Asked for in turn, again and again.
    """
    answers = Answers()
    turns = itertools.cycle(images)

    def ask() -> None:
        answers.predictions += 1
        try:
            predict(next(turns))
        except Exception as error:  # noqa: BLE001 - whatever comes, it is an answer that did not
            answers.failures = (*answers.failures, str(error) or type(error).__name__)

    with repeating(ask, PAUSE_SECONDS, "asking"):
        yield answers
