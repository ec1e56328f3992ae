from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from agent.device import bundles
from agent.device.bundles import BundleFolder
from agent.learning.settings import LearningSettings
from agent.reporting import Piece
from agent.update import fetching
from agent.update.events import Wish
from agent.update.fetching import DAMAGED_TRIES, Fetcher, Throttle, Vouching, choose_variant
from agent.update.room import update_bytes
from fieldwise.archive import unpack
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import mapped_bundle, tiny_bundle
from tests.fakes.agent import PlayedOrchestrator, TurnedClock, no_waits
from tests.fakes.trusted import NoPublisher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fieldwise.bundle import FileReference, Manifest


class Published:
    """A bundle on an orchestrator, and an empty device."""

    def __init__(
        self,
        folder: Path,
        file: Path | None = None,
        kind: type[PlayedOrchestrator] = PlayedOrchestrator,
        vouching: Vouching | None = None,
    ) -> None:
        bundle = file or tiny_bundle(folder / "bundle")
        self.digest, self.manifest = unpack(bundle, folder / "store")
        files = {path.name: path.read_bytes() for path in (folder / "store").iterdir()}
        self.orchestrator = kind(files=files)
        self.bundles = BundleFolder(folder / "device")
        self.waits: list[float] = []
        self.clock = TurnedClock()
        self.fetcher = Fetcher(
            self.orchestrator,
            self.bundles,
            "fp32",
            self.needs,
            no_waits,
            self.clock,
            self.sleep,
            vouching=vouching or NoPublisher(),
        )

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.seconds += seconds
        assert len(self.waits) < 1000

    def needs(self, manifest: "Manifest", missing: "Iterable[FileReference]") -> int:
        return update_bytes(manifest, missing, None, 3, 10, LearningSettings())

    async def fetch(self, bytes_per_second: int = 0) -> int:
        return await self.fetcher.fetch(Wish(self.digest), bytes_per_second)

    @property
    def complete(self) -> bool:
        return all(self.bundles.has(file) for file in self.manifest.files)


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path)


async def test_what_is_needed_arrives(published: Published) -> None:
    await published.fetch()
    assert published.bundles.manifest(published.digest) == published.manifest
    assert published.complete


async def test_a_second_time_nothing_is_fetched(published: Published) -> None:
    await published.fetch()
    downloads = len(published.orchestrator.offsets)
    await published.fetch()
    assert len(published.orchestrator.offsets) == downloads


async def test_a_broken_download_goes_on_where_it_broke_off(published: Published) -> None:
    published.orchestrator.breaks = [10_000, 1500, 700, 0, 10]
    await published.fetch()
    assert published.complete
    assert published.orchestrator.offsets[1:6] == [0, 1500, 2200, 2200, 2210]


class CutOff(PlayedOrchestrator):
    """Breaks the first connection after its first piece, of which so many bytes arrive."""

    arrives = 0

    async def download(self, digest: str, offset: int) -> AsyncGenerator[Piece]:
        first = not self.offsets
        async for piece in super().download(digest, offset):
            if first:
                yield Piece(piece.offset, piece.content[: self.arrives], piece.total_bytes)
                raise FieldwiseError(Fault.UNREACHABLE, "the connection broke")
            yield piece


@pytest.mark.parametrize("arrives", [100, 1000])
async def test_a_manifest_begins_anew_even_if_nothing_but_the_end_of_its_stream_was_cut_off(
    arrives: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Published(tmp_path, kind=CutOff)
    monkeypatch.setattr(CutOff, "arrives", arrives)
    assert len(published.orchestrator.files[published.digest]) < published.orchestrator.piece_bytes
    await published.fetch()
    assert published.complete
    assert published.orchestrator.offsets[:2] == [0, 0]
    assert len(published.waits) == 1


async def test_a_download_goes_on_after_a_restart(published: Published) -> None:
    graph = published.manifest.variants[0].graphs[0]
    published.bundles.append(graph.digest, published.orchestrator.files[graph.digest][:2000])
    await published.fetch()
    assert 2000 in published.orchestrator.offsets
    assert published.complete


async def test_power_lost_between_last_byte_and_name_costs_nothing(published: Published) -> None:
    graph = published.manifest.variants[0].graphs[0]
    published.bundles.append(graph.digest, published.orchestrator.files[graph.digest])
    await published.fetch()
    assert published.complete


async def test_bytes_that_stay_wrong_end_the_download(published: Published) -> None:
    graph = published.manifest.variants[0].graphs[0]
    wrong = bytes(graph.size)
    published.orchestrator.files = {**published.orchestrator.files, graph.digest: wrong}
    with pytest.raises(FieldwiseError) as caught:
        await published.fetch()
    assert caught.value.fault is Fault.DIGEST_MISMATCH
    assert len(published.waits) == DAMAGED_TRIES - 1
    assert not published.complete


async def test_a_partial_file_that_was_damaged_is_fetched_anew(published: Published) -> None:
    graph = published.manifest.variants[0].graphs[0]
    published.bundles.append(graph.digest, bytes(500))
    await published.fetch()
    assert published.complete


async def test_more_bytes_than_promised_are_not_taken(published: Published) -> None:
    graph = published.manifest.variants[0].graphs[0]
    longer = published.orchestrator.files[graph.digest] + bytes(5000)
    published.orchestrator.files = {**published.orchestrator.files, graph.digest: longer}
    with pytest.raises(FieldwiseError) as caught:
        await published.fetch()
    assert caught.value.fault is Fault.DIGEST_MISMATCH


async def test_what_the_orchestrator_does_not_have_is_not_waited_for(published: Published) -> None:
    published.orchestrator.files = {}
    with pytest.raises(FieldwiseError) as caught:
        await published.fetch()
    assert caught.value.fault is Fault.NOT_FOUND
    assert published.waits == []


def test_the_owners_variant_is_chosen_where_there_is_one(published: Published) -> None:
    manifest: Manifest = published.manifest
    assert choose_variant(manifest, "", "fp32") == "fp32"
    assert choose_variant(manifest, "", "int8") == manifest.variants[0].name


def test_the_fleets_variant_goes_before_the_owners(published: Published) -> None:
    (only,) = published.manifest.variants
    both = replace(published.manifest, variants=(only, replace(only, name="int8")))
    assert choose_variant(both, "int8", "fp32") == "int8"
    assert choose_variant(both, "fp16", "int8") == "int8"
    assert choose_variant(both, "", "fp16") == "fp32"


async def test_without_room_nothing_but_the_manifest_is_fetched(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 1 << 40
    monkeypatch.setattr(bundles, "ROOM_LEFT_BYTES", free)
    missing = await published.fetch()
    assert missing > free // 2
    assert len(published.orchestrator.offsets) == 1
    assert published.fetcher.missing_bytes(Wish(published.digest)) > free // 2
    monkeypatch.undo()
    assert published.fetcher.missing_bytes(Wish(published.digest)) == 0
    assert await published.fetch() == 0
    assert published.complete


def test_nobody_knows_what_is_missing_before_the_manifest_is_here(published: Published) -> None:
    assert published.fetcher.missing_bytes(Wish(published.digest)) == 0


async def test_a_bound_on_the_download_is_kept_to_within_a_piece(published: Published) -> None:
    began = published.clock.seconds
    await published.fetch(bytes_per_second=1000)
    size = sum(len(content) for content in published.orchestrator.files.values())
    took = published.clock.seconds - began
    assert size - published.orchestrator.piece_bytes <= round(1000 * took) <= size


async def test_time_lost_in_an_outage_is_not_made_up_for(published: Published) -> None:
    published.clock.seconds += 1000
    throttle = Throttle(1000, published.clock, published.sleep)
    await throttle.took(500)
    published.clock.seconds += 60
    await throttle.took(500)
    assert published.waits == [0.5, 0.5]


async def test_a_map_is_fetched_only_where_the_bundle_that_it_is_from_is_here(
    tmp_path: Path,
) -> None:
    older = tiny_bundle(tmp_path / "older")
    bundle = mapped_bundle(tmp_path / "mapped", older)
    for name, here in (("comes from elsewhere", False), ("comes from it", True)):
        folder = tmp_path / name
        folder.mkdir()
        device = Published(folder, bundle)
        if here:
            device.bundles.install(older)
        await device.fetch()
        (carrier,) = device.manifest.carriers
        assert device.bundles.has(carrier.file) is here


async def test_a_map_larger_than_any_between_the_two_backbones_is_left_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tiny_bundle(tmp_path / "older")
    device = Published(tmp_path, mapped_bundle(tmp_path / "mapped", older))
    device.bundles.install(older)
    (carrier,) = device.manifest.carriers
    monkeypatch.setattr(fetching, "bytes_between", lambda *_: carrier.file.size - 1)
    await device.fetch()
    assert not device.bundles.has(carrier.file)
