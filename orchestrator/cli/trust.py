"""``fieldwise trust``: who decides what devices install, and what is signed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import write_private
from fieldwise.trust import Role, name_of
from orchestrator import workshop
from orchestrator.cli import trust_files
from orchestrator.cli.confirming import Yes, confirm
from orchestrator.cli.output import Shown, facts
from orchestrator.cli.remote import remote
from orchestrator.cli.trust_screens import shown_trust
from orchestrator.connection import unusable
from orchestrator.rpc.client import OperatorClient
from orchestrator.trust.documents import (
    Document,
    check_signed,
    check_successor,
    is_same,
    read,
)
from orchestrator.trust_views import MetadataView, PublishedView
from orchestrator.workshop import Workshop

app = typer.Typer(no_args_is_help=True, help="Signed backbones: who decides what devices install.")
app.command("init")(trust_files.init)
app.command("sign")(trust_files.sign)
app.command("rotate")(trust_files.rotate)
app.command("rotate-online")(trust_files.rotate_online)
app.command("show")(trust_files.show_folder)

HandOver = Annotated[
    bool,
    typer.Option(
        "--hand-over",
        help="A server that is its own publisher signs the new root, and forgets its keys.",
    ),
]


@remote(app, "status")
async def status(client: OperatorClient) -> Shown:
    """Show what is signed, until when, what waits for a signature, and what devices made of it."""
    return shown_trust(await client.trust.get())


@remote(app, "publish")
async def publish(
    client: OperatorClient,
    folder: trust_files.Folder,
    *,
    hand_over: HandOver = False,
    context: typer.Context,
    yes: Yes = False,
) -> Shown:
    """Send the roots and the list of a publisher's folder to the server."""
    known = workshop.opened(folder)
    targets = _signed_list(known, hand_over=hand_over)
    if hand_over:
        confirm(context, "Hand the keys over, for good?", yes=yes)
    there = (await client.trust.get()).of(Role.ROOT)
    if there is not None:
        _refuse_stranger(known, there)
    newest = there.version if there else 0
    # To hand over, the newest again: it may be the one whose answer was lost.
    first = newest if hand_over else newest + 1
    roots = [each.content for each in known.roots if each.version >= first]
    done = await client.trust.publish(roots, targets.content, hand_over=hand_over)
    if hand_over:
        await _fetch_root(client, known)
    return Shown(done, lambda: facts(_published(done)))


@remote(app, "export")
async def export(client: OperatorClient, folder: trust_files.Folder) -> Shown:
    """Fetch every root and the list from the server into a folder."""
    roots, targets = await client.trust.export()
    known, chain = workshop.opened(folder), [read(Role.ROOT, each) for each in roots]
    _refuse_unsigned(known, chain, targets)
    _refuse_loss(known, chain, targets)
    paths = []
    for content in roots:
        root = read(Role.ROOT, content)
        paths.append(_write(folder / name_of(Role.ROOT, root.version), content))
    if targets:
        paths.append(_write(folder / workshop.LIST_FILE, targets))
    value = {"files": [str(each) for each in paths]}
    return Shown(value, lambda: facts([("written", str(each)) for each in paths]))


def _signed_list(known: Workshop, *, hand_over: bool) -> Document:
    """Return the list of a folder in which everything is signed that can be there.

    Raises:
        FieldwiseError: ``METADATA_INVALID``.
    """
    if known.targets is None:
        raise FieldwiseError(Fault.METADATA_INVALID, f"{known.folder} holds no list")
    check_signed(known.root, known.root)
    check_signed(known.targets, known.root)
    missing = known.missing(Role.ROOT)
    if missing and not hand_over:
        raise FieldwiseError(
            Fault.METADATA_INVALID,
            f"root {known.root.version} lacks {missing} signatures of the keys before it: collect "
            "them with `fieldwise trust sign`, or, where those are the server's own, --hand-over",
        )
    return known.targets


def _refuse_stranger(known: Workshop, there: MetadataView) -> None:
    """Say so at once where a folder and the server have roots of different publishers.

    Raises:
        FieldwiseError: ``CONFLICT``.
    """
    mine = next((each for each in known.roots if each.version == there.version), None)
    if mine is not None and set(mine.key_ids(Role.ROOT)) != set(there.key_ids):
        raise FieldwiseError(
            Fault.CONFLICT,
            f"root {there.version} of {known.folder} names other keys than that of the server: it "
            "is another publisher's. To follow the server's own keys, begin with `fieldwise trust "
            "export`",
        )


def _refuse_unsigned(known: Workshop, roots: Sequence[Document], targets: bytes) -> None:
    """Take nothing from a server that nobody signed: a publisher would sign it without a look.

    Raises:
        FieldwiseError: ``METADATA_INVALID`` or ``CONFLICT``.
    """
    if not roots:
        raise FieldwiseError(Fault.METADATA_INVALID, "the server sent no root")
    for root, before in zip(roots, [None, *roots], strict=False):
        check_successor(root, before) if before else check_signed(root, root)
    newest = roots[-1]
    if known.roots and known.root.version > newest.version and not known.missing(Role.ROOT):
        raise FieldwiseError(
            Fault.CONFLICT,
            f"{known.folder} has root {known.root.version} already, and the server none above "
            f"{newest.version}: `fieldwise trust publish` sends it",
        )
    if targets:
        check_signed(read(Role.TARGETS, targets), newest)


def _refuse_loss(known: Workshop, roots: Sequence[Document], targets: bytes) -> None:
    """Keep what a publisher has from being lost: another root, or a list that is not older.

    Signatures may be others: a server adds its own where it hands over.

    Raises:
        FieldwiseError: ``ALREADY_EXISTS``.
    """
    mine = {each.version: each for each in known.roots}
    lost = [
        name_of(Role.ROOT, each.version)
        for each in roots
        if each.version in mine and not is_same(mine[each.version], each)
    ]
    if known.targets is not None and targets:
        there = read(Role.TARGETS, targets)
        stays = known.targets.version >= there.version and not is_same(known.targets, there)
        lost += [workshop.LIST_FILE] if stays else []
    if lost:
        raise FieldwiseError(
            Fault.ALREADY_EXISTS,
            f"{known.folder} has another {lost[0]}, which would be lost: choose another folder",
        )


async def _fetch_root(client: OperatorClient, known: Workshop) -> None:
    """Fetch the new root with the signature that the server has added."""
    roots, _ = await client.trust.export(known.root.version)
    for content in roots:
        root = read(Role.ROOT, content)
        if is_same(root, known.root):
            _write(known.folder / name_of(Role.ROOT, root.version), content)


def _write(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, content)
    except OSError as error:
        raise unusable(path, error) from error
    return path


def _published(done: PublishedView) -> list[tuple[str, str]]:
    return [
        ("now", "in force" if done.changed else "it was in force already"),
        ("root", f"version {done.root_version}"),
        ("list", f"version {done.targets_version}"),
        ("floor", f"epoch {done.floor_epoch}"),
    ]
