"""The commands of ``fieldwise trust`` that ask no server: a publisher's folder and its keys."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fieldwise.archive import manifest_of
from fieldwise.bundle import digest_of, encode_manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed, Role
from orchestrator import workshop
from orchestrator.cli.output import errors_shown, show
from orchestrator.cli.remote import Json
from orchestrator.cli.trust_screens import shown_workshop
from orchestrator.publisher_file import PUBLISHER_FILE, all_online, write_publisher
from orchestrator.workshop import Change, Terms, Workshop
from orchestrator.world import SystemClock

PASSPHRASE_BYTES_MAX = 1024

Folder = Annotated[Path, typer.Argument(help="The publisher's folder.")]
RootKeys = Annotated[int, typer.Option(min=1, max=8, help="Keys that may sign the root.")]
RootThreshold = Annotated[int, typer.Option(min=1, max=8, help="How many of them have to.")]
ListKeys = Annotated[int, typer.Option(min=1, max=4, help="Keys that may sign the list.")]
ListThreshold = Annotated[int, typer.Option(min=1, max=4, help="How many of them have to.")]
RootDays = Annotated[int, typer.Option(min=1, max=1095, help="Days for which the root holds.")]
ListDays = Annotated[int, typer.Option(min=1, max=400, help="Days for which the list holds.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="File with the passphrase of the keys. Without it one is asked for."),
]
Keys = Annotated[
    list[Path] | None,
    typer.Option("--key", help="Key that signs; again for each. Default: all in FOLDER/keys."),
]


def init(
    folder: Folder,
    *,
    root_keys: RootKeys = 1,
    root_threshold: RootThreshold = 1,
    list_keys: ListKeys = 1,
    list_threshold: ListThreshold = 1,
    root_days: RootDays = 365,
    list_days: ListDays = 90,
    passphrase_file: PassphraseFile = None,
    all_keys_online: Annotated[
        bool,
        typer.Option(
            "--all-online", help="Only make a publisher.json with every key, for replicas."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Make keys of root and list, a first root and list, and publisher.json for the server.

    In a folder that `fieldwise trust export` filled, they follow what a server founded by itself.
    """
    with errors_shown(as_json=json):
        if all_keys_online:
            _init_online(folder)
            return
        terms = Terms(root_keys, root_threshold, list_keys, list_threshold, root_days, list_days)
        passphrase = _passphrase(passphrase_file, fresh=True)
        done = workshop.founded(folder, terms, passphrase, SystemClock().now())
        show(shown_workshop(done), as_json=json)


def sign(
    folder: Folder,
    *,
    add: Annotated[
        list[Path] | None,
        typer.Option("--list", help="Bundle file that may be installed; again for each."),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option("--delist", help="NAME:VERSION that may not any more; again for each."),
    ] = None,
    floor: Annotated[
        int | None, typer.Option(min=0, help="Lowest epoch that may be installed; only rises.")
    ] = None,
    renew: Annotated[bool, typer.Option(help="Sign the list anew for its days.")] = False,
    list_days: ListDays = 90,
    key: Keys = None,
    passphrase_file: PassphraseFile = None,
    json: Json = False,
) -> None:
    """Change the list and sign it; without a change, sign what lacks signatures, the root as well.

    Who changes the list signs no root by the way: look at that first with `fieldwise trust show`.
    """
    with errors_shown(as_json=json):
        known = workshop.opened(folder)
        change = Change(tuple(map(listed_in, add or ())), tuple(drop or ()), floor, renew)
        changed = workshop.with_list(known, change, list_days, SystemClock().now())
        done = _signed(changed, key, passphrase_file, root_too=not change.is_any)
        show(shown_workshop(done), as_json=json)


def rotate(
    folder: Folder,
    *,
    what: Annotated[str, typer.Argument(help="root or list: whose keys are made anew.")],
    keys: Annotated[int, typer.Option(min=1, max=8, help="How many there will be.")] = 1,
    threshold: Annotated[int, typer.Option(min=1, max=8, help="How many have to sign.")] = 1,
    root_days: RootDays = 365,
    list_days: ListDays = 90,
    key: Keys = None,
    passphrase_file: PassphraseFile = None,
    json: Json = False,
) -> None:
    """Make the keys of root or list anew: a next root, signed by the old keys and the new."""
    with errors_shown(as_json=json):
        if what not in {"root", "list"}:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{what[:20]!r} is neither root nor list")
        known, now = workshop.opened(folder), SystemClock().now()
        terms = Terms(keys, threshold, keys, threshold, root_days, list_days)
        passphrase = _passphrase(passphrase_file, fresh=True)
        role = Role.ROOT if what == "root" else Role.TARGETS
        after = workshop.rotated(known, role, terms, passphrase, now)
        show(shown_workshop(_signed_with(after, key, passphrase)), as_json=json)


def rotate_online(
    folder: Folder,
    *,
    server_file: Annotated[
        Path | None,
        typer.Option(help="publisher.json of the server. Default: that of FOLDER."),
    ] = None,
    root_days: RootDays = 365,
    key: Keys = None,
    passphrase_file: PassphraseFile = None,
    json: Json = False,
) -> None:
    """Make the online key anew: a next root, and a publisher.json with the old key and the new.

    Put that file in its place and start the server again before `fieldwise trust publish`.
    """
    with errors_shown(as_json=json):
        known = workshop.opened(folder)
        file = server_file or folder / PUBLISHER_FILE
        if not file.is_file():
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT,
                f"{file} is not there: copy publisher.json from the server, and name the copy with "
                "--server-file",
            )
        after = workshop.with_online(known, file, root_days, SystemClock().now())
        show(shown_workshop(_signed(after, key, passphrase_file)), as_json=json)


def show_folder(folder: Folder, json: Json = False) -> None:
    """Show a publisher's folder: who has signed, and which signatures are missing."""
    with errors_shown(as_json=json):
        show(shown_workshop(workshop.opened(folder)), as_json=json)


def listed_in(bundle: Path) -> Listed:
    """Return a bundle file as the list is to have it.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` or ``BUNDLE_INVALID`` for what is none.
    """
    if not bundle.is_file():
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{bundle} is no bundle file")
    manifest = manifest_of(bundle)
    content = encode_manifest(manifest)
    return Listed(digest_of(content), len(content), manifest.name, manifest.version, manifest.epoch)


def _init_online(folder: Path) -> None:
    path = folder / PUBLISHER_FILE
    if path.exists():
        raise FieldwiseError(Fault.ALREADY_EXISTS, f"{path} is there already")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_publisher(path, all_online())
    typer.echo(f"{path} has every key, for servers that are their own publisher")


def _signed(
    known: Workshop,
    key: list[Path] | None,
    passphrase_file: Path | None,
    *,
    root_too: bool = True,
) -> Workshop:
    paths = key or workshop.all_keys(known.folder)
    passphrase = _passphrase(passphrase_file) if _encrypted(paths) else None
    return _signed_with(known, paths, passphrase, root_too=root_too)


def _signed_with(
    known: Workshop, key: list[Path] | None, passphrase: bytes | None, *, root_too: bool = True
) -> Workshop:
    paths = key or workshop.all_keys(known.folder)
    keys = workshop.keys_in(paths, passphrase)
    return workshop.kept(workshop.with_signatures(known, keys, root_too=root_too))


def _encrypted(paths: list[Path]) -> bool:
    return any(b"ENCRYPTED" in path.read_bytes() for path in paths if path.is_file())


def _passphrase(file: Path | None, *, fresh: bool = False) -> bytes | None:
    """Read the passphrase, or ask for it where there is somebody; fresh keys may have none."""
    if file is not None:
        try:
            return file.read_bytes()[:PASSPHRASE_BYTES_MAX].rstrip(b"\r\n") or None
        except OSError as error:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"--passphrase-file: {file}: {error.strerror}"
            ) from error
    if not sys.stdin.isatty():
        return None
    words = "Passphrase of the new keys (empty: none)" if fresh else "Passphrase of the keys"
    asked: str = typer.prompt(
        words, default="", hide_input=True, confirmation_prompt=fresh, show_default=False, err=True
    )
    return asked.encode() or None
