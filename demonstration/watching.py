"""Keeps the board's rows up to date from what each device says of itself."""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager

from demonstration.board import Board
from demonstration.fleet import Agent
from demonstration.repeating import repeating
from fieldwise.errors import FieldwiseError

WATCH_SECONDS = 1.0


def watching(agents: Iterable[Agent], board: Board) -> AbstractContextManager[None]:
    """Ask every device for its status once a second, while in the context.

    Args:
        agents: Whom to ask.
        board: Where the answers go.
    """
    asked = tuple(agents)

    def look() -> None:
        for agent in asked:
            _look_at(agent, board)

    return repeating(look, WATCH_SECONDS, "watching")


def _look_at(agent: Agent, board: Board) -> None:
    try:
        status = agent.device.status()
    except FieldwiseError:
        board.note(agent.name, state="does not answer")
        return
    learning, seen = status.learning, status.check_in_seconds
    window = learning.window_samples
    board.note(
        agent.name,
        state=status.update.phase,
        backbone=status.backbone,
        classes=learning.classes,
        samples=learning.samples,
        running_accuracy=learning.window_correct / window if window else None,
        checked_in_seconds=None if seen is None else time.time() - seen,
    )
