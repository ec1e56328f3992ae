"""``fieldwise backup`` and ``fieldwise restore``: all that cannot be made again, in one file."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from orchestrator.cli.output import Shown, err, errors_shown, facts, local, show, size
from orchestrator.cli.serve import check_extra
from orchestrator.cli.setting_options import setting_options
from orchestrator.config import load_settings
from orchestrator.rollout.telling import devices

if TYPE_CHECKING:
    from orchestrator.backing_up import BackedUp, Told
    from orchestrator.restoring import Restoration

app = typer.Typer()

Target = Annotated[Path, typer.Argument(help="File to write; - for standard output.")]
Backup = Annotated[Path, typer.Argument(help="A file that `fieldwise backup` has written.")]
Recipients = Annotated[
    list[str] | None,
    typer.Option(
        "--recipient",
        "-r",
        help="Encrypt for this public key of age, age1...; again for each. Without one the file "
        "holds the fleet's keys in the clear.",
    ),
]
Identity = Annotated[
    Path | None,
    typer.Option("--identity", "-i", help="File with the secret key, as age-keygen writes it."),
]
WithBundles = Annotated[
    bool | None,
    typer.Option(
        "--with-bundles/--without-bundles",
        help="Content of bundles goes along. Default: where it lies in a folder, not in a bucket.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file of that name.")]
GoOn = Annotated[
    bool,
    typer.Option(
        "--go-on",
        help="Rollouts go on where they were: for a move, where no server has run since the "
        "backup. Without it they stand still until an operator has looked; recalls go on.",
    ),
]


@app.command("backup")
@setting_options
def backup(
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
    *,
    file: Target,
    recipient: Recipients = None,
    with_bundles: WithBundles = None,
    force: Force = False,
) -> None:
    """Write database, keys and bundles into one file, beside a server that goes on.

    Who has the file has the fleet: it is for its owner only, and secret.
    """
    with errors_shown(as_json=json):
        settings = load_settings(config, os.environ, flags).settings
        check_extra()
        from orchestrator.backing_up import Wanted, back_up
        from orchestrator.backup_place import STANDARD_OUTPUT, recipients_from

        wanted = Wanted(file, recipients_from(recipient or ()), with_bundles, force)
        with _telling(quiet=json) as told:
            made = asyncio.run(back_up(settings, wanted, told))
        if file != STANDARD_OUTPUT:
            show(_backed_up(made), as_json=json)


@app.command("restore")
@setting_options
def restore(
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
    *,
    file: Backup,
    identity: Identity = None,
    go_on: GoOn = False,
) -> None:
    """Put a backup into an empty database and an empty data folder; stop every server first.

    All of the file is verified before anything is written.
    """
    with errors_shown(as_json=json):
        settings = load_settings(config, os.environ, flags).settings
        check_extra()
        from orchestrator.backup_place import identities_in
        from orchestrator.restoring import Source
        from orchestrator.restoring import restore as restore_file

        source = Source(file, identities_in(identity), go_on)
        with _telling(quiet=json) as told:
            done = asyncio.run(restore_file(settings, source, told))
        show(_restored(done), as_json=json)


@contextmanager
def _telling(*, quiet: bool) -> "Iterator[Told]":
    """Show on a terminal how far it is."""
    console = err()
    if quiet or not console.is_terminal:
        yield lambda _step, _done, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        tasks = {}

        def tell(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=total or None)
            progress.update(tasks[step], completed=done)

        yield tell


def _backed_up(made: "BackedUp") -> Shown:
    bundles = [each for each in made.contents if each.included]
    seconds = made.head.made_at
    written = made.file.stat().st_size
    value = {
        "file": made.file,
        "bytes": written,
        "encrypted": made.encrypted,
        "fleet": made.head.fleet,
        "made_at": datetime.fromtimestamp(seconds, UTC),
        "tables": made.head.tables_version,
        "rows": made.rows,
        "devices": made.devices,
        "bundle_files": len(bundles),
        "bundle_files_missing": list(made.missing),
    }
    rows = [
        ("fleet", f"{made.head.fleet}, {devices(made.devices)}"),
        ("file", f"{made.file}, {size(written)}"),
        ("keep secret", "encrypted" if made.encrypted else "it holds the keys in the clear"),
        ("bundles", _bundles_told(made)),
    ]
    return Shown(value, lambda: facts(rows))


def _bundles_told(made: "BackedUp") -> str:
    if not made.head.with_bundles:
        return f"only their index, of {len(made.contents):,} files: their store is not in it"
    inside = [each.size for each in made.contents if each.included]
    told = f"{len(inside):,} files, {size(sum(inside))}"
    lacking = len(made.missing)
    return f"{told}; the store lacks {lacking:,} more" if lacking else told


def _restored(done: "Restoration") -> Shown:
    verified = done.verified
    moment = datetime.fromtimestamp(verified.head.made_at, UTC)
    halted = [each.id for each in done.halted]
    ended = [each.id for each in done.ended]
    missing = [each.manifest.title for each in done.missing]
    value = {
        "fleet": verified.head.fleet,
        "made_at": moment,
        "tables": verified.head.tables_version,
        "rows": sum(each.rows for each in verified.manifest.rows),
        "devices": verified.manifest.devices,
        "keys_written": list(done.keys),
        "rollouts_halted": halted,
        "campaigns_ended": ended,
        "backbones_missing": missing,
    }
    rows = [
        ("fleet", f"{verified.head.fleet}, {devices(verified.manifest.devices)}"),
        ("as of", local(moment)),
        ("keys", ", ".join(map(str, done.keys)) or "were there already"),
        ("stand still", ", ".join(halted) or "no rollouts"),
        ("ended", ", ".join(ended) or "no campaigns"),
        ("bundles missing", ", ".join(missing) or "none"),
    ]
    return Shown(value, lambda: facts(rows), _advice(missing))


def _advice(missing: Sequence[str]) -> str:
    lost = "Bring back the bundle store, or push again what is missing. " if missing else ""
    return (
        f"{lost}What happened after the backup is not in it: remove devices and revoke tickets "
        "again that were removed and revoked since. Devices that joined since have to join again."
    )
