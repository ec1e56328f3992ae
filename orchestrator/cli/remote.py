"""Commands that ask a server: one decorator gives them their connection and their output.

A command is an async function of an ``OperatorClient`` and its own arguments that returns
``Shown``. What it becomes has the options --address, --token, --token-file, --ca, --data-folder
and --json as well. What the first four leave open is looked up in the data folder, which is found
as `serve` finds it: by the option, the environment, the file that FIELDWISE_CONFIG names, or the
default.
"""

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from fieldwise.between import Way
from fieldwise.channel import check_address, proxy_of
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.output import Shown, errors_shown, show
from orchestrator.config import load_settings
from orchestrator.connection import Connection, read_connection
from orchestrator.paging import Page
from orchestrator.rpc.client import connect

AUTHORITY_BYTES_MAX = 65_536  # a few certificates
TOKEN_BYTES_MAX = 16_384  # twice what a header carries

Address = Annotated[
    str | None,
    typer.Option(
        envvar="FIELDWISE_ADDRESS", help="host:port of the operator API.", show_default=False
    ),
]
Token = Annotated[
    str | None,
    typer.Option(envvar="FIELDWISE_TOKEN", help="Operator token.", show_default=False),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        envvar="FIELDWISE_TOKEN_FILE",
        help="File with the operator token, in place of --token; read at each command.",
        show_default=False,
    ),
]
Authority = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        envvar="FIELDWISE_CA",
        help="PEM file with the authority of the server's certificate.",
        show_default=False,
    ),
]
DataFolder = Annotated[
    str | None,
    typer.Option(
        help="Data folder of a server of this machine, as `serve` has it.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

ItemT = TypeVar("ItemT")
Command = Callable[..., Awaitable[Shown]]


@dataclass(frozen=True, slots=True)
class Asked:
    """The connection options of a command, as given."""

    address: str | None
    token: str | None
    ca: Path | None
    data_folder: str | None = None
    token_file: Path | None = None


def remote(app: typer.Typer, name: str) -> Callable[[Command], Command]:
    """Make a command of a group out of an async function whose first argument is the client."""

    def register(function: Command) -> Command:
        @wraps(function)
        def command(
            *,
            address: str | None,
            token: str | None,
            token_file: Path | None,
            ca: Path | None,
            data_folder: str | None,
            json: bool,
            **own: Any,
        ) -> None:
            with errors_shown(as_json=json):
                asked = Asked(address, token, ca, data_folder, token_file)
                shown = asyncio.run(_ask(function, asked, own))
                show(shown, as_json=json)

        _describe(command, function)
        app.command(name)(command)
        return function

    return register


async def collect(
    fetch: Callable[[str], Awaitable[Page[ItemT]]], limit: int
) -> tuple[list[ItemT], bool]:
    """Fetch pages until there are ``limit`` items (0: all); tell whether there are more."""
    items: list[ItemT] = []
    token = ""
    while True:
        page = await fetch(token)
        items += page.items
        token = page.next_token
        if not token or (limit and len(items) >= limit):
            break
    cut = bool(limit) and (len(items) > limit or bool(token))
    return (items[:limit] if limit else items), cut


def more(cut: bool, limit: int) -> str:
    """The note under a list that was cut off."""
    return f"Only the first {limit:,} are shown; --limit 0 shows all." if cut else ""


async def _ask(function: Command, asked: Asked, own: dict[str, Any]) -> Shown:
    found = resolve(asked)
    roots = found.authority.encode()
    try:
        async with connect(found.address, roots, found.token) as client:
            return await function(client, **own)
    except FieldwiseError as error:
        raise await Way(found.address, roots, proxy_of(found.address)).explained(error) from error


def resolve(asked: Asked) -> Connection:
    """Complete what was given by what the data folder of this machine says.

    Raises:
        FieldwiseError: ``UNREACHABLE`` where nothing tells which server is meant,
            ``UNAUTHENTICATED`` without a token, ``INVALID_ARGUMENT`` for a bad address or file,
            ``SETTING_INVALID`` where the settings do not tell the data folder.
    """
    said = (asked.token or "").rstrip("\r\n")  # a variable may be made of a file
    given = said or (_read_token(asked.token_file) if asked.token_file else None)
    near = None if asked.address and given and asked.ca else _near(asked.data_folder)
    address = asked.address or (near.address if near else None)
    if address is None:
        raise FieldwiseError(
            Fault.UNREACHABLE,
            "no server is named with --address or FIELDWISE_ADDRESS, and the data folder "
            f"{_folder(asked.data_folder)} has none; --data-folder names another",
        )
    authority = _read_authority(asked.ca) if asked.ca else (near.authority if near else None)
    if authority is None:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"--ca is needed to know the server at {address}"
        )
    token = given or (near.token if near and _is_near(near, authority) else None)
    if not token:
        raise FieldwiseError(Fault.UNAUTHENTICATED, "no operator token is given")
    return Connection(check_address(address), authority, token)


def _is_near(near: Connection, authority: str) -> bool:
    """Tell whether a server is this machine's: no other is handed the token of that."""
    return authority.strip() in near.authority or near.authority.strip() in authority


def _near(data_folder: str | None) -> Connection | None:
    return read_connection(_folder(data_folder))


def _folder(given: str | None) -> Path:
    file = os.environ.get("FIELDWISE_CONFIG")
    flags = {"data_folder": given}
    return load_settings(Path(file) if file else None, os.environ, flags).settings.folder


def _read_authority(path: Path) -> str:
    return _read("--ca", path, AUTHORITY_BYTES_MAX)


def _read_token(path: Path) -> str:
    """Read a token; without one nobody operates as whom the data folder names in its place."""
    token = _read("--token-file", path, TOKEN_BYTES_MAX).strip()
    if not token:
        raise FieldwiseError(Fault.UNAUTHENTICATED, f"--token-file: {path} is empty")
    return token


def _read(option: str, path: Path, bytes_max: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(bytes_max).decode()
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{option}: {path} cannot be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{option}: {path} is not text") from error


def _describe(command: Callable[..., None], function: Command) -> None:
    """Give a command the parameters that typer is to see."""
    own = list(inspect.signature(function).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter("address", keyword, default=None, annotation=Address),
        inspect.Parameter("token", keyword, default=None, annotation=Token),
        inspect.Parameter("token_file", keyword, default=None, annotation=TokenFile),
        inspect.Parameter("ca", keyword, default=None, annotation=Authority),
        inspect.Parameter("data_folder", keyword, default=None, annotation=DataFolder),
        inspect.Parameter("json", keyword, default=False, annotation=Json),
    ]
    parameters = [*(each.replace(kind=keyword) for each in own), *added]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it
    command.__annotations__ = {each.name: each.annotation for each in parameters}
