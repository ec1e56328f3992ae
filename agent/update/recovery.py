"""Opening what the journal names, so that a start ends with a pair that works.

What cannot be opened is given up, and the pair from before takes its place. Whatever opens a pair
on probation is counted first, and the count is taken back once it is open: a backbone that kills
whoever opens it is so found out after a few starts, whoever makes them.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog

from agent.ports import Journal
from agent.update.events import Lost, Pair, Restarted, UpdateState
from agent.update.installer import DISK_FAULTS
from agent.update.machine import step
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdatePhase

OpenT = TypeVar("OpenT")

_log = structlog.get_logger()


def recover(journal: Journal, open_pair: Callable[[Pair], OpenT]) -> OpenT | None:
    """The pair to serve; None where the device has none that can be opened.

    Args:
        journal: Says which it is; hears what could not be opened.
        open_pair: Opens a pair.

    Raises:
        FieldwiseError: What says nothing against a pair: ``STATE_DAMAGED``, ``STATE_UNUSABLE``,
            ``DISK_FULL``.
    """
    found = journal.update()
    if found.phase is not UpdatePhase.PROBATION:
        return _opened(journal, found, open_pair)
    counted, _ = step(found, Restarted())
    if not _written(journal, counted):
        return _opened(journal, found, open_pair)
    opened = _opened(journal, counted, open_pair)
    if journal.update() == counted and counted.phase is UpdatePhase.PROBATION:
        _written(journal, found)
    return opened


def _written(journal: Journal, state: UpdateState) -> bool:
    """Whether a count could be written: a full disk is no reason to answer nobody."""
    try:
        journal.write_update(state)
    except FieldwiseError as error:
        if error.fault is not Fault.DISK_FULL:
            raise
        _log.warning("a start on probation could not be counted", reason=error.sentence)
        return False
    return True


def _opened(
    journal: Journal, state: UpdateState, open_pair: Callable[[Pair], OpenT]
) -> OpenT | None:
    while state.in_use is not None:
        try:
            return open_pair(state.in_use)
        except FieldwiseError as error:
            if error.fault in DISK_FAULTS:
                raise
            # The samples are safe; the files come again from the fleet or from the owner.
            _log.error("the backbone in use cannot be opened", reason=error.sentence)
            state, _ = step(state, Lost())
            journal.write_update(state)
    return None
