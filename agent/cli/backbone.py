"""``backbone``: what is on the device, and the owner's word about it."""

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.output import AsJson, columns, show
from agent.cli.progress import update_words
from agent.cli.told import settings_of
from agent.reporting import Backbone, Role

app = typer.Typer(no_args_is_help=True, help="Backbones on this device.")

ROLES = {Role.IN_USE: "in use", Role.BEFORE: "before", Role.WANTED: "wanted"}


@app.command("install")
def install(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A bundle file.")],
    *,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Also one that no publisher vouches for.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Bring a backbone from a bundle file into use; no fleet is needed for it."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        digest, title = reached.install(file, unsigned=unsigned)
        status = reached.status()
    phase, vouched = status.update.phase, status.publisher.in_use_listed
    found = {"digest": digest, "backbone": title, "phase": phase, "vouched": vouched}
    ending = ", on probation" if phase == "probation" else ""
    said = "" if vouched else "; no publisher vouches for it"
    show(found, lambda: [f"{title} is in use ({digest[:12]}){ending}{said}"], as_json=json)


@app.command("list")
def list_backbones(context: typer.Context, *, json: AsJson = False) -> None:
    """List the backbones that are on this device, and what each is there for."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        backbones, update = reached.backbones(), reached.status().update
    found = [
        {
            "digest": each.digest,
            "backbone": each.title,
            "variant": each.variant,
            "role": each.role,
            "in_use": each.role is Role.IN_USE,
            "pinned": each.role is Role.IN_USE and update.pinned,
        }
        for each in backbones
    ]
    rows = [_row(each, pinned=update.pinned) for each in backbones]
    lines = [*columns(rows), "", update_words(update)] if rows else ["there is no backbone yet"]
    show(found, lambda: lines, as_json=json)


@app.command("rollback")
def rollback(context: typer.Context, *, json: AsJson = False) -> None:
    """Go back to the backbone from before; a second time undoes it."""
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        title = reached.roll_back()
    show({"backbone": title}, lambda: [f"{title} is in use again"], as_json=json)


@app.command("pin")
def pin(context: typer.Context, *, json: AsJson = False) -> None:
    """Let nobody but the owner change the backbone from now on."""
    _pin(context, pinned=True, as_json=json)


@app.command("unpin")
def unpin(context: typer.Context, *, json: AsJson = False) -> None:
    """Let the fleet change the backbone again."""
    _pin(context, pinned=False, as_json=json)


@app.command("confirm")
def confirm(context: typer.Context, *, json: AsJson = False) -> None:
    """Say yes to a backbone that waits for it, or that is still being judged."""
    _answer(context, confirmed=True, as_json=json)


@app.command("refuse")
def refuse(context: typer.Context, *, json: AsJson = False) -> None:
    """Say no to a backbone that is wanted and does not serve yet."""
    _answer(context, confirmed=False, as_json=json)


def _pin(context: typer.Context, *, pinned: bool, as_json: bool) -> None:
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        reached.pin(pinned=pinned)
    said = "only its owner changes the backbone now" if pinned else "the fleet may change it again"
    show({"pinned": pinned}, lambda: [said], as_json=as_json)


def _answer(context: typer.Context, *, confirmed: bool, as_json: bool) -> None:
    from agent.cli.desk import desk

    with desk(settings_of(context)) as reached:
        digest = reached.answer(confirmed=confirmed)
        update = reached.status().update
    found = {"digest": digest, "confirmed": confirmed, "phase": update.phase}
    show(found, lambda: [f"{digest[:12]}: {update_words(update)}"], as_json=as_json)


def _row(backbone: Backbone, *, pinned: bool) -> tuple[str, str, str, str]:
    role = ROLES[backbone.role]
    if pinned and backbone.role is Role.IN_USE:
        role = f"{role}, pinned"
    return backbone.digest[:12], backbone.title or "not here yet", backbone.variant, role
