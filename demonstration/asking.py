"""An application that keeps asking for predictions and counts the answers it did not get."""

import itertools
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from demonstration.streams import Pixels

PAUSE_SECONDS = 0.05  # twenty images a second and device leave two cores room for the switch


class Asking:
    """Asks in a thread of its own from entering to leaving the context.

    Args:
        predict: The call of the application; every exception counts as a failure.
        images: Asked for in turn, again and again.
    """

    def __init__(self, predict: Callable[[Pixels], object], images: Sequence[Pixels]) -> None:
        self.predictions = 0
        self.failures: tuple[str, ...] = ()
        self._predict = predict
        self._images = images
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="asking", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        for image in itertools.cycle(self._images):
            if self._over.is_set():
                return
            self._ask_once(image)
            self._over.wait(PAUSE_SECONDS)

    def _ask_once(self, image: Pixels) -> None:
        self.predictions += 1
        try:
            self._predict(image)
        except Exception as error:  # noqa: BLE001 - whatever comes, it is an answer that did not
            self.failures = (*self.failures, str(error) or type(error).__name__)
