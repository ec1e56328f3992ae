"""A memory of features under a byte budget, from which a head trained by gradient rehearses.

Two ways to choose what stays, both as published.

*Balanced* (class-balancing reservoir sampling, Chrysakis and Moens, 2020). While there is room,
everything stays. In a full memory a sample of a class that is not the largest takes the place of a
random sample of the largest; a sample of a class that has lost some already, or is the largest
itself, takes the place of a random one of its own class with chance held / seen. Rare classes so
keep everything they have, the others share the rest evenly, and at any moment what is held of a
class is a uniform choice among all samples of it that were seen.

*Share* (the winners of the CLVision challenge 2020). After every batch a stated number of its
samples, drawn uniformly without replacement, is added. They had room for all; here, where there is
none, random samples of the largest class make way.

Taking back keeps the choice uniform. A class that holds all it has seen merely holds fewer. Of any
other class, a sample taken back leaves a hole, noted as *inside* or *outside* what was held, and
the next new sample fills a random hole: it is held if that one was inside (random pairing, Gemulla,
Lehner and Haas, 2006). The room of holes inside stays reserved, and they are pushed out with the
same chance as rows are; otherwise how many there are would sway what comes in, and the choice would
favour the new. A class of which nothing is held is forgotten altogether and begins anew.

The budget holds to the byte, and for two things at once: ``size`` is the length of what ``encode``
returns, and the arrays in memory have room for no more rows than a budget of one class admits.
Where there are more classes than room for rows, a new class displaces a random row.

Chance is the caller's: a numpy generator is an argument wherever something is drawn.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from agent.learning.settings import Keep
from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError

if TYPE_CHECKING:
    from numpy.random import Generator  # 4 MB that only this head needs, when it runs

HEADER = struct.Struct("<4sIIQ")  # mark, width, classes, rows
SHELF = struct.Struct("<HQQQ")  # bytes of the name, seen, holes inside, holes outside
MARK = b"fwr1"
ID_BYTES, LABEL_BYTES, VALUE_BYTES = 8, 4, 2
CLASSES_MAX = 10_000  # as many as a head may have
SEEN_MAX = 1 << 62  # the dice's range; no device sees as many

Kind = TypeVar("Kind", bound=np.generic)


@dataclass(slots=True)
class _Shelf:
    """What is held of a class, and what it was chosen from."""

    name: str
    held: int = 0
    seen: int = 0
    inside: int = 0
    outside: int = 0

    @property
    def complete(self) -> bool:
        return self.held == self.seen and not self.inside + self.outside

    @property
    def claimed(self) -> int:
        return self.held + self.inside

    @property
    def size(self) -> int:
        return SHELF.size + len(self.name.encode())


class ReplayMemory:
    """Rows int16[D] with their classes, never more than the budget.

    Args:
        width: D.
        bytes_max: The budget.
        keep: How to choose what stays.
        share: Samples added from a batch; for ``Keep.SHARE`` only.
    """

    def __init__(
        self, width: int, bytes_max: int, keep: Keep = Keep.BALANCED, share: int = 0
    ) -> None:
        self.width = width
        self.bytes_max = bytes_max
        self._keep = keep
        self._share = share
        self._shelves: list[_Shelf] = []
        self._index: dict[str, int] = {}
        self._shelf_bytes = 0
        self._count = 0
        self._reserved = 0
        room = self._room(bytes_max)
        # Zeroed pages are not resident before they are written: an empty memory costs nothing.
        self._rows = np.zeros((room, width), "<i2")
        self._labels = np.zeros(room, "<i4")
        self._ids = np.zeros(room, "<u8")

    @property
    def count(self) -> int:
        """Rows held."""
        return self._count

    @property
    def size(self) -> int:
        """Bytes held, exactly as many as ``encode`` returns; none for no row."""
        if not self._count:
            return 0
        return HEADER.size + self._shelf_bytes + self._count * self._row_size

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of which something is held, in order of arrival."""
        return tuple(shelf.name for shelf in self._shelves)

    @property
    def grid(self) -> NDArray[np.int16]:
        """Rows int16[N,D]; a view that the next change may write to."""
        return self._rows[: self._count]

    @property
    def labels(self) -> NDArray[np.int32]:
        """Places int32[N] in ``classes`` of the rows' classes; a view, as ``grid`` is."""
        return self._labels[: self._count]

    @property
    def ids(self) -> NDArray[np.uint64]:
        """Ids uint64[N] of the rows; a view, as ``grid`` is."""
        return self._ids[: self._count]

    def held(self, name: str) -> int:
        """Rows held of a class."""
        place = self._index.get(name)
        return 0 if place is None else self._shelves[place].held

    def seen(self, name: str) -> int:
        """Samples of a class that those held were chosen from."""
        place = self._index.get(name)
        return 0 if place is None else self._shelves[place].seen

    def learn(
        self,
        grid: NDArray[np.int16],
        names: Sequence[str],
        ids: Sequence[int],
        chance: "Generator",
    ) -> None:
        """Offer a batch of samples int16[N,D], in order, with a class and an id each."""
        if self._keep is Keep.BALANCED:
            for row, name, number in zip(grid, names, ids, strict=True):
                self._offer(row, name, number, chance)
            return
        chosen = chance.choice(len(names), min(self._share, len(names)), replace=False)
        for place in chosen:
            self._add(grid[place], names[place], ids[place], chance)

    def forget(self, names: Sequence[str], ids: Sequence[int]) -> None:
        """Take back samples that were learned, whether or not they are held."""
        for name, number in zip(names, ids, strict=True):
            place = self._index.get(name)
            if place is None:
                continue
            shelf = self._shelves[place]
            hole = not shelf.complete
            found = np.flatnonzero((self.ids == np.uint64(number)) & (self.labels == place))
            shelf.seen = max(shelf.seen - 1, shelf.held - len(found[:1]))
            if hole and found.size:
                shelf.inside += 1
                self._reserved += 1
            elif hole:
                shelf.outside += 1
            if found.size:
                self._remove(int(found[0]))

    def drop_class(self, name: str) -> None:
        """Take back every sample of a class."""
        place = self._index.get(name)
        if place is not None:
            for row in reversed(np.flatnonzero(self.labels == place)):
                self._remove(int(row))

    def resize(self, bytes_max: int, chance: "Generator") -> None:
        """Set another budget; what is over it goes, always of the largest class."""
        self.bytes_max = bytes_max
        if self._size_with(0) > bytes_max:
            for shelf in self._shelves:
                self._close_holes(shelf)
        while self._size_with(0) > bytes_max and self._count:
            self._evict(chance)
        room = self._room(bytes_max)
        self._rows = _with_rows(self._rows, self._count, room)
        self._labels = _with_rows(self._labels, self._count, room)
        self._ids = _with_rows(self._ids, self._count, room)

    def draw(self, samples: int, chance: "Generator") -> NDArray[np.int64]:
        """Places of so many rows, uniformly without replacement; of all where there are fewer."""
        return chance.permutation(self._count)[:samples]

    def draw_balanced(self, samples: int, chance: "Generator") -> NDArray[np.int64]:
        """Places of so many rows, as evenly over the classes as what they hold admits.

        Classes take turns in random order, each giving a random row of its own that has not been
        drawn yet; the places come back shuffled.
        """
        mixed = chance.permutation(self._count)
        by_class = mixed[np.argsort(self.labels[mixed], kind="stable")]
        sizes = np.array([shelf.held for shelf in self._shelves], np.int64)
        starts = np.cumsum(sizes) - sizes
        turns = np.arange(self._count) - np.repeat(starts, sizes)
        order = np.lexsort((chance.random(self._count), turns))
        return chance.permutation(by_class[order[:samples]])

    def encode(self) -> bytes:
        """Everything that is held, in exactly ``size`` bytes."""
        if not self._count:
            return b""
        parts = [HEADER.pack(MARK, self.width, len(self._shelves), self._count)]
        for shelf in self._shelves:
            name = shelf.name.encode()
            parts += [SHELF.pack(len(name), shelf.seen, shelf.inside, shelf.outside), name]
        parts += [self.ids.tobytes(), self.labels.tobytes(), self.grid.tobytes()]
        return b"".join(parts)

    def restore(self, content: bytes, chance: "Generator") -> None:
        """Hold what was encoded instead; what is over the budget goes as in ``resize``.

        Raises:
            FieldwiseError: ``STATE_DAMAGED`` for anything but such a memory of this width. What
                was held stays then.
        """
        try:
            shelves, ids, labels, grid = _parse(content, self.width)
        except (FieldwiseError, UnicodeDecodeError, ValueError, struct.error) as error:
            raise FieldwiseError(
                Fault.STATE_DAMAGED, f"the memory for replay is damaged: {error}"
            ) from error
        self._shelves = shelves
        self._index = {shelf.name: place for place, shelf in enumerate(shelves)}
        self._shelf_bytes = sum(shelf.size for shelf in shelves)
        self._count = len(ids)
        self._reserved = sum(shelf.inside for shelf in shelves)
        self._ids, self._labels, self._rows = ids, labels, grid
        self.resize(self.bytes_max, chance)

    @property
    def _row_size(self) -> int:
        return ID_BYTES + LABEL_BYTES + VALUE_BYTES * self.width

    def _room(self, bytes_max: int) -> int:
        return max(0, bytes_max - HEADER.size) // self._row_size

    def _size_with(self, rows: int, shelves: int = 0) -> int:
        more = (self._count + self._reserved + rows) * self._row_size
        return HEADER.size + self._shelf_bytes + shelves + more

    def _offer(self, row: NDArray[np.int16], name: str, number: int, chance: "Generator") -> None:
        place = self._index.get(name)
        if place is None:
            self._add(row, name, number, chance)
            return
        shelf = self._shelves[place]
        fits = self._size_with(1) <= self.bytes_max
        if shelf.inside + shelf.outside:
            self._fill_hole(shelf, row, number, chance)
        elif shelf.complete and (fits or shelf.held < self._most_claimed()):
            self._add(row, name, number, chance)
        else:
            shelf.seen += 1
            if chance.integers(shelf.seen) < shelf.held:
                own = np.flatnonzero(self.labels == place)
                self._write(int(chance.choice(own)), row, place, number)

    def _fill_hole(
        self, shelf: _Shelf, row: NDArray[np.int16], number: int, chance: "Generator"
    ) -> None:
        if chance.integers(shelf.inside + shelf.outside) < shelf.inside:
            shelf.inside -= 1
            self._reserved -= 1
            self._add(row, shelf.name, number, chance)
        else:
            shelf.outside -= 1
            shelf.seen += 1

    def _add(self, row: NDArray[np.int16], name: str, number: int, chance: "Generator") -> None:
        fresh = _Shelf(name)
        if HEADER.size + fresh.size + self._row_size > self.bytes_max:
            return
        while self._size_with(1, 0 if name in self._index else fresh.size) > self.bytes_max:
            self._evict(chance)
        place = self._index.setdefault(name, len(self._shelves))
        if place == len(self._shelves):
            self._shelves.append(fresh)
            self._shelf_bytes += fresh.size
        self._shelves[place].held += 1
        self._shelves[place].seen += 1
        self._count += 1
        self._write(self._count - 1, row, place, number)

    def _write(self, at: int, row: NDArray[np.int16], place: int, number: int) -> None:
        self._rows[at] = row
        self._labels[at] = place
        self._ids[at] = number

    def _most_claimed(self) -> int:
        return max(shelf.claimed for shelf in self._shelves)

    def _evict(self, chance: "Generator") -> None:
        """Let a random row or hole go of those of the largest classes."""
        most = self._most_claimed()
        largest = np.array([shelf.claimed == most for shelf in self._shelves])
        rows = np.flatnonzero(largest[self.labels])
        picked = int(chance.integers(most * int(largest.sum())))
        if picked < len(rows):
            self._remove(int(rows[picked]))
            return
        picked -= len(rows)
        for place in np.flatnonzero(largest):
            shelf = self._shelves[place]
            if picked < shelf.inside:
                shelf.inside -= 1
                shelf.outside += 1
                self._reserved -= 1
                return
            picked -= shelf.inside

    def _close_holes(self, shelf: _Shelf) -> None:
        self._reserved -= shelf.inside
        shelf.inside = shelf.outside = 0

    def _remove(self, at: int) -> None:
        place, last = int(self._labels[at]), self._count - 1
        self._write(at, self._rows[last], int(self._labels[last]), int(self._ids[last]))
        self._write(last, np.zeros(self.width, np.int16), 0, 0)  # what is gone leaves no trace
        self._count = last
        self._shelves[place].held -= 1
        if not self._shelves[place].held:
            self._drop_shelf(place)

    def _drop_shelf(self, place: int) -> None:
        self._close_holes(self._shelves[place])
        self._shelf_bytes -= self._shelves.pop(place).size
        self.labels[self.labels > place] -= 1
        self._index = {shelf.name: at for at, shelf in enumerate(self._shelves)}


def _with_rows(array: NDArray[Kind], count: int, room: int) -> NDArray[Kind]:
    resized = np.zeros((room, *array.shape[1:]), array.dtype)
    resized[:count] = array[:count]
    return resized


_Parts = tuple[list[_Shelf], NDArray[np.uint64], NDArray[np.int32], NDArray[np.int16]]


def _parse(content: bytes, width: int) -> _Parts:
    if not content:
        return [], np.zeros(0, "<u8"), np.zeros(0, "<i4"), np.zeros((0, width), "<i2")
    mark, stated_width, classes, rows = HEADER.unpack_from(content)
    if (mark, stated_width) != (MARK, width) or not 1 <= classes <= min(CLASSES_MAX, rows):
        _refuse(f"{classes:,} classes of {stated_width}-d rows instead of {width}-d ones")
    shelves, start = _parse_shelves(content, classes)
    ids_end = start + ID_BYTES * rows
    labels_end = ids_end + LABEL_BYTES * rows
    if len(content) != labels_end + VALUE_BYTES * width * rows:
        _refuse(f"{len(content):,} bytes for {rows:,} rows")
    ids = np.frombuffer(content[start:ids_end], "<u8").copy()
    labels = np.frombuffer(content[ids_end:labels_end], "<i4").copy()
    if labels.min() < 0 or labels.max() >= classes:
        _refuse("a row of a class that is not listed")
    grid = np.frombuffer(content[labels_end:], "<i2").reshape(rows, width).copy()
    for shelf, held in zip(shelves, np.bincount(labels, minlength=classes).tolist(), strict=True):
        shelf.held = held
        if not 1 <= held <= shelf.seen <= SEEN_MAX or shelf.inside + shelf.outside > SEEN_MAX:
            _refuse(f"{held:,} rows of {shelf.seen:,} samples of {shelf.name}")
    return shelves, ids, labels, grid


def _parse_shelves(content: bytes, classes: int) -> tuple[list[_Shelf], int]:
    shelves, start = [], HEADER.size
    for _ in range(classes):
        length, seen, inside, outside = SHELF.unpack_from(content, start)
        start += SHELF.size
        name = check_class_name(content[start : start + length].decode())
        shelves.append(_Shelf(name, 0, seen, inside, outside))
        start += length
    if len({shelf.name for shelf in shelves}) < classes:
        _refuse("a class that is listed twice")
    return shelves, start


def _refuse(sentence: str) -> NoReturn:
    raise ValueError(sentence)
