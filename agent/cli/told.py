"""What the agent was told: the settings of the command line, and those in force."""

import typer

from agent.config import AgentSettings
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.settings import Effective


def read_flags(pairs: list[str]) -> dict[str, object]:
    """Read ``--set NAME=VALUE``; names with dashes or underscores.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` for text without "=" or a name that no setting has.
    """
    flags: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in AgentSettings.__struct_fields__:
            raise FieldwiseError(
                Fault.SETTING_INVALID, f"--set {pair[:80]!r} is not NAME=VALUE of a setting"
            )
        flags[name] = value
    return flags


def effective(context: typer.Context) -> Effective[AgentSettings]:
    """The settings in force, each with its origin."""
    found: Effective[AgentSettings] = context.obj
    return found


def settings_of(context: typer.Context) -> AgentSettings:
    """The settings in force."""
    return effective(context).settings
