"""Manifests and files of bundles in a folder or an object store, through ``obstore``.

Updates of federation are kept the same way, in a place of their own, from which they also go.

Every blob lies under ``sha256/`` and its digest. An upload is hashed on its way and becomes visible
only when it is whole and has the digest that was promised: a folder gets a renamed file, an object
store a finished multipart upload.

``obstore`` leaves it to the kernel when a file reaches the disk, so a power loss could leave a
short one, or zeros, under a digest. A folder is therefore synchronised before ``put`` returns, and
putting again reads what is there: content that does not have its digest any more, whatever spoiled
it, is written anew, and the rest stays as it is.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, ObjectStore, S3Store

from fieldwise.bundle import check_digest_text
from fieldwise.durable import sync_file, sync_folder
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import FULL

PIECE_BYTES = 256 * 1024  # what one message of a download holds
LINK_SECONDS = 600  # as long as a start permit; a download that has begun goes on
REFUSALS = (PermissionDeniedError, UnauthenticatedError)


class ObjectBundles:
    """``BundleStore`` and ``UpdateFiles`` over an object store.

    Args:
        store: A folder or a bucket; nothing else writes under ``sha256/`` in it.
        folder: Where the store is a folder: what to bring to the disk.
        public: The same store under the name by which devices reach it; None where they do not.
    """

    def __init__(
        self,
        store: ObjectStore,
        folder: Path | None = None,
        public: S3Store | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._public = public

    async def put(self, digest: str, content: AsyncIterable[bytes]) -> int:
        intact = await self._is_intact(digest)
        verified = _Verified(digest, content)
        with _told_plainly(digest):
            if intact:
                async for _ in verified.pieces():
                    pass
            else:
                await obstore.put_async(self._store, object_path(digest), verified.pieces())
            if self._folder is not None:
                await asyncio.to_thread(_synchronise, self._folder / object_path(digest))
        return verified.size

    async def size(self, digest: str) -> int | None:
        try:
            with _told_plainly(digest):
                return (await obstore.head_async(self._store, object_path(digest)))["size"]
        except FieldwiseError as error:
            if error.fault is Fault.NOT_FOUND:
                return None
            raise

    async def read(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        size = await self.size(digest)
        if size is None:
            raise _missing(digest)
        if not 0 <= offset <= size:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"offset {offset:,} is not within {size:,} bytes"
            )
        while offset < size:
            piece = await self._range(digest, offset, min(offset + PIECE_BYTES, size))
            offset += len(piece)
            yield piece

    async def drop(self, digest: str) -> None:
        try:
            with _told_plainly(digest):
                await obstore.delete_async(self._store, object_path(digest))
        except FieldwiseError as error:
            if error.fault is not Fault.NOT_FOUND:
                raise

    async def link(self, digest: str) -> str | None:
        if self._public is None:
            return None
        with _told_plainly(digest):
            life = timedelta(seconds=LINK_SECONDS)
            return await obstore.sign_async(self._public, "GET", object_path(digest), life)

    async def _is_intact(self, digest: str) -> bool:
        hashed = hashlib.sha256()
        try:
            async for piece in self.read(digest):
                hashed.update(piece)
        except FieldwiseError as error:
            if error.fault is Fault.NOT_FOUND:
                return False
            raise
        return hashed.hexdigest() == digest

    async def _range(self, digest: str, start: int, end: int) -> bytes:
        with _told_plainly(digest):
            content = await obstore.get_range_async(
                self._store, object_path(digest), start=start, end=end
            )
        return bytes(content)


def folder_bundles(folder: Path) -> ObjectBundles:
    """Keep bundles in a folder, which is made where it is missing."""
    return ObjectBundles(LocalStore(folder, mkdir=True), folder)


def object_path(digest: str) -> str:
    """Return where in a store the content of a digest lies.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for what is no digest.
    """
    return f"sha256/{check_digest_text(digest)}"


class _Verified:
    """Content on its way in; the last piece goes out only if all of it has the digest."""

    def __init__(self, digest: str, content: AsyncIterable[bytes]) -> None:
        self._digest = digest
        self._content = content
        self.size = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        hashed = hashlib.sha256()
        async for piece in self._content:
            hashed.update(piece)
            self.size += len(piece)
            yield piece
        if hashed.hexdigest() != self._digest:
            raise FieldwiseError(
                Fault.DIGEST_MISMATCH,
                f"{self.size:,} bytes came that do not have the digest {self._digest[:12]}",
            )


def _synchronise(path: Path) -> None:
    """Bring a file to the disk, with the names that lead to it, each of which may be new."""
    sync_file(path)
    for each in path.parents[:2]:
        sync_folder(each)


@contextmanager
def _told_plainly(digest: str) -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise _missing(digest) from error
    except (BaseError, OSError) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> FieldwiseError:
    told = str(error).strip() or type(error).__name__
    if isinstance(error, REFUSALS):
        return FieldwiseError(
            Fault.UNAVAILABLE, "the bundle store refuses this orchestrator: see bundle_url"
        )
    if getattr(error, "errno", None) in FULL or any(os.strerror(code) in told for code in FULL):
        return FieldwiseError(Fault.DISK_FULL, "the bundle store has no room left")
    return FieldwiseError(
        Fault.UNAVAILABLE, f"the bundle store does not answer: {told.splitlines()[0][:200]}"
    )


def _missing(digest: str) -> FieldwiseError:
    return FieldwiseError(Fault.NOT_FOUND, f"there is no file with the digest {digest[:12]}")
