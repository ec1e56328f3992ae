from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from agent.learning.embedder import OnnxEmbedder, View, seconds_of
from bundler.extractor import Extractor
from fieldwise import archive
from fieldwise.bundle import Manifest, Preprocessing
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import to_grid, to_rows
from fieldwise.images import fit
from fieldwise.inputs import Input
from tests.bundles import deep_model, readings_bundle, tiny_bundle, viewed_bundle


class _Engine:
    """The engine with another way to load graphs."""

    def __init__(self, load: Callable[..., onnxruntime.InferenceSession]) -> None:
        self.InferenceSession = load
        self.SessionOptions = onnxruntime.SessionOptions


IMAGE = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)


def opened(path: Path) -> OnnxEmbedder:
    digest, manifest = archive.unpack(path, path.parent / "parts")
    return OnnxEmbedder(graphs(path, manifest), digest, manifest, "fp32")


def graphs(path: Path, manifest: Manifest) -> list[Path]:
    return [path.parent / "parts" / file.digest for file in manifest.variants[0].graphs]


@pytest.fixture(scope="module")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> OnnxEmbedder:
    return opened(viewed_bundle(tmp_path_factory.mktemp("viewed") / "b"))


def features(embedder: OnnxEmbedder, sample: Input, *names: str) -> np.ndarray:
    chosen = frozenset(names) or None
    return embedder.embed([embedder.fit(sample, chosen)], chosen)[0]


def test_a_plain_bundle_has_one_view_of_the_whole_row(tmp_path: Path) -> None:
    embedder = opened(tiny_bundle(tmp_path / "b"))
    assert embedder.views == (View("main", slice(0, 32)),)
    assert embedder.views[0].width == 32


def test_each_view_sees_the_original_at_its_own_size(viewed: OnnxEmbedder) -> None:
    row = features(viewed, IMAGE)
    content = deep_model().SerializeToString()
    for look, view in zip(viewed.manifest.views, viewed.views, strict=True):
        assert isinstance(look.input, Preprocessing)
        alone = Extractor(content, look.input, look.output).features(fit(IMAGE, look.input)[None])
        assert np.allclose(row[view.columns], alone[0], atol=1e-6)


def test_views_of_one_graph_and_size_are_one_run(viewed: OnnxEmbedder) -> None:
    small, large, shallow = viewed.views
    assert small.run == shallow.run != large.run


def test_a_graph_of_several_views_is_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def load(path: Path, *arguments: Any, **more: Any) -> onnxruntime.InferenceSession:
        loaded.append(path)
        return onnxruntime.InferenceSession(path, *arguments, **more)

    monkeypatch.setattr("agent.learning.embedder.onnxruntime", _Engine(load))
    opened(viewed_bundle(tmp_path / "b"))
    assert len(loaded) == 1


def test_only_the_views_that_are_asked_for_are_computed(viewed: OnnxEmbedder) -> None:
    whole = features(viewed, IMAGE)
    for names in (("small",), ("shallow",), ("large", "shallow"), ("small", "large", "shallow")):
        found = features(viewed, IMAGE, *names)
        for view in viewed.views:
            expected = whole[view.columns] if view.name in names else 0
            assert np.allclose(found[view.columns], expected, atol=1e-6)


def test_a_sample_is_fitted_only_to_what_is_wanted(viewed: OnnxEmbedder) -> None:
    fitted = viewed.fit(IMAGE, frozenset({"large"}))
    assert [each is None for each in fitted] == [True, False]
    with pytest.raises(FieldwiseError) as caught:
        viewed.embed([fitted])
    assert caught.value.fault is Fault.INTERNAL


def test_each_view_is_transformed_on_its_own(viewed: OnnxEmbedder) -> None:
    raw = features(viewed, IMAGE)[None]
    transform = viewed.manifest.transform
    rows = to_rows(raw, [view.columns for view in viewed.views], transform)
    for view in viewed.views:
        assert np.array_equal(rows[:, view.columns], to_grid(raw[:, view.columns], transform))
        assert abs(np.linalg.norm(rows[0, view.columns]) - 4096) < view.width


def test_what_each_view_takes_is_the_median_of_what_the_clock_says(tmp_path: Path) -> None:
    embedder = opened(viewed_bundle(tmp_path / "b"))
    times = iter(np.cumsum([0.0, *([1.0, 9.0] * 1000)]))
    embedder.measure([IMAGE] * 3, lambda: float(next(times)))
    assert [view.seconds for view in embedder.views] == [1.0, 1.0, 1.0]
    assert [view.name for view in embedder.views] == ["small", "large", "shallow"]


def test_views_of_one_run_take_as_long_as_the_slowest_of_them() -> None:
    deep, shallow = View("a", slice(0, 1), 0, 3.0), View("b", slice(1, 2), 0, 2.0)
    other = View("c", slice(2, 3), 1, 5.0)
    assert seconds_of([deep, shallow]) == 3.0
    assert seconds_of([shallow, other]) == 7.0
    assert seconds_of([]) == 0.0


def test_readings_are_embedded_and_other_samples_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,5\n")
    embedder = opened(readings_bundle(tmp_path / "b", tmp_path / "t.csv"))
    assert features(embedder, np.array([1, 2], np.float32)).any()
    for sample in (np.zeros(3, np.float32), IMAGE, b"\xff\xd8\xff"):
        with pytest.raises(FieldwiseError) as caught:
            embedder.fit(sample)
        assert caught.value.fault is Fault.READINGS_INVALID


def test_a_graph_without_a_views_output_is_refused(tmp_path: Path) -> None:
    path = viewed_bundle(tmp_path / "b")
    digest, manifest = archive.unpack(path, tmp_path / "parts")
    _, plain = archive.unpack(tiny_bundle(tmp_path / "plain"), tmp_path / "parts")
    wrong = [tmp_path / "parts" / plain.variants[0].graphs[0].digest] * 3
    with pytest.raises(FieldwiseError, match="lacks 1 outputs") as caught:
        OnnxEmbedder(wrong, digest, manifest, "fp32")
    assert caught.value.fault is Fault.GRAPH_FAILED
