"""The command lines as docs/reference.md lists them, read from the programs themselves."""

from collections.abc import Collection, Iterator, Mapping

import click
import typer

# Options of many commands, told once above the lists; and what such a command then is called.
SHARED: Mapping[str, str] = {
    "json": "",
    "address": "Asks a server.",
    "token": "",
    "ca": "",
    "token_file": "",
}


def commands(app: typer.Typer, program: str, settings: Collection[str]) -> Iterator[str]:
    """A section for every command with its arguments, its options and what they mean.

    Args:
        app: The program.
        program: Its name.
        settings: Names of settings; a command that takes them all as options says just that.
    """
    return described(typer.main.get_command(app), program, frozenset(settings))


def described(command: click.Command, path: str, settings: frozenset[str]) -> Iterator[str]:
    yield f"### `{path}`"
    yield ""
    names = {each.name for each in command.params}
    notes = [note for name, note in SHARED.items() if note and name in names]
    takes_settings = bool(settings) and settings <= names
    notes += ["Takes every setting as an option."] if takes_settings else []
    yield " ".join([sentence(command.help), *notes])
    yield ""
    left_out = {*SHARED, *(settings if takes_settings else ())}
    listed = [line for each in command.params if each.name not in left_out for line in shown(each)]
    yield from [*listed, ""] if listed else []
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            if not inner.hidden:
                yield from described(inner, f"{path} {name}", settings)


def shown(parameter: click.Parameter) -> Iterator[str]:
    """One line of a list."""
    text = sentence(getattr(parameter, "help", None))
    if isinstance(parameter, click.Argument):
        many = " ..." if parameter.nargs != 1 else ""
        yield f"- `{parameter.human_readable_name.upper()}{many}` {text}".rstrip()
    elif isinstance(parameter, click.Option) and not ignored(parameter):
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        yield f"- {names} {text}{default(parameter)}".rstrip()


def default(option: click.Option) -> str:
    value = option.default
    told = isinstance(value, int | str) and not isinstance(value, bool) and value not in {"", 0}
    return f" Default: {value}." if told else ""


def ignored(option: click.Option) -> bool:
    return option.hidden or option.name in {"help", "install_completion", "show_completion"}


def sentence(text: str | None) -> str:
    """A help text on one line."""
    return " ".join((text or "").split())
