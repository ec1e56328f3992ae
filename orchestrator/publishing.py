"""How a bundle comes to the fleet: taken as a stream, checked as a whole, then seen at once.

Nothing of a bundle can be seen before all of it was verified: the upload goes to a file with a
limit, is unpacked by digest beside it, and every graph is inspected without being run. Then its
files are stored, the manifest after them, and only the row that names it makes it visible. What
fails anywhere before leaves nothing behind but content under its own digest, which harms nobody.
Pushing a bundle again repairs what was spoiled of its stored content.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fieldwise import affine_file, archive, graph, head_file
from fieldwise.bundle import Manifest, View
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import FULL
from orchestrator.ports import BackboneStore, BundleStore, Clock
from orchestrator.rollout.backbone import Backbone, Reference
from orchestrator.trust.keeping import Keeping, listed_of

PIECE_BYTES = 262_144  # as much as one message of a download holds


@dataclass(frozen=True, slots=True)
class Published:
    """A backbone as kept, and whether it is new."""

    backbone: Backbone
    created: bool


class Publishing:
    """The use case; bundles are inspected one after the other, since a graph may fill the memory.

    Args:
        backbones: Where backbones are named.
        bundles: Where their content is kept.
        clock: What time it is.
        scratch: Folder for uploads under way.
        bytes_max: Largest bundle file.
        keeping: What puts it on the signed list, where that is this server's own.
    """

    def __init__(
        self,
        backbones: BackboneStore,
        bundles: BundleStore,
        clock: Clock,
        scratch: Path,
        bytes_max: int,
        keeping: Keeping | None = None,
    ) -> None:
        self._backbones = backbones
        self._bundles = bundles
        self._clock = clock
        self._scratch = scratch
        self._bytes_max = bytes_max
        self._keeping = keeping
        self._turn = asyncio.Lock()

    async def publish(self, pieces: AsyncIterable[bytes]) -> Published:
        """Take one bundle file.

        Raises:
            FieldwiseError: ``OVER_LIMIT``, ``BUNDLE_INVALID``, ``DIGEST_MISMATCH``, ``DISK_FULL``,
                or ``ALREADY_EXISTS`` for other content under a name and version that is taken;
                ``OVER_LIMIT``, too, where the signed list is full.
        """
        with tempfile.TemporaryDirectory(prefix="push-", dir=self._scratch) as name:
            folder = Path(name)
            await self._receive(pieces, folder / "upload")
            async with self._turn:
                digest, manifest = await asyncio.to_thread(_unpack, folder)
                await self._refuse_other(digest, manifest)
                backbone = Backbone(digest, manifest, self._clock.now())
                if self._keeping is not None:
                    await self._keeping.check_room(listed_of(backbone))
                await self._keep(digest, manifest, folder)
                published = Published(*await self._backbones.add(backbone))
            if self._keeping is not None:
                await self._keeping.refresh()
            return published

    async def _receive(self, pieces: AsyncIterable[bytes], path: Path) -> None:
        size = 0
        try:
            with path.open("wb") as file:
                async for piece in pieces:
                    size += len(piece)
                    if size > self._bytes_max:
                        raise FieldwiseError(
                            Fault.OVER_LIMIT,
                            f"the bundle file is larger than {self._bytes_max:,} bytes",
                        )
                    await asyncio.to_thread(file.write, piece)
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise FieldwiseError(Fault.DISK_FULL, "no room for the bundle file") from error

    async def _refuse_other(self, digest: str, manifest: Manifest) -> None:
        try:
            known = await self._backbones.find(Reference(None, manifest.name, manifest.version))
        except FieldwiseError as error:
            if error.fault is Fault.NOT_FOUND:
                return
            raise
        if known.digest != digest:
            raise FieldwiseError(
                Fault.ALREADY_EXISTS,
                f"{manifest.title} is published already, with other content",
            )

    async def _keep(self, digest: str, manifest: Manifest, folder: Path) -> None:
        for each in (*(file.digest for file in manifest.files), digest):
            await self._bundles.put(each, _pieces(folder / each))


def check_contents(manifest: Manifest, folder: Path) -> None:
    """Look into every file of an unpacked bundle without running any of it.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID`` naming what is refused.
    """
    for variant in manifest.variants:
        graph.inspect_all(manifest, variant, lambda digest: (folder / digest).read_bytes())
    classes = {
        _check_starter(manifest, view, (folder / file.digest).read_bytes())
        for file, view in zip(manifest.starter, manifest.views, strict=bool(manifest.starter))
    }
    for carrier in manifest.carriers:
        widths = [view.width for view in manifest.views]
        affine_file.decode((folder / carrier.file.digest).read_bytes(), widths)
    if len(classes) > 1:
        raise FieldwiseError(
            Fault.BUNDLE_INVALID, "the starter heads of the views were not learned from the same"
        )


def _check_starter(
    manifest: Manifest, view: View, content: bytes
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Refuse a view's starter head that does not fit; return its classes and their counts."""
    try:
        starter = head_file.decode(content)
    except FieldwiseError as error:
        raise FieldwiseError(
            Fault.BUNDLE_INVALID, f"the starter head is not valid: {error.sentence}"
        ) from error
    found = (len(starter.classes), starter.sums.shape[1], starter.transform)
    stated = (manifest.starter_classes, view.width, manifest.transform)
    if found != stated:
        raise FieldwiseError(
            Fault.BUNDLE_INVALID,
            "the starter head has other classes, width or transform than the manifest states",
        )
    return starter.classes, tuple(starter.counts.tolist())


def _unpack(folder: Path) -> tuple[str, Manifest]:
    digest, manifest = archive.unpack(folder / "upload", folder)
    check_contents(manifest, folder)
    return digest, manifest


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
