"""Keeps the board's rows up to date from what each device says of itself."""

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from demonstration.board import Board
from demonstration.fleet import Agent
from fieldwise.errors import FieldwiseError

WATCH_SECONDS = 1.0


class Watching:
    """Asks every device for its status once a second, in a thread, while in the context.

    Args:
        agents: Whom to ask.
        board: Where the answers go.
    """

    def __init__(self, agents: Iterable[Agent], board: Board) -> None:
        self._agents = tuple(agents)
        self._board = board
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watching", daemon=True)

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

    def _watch(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            for agent in self._agents:
                self._look_at(agent)

    def _look_at(self, agent: Agent) -> None:
        try:
            status = agent.device.status()
        except FieldwiseError:
            self._board.note(agent.name, state="does not answer")
            return
        learning, seen = status.learning, status.check_in_seconds
        window = learning.window_samples
        self._board.note(
            agent.name,
            state=status.update.phase,
            backbone=status.backbone,
            classes=learning.classes,
            samples=learning.samples,
            running_accuracy=learning.window_correct / window if window else None,
            checked_in_seconds=None if seen is None else time.time() - seen,
        )
