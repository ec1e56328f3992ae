"""The publisher's metadata in ``state.sqlite``: the pin, what was verified since, and the floor.

All of it is written in one transaction, so after a loss of power there is the old state or the new
one, never a new list beside an old floor. What is read back is not verified again: nobody but the
agent writes here, and who can write here can do anything.
"""

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import msgspec

from agent.device.database import Database
from agent.device.rows import read_record, write_record
from agent.ports import Clock
from agent.trust_ports import FetchMetadata
from agent.update.trusting import iso
from agent.update.vouched import Trusted, read_list, read_signed
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role

_FLOOR = "publisher-floor"
_HTTP = "tuf.ngclient.urllib3_fetcher"


class DatabasePublisher:
    """The publisher port on the device's one database.

    Args:
        database: Where metadata is kept.
        folder: Where a refresh may work, in the state folder; there is nothing in it otherwise.
        clock: For what a person is told of what expired.
    """

    def __init__(self, database: Database, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._database = database
        self._folder = folder
        self._changing = threading.Lock()  # one at a time, which may take as long as calls do
        self._keeping = threading.Lock()
        self._known: Trusted | None = None

    def trusted(self) -> Trusted:
        with self._keeping:
            if self._known is None:
                kept, floor = self._read()
                try:
                    self._known = _trusted(kept, floor)
                except FieldwiseError as error:
                    raise FieldwiseError(
                        Fault.STATE_DAMAGED, f"{self._database.path}: {error.sentence}"
                    ) from error
            return self._known

    def begin(self, root: bytes) -> None:
        if root:
            _door().check_root(root)
        with self._changing:
            kept, floor = self._read()
            if root or kept or floor:
                self._write(kept, {Role.ROOT: root} if root else {}, 0)

    def refresh(self, fetch: FetchMetadata) -> None:
        with self._changing:
            kept, floor = self._read()
            found, fault = _door().refreshed(kept, fetch, self._folder, iso(self._clock.wall()))
            if found.get(Role.TARGETS) != kept.get(Role.TARGETS):
                found, floor, fault = _with_list(kept, found, floor, fault)
            if found != kept:
                self._write(kept, found, floor)
        if fault is not None:
            raise fault

    def _read(self) -> tuple[dict[Role, bytes], int]:
        with self._database.reading() as connection:
            rows = {role: read_record(connection, _name(role)) for role in Role}
            floor = read_record(connection, _FLOOR)
        kept = {role: content for role, content in rows.items() if content is not None}
        return kept, msgspec.json.decode(floor, type=int) if floor else 0

    def _write(self, before: Mapping[Role, bytes], kept: Mapping[Role, bytes], floor: int) -> None:
        changed = {role for role in Role if before.get(role) != kept.get(role)}
        size = sum(len(each.get(role, b"")) for each in (before, kept) for role in changed)
        with self._keeping:
            with self._database.writing(size, len(changed) + 1, vital=True) as connection:
                for role in changed:
                    if role in kept:
                        write_record(connection, _name(role), kept[role])
                    else:
                        connection.execute("DELETE FROM record WHERE name = ?", (_name(role),))
                write_record(connection, _FLOOR, msgspec.json.encode(floor))
            self._known = None


def _door() -> ModuleType:
    """The door to python-tuf, opened when it is needed: 2 MB of memory that are never given back.

    Its client would import an HTTP client of its own beside it, which takes 3 MB more and has
    nothing to do here: all calls are ours.
    """
    if _HTTP not in sys.modules:
        sys.modules[_HTTP] = nobody = ModuleType(_HTTP)
        nobody.Urllib3Fetcher = type("Urllib3Fetcher", (), {})  # type: ignore[attr-defined]  # made here
    from agent.device import publisher  # noqa: PLC0415 - as said

    return publisher


def _name(role: Role) -> str:
    return f"publisher-{role}"


def _trusted(kept: Mapping[Role, bytes], floor: int) -> Trusted:
    signed = {role: read_signed(content) for role, content in kept.items()}
    listed = read_list(kept[Role.TARGETS]).listed if Role.TARGETS in kept else {}
    return Trusted(signed, floor, listed)


def _with_list(
    kept: dict[Role, bytes], found: dict[Role, bytes], floor: int, fault: FieldwiseError | None
) -> tuple[dict[Role, bytes], int, FieldwiseError | None]:
    """Take a new list and its floor; one that breaks our own rules leaves the one before."""
    try:
        read = read_list(found[Role.TARGETS])
    except FieldwiseError as error:
        stands = dict(found)
        del stands[Role.TARGETS]
        if (before := kept.get(Role.TARGETS)) is not None:
            stands[Role.TARGETS] = before
        return stands, floor, error
    return found, max(floor, read.floor_epoch), fault
