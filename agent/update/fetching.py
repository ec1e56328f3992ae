"""Fetching a bundle: the manifest, then of its files those that this device runs and lacks.

Every file goes on where it broke off, also after a restart, and gets its name only with the right
digest. What another try may mend is tried again for as long as the target stands; everything else
ends the update with its reason.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Protocol

import structlog

from agent.ports import Bundles, Clock, Needs
from agent.reporting import Piece
from agent.update.events import Wish
from agent.update.vouched import check_length
from fieldwise.affine_file import bytes_between
from fieldwise.bundle import MANIFEST_BYTES_MAX, FileReference, Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed
from fieldwise.update import UpdateFailure

# A device may leave its fleet while it fetches, and join again.
TRANSIENT = frozenset(
    {Fault.UNREACHABLE, Fault.UNAVAILABLE, Fault.BUSY, Fault.TOO_SLOW, Fault.NOT_JOINED}
)
# Anybody on the way may spoil metadata: that must not spoil an order for good.
UNTRUSTED = frozenset({Fault.METADATA_INVALID, Fault.METADATA_EXPIRED})
# A server remembers its newest metadata for a few seconds, and may order what it lists since.
UNLISTED_TRIES, UNLISTED_SECONDS = 3, 6.0
STEP_BYTES = 1024 * 1024  # in which missing room is told: the journal is not written for less
DAMAGED_TRIES = 3  # bytes damaged on the way are rare; three times in a row it is the source

FAILURES: Mapping[Fault, UpdateFailure] = MappingProxyType(
    {
        Fault.DIGEST_MISMATCH: UpdateFailure.DIGEST_MISMATCH,
        Fault.BUNDLE_INVALID: UpdateFailure.BUNDLE_INVALID,
        Fault.BUNDLE_UNSUITABLE: UpdateFailure.UNSUITABLE,
        Fault.DISK_FULL: UpdateFailure.DISK_FULL,
        Fault.GRAPH_FAILED: UpdateFailure.LOAD_FAILED,
        Fault.GOLDEN_MISMATCH: UpdateFailure.GOLDEN_MISMATCH,
        Fault.NOT_FOUND: UpdateFailure.NOT_AVAILABLE,
        Fault.NOT_VOUCHED: UpdateFailure.NOT_VOUCHED,
        Fault.BELOW_FLOOR: UpdateFailure.BELOW_FLOOR,
    }
)

_log = structlog.get_logger()


def needed_files(manifest: Manifest, variant: str) -> tuple[FileReference, ...]:
    """The files of a bundle that a device running one variant needs, once each."""
    wanted = [*manifest.variant(variant).files, manifest.golden, *manifest.starter]
    return tuple({file.digest: file for file in wanted}.values())


def useful_maps(manifest: Manifest, bundles: Bundles) -> tuple[FileReference, ...]:
    """Maps from bundles that are on this device: what it learned there may be carried over.

    What is larger than a map between the two can be is not worth its way.
    """
    widths = [view.width for view in manifest.views]
    found = []
    for each in manifest.carriers:
        before = bundles.manifest(each.before)
        if before is not None:
            bound = bytes_between([view.width for view in before.views], widths)
            found += [each.file] if each.file.size <= bound else []
    return tuple(found)


def choose_variant(manifest: Manifest, ordered: str, preferred: str) -> str:
    """The variant that the fleet orders, else the owner's, else the publisher's first."""
    names = [variant.name for variant in manifest.variants]
    return next((name for name in (ordered, preferred) if name in names), names[0])


class Source(Protocol):
    """Where bundles come from."""

    def download(self, digest: str, offset: int) -> AsyncGenerator[Piece]:
        """Fetch a manifest or a file from a byte on."""
        ...


class Vouching(Protocol):
    """Who says which bundles may be brought into use."""

    async def vouched(self, digest: str) -> Listed | None:
        """What the publisher says of a bundle now; None where there is no publisher.

        Raises:
            FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``; ``METADATA_INVALID``,
                ``METADATA_EXPIRED`` and ``TRANSIENT`` faults for what may be otherwise later.
        """
        ...

    def check(self, digest: str, manifest: Manifest) -> None:
        """Look again once the manifest is here, without asking anybody.

        Raises:
            FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``.
        """
        ...


class Throttle:
    """Keeps a download to so many bytes a second, over any time longer than one piece takes.

    Args:
        bytes_per_second: The bound; 0 for none.
        clock: Time.
        sleep: Waits.
    """

    def __init__(
        self, bytes_per_second: int, clock: Clock, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._bytes_per_second = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._due = 0.0

    async def took(self, size_bytes: int) -> None:
        """Wait until the next piece may be asked for; time that was lost is not made up for."""
        if not self._bytes_per_second:
            return
        now = self._clock.monotonic()
        self._due = max(self._due, now) + size_bytes / self._bytes_per_second
        await self._sleep(self._due - now)


class Fetcher:
    """Brings bundles onto the device.

    Args:
        source: Where they come from.
        bundles: Where they go.
        preferred: Name of the variant that the device's owner wants.
        needs: Bytes that bringing a bundle into use adds to the state folder, from its manifest and
            the files that are missing.
        delays: Makes the waits between tries, in seconds.
        clock: Time.
        sleep: Waits.
        vouching: Who says which bundles may be fetched.
    """

    def __init__(
        self,
        source: Source,
        bundles: Bundles,
        preferred: str,
        needs: Needs,
        delays: Callable[[], Iterator[float]],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        vouching: Vouching,
    ) -> None:
        self._vouching = vouching
        self._source = source
        self._bundles = bundles
        self._preferred = preferred
        self._needs = needs
        self._delays = delays
        self._clock = clock
        self._sleep = sleep
        self._throttle = Throttle(0, clock, sleep)

    async def fetch(self, wish: Wish, bytes_per_second: int = 0) -> int:
        """Fetch what is missing of a bundle, unless there is not the room to bring it into use.

        First of all its publisher has to vouch for it. Its manifest comes next, whatever the room:
        only it says how much is needed. Nothing of it is read before it is what was vouched for.

        Returns:
            Bytes of room that are missing; 0 where everything is here now.

        Raises:
            FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``, ``DIGEST_MISMATCH``,
                ``BUNDLE_INVALID``, ``NOT_FOUND`` and whatever else no other try would mend.
        """
        self._throttle = Throttle(bytes_per_second, self._clock, self._sleep)
        digest = wish.digest
        listed = await self._vouched(digest)
        manifest = await self._manifest(digest, listed)
        await asyncio.to_thread(self._vouching.check, digest, manifest)
        if missing_bytes := await asyncio.to_thread(self._lacks, manifest, wish.variant):
            return missing_bytes
        for file in self._missing(manifest, wish.variant):
            await self._persist(file.digest, file.size)
        return 0

    async def _vouched(self, digest: str) -> Listed | None:
        waits, said, unlisted = self._delays(), "", 0
        while True:
            try:
                return await self._vouching.vouched(digest)
            except FieldwiseError as error:
                unlisted += error.fault is Fault.NOT_VOUCHED
                late = error.fault is Fault.NOT_VOUCHED and unlisted < UNLISTED_TRIES
                if not late and error.fault not in TRANSIENT | UNTRUSTED:
                    raise
                if error.sentence != said:
                    _log.warning("no word of the publisher", reason=error.sentence)
                said = error.sentence
            await self._sleep(UNLISTED_SECONDS if late else next(waits))

    async def _manifest(self, digest: str, listed: Listed | None) -> Manifest:
        """A bundle's manifest, which has the length that was signed and, by its name, the hash."""
        path = self._bundles.path(digest)
        if not path.exists():
            await self._persist(digest, None, listed.length if listed else MANIFEST_BYTES_MAX)
        await asyncio.to_thread(self._bundles.check, digest)
        if listed is not None:
            check_length(listed, path.stat().st_size)
        manifest = await asyncio.to_thread(self._bundles.manifest, digest)
        assert manifest is not None
        return manifest

    def missing_bytes(self, wish: Wish) -> int:
        """Room that is missing to bring a bundle into use; 0 while its manifest is not here.

        Raises:
            FieldwiseError: ``BUNDLE_INVALID``, ``STATE_DAMAGED``.
        """
        manifest = self._announced(wish)
        return self._lacks(manifest, wish.variant) if manifest is not None else 0

    def awaited(self, wish: Wish) -> tuple[Manifest, int] | None:
        """A bundle and the bytes of it that are still to be fetched; None while it is not known.

        Raises:
            FieldwiseError: As ``missing_bytes``.
        """
        manifest = self._announced(wish)
        if manifest is None:
            return None
        missing = self._missing(manifest, wish.variant)
        return manifest, sum(file.size for file in missing) - self._arrived(missing)

    def _announced(self, wish: Wish) -> Manifest | None:
        try:
            return self._bundles.manifest(wish.digest)
        except FieldwiseError as error:
            if error.fault is not Fault.DIGEST_MISMATCH:  # it is fetched again
                raise
            return None

    def _arrived(self, missing: Iterable[FileReference]) -> int:
        return sum(self._bundles.partial_bytes(file.digest) for file in missing)

    def _lacks(self, manifest: Manifest, variant: str) -> int:
        missing = self._missing(manifest, variant)
        here = self._arrived(missing)
        lacks = self._bundles.missing_room(self._needs(manifest, missing) - here)
        return -(-lacks // STEP_BYTES) * STEP_BYTES

    def _missing(self, manifest: Manifest, variant: str) -> list[FileReference]:
        chosen = choose_variant(manifest, variant, self._preferred)
        wanted = (*needed_files(manifest, chosen), *useful_maps(manifest, self._bundles))
        return [file for file in wanted if not self._bundles.has(file)]

    async def _persist(
        self, digest: str, size: int | None, size_max: int = MANIFEST_BYTES_MAX
    ) -> None:
        """Fetch a file; of a manifest, whose size is unknown, every try begins at the first byte.

        Else one that had come whole when its connection broke could not be told from a part of it.
        """
        waits, damaged = self._delays(), 0
        while True:
            if size is None:
                self._bundles.drop(digest)
            before = self._bundles.partial_bytes(digest)
            try:
                await self._fetch_once(digest, size_max if size is None else size)
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
                    await self._throttle.took(len(piece.content))
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
