"""Asking a person before something that is hard to take back."""

import sys
from typing import Annotated

import typer

from fieldwise.errors import Fault, FieldwiseError

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(context: typer.Context, question: str, *, yes: bool) -> None:
    """Ask; nobody is asked where there is nobody, since a script means what it writes.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where the answer is no.
    """
    asked = not yes and sys.stdin.isatty() and not context.params["json"]
    if asked and not typer.confirm(question, err=True):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "nothing was changed")
