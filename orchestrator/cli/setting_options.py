"""An option for every setting of the orchestrator, made from ``orchestrator.config``."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldwise.settings import describe, field_names, flag_name
from orchestrator.cli.remote import Json
from orchestrator.config import OrchestratorSettings

Config = Annotated[
    Path | None,
    typer.Option(envvar="FIELDWISE_CONFIG", help="TOML file with settings.", show_default=False),
]
WithSettings = Callable[..., None]  # of flags, config, json, and what else the command takes
OWN = ("flags", "config", "json")


def setting_options(function: WithSettings) -> Callable[..., None]:
    """Make a command with an option for every setting, and --config and --json.

    Whatever else the function takes is an argument or an option of the command as well. As the
    command of a group it stands back where one of the group's own is called.
    """
    taken = inspect.signature(function).parameters.values()
    further = [each for each in taken if each.name not in OWN]

    @wraps(function)
    def command(*, context: typer.Context, config: Path | None, json: bool, **flags: Any) -> None:
        if context.invoked_subcommand is None:
            others = {each.name: flags.pop(each.name) for each in further}
            function(flags, config, json, **others)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("context", keyword, annotation=typer.Context),
        *(each.replace(kind=keyword) for each in further),
        inspect.Parameter("config", keyword, default=None, annotation=Config),
        *(_parameter(name) for name in field_names(OrchestratorSettings)),
        inspect.Parameter("json", keyword, default=False, annotation=Json),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # inspect reads it
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _parameter(name: str) -> inspect.Parameter:
    text = describe(OrchestratorSettings, name)
    option = typer.Option(flag_name(name), help=text, metavar="VALUE", show_default=False)
    annotation = Annotated[str | None, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )
