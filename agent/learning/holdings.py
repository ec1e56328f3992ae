"""What the learner holds in memory, counted to the byte, and what one more class would add.

Nothing is reckoned from formulas that somebody has to keep in step with the heads: what is held is
walked through from its owner, every array with the whole of the memory that it stands in, and every
array once however many views there are of it. So a head that is added later is counted from its
first day. The backbone is not the learner's, and is left out.

One more class. What has a row for each class either has room for another already, or is copied into
twice the room when that is used up (``fieldwise.head``), or is made anew with one row more. Which
of these, its length tells: an array as long as there are classes grows, by a row, or by as much as
it has where that length is one at which room doubles.

The bound is for what is held between two calls. Solving needs room of its own for a moment, about
five arrays float64[D,D] (66 MB at 1,280 features), whatever the number of classes.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import FIRST_CLASSES

ENTRY_BYTES = 4096  # most that the names and indexes of one class take

_OURS = ("agent.learning.", "fieldwise.")
_LEAVES = (str, bytes, bytearray, int, float, complex, bool, type(None), type)


class MemoryBound:
    """Holds a learner to its bound as classes come, without counting everything each time.

    After a count there is so much left. While the number of classes at most doubles, what has a row
    for each comes to at most four times of what it is, so with enough left the next count is not
    due before that; with less, one is made for every class.
    """

    def __init__(self) -> None:
        self._counted: tuple[int, int] = (0, 0)
        self._again_at = 0

    def require_room(
        self, owners: Sequence[object], without: Sequence[object], classes: int, bytes_max: int
    ) -> None:
        """Refuse one more class beside so many where it would pass the bound.

        Args:
            owners: Who hold what is counted.
            without: What is not counted.
            classes: There are so many.
            bytes_max: The bound.

        Raises:
            FieldwiseError: ``TOO_MANY_CLASSES``.
        """
        counted = (id(owners[0]), bytes_max)
        if counted == self._counted and classes < self._again_at:
            return
        held = held_bytes(tuple(owners), without)
        needed = held + growth_bytes(tuple(owners), classes, without)
        if needed > bytes_max:
            raise FieldwiseError(
                Fault.TOO_MANY_CLASSES,
                f"with one more class than {classes:,} learning would hold {needed:,} bytes;"
                f" memory_bytes_max is {bytes_max:,}",
            )
        enough = 3 * held + classes * ENTRY_BYTES < bytes_max - held
        self._counted, self._again_at = counted, 2 * classes if enough else classes + 1


def held_bytes(root: object, without: Iterable[object] = ()) -> int:
    """Bytes of all arrays and Python objects that an object of ours holds.

    Args:
        root: Whose holdings.
        without: What is not counted and not looked into.
    """
    return sum(_size(each) for each in _walk(root, without))


def growth_bytes(root: object, classes: int, without: Iterable[object] = ()) -> int:
    """Bytes by which one more class beside so many makes the arrays grow, at most."""
    held = (each for each in _walk(root, without) if isinstance(each, np.ndarray))
    return sum(_growth(array, classes) for array in held)


def _growth(array: NDArray[Any], classes: int) -> int:
    if not classes or array.ndim == 0 or len(array) != classes:
        return 0
    doubles = classes % FIRST_CLASSES == 0 and (classes // FIRST_CLASSES).bit_count() == 1
    return array.nbytes if doubles else array.nbytes // classes


def _walk(root: object, without: Iterable[object]) -> Iterator[object]:
    """Every object once; of an array the one that owns the memory."""
    seen = {id(each) for each in without}
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if isinstance(found, np.ndarray):
            found = _owner(found)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting.extend(_parts(found))


def _owner(array: NDArray[Any]) -> object:
    base: object = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    return base


def _parts(found: object) -> Iterable[object]:
    if isinstance(found, (*_LEAVES, np.ndarray)) or callable(found):
        return ()
    if isinstance(found, Mapping):
        return (*found.keys(), *found.values())
    if isinstance(found, list | tuple | AbstractSet | deque):
        return tuple(found)
    if not type(found).__module__.startswith(_OURS):
        return ()
    slots = (name for kind in type(found).__mro__ for name in getattr(kind, "__slots__", ()))
    held = [getattr(found, name) for name in slots if hasattr(found, name)]
    return (*held, *vars(found).values()) if hasattr(found, "__dict__") else held


def _size(found: object) -> int:
    if isinstance(found, np.ndarray):
        return found.nbytes
    if isinstance(found, int | float | bool | type(None)):
        return 0  # in the entry that refers to it, or shared
    others = getattr(found, "nbytes", None)  # a tensor, or memory that an array only borrows
    return others if isinstance(others, int) else found.__sizeof__()
