"""What a program asks of its disk, in order: read from what strace wrote down.

    strace -f -q -y -ttt -xx -s 10000000 -e trace=... -o TRACE program

Every call that changes a file, a name or makes either durable becomes an ``Op``. A call that would
change a file in a way that is not understood here (a shared writable mapping, a copy inside the
kernel) is refused, so that nothing is missed in silence.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CALLS = (
    "openat,open,creat,write,pwrite64,ftruncate,truncate,fsync,fdatasync,sync_file_range,rename,"
    "renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,lseek,mmap,link,linkat,symlink,"
    "symlinkat,fallocate,copy_file_range,sendfile,splice,writev,pwritev,pwritev2,sync,syncfs,msync"
)
_REFUSED = frozenset(
    {
        *("creat", "symlink", "symlinkat", "copy_file_range", "sendfile"),
        *("splice", "writev", "pwritev", "pwritev2", "fallocate", "truncate", "msync"),
    }
)
INDEX = "-shm"  # of a journal of SQLite's, in shared memory: whoever opens first makes it anew


def command(trace: Path) -> list[str]:
    """The beginning of a command line that records what the rest of it does."""
    quiet = ("-f", "-q", "-y", "-ttt", "-xx", "-s", "10000000", "-e", "signal=none")
    return ["strace", *quiet, "--seccomp-bpf", "-e", f"trace={CALLS}", "-o", str(trace)]


def children(pid: int) -> list[int]:
    """The processes that a process started: a recorded program is a child of strace."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Kind(StrEnum):
    CREATE = "create"
    WRITE = "write"
    RESIZE = "resize"
    SYNC = "sync"
    RENAME = "rename"
    LINK = "link"
    UNLINK = "unlink"
    FOLDER = "folder"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Op:
    """One change, or one promise that earlier ones are durable.

    ``covers`` says how many of the earlier ops a SYNC can speak for: those that had ended when it
    began. ``seconds`` is the wall clock's.
    """

    kind: Kind
    path: str
    seconds: float
    offset: int = 0
    data: bytes = b""
    target: str = ""
    covers: int = 0


_LINE = re.compile(rb"^(\d+) +(\d+\.\d+) (.*)$", re.DOTALL)
_RESUMED = re.compile(rb"^<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
_CALL = re.compile(rb"^(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)(.*)$", re.DOTALL)
_TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
_PLACE = re.compile(rb"^(-?\d+|AT_FDCWD)(?:<((?:\\x[0-9a-f]{2})*)>)?")


def _bytes(hexadecimal: bytes) -> bytes:
    return bytes.fromhex(hexadecimal.replace(b"\\x", b"").decode())


def _texts(arguments: bytes) -> list[bytes]:
    return [_bytes(each) for each in _TEXT.findall(arguments)]


class Reader:
    """Reads a trace of one program and what it starts.

    Args:
        root: Only what happens under this folder counts.
        marks: A file whose writes are marks.
        before: A copy of the folder from before, where it was not empty.
    """

    def __init__(self, root: Path, marks: Path, before: Path | None = None) -> None:
        self._root, self._marks = str(root), str(marks)
        self._before = before
        self._begun: dict[bytes, tuple[bytes, int]] = {}
        self._positions: dict[tuple[str, bytes], int] = {}
        self._appending: set[tuple[str, bytes]] = set()
        self._sizes: dict[str, int] = {}
        self.ops: list[Op] = []

    def read(self, trace: Path) -> Sequence[Op]:
        if self._before is not None:
            for each in self._before.rglob("*"):
                if each.is_file():
                    place = Path(self._root) / each.relative_to(self._before)
                    self._sizes[str(place)] = each.stat().st_size
        with trace.open("rb") as lines:
            for line in lines:
                self._take(line.rstrip(b"\n"))
        return self.ops

    def _take(self, line: bytes) -> None:
        found = _LINE.match(line)
        if found is None:
            return
        thread, seconds, rest = found.groups()
        began = len(self.ops)
        if rest.endswith(b"<unfinished ...>"):
            self._begun[thread] = (rest.removesuffix(b"<unfinished ...>"), began)
            return
        if resumed := _RESUMED.match(rest):
            start, began = self._begun.pop(thread)
            rest = start + resumed[2]
        call = _CALL.match(rest)
        if call is None or call[3] == b"?" or call[3].startswith(b"-"):
            return
        self._note(call[1].decode(), call[2], int(call[3], 0), float(seconds), began)

    def _note(self, name: str, arguments: bytes, result: int, seconds: float, began: int) -> None:
        place = _PLACE.match(arguments)
        path = _bytes(place[2]).decode() if place and place[2] else ""
        if name == "mmap":
            self._check_mapping(arguments)
        elif name == "openat":
            self._open(arguments, path, result, seconds)
        elif name.startswith(("rename", "link")):
            old, new = (each.decode() for each in _texts(arguments))
            kind = Kind.RENAME if name.startswith("rename") else Kind.LINK
            size = self._sizes.get(old, 0)
            if kind is Kind.RENAME:  # whoever opens the old name again makes another file
                self._sizes.pop(old, None)
            if self._inside(new):
                self._sizes[new] = size
                self.ops.append(Op(kind, old, seconds, target=new))
        elif name in ("unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"):
            (gone,) = (each.decode() for each in _texts(arguments))
            gone = gone if gone.startswith("/") else f"{path}/{gone}"
            kind = Kind.FOLDER if name.startswith("mkdir") else Kind.UNLINK
            self._sizes.pop(gone, None)
            if self._inside(gone):
                self.ops.append(Op(kind, gone, seconds))
        elif path == self._marks and name == "write":
            self.ops.append(Op(Kind.MARK, path, seconds, data=_texts(arguments)[0]))
        elif self._inside(path) and place is not None:
            self._change(name, arguments, (path, place[1]), result, seconds, began)

    def _change(
        self,
        name: str,
        arguments: bytes,
        at: tuple[str, bytes],
        result: int,
        seconds: float,
        began: int,
    ) -> None:
        path = at[0]
        if name in ("fsync", "fdatasync"):
            self.ops.append(Op(Kind.SYNC, path, seconds, covers=began))
        elif name == "lseek":
            self._positions[at] = result
        elif name == "ftruncate":
            size = int(arguments.rsplit(b",", 1)[1])
            self._sizes[path] = size
            self.ops.append(Op(Kind.RESIZE, path, seconds, offset=size))
        elif name in ("write", "pwrite64"):
            data = _texts(arguments)[0][:result]
            if name == "pwrite64":
                offset = int(arguments.rsplit(b",", 1)[1])
            elif at in self._appending:
                offset = self._sizes.get(path, 0)
            else:
                offset = self._positions.get(at, 0)
                self._positions[at] = offset + len(data)
            self._sizes[path] = max(self._sizes.get(path, 0), offset + len(data))
            self.ops.append(Op(Kind.WRITE, path, seconds, offset=offset, data=data))
        elif name in _REFUSED:
            raise AssertionError(f"{name} of {path} is not understood")

    def _open(self, arguments: bytes, folder: str, result: int, seconds: float) -> None:
        name = _texts(arguments)[0].decode()
        path = name if name.startswith("/") else f"{folder}/{name}"
        flags = arguments
        if not self._inside(path) or b"O_DIRECTORY" in flags:
            return
        at = (path, str(result).encode())
        self._positions[at] = 0
        self._appending.discard(at)
        if b"O_APPEND" in flags:
            self._appending.add(at)
        if b"O_CREAT" in flags and path not in self._sizes:
            self._sizes[path] = 0
            self.ops.append(Op(Kind.CREATE, path, seconds))
        if b"O_TRUNC" in flags and self._sizes.get(path):
            self._sizes[path] = 0
            self.ops.append(Op(Kind.RESIZE, path, seconds, offset=0))

    def _check_mapping(self, arguments: bytes) -> None:
        if b"MAP_SHARED" not in arguments or b"PROT_WRITE" not in arguments:
            return
        for place in re.findall(rb"\d+<((?:\\x[0-9a-f]{2})*)>", arguments):
            path = _bytes(place).decode()
            assert not self._inside(path), f"{path} is written through a mapping"

    def _inside(self, path: str) -> bool:
        if path.endswith(INDEX):
            return False
        return path.startswith(f"{self._root}/") or path == self._root


def syncs(ops: Sequence[Op]) -> Iterator[int]:
    """Where power may go: before and after everything that makes something durable or visible."""
    for number, op in enumerate(ops):
        if op.kind in (Kind.SYNC, Kind.RENAME):
            yield number
            yield number + 1
