"""Small real bundles for tests: a few kilobytes, packed like any other, without torch.

The feature extractor is one strided convolution with fixed random weights, a rectifier, average
pooling and a projection; its features tell colours and textures apart, so that heads can learn on
them. The spoiled bundles carry true digests; each fails where its name says and nowhere earlier.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, save
from PIL import Image

from bundler import golden
from bundler.assembly import Parts, describe
from bundler.backbone import Backbone
from bundler.extractor import Extractor
from bundler.pack import PackRequest, pack
from bundler.views import ViewRequest
from fieldwise import archive
from fieldwise.bundle import Preprocessing, View, digest_of

OPSET, IR_VERSION = 17, 8
CHANNELS = 16


def tiny_model(
    *, seed: int = 0, size: int = 16, width: int = 32, tail: list[NodeProto] | None = None
) -> ModelProto:
    """A feature extractor float32[N,3,size,size] -> float32[N,width].

    ``tail`` continues from ``pooled`` [N,CHANNELS] to ``features`` instead of the projection.
    """
    chance = np.random.default_rng(seed)
    filters = chance.normal(0, 0.4, (CHANNELS, 3, 4, 4)).astype(np.float32)
    mix = np.abs(chance.normal(0, 0.5, (CHANNELS, width))).astype(np.float32)
    weights = {"filters": filters, "mix": mix}
    projection = [helper.make_node("MatMul", ["pooled", "mix"], ["features"])]
    nodes = [
        helper.make_node("Conv", ["images", "filters"], ["waves"], strides=[2, 2]),
        helper.make_node("Relu", ["waves"], ["bright"]),
        helper.make_node("GlobalAveragePool", ["bright"], ["square"]),
        helper.make_node("Flatten", ["square"], ["pooled"]),
        *(projection if tail is None else tail),
    ]
    return model_of(nodes, weights, size=size, width=width)


def model_of(
    nodes: list[NodeProto], weights: dict[str, NDArray[np.float32]], *, size: int, width: int
) -> ModelProto:
    """A model of these nodes from ``images`` to ``features``."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, size, size])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", width])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


class Spoiled(StrEnum):
    """What is wrong with a bundle."""

    LOAD = "load"  # the engine refuses the graph when it loads it
    RUN = "run"  # it loads, and fails on every batch
    GOLDEN = "golden"  # it runs, and computes something else than was recorded
    SLOW = "slow"  # it computes the right thing, in about a second an image
    WIDTH = "width"  # features are one wider than the manifest says; push refuses it


CLASSES = ("amber", "blue", "green", "red")
_COLOURS = ((230, 160, 30), (40, 60, 200), (40, 170, 60), (210, 40, 40))


def class_images(name: str, count: int, *, size: int = 16, seed: int = 0) -> NDArray[np.uint8]:
    """Noisy images uint8[count,size,size,3] of one of ``CLASSES``, easy to tell apart."""
    chance = np.random.default_rng([seed, CLASSES.index(name)])
    shades = np.array(_COLOURS[CLASSES.index(name)]) * chance.uniform(0.7, 1.1, (count, 1, 1, 1))
    noise = chance.normal(0, 25, (count, size, size, 3))
    return np.clip(shades + noise, 0, 255).astype(np.uint8)


def class_folder(folder: Path, *, count: int = 6, size: int = 16, seed: int = 0) -> Path:
    """A folder of class folders with ``count`` PNG images of each of ``CLASSES``."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for index, image in enumerate(class_images(name, count, size=size, seed=seed)):
            Image.fromarray(image).save(folder / name / f"{index}.png")
    return folder


def tiny_bundle(
    path: Path,
    *,
    name: str = "tiny",
    version: str = "1.0.0",
    seed: int = 0,
    size: int = 16,
    width: int = 32,
    starter: bool = False,
    epoch: int = 1,
) -> Path:
    """Pack a small bundle into the file ``path``; other seeds are other backbones."""
    with TemporaryDirectory() as folder:
        classes = class_folder(Path(folder) / "classes", size=size) if starter else None
        model = tiny_model(seed=seed, size=size, width=width)
        return bundle_of(path, model, name=name, version=version, starter=classes, epoch=epoch)


def bundle_of(
    path: Path,
    model: ModelProto,
    *,
    name: str = "tiny",
    version: str = "1.0.0",
    starter: Path | None = None,
    epoch: int = 1,
) -> Path:
    """Pack a bundle of a feature extractor."""
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "tiny.onnx"
        save(model, str(graph))
        asked = replace(_request(path, name, version), onnx=graph, starter=starter, epoch=epoch)
        return pack(asked).path


def mapped_bundle(path: Path, older: Path) -> Path:
    """Pack a bundle of another backbone, with a map from an older bundle."""
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "other.onnx"
        save(tiny_model(seed=9), str(graph))
        images = class_folder(Path(folder) / "images", count=60, seed=3)
        request = _request(path, "mapped", "1.0.0")
        return pack(replace(request, onnx=graph, map_from=older, map_images=images)).path


def deep_model(*, width: int = 32) -> ModelProto:
    """The same extractor with its size left open, that also gives what it projects, ``pooled``."""
    model = tiny_model(width=width)
    for place in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[place].dim_param = "side"
    model.graph.output.append(
        helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["N", CHANNELS])
    )
    return model


def viewed_bundle(path: Path, *, starter: bool = False) -> Path:
    """Pack a bundle of three views: two sizes, and a lesser depth at the smaller of them."""
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "deep.onnx"
        save(deep_model(), str(graph))
        looks = (("small", 16, "features"), ("large", 32, "features"), ("shallow", 16, "pooled"))
        request = replace(
            _request(path, "viewed", "1.0.0"),
            onnx=graph,
            views=tuple(ViewRequest(name=name, size=size, output=out) for name, size, out in looks),
            starter=class_folder(Path(folder) / "classes", size=40) if starter else None,
        )
        return pack(request).path


def readings_bundle(path: Path, table: Path, *, label: str | None = None) -> Path:
    """Pack a bundle of random features of the readings in a CSV file."""
    request = replace(_request(path, "readings", "1.0.0"), readings=table, label=label)
    return pack(replace(request, features=256)).path


def spoiled_bundle(
    path: Path, spoiled: Spoiled, *, name: str = "spoiled", size: int = 16, width: int = 32
) -> Path:
    """Write a bundle that is wrong in one way."""
    good = tiny_model(size=size, width=width).SerializeToString()
    preprocessing = Preprocessing(size=size, mean=(127.0,) * 3, scale=(128.0,) * 3)
    images = golden.draw(size, 0)
    features = Extractor(good, preprocessing).features(images)
    if spoiled is Spoiled.GOLDEN:
        features = features[:, ::-1]
    graph = _SPOILED_GRAPHS[spoiled](size, width).SerializeToString()
    view = View("main", preprocessing, width)
    backbone = Backbone(name, (view,), (graph,), "Apache-2.0", "tests")
    parts = Parts(backbone, {"fp32": (graph,)}, golden.encode(images, {"fp32": features}))
    manifest = describe(parts, _request(path, name, "1.0.0"))
    archive.write(path, manifest, {digest_of(each): each for each in (graph, parts.golden)})
    return path


def _request(path: Path, name: str, version: str) -> PackRequest:
    return PackRequest(
        target=path,
        name=name,
        version=version,
        publisher="tests",
        licence="Apache-2.0",
        source="tests",
    )


def _refused_on_load(size: int, width: int) -> ModelProto:
    """Multiplies matrices that don't fit, which shows when shapes are inferred."""
    model = tiny_model(size=size, width=width)
    one_too_many = np.zeros((CHANNELS + 1, width), np.float32)
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(one_too_many, "mix"))
    return model


def _fails_on_run(size: int, width: int) -> ModelProto:
    """Asks for an element that is not there; which one, no engine can know before it runs."""
    tail = [
        helper.make_node("ReduceMax", ["pooled"], ["brightest"], keepdims=0),
        helper.make_node("Abs", ["brightest"], ["positive"]),
        helper.make_node("Cast", ["positive"], ["small"], to=TensorProto.INT64),
        helper.make_node("Constant", [], ["beyond"], value_int=1_000_000),
        helper.make_node("Add", ["small", "beyond"], ["place"]),
        helper.make_node("Gather", ["mix", "place"], ["row"], axis=0),
        helper.make_node("MatMul", ["pooled", "mix"], ["projected"]),
        helper.make_node("Add", ["projected", "row"], ["features"]),
    ]
    return tiny_model(size=size, width=width, tail=tail)


def slow_model(size: int, width: int, *, side: int = 1024, products: int = 24) -> ModelProto:
    """The same extractor that multiplies square matrices of zeros, made from the input, as well."""
    return tiny_model(
        size=size,
        width=width,
        tail=[
            helper.make_node("Constant", [], ["nothing"], value_float=0.0),
            helper.make_node("Constant", [], ["corner"], value_ints=[0]),
            helper.make_node("Constant", [], ["one"], value_ints=[1]),
            helper.make_node("Constant", [], ["shape"], value_ints=[1, side, side]),
            helper.make_node("Slice", ["pooled", "corner", "one", "one"], ["first"]),
            helper.make_node("Mul", ["first", "nothing"], ["zero"]),
            helper.make_node("Unsqueeze", ["zero", "one"], ["lifted"]),
            helper.make_node("Expand", ["lifted", "shape"], ["product0"]),
            *(
                helper.make_node("MatMul", [f"product{i}", f"product{i}"], [f"product{i + 1}"])
                for i in range(products)
            ),
            helper.make_node("ReduceMax", [f"product{products}"], ["sum"], axes=[1, 2], keepdims=0),
            helper.make_node("Unsqueeze", ["sum", "one"], ["column"]),
            helper.make_node("MatMul", ["pooled", "mix"], ["projected"]),
            helper.make_node("Add", ["projected", "column"], ["features"]),
        ],
    )


def _one_wider(size: int, width: int) -> ModelProto:
    return tiny_model(size=size, width=width + 1)


def _good(size: int, width: int) -> ModelProto:
    return tiny_model(size=size, width=width)


_SPOILED_GRAPHS: dict[Spoiled, Callable[[int, int], ModelProto]] = {
    Spoiled.LOAD: _refused_on_load,
    Spoiled.RUN: _fails_on_run,
    Spoiled.GOLDEN: _good,
    Spoiled.SLOW: slow_model,
    Spoiled.WIDTH: _one_wider,
}
