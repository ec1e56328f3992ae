"""Checking a ledger on its state folder, whether a daemon runs there or not."""

from collections.abc import Sequence
from pathlib import Path

from agent.config import AgentSettings
from agent.device.clock import SystemClock
from agent.device.database import Database
from agent.device.files import write_file
from agent.device.folder import StateFolder
from agent.device.identity import IdentityFolder
from agent.device.journal import DatabaseJournal
from agent.device.ledger_reading import (
    Examined,
    examine_file,
    examine_folder,
    exported,
    require_head,
    require_tail,
)
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.ledger import LedgerHead

TRIES = 3  # a running daemon may begin a new file between two reads


def verified_file(path: Path, heads: Sequence[LedgerHead]) -> Examined:
    """Check an export, or a file of a ledger.

    Raises:
        FieldwiseError: ``LEDGER_ALTERED``, ``NOT_FOUND``, ``INVALID_ARGUMENT``.
    """
    found = examine_file(path, {head.number for head in heads})
    for head in heads:
        require_head(found, head, path)
    return found


def verified_folder(
    settings: AgentSettings, heads: Sequence[LedgerHead]
) -> tuple[Examined | None, bool]:
    """Check the ledger of a state folder; tells also whether its end could be checked.

    While a daemon runs it holds the ledger against the end by itself, before every message.

    Raises:
        FieldwiseError: ``LEDGER_ALTERED``, ``NOT_FOUND``, ``STATE_UNUSABLE``.
    """
    folder, wanted = _folder_of(settings), {head.number for head in heads}
    try:
        with folder:
            found, is_checked = _examined_alone(folder, wanted)
    except FieldwiseError as error:
        if error.fault is not Fault.STATE_LOCKED:
            raise
        found, is_checked = _examined_beside(folder.ledger, wanted), False
    for head in heads:
        if found is None:
            raise FieldwiseError(Fault.NOT_FOUND, f"there is no ledger at {folder.ledger}")
        require_head(found, head, folder.ledger)
    return found, is_checked


def _folder_of(settings: AgentSettings) -> StateFolder:
    if not settings.state_folder.is_dir():
        raise FieldwiseError(Fault.NOT_FOUND, f"there is no folder {settings.state_folder}")
    return StateFolder(settings.state_folder)


def _examined_alone(folder: StateFolder, wanted: set[int]) -> tuple[Examined | None, bool]:
    found = examine_folder(folder.ledger, wanted)
    if not folder.database.exists():
        return found, False
    database = Database(folder.database)
    try:
        tail = DatabaseJournal(database).ledger_tail()
    finally:
        database.close()
    require_tail(found, tail, folder.ledger)
    return found, True


def _examined_beside(ledger: Path, wanted: set[int]) -> Examined | None:
    for _ in range(TRIES - 1):
        try:
            return examine_folder(ledger, wanted)
        except FieldwiseError as error:
            if error.fault is not Fault.LEDGER_ALTERED:
                raise
    return examine_folder(ledger, wanted)


def export_to(settings: AgentSettings, path: Path) -> Examined:
    """Write the ledger of a state folder to a file of its own, and check that.

    Raises:
        FieldwiseError: ``ALREADY_EXISTS``, ``NOT_FOUND``, ``LEDGER_ALTERED``, ``STATE_UNUSABLE``,
            ``DISK_FULL``.
    """
    if path.exists():
        raise FieldwiseError(Fault.ALREADY_EXISTS, f"{path} is there already")
    folder = _folder_of(settings)
    member = IdentityFolder(folder.identity).read()
    device, fleet = (member.device_id, member.fleet) if member else ("", "")
    _examined_beside(folder.ledger, set())
    content = exported(folder.ledger, device, fleet, SystemClock().wall())
    write_file(path, content)
    return examine_file(path)
