"""A disk that loses power: what was not made durable is kept, lost, torn or kept out of order.

The rules are harsher than most file systems. Content is durable when its file was synced, a name
when its folder was. Of the writes to a file since then any subset may be there, each whole or only
its first sectors, whatever their order; of the changes of names a beginning is there, since file
systems journal those in order. So a file that was renamed before it was synced may be empty.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random

from fieldwise.errors import FieldwiseError
from tests.faults.recording import Kind, Op

SECTOR_BYTES = 512


class Loss(StrEnum):
    """How much of what was not durable is gone."""

    ALL = "all"
    NONE = "none"  # as SIGKILL would leave it
    SOME = "some"


@dataclass(slots=True)
class Inode:
    """A file without its name: what is durable, and the changes since."""

    durable: bytearray
    pending: list[tuple[int, Op]] = field(default_factory=list)

    def settle(self, covers: int) -> None:
        for number, op in self.pending:
            if number < covers:
                _apply(self.durable, op, op.data)
        self.pending = [each for each in self.pending if each[0] >= covers]

    def left(self, loss: Loss, chance: Random) -> bytes:
        content = bytearray(self.durable)
        kept = chance.choice([0.1, 0.5, 0.9])
        for _, op in self.pending:
            if loss is Loss.NONE:
                _apply(content, op, op.data)
            elif loss is Loss.SOME and chance.random() < kept:
                sectors = len(op.data) // SECTOR_BYTES
                torn = sectors > 1 and chance.random() < 0.2
                end = SECTOR_BYTES * chance.randrange(1, sectors) if torn else len(op.data)
                _apply(content, op, op.data[:end])
        return bytes(content)


class Disk:
    """A folder on it, followed op by op.

    Args:
        root: The folder; what is in it now is durable.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._now: dict[str, Inode] = {}
        self._folders = {str(each) for each in root.rglob("*") if each.is_dir()}
        for each in root.rglob("*"):
            if each.is_file():
                self._now[str(each)] = Inode(bytearray(each.read_bytes()))
        self._durable: dict[str, Inode] = dict(self._now)
        self._durable_folders = set(self._folders)
        self._names: list[tuple[int, Op, Inode | None]] = []
        self._passed = 0

    def take(self, op: Op) -> None:
        """Follow one op."""
        number = self._passed
        self._passed += 1
        match op.kind:
            case Kind.CREATE:
                self._name(number, op, Inode(bytearray()))
            case Kind.RENAME | Kind.LINK | Kind.UNLINK | Kind.FOLDER:
                self._name(number, op, None)
            case Kind.WRITE | Kind.RESIZE if op.path in self._now:
                self._now[op.path].pending.append((number, op))
            case Kind.SYNC if op.path in self._now:
                self._now[op.path].settle(op.covers)
            case Kind.SYNC:
                self._settle_names(op)

    def lose_power(self, target: Path, loss: Loss, chance: Random) -> None:
        """Write down what is left into an empty folder."""
        names, folders = dict(self._durable), set(self._durable_folders)
        count = {
            Loss.ALL: 0,
            Loss.NONE: len(self._names),
            Loss.SOME: chance.randint(0, len(self._names)),
        }[loss]
        for _, op, inode in self._names[:count]:
            _rename(names, folders, op, inode)
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in sorted(folders):
            self._into(target, folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, inode in names.items():
            place = self._into(target, path)
            if place.parent.is_dir():
                place.write_bytes(inode.left(loss, chance))
                place.chmod(0o600)

    def _name(self, number: int, op: Op, inode: Inode | None) -> None:
        self._names.append((number, op, inode))
        _rename(self._now, self._folders, op, inode)

    def _settle_names(self, op: Op) -> None:
        """A synced folder: its names are durable, and so is what came before the last of them."""
        inside = [
            place
            for place, (number, each, _) in enumerate(self._names)
            if number < op.covers and op.path in (_folder(each.path), _folder(each.target))
        ]
        settled = inside[-1] + 1 if inside else 0
        for _, each, inode in self._names[:settled]:
            _rename(self._durable, self._durable_folders, each, inode)
        self._names = self._names[settled:]

    def _into(self, target: Path, path: str) -> Path:
        return target / Path(path).relative_to(self._root)


def disk_after(before: Path, root: Path, ops: Sequence[Op]) -> Disk:
    """The disk after some ops, of a folder that was recorded; what was in it before is durable."""
    place = root.with_name("now")
    shutil.rmtree(place, ignore_errors=True)
    root.rename(place)
    try:
        shutil.copytree(before, root)
        disk = Disk(root)
    finally:
        shutil.rmtree(root)
        place.rename(root)
    for op in ops:
        disk.take(op)
    return disk


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by its place in it."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


@contextmanager
def explained(told: str) -> Iterator[None]:
    """Say which point it was that failed."""
    try:
        yield
    except (AssertionError, FieldwiseError, LookupError) as error:
        raise AssertionError(f"{told}: {error!r}") from error


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _rename(names: dict[str, Inode], folders: set[str], op: Op, inode: Inode | None) -> None:
    match op.kind:
        case Kind.CREATE if inode is not None:
            names[op.path] = inode
        case Kind.FOLDER:
            folders.add(op.path)
        case Kind.UNLINK:
            names.pop(op.path, None)
            folders.discard(op.path)
        case Kind.LINK if op.path in names:
            names[op.target] = names[op.path]
        case Kind.RENAME if op.path in names:
            names[op.target] = names.pop(op.path)
        case Kind.RENAME:
            folders.discard(op.path)
            folders.add(op.target)
            for path in [each for each in names if each.startswith(f"{op.path}/")]:
                names[op.target + path.removeprefix(op.path)] = names.pop(path)


def _apply(content: bytearray, op: Op, data: bytes) -> None:
    if op.kind is Kind.RESIZE:
        del content[op.offset :]
        content.extend(bytes(max(0, op.offset - len(content))))
        return
    content.extend(bytes(max(0, op.offset - len(content))))
    content[op.offset : op.offset + len(data)] = data
