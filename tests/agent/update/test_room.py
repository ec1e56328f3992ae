from pathlib import Path

import pytest

from agent.learning.catch_up import open_pair
from agent.learning.settings import LearningSettings
from agent.update.room import MARGIN_BYTES, update_bytes
from fieldwise.archive import unpack
from fieldwise.bundle import Manifest
from tests.bundles import tiny_bundle
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return unpack(tiny_bundle(tmp_path / "bundle", starter=True), tmp_path / "store")[1]


def test_everything_that_is_missing_is_counted(manifest: Manifest) -> None:
    none = update_bytes(manifest, (), None, classes=0, held_out=0)
    every = update_bytes(manifest, manifest.files, None, classes=0, held_out=0)
    assert every - none == sum(file.size for file in manifest.files)
    assert none > MARGIN_BYTES


def test_more_classes_samples_and_an_old_pair_take_more_room(manifest: Manifest) -> None:
    least = update_bytes(manifest, (), None, classes=0, held_out=0)
    assert update_bytes(manifest, (), None, classes=100, held_out=0) > least
    assert update_bytes(manifest, (), None, classes=0, held_out=100) > least
    assert update_bytes(manifest, (), manifest, classes=0, held_out=0) > least


def test_a_snapshot_takes_no_more_than_is_reckoned() -> None:
    embedder = ProjectionEmbedder()
    pair = open_pair(embedder, (), MemorySamples(), LearningSettings())
    reckoned = update_bytes(embedder.manifest, (), None, classes=0, held_out=0) - MARGIN_BYTES
    assert len(pair.snapshot().content) <= reckoned
