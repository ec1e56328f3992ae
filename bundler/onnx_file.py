"""A backbone from any ONNX file that computes features from images."""

import re
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from bundler import model as models
from bundler.backbone import Backbone
from bundler.extractor import Extractor
from bundler.pack import PackRequest
from fieldwise.bundle import Preprocessing
from fieldwise.errors import Fault, FieldwiseError

_PROBE = 2  # images: one would not show a graph that is bound to batches of one


def load(request: PackRequest) -> Backbone:
    """Read the request's ONNX file, its weights from wherever it keeps them, and try it.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` when it cannot be read or takes something else than one
            batch of square colour images, ``GRAPH_FAILED`` when it does not run on one.
    """
    assert request.onnx
    assert request.licence
    assert request.source
    model = _read(request.onnx)
    size = _fix_input(model, request.size)
    models.strip(model)
    preprocessing = Preprocessing(
        size=size, mean=_floats(request.mean), scale=_floats(request.scale)
    )
    images = np.zeros((_PROBE, size, size, 3), np.uint8)
    width = Extractor(models.to_bytes(model), preprocessing).features(images).shape[1]
    models.state_shape(_only_output(model), [width])
    return Backbone(
        name=_name_from(request.onnx),
        graph=models.to_bytes(model),
        width=width,
        preprocessing=preprocessing,
        licence=request.licence,
        source=request.source,
    )


def _read(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except OSError as error:
        raise _invalid(f"{path} cannot be read: {error.strerror or error}") from error
    except (DecodeError, onnx.checker.ValidationError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise _invalid(f"{path} is not a valid ONNX file: {reason}") from error
    return model


def _fix_input(model: onnx.ModelProto, size: int | None) -> int:
    """Settle the input's size in pixels and state it in the model."""
    value = models.image_input(model)
    if value is None:
        raise _invalid("the graph must take exactly one input, a batch of images")
    shape = models.dimensions(value)
    if len(shape) != 4 or shape[1] not in {3, None}:  # noqa: PLR2004 -- [N,3,S,S]
        raise _invalid(f"the graph's input has shape {shape} instead of [N, 3, S, S]")
    if shape[0] is not None:
        raise _invalid(f"the graph takes batches of {shape[0]} only: export it for any length")
    stated = {side for side in (*shape[2:], size) if side is not None}
    if not stated:
        raise _invalid("the graph takes any size: say which, in pixels")
    if len(stated) > 1:
        raise _invalid(f"the graph's input is {shape[2]} x {shape[3]}, the size asked for {size}")
    side = stated.pop()
    models.state_shape(value, [3, side, side])
    return side


def _only_output(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    outputs = model.graph.output
    if len(outputs) != 1:
        raise _invalid(f"the graph has {len(outputs)} outputs instead of one, the features")
    return outputs[0]


def _floats(values: tuple[float, float, float]) -> tuple[float, float, float]:
    """Whole numbers as floats too: the manifest has one form for each value."""
    red, green, blue = values
    return float(red), float(green), float(blue)


def _name_from(path: Path) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("._-")[:64] or "backbone"


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
