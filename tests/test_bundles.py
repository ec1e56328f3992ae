"""The small bundles that other tests build on hold what they promise."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load

from bundler.extractor import Extractor
from fieldwise import archive, graph
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import relative_error, to_grid
from tests.bundles import CLASSES, Spoiled, class_images, spoiled_bundle, tiny_bundle


def opened(folder: Path, spoiled: Spoiled) -> tuple[Manifest, bytes, bytes]:
    path = spoiled_bundle(folder / "spoiled.bundle", spoiled)
    _, manifest = archive.unpack(path, folder / "store")
    graph_file, golden_file = manifest.variants[0].graphs[0], manifest.golden
    return (
        manifest,
        (folder / "store" / graph_file.digest).read_bytes(),
        (folder / "store" / golden_file.digest).read_bytes(),
    )


def error_of(manifest: Manifest, content: bytes, golden: bytes) -> float:
    recorded = load(golden)
    found = Extractor(content, manifest.views[0].input).features(recorded["images"])
    return relative_error(found, recorded["features.fp32"])


def test_a_bundle_is_the_same_each_time(tmp_path: Path) -> None:
    one, two = (tiny_bundle(tmp_path / name, starter=True) for name in ("1", "2"))
    assert one.read_bytes() == two.read_bytes()
    assert one.stat().st_size < 40_000


def test_features_tell_the_classes_apart(tmp_path: Path) -> None:
    _, manifest = archive.unpack(tiny_bundle(tmp_path / "b"), tmp_path / "store")
    content = (tmp_path / "store" / manifest.variants[0].graphs[0].digest).read_bytes()
    extractor = Extractor(content, manifest.views[0].input)

    def learned(name: str, seed: int) -> NDArray[np.float64]:
        features = extractor.features(class_images(name, 8, seed=seed))
        return to_grid(features, manifest.transform).astype(np.float64)

    means = np.stack([learned(name, seed=0).mean(axis=0) for name in CLASSES])
    for place, name in enumerate(CLASSES):
        distances = ((learned(name, seed=1)[:, None] - means) ** 2).sum(axis=-1)
        assert (distances.argmin(axis=1) == place).all()


@pytest.mark.parametrize("spoiled", [Spoiled.LOAD, Spoiled.RUN])
def test_a_graph_that_fails_passes_inspection_and_fails_there(
    tmp_path: Path, spoiled: Spoiled
) -> None:
    manifest, content, golden = opened(tmp_path, spoiled)
    graph.inspect(content, manifest.views)
    with pytest.raises(FieldwiseError, match=f"does not {spoiled}") as caught:
        error_of(manifest, content, golden)
    assert caught.value.fault is Fault.GRAPH_FAILED


def test_golden_features_that_differ_are_the_only_thing_wrong(tmp_path: Path) -> None:
    manifest, content, golden = opened(tmp_path, Spoiled.GOLDEN)
    graph.inspect(content, manifest.views)
    assert error_of(manifest, content, golden) > 0.1


def test_the_slow_graph_computes_the_right_thing(tmp_path: Path) -> None:
    manifest, content, golden = opened(tmp_path, Spoiled.SLOW)
    graph.inspect(content, manifest.views)
    assert error_of(manifest, content, golden) < 1e-6


def test_the_wrong_width_is_refused_by_inspection(tmp_path: Path) -> None:
    manifest, content, _ = opened(tmp_path, Spoiled.WIDTH)
    with pytest.raises(FieldwiseError, match=r"\[N, 33\] instead of \[N, 32\]"):
        graph.inspect(content, manifest.views)
