"""The int8 form of a backbone: weights and activations in 8 bits, decided by example images.

Static quantisation in the QDQ form: the graph stays standard ONNX and every engine may fuse it its
own way. Weights get one scale a channel, since depthwise filters differ in size by orders of
magnitude; activations get the range from the smallest to the largest value seen, which ReLU6 bounds
in the Lite models anyway. The file shrinks to under a third.

Weights of dense convolutions use 7 of their 8 bits. x86 processors without VNNI add two products of
an unsigned and a signed byte in 16 bits and saturate: with all 8 bits, Lite0's features on such a
machine differ from what was calibrated by a third of their length (cosine 0.94 to float32), and so
from device to device; with 7 bits they agree to a few hundredths everywhere. Depthwise convolutions
have kernels that add in 32 bits and keep all 8, which brings the cosine from 0.982 to 0.988.

Features that the graph lays side by side from several depths stay float32: in 8 bits all of them
would share one scale, and of channels a tenth as loud as others little would be left.

The examples are drawn at random from the whole folder: a stride could be in step with the order of
the files and miss whole classes.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from bundler import image_folder
from bundler import model as models
from bundler.backbone import Backbone
from bundler.extractor import Views
from bundler.pack import CALIBRATION_IMAGES, Progress
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.inputs import Array, Form, to_input


class _Examples(CalibrationDataReader):  # type: ignore[misc]  # its package ships no types
    """Feeds the chosen images one by one, at each size of the graph's views."""

    def __init__(
        self, images: Sequence[tuple[Array, ...]], forms: Sequence[Form], name: str
    ) -> None:
        self._inputs = (
            {name: to_input(square[None], form)}
            for image in images
            for square, form in zip(image, forms, strict=True)
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._inputs, None)


def quantise(backbone: Backbone, folder: Path, seed: int, progress: Progress) -> tuple[bytes, ...]:
    """Return the graph of each view in int8, and tell how close its features stay.

    Args:
        backbone: The float32 original.
        folder: Images like those that devices will see; searched deeply.
        seed: Decides which of them are used.
        progress: Told what is done, and the likeness reached.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a folder without images, ``IMAGE_INVALID`` naming a
            file that is none, ``GRAPH_FAILED`` for a graph that has no int8 form.
    """
    paths = choose(image_folder.find(folder), seed)
    progress(f"quantising with {len(paths)} images of {folder}")
    made = {
        graph: _one(graph, tuple(dict.fromkeys(view.input for view in views)), paths, backbone.side)
        for graph, views in backbone.each_graph()
    }
    quantised = tuple(made[graph] for graph in backbone.graphs)
    likeness = _likeness(backbone, quantised, paths)
    progress(f"int8 features have a mean cosine of {likeness:.3f} to fp32")
    return quantised


def _one(graph: bytes, forms: Sequence[Form], paths: list[Path], side: int) -> bytes:
    original = onnx.load_from_string(graph)
    value = models.sample_input(original)
    assert value is not None
    images = [image_folder.load(path, forms, side) for path in paths]
    with _quiet():
        quantised = _quantised(original, _Examples(images, forms, value.name))
    models.strip(quantised)
    return models.to_bytes(quantised)


def _full_range(model: onnx.ModelProto) -> dict[str, list[dict[str, Any]]]:
    """The quantiser's exceptions: depthwise filters [C,1,h,w] keep all bits, a scale a channel."""
    filters = {tensor.name for tensor in model.graph.initializer if list(tensor.dims[1:2]) == [1]}
    whole = {"quant_type": QuantType.QInt8, "axis": 0, "symmetric": True, "reduce_range": False}
    return {
        node.input[1]: [whole]
        for node in model.graph.node
        if node.op_type == "Conv" and node.input[1] in filters
    }


def _named_joints(model: onnx.ModelProto) -> list[str]:
    """Name the nodes that lay features side by side after what they compute."""
    outputs = {each.name for each in model.graph.output}
    found = []
    for node in model.graph.node:
        if node.op_type == "Concat" and outputs.intersection(node.output):
            node.name = node.output[0]  # the quantiser knows nodes by name, and many have none
            found.append(node.name)
    return found


def _quantised(original: onnx.ModelProto, examples: _Examples) -> onnx.ModelProto:
    with TemporaryDirectory(prefix="fieldwise-pack-") as work:
        target = Path(work) / "int8.onnx"
        try:
            quantize_static(
                original,
                str(target),
                examples,
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                reduce_range=True,
                calibrate_method=CalibrationMethod.MinMax,
                nodes_to_exclude=_named_joints(original),
                extra_options={"TensorQuantOverrides": _full_range(original)},
            )
        except FieldwiseError:
            raise
        except Exception as error:  # whatever the quantiser makes of an unusual graph
            raise FieldwiseError(
                Fault.GRAPH_FAILED, f"the graph cannot be quantised: {error}"
            ) from error
        return onnx.load(str(target))


def choose(paths: list[Path], seed: int) -> list[Path]:
    """Draw at most ``CALIBRATION_IMAGES`` of them, each as likely as any other."""
    count = min(CALIBRATION_IMAGES, len(paths))
    drawn = np.random.default_rng(seed).choice(len(paths), count, replace=False)
    return [paths[place] for place in sorted(drawn)]


def _likeness(backbone: Backbone, quantised: Sequence[bytes], paths: list[Path]) -> float:
    """The mean cosine between both variants' features of the images, over all views."""
    one, other = (Views(backbone, graphs) for graphs in (backbone.graphs, quantised))
    images = [image_folder.load(path, one.forms, one.side) for path in paths]
    pairs = zip(one.features(images), other.features(images), strict=True)
    return float(np.mean([_cosines(*pair) for pair in pairs]))


def _cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[Any]:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products = (one * other).sum(axis=1)
    return np.asarray(np.divide(products, lengths, where=lengths > 0, out=np.zeros(len(one))))


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises on the root logger to fold first, which the export has done."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
