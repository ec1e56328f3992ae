"""Commands that do something further each time: what makes a repetition harmless."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from fieldwise.errors import FieldwiseError
from orchestrator.rpc.calling import UNHEARD

NAME_BYTES = 16

Request = Annotated[
    str,
    typer.Option(
        help="Name of the request, as a command without an answer told it: it has its effect once.",
        show_default=False,
    ),
]


def named(request: str) -> str:
    """Return the name that was given, or draw one."""
    return request or secrets.token_hex(NAME_BYTES)


@contextmanager
def repeatable(option: str) -> Iterator[None]:
    """Tell, where no answer came, with which option the command may be given again."""
    try:
        yield
    except FieldwiseError as error:
        if error.fault not in UNHEARD:
            raise
        again = f"it may have been heard: give the command again with {option}, and it counts once"
        raise FieldwiseError(error.fault, f"{error.sentence}; {again}") from error
