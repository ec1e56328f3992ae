from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper

from bundler.backbone import Backbone
from bundler.extractor import Extractor
from bundler.quantise import choose, quantise
from fieldwise.bundle import Preprocessing, View
from tests.bundles import class_folder, model_of, tiny_model

PREPROCESSING = Preprocessing(size=16, mean=(127.0,) * 3, scale=(128.0,) * 3)


def backbone(model: ModelProto) -> Backbone:
    width = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    return Backbone(
        "n", (View("main", PREPROCESSING, width),), (model.SerializeToString(),), "l", "s"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folder(tmp_path_factory.mktemp("images") / "classes", count=5)


def test_examples_are_drawn_at_random_and_again_the_same() -> None:
    paths = [Path(f"{place:04}") for place in range(1000)]
    drawn = choose(paths, 0)
    assert len(set(drawn)) == 128
    assert drawn == choose(paths, 0)
    assert drawn != choose(paths, 1)
    steps = np.diff([int(path.name) for path in drawn])
    assert len(set(steps.tolist())) > 5, "a stride would miss classes"


def test_a_small_folder_is_used_whole() -> None:
    paths = [Path(str(place)) for place in range(5)]
    assert choose(paths, 0) == paths


def test_features_stay_close_and_the_likeness_is_told(folder: Path) -> None:
    told: list[str] = []
    quantise(backbone(tiny_model()), folder, 0, told.append)
    assert told[0].startswith("quantising with 20 images")
    assert float(told[1].split()[-3]) > 0.98


def weights_of(content: bytes, name: str) -> np.ndarray:
    model = onnx.load_from_string(content)
    found = [each for each in model.graph.initializer if each.name == f"{name}_quantized"]
    return onnx.numpy_helper.to_array(found[0])


def test_dense_weights_leave_room_against_saturation_and_depthwise_ones_do_not(
    folder: Path,
) -> None:
    chance = np.random.default_rng(0)
    weights = {
        "dense": chance.normal(0, 1, (8, 3, 3, 3)).astype(np.float32),
        "depthwise": chance.normal(0, 1, (8, 1, 3, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["images", "dense"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "depthwise"], ["c"], group=8),
        helper.make_node("GlobalAveragePool", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["features"]),
    ]
    (content,) = quantise(backbone(model_of(nodes, weights, size=16, width=8)), folder, 0, print)
    dense, depthwise = (weights_of(content, name) for name in ("dense", "depthwise"))
    assert dense.dtype == depthwise.dtype == np.int8
    assert np.abs(dense.astype(int)).max() == 64
    assert (np.abs(depthwise.astype(int)).max(axis=(1, 2, 3)) == 127).all(), "a scale each"


def test_features_side_by_side_do_not_share_one_scale(folder: Path) -> None:
    chance = np.random.default_rng(0)
    weights = {
        "loud": chance.normal(0, 100, (8, 3, 3, 3)).astype(np.float32),
        "quiet": chance.normal(0, 1e-3, (8, 8, 3, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["images", "loud"], ["a"]),
        helper.make_node("Conv", ["a", "quiet"], ["b"]),
        *(helper.make_node("GlobalAveragePool", [name], [f"{name}-mean"]) for name in "ab"),
        *(helper.make_node("Flatten", [f"{name}-mean"], [f"{name}-flat"]) for name in "ab"),
        helper.make_node("Concat", ["a-flat", "b-flat"], ["features"], axis=1),
    ]
    whole = backbone(model_of(nodes, weights, size=16, width=16))
    (content,) = quantise(whole, folder, 0, print)
    samples = np.repeat(chance.integers(0, 256, (20, 1, 1, 3)), 256, axis=1)
    samples = samples.reshape(20, 16, 16, 3).astype(np.uint8)
    before, after = (
        Extractor(graph, PREPROCESSING).features(samples)[:, 8:]
        for graph in (whole.graphs[0], content)
    )
    kept = [np.corrcoef(one, other)[0, 1] for one, other in zip(before.T, after.T, strict=True)]
    assert np.median(kept) > 0.9, "the quiet ones still tell samples apart"
