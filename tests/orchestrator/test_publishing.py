"""Publishing: all of a bundle is verified before any of it can be seen."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from fieldwise import archive, head_file
from fieldwise.bundle import FileReference, digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.private import FULL
from fieldwise.trust import Listed
from orchestrator.paging import PageRequest
from orchestrator.publishing import Publishing
from orchestrator.storage.blobs import folder_bundles
from orchestrator.storage.memory import memory_stores
from orchestrator.trust.keeping import Keeping
from tests.bundles import (
    Spoiled,
    mapped_bundle,
    readings_bundle,
    spoiled_bundle,
    tiny_bundle,
    viewed_bundle,
)
from tests.fleet_records import SetClock
from tests.publishers import all_online

BYTES_MAX = 10_000_000


class House:
    """A publishing use case over memory and a folder."""

    def __init__(
        self, folder: Path, bytes_max: int = BYTES_MAX, keeping: Keeping | None = None
    ) -> None:
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.stores = memory_stores()
        self.bundles = folder_bundles(folder / "bundles")
        self.publishing = Publishing(
            self.stores.backbones, self.bundles, SetClock(), self.scratch, bytes_max, keeping
        )

    async def refused(self, content: AsyncIterator[bytes]) -> FieldwiseError:
        """Publish what must be refused, and make sure that nothing is left to be seen."""
        with pytest.raises(FieldwiseError) as refused:
            await self.publishing.publish(content)
        assert list(self.scratch.iterdir()) == []
        return refused.value


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


class FullList(Keeping):
    """A signed list without room."""

    async def check_room(self, fresh: Listed) -> None:
        raise FieldwiseError(Fault.OVER_LIMIT, f"no room for {fresh.title}")


async def pieces(content: bytes, size: int = 5000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("starter", [False, True])
async def test_a_published_bundle_is_whole_in_the_store_and_named(
    house: House, tmp_path: Path, starter: bool
) -> None:
    path = tiny_bundle(tmp_path / "a.bundle", starter=starter)
    published = await house.publishing.publish(pieces(path.read_bytes()))
    assert published.created
    manifest = published.backbone.manifest
    for file in manifest.files:
        assert await house.bundles.size(file.digest) == file.size
    content = [piece async for piece in house.bundles.read(published.backbone.digest)]
    assert archive.digest_of(b"".join(content)) == published.backbone.digest
    assert list(house.scratch.iterdir()) == []


async def test_a_bundle_of_several_views_and_one_of_readings_are_published(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,5\n")
    viewed = viewed_bundle(tmp_path / "v.bundle", starter=True)
    readings = readings_bundle(tmp_path / "r.bundle", tmp_path / "t.csv")
    for path, views in ((viewed, 3), (readings, 1)):
        published = await house.publishing.publish(pieces(path.read_bytes()))
        assert len(published.backbone.manifest.views) == views


async def test_starter_heads_that_saw_other_samples_than_one_another_are_refused(
    house: House, tmp_path: Path
) -> None:
    path = viewed_bundle(tmp_path / "v.bundle", starter=True)
    _, manifest = archive.unpack(path, tmp_path / "parts")
    contents = {
        each.digest: (tmp_path / "parts" / each.digest).read_bytes() for each in manifest.files
    }
    last = head_file.decode(contents[manifest.starter[-1].digest])
    more = head_file.encode(replace(last, counts=last.counts + 1))
    reference = FileReference(digest_of(more), len(more))
    wrong = structs.replace(manifest, starter=(*manifest.starter[:-1], reference))
    archive.write(path, wrong, {**contents, reference.digest: more})
    error = await house.refused(pieces(path.read_bytes()))
    assert error.fault is Fault.BUNDLE_INVALID
    assert "not learned from the same" in error.sentence


async def test_publishing_again_changes_nothing(house: House, tmp_path: Path) -> None:
    content = tiny_bundle(tmp_path / "a.bundle").read_bytes()
    first = await house.publishing.publish(pieces(content))
    second = await house.publishing.publish(pieces(content))
    assert (first.created, second.created) == (True, False)
    assert first.backbone == second.backbone


async def test_publishing_again_repairs_what_a_power_loss_spoiled(
    house: House, tmp_path: Path
) -> None:
    content = tiny_bundle(tmp_path / "a.bundle", starter=True).read_bytes()
    await house.publishing.publish(pieces(content))
    stored = {path: path.read_bytes() for path in (tmp_path / "bundles" / "sha256").iterdir()}
    for turn, path in enumerate(stored):
        path.write_bytes(bytes(len(stored[path])) if turn % 2 else stored[path][:-1])
    assert not (await house.publishing.publish(pieces(content))).created
    assert {path: path.read_bytes() for path in stored} == stored


async def test_other_content_under_a_taken_name_and_version_is_refused(
    house: House, tmp_path: Path
) -> None:
    await house.publishing.publish(pieces(tiny_bundle(tmp_path / "a.bundle").read_bytes()))
    other = tiny_bundle(tmp_path / "b.bundle", seed=1).read_bytes()
    error = await house.refused(pieces(other))
    assert error.fault is Fault.ALREADY_EXISTS
    assert "tiny:1.0.0" in error.sentence


async def test_a_file_over_the_limit_is_refused_before_its_end(tmp_path: Path) -> None:
    house = House(tmp_path, bytes_max=12_000)
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 5000
            yield bytes(5000)

    assert (await house.refused(endless())).fault is Fault.OVER_LIMIT
    assert taken == 15_000


async def test_a_graph_that_breaks_a_rule_is_never_seen(house: House, tmp_path: Path) -> None:
    path = tmp_path / "wide.bundle"
    spoiled_bundle(path, Spoiled.WIDTH)
    error = await house.refused(pieces(path.read_bytes()))
    assert error.fault is Fault.BUNDLE_INVALID
    assert not list((tmp_path / "bundles").rglob("sha256/*"))


@pytest.mark.parametrize("cut", [0, 1, 600, 5000, -1])
async def test_a_file_cut_short_anywhere_is_refused(house: House, tmp_path: Path, cut: int) -> None:
    content = tiny_bundle(tmp_path / "a.bundle").read_bytes()[:cut]
    assert (await house.refused(pieces(content))).fault is Fault.BUNDLE_INVALID


async def test_a_changed_byte_is_refused(house: House, tmp_path: Path) -> None:
    content = bytearray(tiny_bundle(tmp_path / "a.bundle").read_bytes())
    content[len(content) // 2] ^= 1
    error = await house.refused(pieces(bytes(content)))
    assert error.fault in {Fault.DIGEST_MISMATCH, Fault.BUNDLE_INVALID}


async def test_a_caller_that_goes_away_leaves_nothing(house: House) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        raise FieldwiseError(Fault.UNAVAILABLE, "gone")

    assert (await house.refused(broken())).fault is Fault.UNAVAILABLE


@pytest.mark.parametrize("code", sorted(FULL))
async def test_a_full_disk_is_named(house: House, code: int) -> None:
    async def full() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError(code, os.strerror(code))

    assert (await house.refused(full())).fault is Fault.DISK_FULL


async def test_a_map_from_an_older_bundle_is_published_and_rubbish_for_one_is_refused(
    house: House, tmp_path: Path
) -> None:
    path = mapped_bundle(tmp_path / "m.bundle", tiny_bundle(tmp_path / "older.bundle"))
    _, manifest = archive.unpack(path, tmp_path / "parts")
    contents = {
        file.digest: (tmp_path / "parts" / file.digest).read_bytes() for file in manifest.files
    }
    (carrier,) = manifest.carriers
    rubbish = contents[carrier.file.digest][:-8]
    spoiled = FileReference(digest_of(rubbish), len(rubbish))
    changed = structs.replace(manifest, maps=(structs.replace(carrier, file=spoiled),))
    archive.write(tmp_path / "bad.bundle", changed, contents | {spoiled.digest: rubbish})
    error = await house.refused(pieces((tmp_path / "bad.bundle").read_bytes()))
    assert error.fault is Fault.BUNDLE_INVALID
    assert (await house.publishing.publish(pieces(path.read_bytes()))).created


async def test_what_the_signed_list_has_no_room_for_is_not_kept(tmp_path: Path) -> None:
    stores = memory_stores()
    full = FullList(stores.trust, stores.backbones, all_online(), SetClock(), lambda: None)
    house = House(tmp_path, keeping=full)
    bundle = tiny_bundle(tmp_path / "b.bundle")
    refusal = await house.refused(pieces(bundle.read_bytes()))
    assert (refusal.fault, refusal.sentence) == (Fault.OVER_LIMIT, "no room for tiny:1.0.0")
    assert (await house.stores.backbones.list(PageRequest(9))).items == ()
