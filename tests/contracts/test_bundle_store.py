"""What every bundle store promises: a folder, objects in memory, a bucket of a real server."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import obstore
import pytest
from obstore.store import LocalStore, MemoryStore, ObjectStore

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.ports import BundleStore
from orchestrator.storage.blobs import PIECE_BYTES, ObjectBundles, folder_bundles
from orchestrator.storage.buckets import opened
from tests.full_disk import full_disk
from tests.object_stores import SeaweedFs

CONTENT = os.urandom(PIECE_BYTES * 2 + 17)
DIGEST = digest_of(CONTENT)
LARGE = 12 * 1024**2  # beyond one part of an upload in parts


async def pieces(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def breaking_off(content: bytes) -> AsyncIterator[bytes]:
    yield content
    raise FieldwiseError(Fault.UNREACHABLE, "the sender went away")


async def read(store: BundleStore, digest: str, offset: int = 0) -> bytes:
    return b"".join([piece async for piece in store.read(digest, offset)])


@pytest.fixture(params=["folder", "objects", pytest.param("bucket", marks=pytest.mark.services)])
def medium(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return LocalStore(tmp_path / "bundles", mkdir=True)
    if request.param == "objects":
        return MemoryStore()
    server = request.getfixturevalue("seaweedfs")
    assert isinstance(server, SeaweedFs)
    return opened(server.bucket())


@pytest.fixture
def store(medium: ObjectStore, tmp_path: Path) -> BundleStore:
    if isinstance(medium, LocalStore):
        return folder_bundles(tmp_path / "bundles")
    return ObjectBundles(medium)


class TestBundleStore:
    async def test_content_comes_back_as_it_was_put(self, store: BundleStore) -> None:
        assert await store.put(DIGEST, pieces(CONTENT)) == len(CONTENT)
        assert await store.size(DIGEST) == len(CONTENT)
        assert await read(store, DIGEST) == CONTENT

    async def test_large_content_comes_back_as_it_was_put(self, store: BundleStore) -> None:
        content = os.urandom(1024) * (LARGE // 1024)
        await store.put(digest_of(content), pieces(content))
        assert digest_of(await read(store, digest_of(content))) == digest_of(content)

    @pytest.mark.parametrize(
        "offset", [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, len(CONTENT) - 1, len(CONTENT)]
    )
    async def test_reading_resumes_at_any_offset(self, store: BundleStore, offset: int) -> None:
        await store.put(DIGEST, pieces(CONTENT))
        found = [piece async for piece in store.read(DIGEST, offset)]
        assert b"".join(found) == CONTENT[offset:]
        assert all(0 < len(piece) <= PIECE_BYTES for piece in found)

    @pytest.mark.parametrize("offset", [-1, len(CONTENT) + 1, 2**63])
    async def test_an_offset_outside_is_refused(self, store: BundleStore, offset: int) -> None:
        await store.put(DIGEST, pieces(CONTENT))
        with pytest.raises(FieldwiseError) as caught:
            await read(store, DIGEST, offset)
        assert caught.value.fault is Fault.INVALID_ARGUMENT

    @pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b"", CONTENT * 50])
    async def test_wrong_content_is_never_seen(self, store: BundleStore, content: bytes) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await store.put(DIGEST, pieces(content, 4_000_000))
        assert caught.value.fault is Fault.DIGEST_MISMATCH
        assert await store.size(DIGEST) is None

    async def test_an_upload_that_breaks_off_is_never_seen(self, store: BundleStore) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await store.put(DIGEST, breaking_off(CONTENT))
        assert caught.value.fault is Fault.UNREACHABLE
        assert await store.size(DIGEST) is None

    async def test_putting_again_checks_again_and_changes_nothing(self, store: BundleStore) -> None:
        await store.put(DIGEST, pieces(CONTENT))
        assert await store.put(DIGEST, pieces(CONTENT)) == len(CONTENT)
        with pytest.raises(FieldwiseError):
            await store.put(DIGEST, pieces(CONTENT[:-1]))
        assert await read(store, DIGEST) == CONTENT

    @pytest.mark.parametrize(
        "spoiled", [b"", CONTENT[:-1], bytes(len(CONTENT)), CONTENT[:-1] + b"\0", CONTENT + b"\0"]
    )
    async def test_putting_again_repairs_what_was_spoiled(
        self, store: BundleStore, medium: ObjectStore, spoiled: bytes
    ) -> None:
        await store.put(DIGEST, pieces(CONTENT))
        await obstore.put_async(medium, f"sha256/{DIGEST}", spoiled)
        assert await read(store, DIGEST) == spoiled
        assert await store.put(DIGEST, pieces(CONTENT)) == len(CONTENT)
        assert await read(store, DIGEST) == CONTENT

    async def test_a_failure_without_a_word_is_told_by_its_kind(self, store: BundleStore) -> None:
        async def late() -> AsyncIterator[bytes]:
            yield CONTENT
            raise TimeoutError

        with pytest.raises(FieldwiseError, match="does not answer: TimeoutError") as caught:
            await store.put(DIGEST, late())
        assert caught.value.fault is Fault.UNAVAILABLE

    async def test_what_is_dropped_is_gone_and_may_come_again(self, store: ObjectBundles) -> None:
        await store.put(DIGEST, pieces(CONTENT))
        for _ in range(2):
            await store.drop(DIGEST)
            assert await store.size(DIGEST) is None
        await store.put(DIGEST, pieces(CONTENT))
        assert await read(store, DIGEST) == CONTENT

    async def test_empty_content_has_a_place_too(self, store: BundleStore) -> None:
        digest = digest_of(b"")
        assert await store.put(digest, pieces(b"")) == 0
        assert await read(store, digest) == b""

    async def test_where_devices_do_not_reach_the_store_there_is_no_link(
        self, store: BundleStore
    ) -> None:
        await store.put(DIGEST, pieces(CONTENT))
        assert await store.link(DIGEST) is None

    async def test_what_is_not_there_is_not_found(self, store: BundleStore) -> None:
        assert await store.size(DIGEST) is None
        with pytest.raises(FieldwiseError) as caught:
            await read(store, DIGEST)
        assert caught.value.fault is Fault.NOT_FOUND

    @pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65])
    async def test_what_is_no_digest_names_nothing(self, store: BundleStore, digest: str) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await store.size(digest)
        assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("times", [1, 2])
async def test_a_file_and_the_way_to_it_are_on_the_disk_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    synchronised: list[tuple[int, int]] = []
    genuine = os.fsync

    def fsync(descriptor: int) -> None:
        genuine(descriptor)
        status = os.fstat(descriptor)
        synchronised.append((status.st_ino, status.st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    store = folder_bundles(tmp_path / "bundles")
    for _ in range(times):
        synchronised.clear()
        await store.put(DIGEST, pieces(CONTENT))
    way = tmp_path / "bundles" / "sha256" / DIGEST
    inodes = [each.stat().st_ino for each in (way, *way.parents[:2])]
    assert synchronised[0] == (inodes[0], len(CONTENT))
    assert [inode for inode, _ in synchronised] == inodes


def test_a_failed_upload_leaves_no_file_behind(tmp_path: Path) -> None:
    store = folder_bundles(tmp_path)
    with pytest.raises(FieldwiseError):
        asyncio.run(store.put(DIGEST, pieces(CONTENT * 50)))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_full_disk_is_named_and_leaves_no_file_behind(tmp_path: Path) -> None:
    store = folder_bundles(tmp_path)
    with full_disk(), pytest.raises(FieldwiseError) as caught:
        asyncio.run(store.put(DIGEST, pieces(CONTENT)))
    assert caught.value.fault is Fault.DISK_FULL
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert asyncio.run(store.put(DIGEST, pieces(CONTENT))) == len(CONTENT)
