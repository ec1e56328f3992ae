"""Bytes that objects hold: arrays, bytes and text that can be reached from them."""

import gc
from collections.abc import Iterable, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

LEFT_OUT = (type, ModuleType, FunctionType, MethodType)  # code, not state


def held_bytes(*roots: object, without: Iterable[object] = ()) -> int:
    """Bytes of arrays, bytes and text reachable from objects, each counted once.

    A view counts as the whole array that it keeps alive. The few bytes of Python's own objects
    around them are not counted.

    Args:
        roots: Where to begin.
        without: What is not followed, such as a backbone or a database.
    """
    seen = {id(each) for each in without}
    waiting: list[Any] = list(roots)
    total = 0
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, LEFT_OUT):
            continue
        seen.add(id(found))
        if isinstance(found, np.ndarray):
            if isinstance(found.base, np.ndarray):
                waiting.append(found.base)
            else:
                total += found.nbytes
        elif isinstance(found, bytes | bytearray | str):
            total += len(found)
        else:
            waiting += _inside(found)
    return total


def _inside(found: object) -> list[Any]:
    if isinstance(found, Mapping):
        return [*found.keys(), *found.values()]
    return gc.get_referents(found)
