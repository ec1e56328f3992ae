"""Fetching a bundle: the manifest, then of its files those that this device runs and lacks.

Every file goes on where it broke off, also after a restart, and gets its name only with the right
digest. What another try may mend is tried again for as long as the target stands; everything else
ends the update with its reason.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Protocol

import structlog

from agent.ports import Bundles
from agent.reporting import Piece
from agent.update.machine import Failure
from fieldwise.bundle import MANIFEST_BYTES_MAX, FileReference, Manifest
from fieldwise.errors import Fault, FieldwiseError

# A device may leave its fleet while it fetches, and join again.
TRANSIENT = frozenset({Fault.UNREACHABLE, Fault.UNAVAILABLE, Fault.BUSY, Fault.NOT_JOINED})
DAMAGED_TRIES = 3  # bytes damaged on the way are rare; three times in a row it is the source

FAILURES: Mapping[Fault, Failure] = MappingProxyType(
    {
        Fault.DIGEST_MISMATCH: Failure.DIGEST_MISMATCH,
        Fault.BUNDLE_INVALID: Failure.BUNDLE_INVALID,
        Fault.BUNDLE_UNSUITABLE: Failure.UNSUITABLE,
        Fault.DISK_FULL: Failure.DISK_FULL,
        Fault.GRAPH_FAILED: Failure.LOAD_FAILED,
        Fault.GOLDEN_MISMATCH: Failure.GOLDEN_MISMATCH,
        Fault.NOT_FOUND: Failure.NOT_AVAILABLE,
    }
)

_log = structlog.get_logger()


def needed_files(manifest: Manifest, variant: str) -> tuple[FileReference, ...]:
    """The files of a bundle that a device running one variant needs, once each."""
    wanted = [*manifest.variant(variant).files, manifest.golden, *manifest.starter]
    return tuple({file.digest: file for file in wanted}.values())


def choose_variant(manifest: Manifest, preferred: str) -> str:
    """The preferred variant where the bundle has it, else the publisher's first."""
    names = [variant.name for variant in manifest.variants]
    return preferred if preferred in names else names[0]


class Source(Protocol):
    """Where bundles come from."""

    def download(self, digest: str, offset: int) -> AsyncGenerator[Piece]:
        """Fetch a manifest or a file from a byte on."""
        ...


class Fetcher:
    """Brings bundles onto the device.

    Args:
        source: Where they come from.
        bundles: Where they go.
        preferred: Name of the variant that the device's owner wants.
        delays: Makes the waits between tries, in seconds.
        sleep: Waits.
    """

    def __init__(
        self,
        source: Source,
        bundles: Bundles,
        preferred: str,
        delays: Callable[[], Iterator[float]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._bundles = bundles
        self._preferred = preferred
        self._delays = delays
        self._sleep = sleep

    async def fetch(self, digest: str) -> None:
        """Fetch what is missing of a bundle.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH``, ``BUNDLE_INVALID``, ``DISK_FULL``, ``NOT_FOUND``
                and whatever else no other try would mend.
        """
        manifest = await asyncio.to_thread(self._bundles.manifest, digest)
        if manifest is None:
            self._bundles.drop(digest)  # its size is not known before: begin at its first byte
            await self._persist(digest, MANIFEST_BYTES_MAX)
            manifest = await asyncio.to_thread(self._bundles.manifest, digest)
            assert manifest is not None
        files = needed_files(manifest, choose_variant(manifest, self._preferred))
        missing = [file for file in files if not self._bundles.has(file)]
        self._bundles.check_room(
            sum(file.size - self._bundles.partial_bytes(file.digest) for file in missing)
        )
        for file in missing:
            await self._persist(file.digest, file.size)

    async def _persist(self, digest: str, size_max: int) -> None:
        waits, damaged = self._delays(), 0
        while True:
            before = self._bundles.partial_bytes(digest)
            try:
                await self._fetch_once(digest, size_max)
            except FieldwiseError as error:
                damaged += error.fault is Fault.DIGEST_MISMATCH
                if not _may_mend(error.fault, damaged):
                    raise
                _log.warning("download broke off", digest=digest[:12], reason=error.sentence)
            else:
                return
            if self._bundles.partial_bytes(digest) > before:
                waits = self._delays()  # it moves: begin with short waits again
            await self._sleep(next(waits))

    async def _fetch_once(self, digest: str, size_max: int) -> None:
        offset = self._bundles.partial_bytes(digest)
        total = size_max
        if offset < size_max:  # else the power went between the last byte and the name
            async with aclosing(self._source.download(digest, offset)) as pieces:
                async for piece in pieces:
                    self._check_place(digest, piece, offset, size_max)
                    await asyncio.to_thread(self._bundles.append, digest, piece.content)
                    offset, total = offset + len(piece.content), piece.total_bytes
        if offset < total:
            raise FieldwiseError(
                Fault.UNREACHABLE, f"file {digest[:12]} ended after {offset:,} of {total:,} bytes"
            )
        await asyncio.to_thread(self._bundles.finish, digest)

    def _check_place(self, digest: str, piece: Piece, offset: int, size_max: int) -> None:
        end = offset + len(piece.content)
        if piece.offset != offset or not end <= piece.total_bytes <= size_max:
            self._bundles.drop(digest)
            raise FieldwiseError(
                Fault.DIGEST_MISMATCH, f"the pieces of file {digest[:12]} do not fit"
            )


def _may_mend(fault: Fault, damaged: int) -> bool:
    return fault in TRANSIENT or (fault is Fault.DIGEST_MISMATCH and damaged < DAMAGED_TRIES)
