from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from agent.learning.catch_up import open_pair
from agent.learning.settings import HeadName, HeadSettings, LearningSettings
from agent.update.room import (
    MARGIN_BYTES,
    WRITES,
    coming_bytes,
    stored_bytes,
    update_bytes,
)
from fieldwise.archive import unpack
from fieldwise.bundle import FileReference, Manifest
from tests.bundles import tiny_bundle
from tests.fakes.embedder import WIDTH, ProjectionEmbedder
from tests.fakes.samples import MemorySamples

PLAIN = LearningSettings()


def enabled(*names: HeadName) -> LearningSettings:
    return LearningSettings(heads=HeadSettings(enabled=names))


def reckoned(
    manifest: Manifest,
    missing: Iterable[FileReference] = (),
    serving: Manifest | None = None,
    classes: int = 0,
    held_out: int = 0,
    settings: LearningSettings = PLAIN,
) -> int:
    return update_bytes(manifest, missing, serving, classes, held_out, settings)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return unpack(tiny_bundle(tmp_path / "bundle", starter=True), tmp_path / "store")[1]


def test_everything_that_is_missing_is_counted(manifest: Manifest) -> None:
    none, every = reckoned(manifest), reckoned(manifest, manifest.files)
    assert every - none == sum(file.size for file in manifest.files)
    assert none > MARGIN_BYTES


def test_what_the_database_takes_up_without_growing_is_no_room_for_files(
    manifest: Manifest,
) -> None:
    stored = stored_bytes(manifest, manifest, 10, 20, PLAIN)
    files = sum(file.size for file in manifest.files)
    for inside, written in (
        ((0, 0), 2 * stored),
        ((stored - 1, 0), stored + 1),
        ((10 * stored, 0), stored),  # pages are no room for the log
        ((10 * stored, 10 * stored), 0),
    ):
        found = update_bytes(manifest, manifest.files, manifest, 10, 20, PLAIN, inside)
        assert found == files + written + MARGIN_BYTES


def test_room_is_left_for_three_bundles_somewhat_larger_and_for_an_awaited_one() -> None:
    assert coming_bytes(100, 100, 7).files - MARGIN_BYTES == 275
    assert coming_bytes(100, 200, 7).files - MARGIN_BYTES == 175
    assert coming_bytes(100, 500, 7).files - MARGIN_BYTES == 0
    assert coming_bytes(100, 200, 7, 300).files - MARGIN_BYTES == 300
    assert coming_bytes(100, 200, 7).stored == WRITES * 7


def test_more_classes_samples_and_an_old_pair_take_more_room(manifest: Manifest) -> None:
    least = reckoned(manifest)
    assert reckoned(manifest, classes=100) > least
    assert reckoned(manifest, held_out=100) > least
    assert reckoned(manifest, serving=manifest) > least


@pytest.mark.parametrize(
    "settings",
    [PLAIN, enabled(HeadName.AVERAGE, HeadName.DECAYED), enabled(HeadName.DECAYED)],
    ids=["sums alone", "and sums that fade", "only those"],
)
@pytest.mark.parametrize("classes", [0, 200])
def test_a_snapshot_takes_no_more_than_is_reckoned(
    settings: LearningSettings, classes: int
) -> None:
    embedder = ProjectionEmbedder()
    pair = open_pair(embedder, (), MemorySamples(), settings)
    rows = np.random.default_rng(1).integers(-900, 900, (classes, WIDTH)).astype(np.int16)
    for number, row in enumerate(rows):
        pair.learn(row[None], [f"{number}"])
    most = reckoned(embedder.manifest, classes=classes, settings=settings) - MARGIN_BYTES
    headers = 1024 + 40 * classes  # with the names
    assert len(pair.snapshot().content) <= most // WRITES + headers


def test_the_memory_of_a_head_that_rehearses_is_counted_once_for_every_pair(
    manifest: Manifest,
) -> None:
    rehearses = enabled(HeadName.AVERAGE, HeadName.GRADIENT)
    for serving, pairs in ((None, 1), (manifest, 2)):
        more = reckoned(manifest, serving=serving, settings=rehearses)
        more -= reckoned(manifest, serving=serving)
        assert more > pairs * WRITES * rehearses.gradient.memory_bytes_max
