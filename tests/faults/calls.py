"""Traps at any function of a program, by its name: it dies there, refuses or finds no room."""

import asyncio
import importlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any

from fieldwise.errors import Fault, FieldwiseError
from tests.faults.trails import die, note, trail_of
from tests.full_disk import full_disk


def die_at_call(wanted: Mapping[str, Any]) -> None:
    """Die before or after the ``count``-th call of a function, unless an earlier life has died.

    After a generator's call is when everything has come that it yields.
    """
    if trail_of(Path(wanted["trail"])):
        return
    owner, name = _place(wanted)
    genuine, left = getattr(owner, name), wanted.get("count", 1)

    @contextmanager
    def dying() -> Iterator[None]:
        nonlocal left
        left -= 1
        dies = left == 0
        if dies and wanted["side"] == "before":
            note(wanted["trail"], died="before", function=wanted["function"])
            die()
        yield
        if dies:
            note(wanted["trail"], died="after", function=wanted["function"])
            die()

    @wraps(genuine)
    def call(*arguments: Any, **named: Any) -> Any:
        with dying():
            told = genuine(*arguments, **named)
            return iter(list(told)) if isinstance(told, Iterator) else told

    @wraps(genuine)
    async def call_later(*arguments: Any, **named: Any) -> Any:
        with dying():
            return await genuine(*arguments, **named)

    setattr(owner, name, call_later if asyncio.iscoroutinefunction(genuine) else call)


def refuse_always(wanted: Mapping[str, Any]) -> None:
    """Let a function refuse whatever it is given."""
    owner, name = _place(wanted)

    def refuse(*_arguments: Any, **_named: Any) -> None:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "a test wants it so")

    setattr(owner, name, refuse)


@contextmanager
def no_room(trail: str, place: str) -> Iterator[None]:
    """Let the disk be full, and say where it was."""
    note(trail, full=place)
    with full_disk():
        yield


def leave_no_room(wanted: Mapping[str, Any]) -> None:
    """Let the disk be full during the ``count``-th call of a function of the program."""
    owner, name = _place(wanted)
    genuine, left = getattr(owner, name), wanted.get("count", 1)

    def room() -> AbstractContextManager[None]:
        nonlocal left
        left -= 1
        return nullcontext() if left else no_room(wanted["trail"], wanted["function"])

    @wraps(genuine)
    def call(*arguments: Any, **named: Any) -> Any:
        with room():
            return genuine(*arguments, **named)

    @wraps(genuine)
    async def call_later(*arguments: Any, **named: Any) -> Any:
        with room():
            return await genuine(*arguments, **named)

    setattr(owner, name, call_later if asyncio.iscoroutinefunction(genuine) else call)


def _place(wanted: Mapping[str, Any]) -> tuple[Any, str]:
    """What holds a function of the program, and its name there."""
    module = importlib.import_module(wanted["module"])
    owner, _, name = wanted["function"].rpartition(".")
    return getattr(module, owner) if owner else module, name
