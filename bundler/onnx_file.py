"""A backbone from any ONNX file that computes features from images."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from msgspec import structs

from bundler import model as models
from bundler.backbone import Backbone
from bundler.extractor import Extractor
from bundler.pack import PackRequest
from bundler.views import ViewRequest, name_of
from fieldwise.bundle import Preprocessing, View
from fieldwise.errors import Fault, FieldwiseError

_PROBE = 2  # images: one would not show a graph that is bound to batches of one


def load(request: PackRequest, looks: Sequence[ViewRequest]) -> Backbone:
    """Read an ONNX file, its weights from wherever it keeps them, and try it at every view.

    Args:
        request: What is packed.
        looks: The views of one file.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` when it cannot be read or takes something else than one
            batch of square colour images, ``GRAPH_FAILED`` when it does not run on one.
    """
    path = looks[0].onnx
    assert path
    assert request.licence
    assert request.source
    model = _read(path)
    sizes = _fix_input(model, [look.size for look in looks])
    outputs = [_output_of(model, look.output) for look in looks]
    _keep(model, outputs)
    models.strip(model)
    mean, scale = _floats(request.mean), _floats(request.scale)
    forms = [Preprocessing(size=size, mean=mean, scale=scale) for size in sizes]
    views = tuple(
        _tried(model, View(look.title, form, 2, output))
        for look, form, output in zip(looks, forms, outputs, strict=True)
    )
    _state_widths(model, views)
    graph = models.to_bytes(model)
    return Backbone(
        name=name_of(path.stem) or "backbone",
        views=views,
        graphs=(graph,) * len(looks),
        licence=request.licence,
        source=request.source,
    )


def _tried(model: onnx.ModelProto, view: View) -> View:
    """The view with its true width, from a first run."""
    assert isinstance(view.input, Preprocessing)
    side = view.input.size
    images = np.zeros((_PROBE, side, side, 3), np.uint8)
    found = Extractor(models.to_bytes(model), view.input, view.output).features(images)
    return structs.replace(view, width=found.shape[1])


def _state_widths(model: onnx.ModelProto, views: Iterable[View]) -> None:
    widths = {view.output: view.width for view in views}
    for value in model.graph.output:
        models.state_shape(value, [widths[value.name]])


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


def _fix_input(model: onnx.ModelProto, asked: Sequence[int | None]) -> list[int]:
    """Settle the size of each view in pixels, and state it in the model where there is but one."""
    value = models.sample_input(model)
    if value is None:
        raise _invalid("the graph must take exactly one input, a batch of images")
    shape = models.dimensions(value)
    if len(shape) != 4 or shape[1] not in {3, None}:  # noqa: PLR2004 -- [N,3,S,S]
        raise _invalid(f"the graph's input has shape {shape} instead of [N, 3, S, S]")
    if shape[0] is not None:
        raise _invalid(f"the graph takes batches of {shape[0]} only: export it for any length")
    sizes = [_side(shape[2:], size) for size in asked]
    one = sizes[0] if len(set(sizes)) == 1 else None
    models.state_shape(value, [3, one, one])
    return sizes


def _side(shape: Sequence[int | None], asked: int | None) -> int:
    stated = {side for side in (*shape, asked) if side is not None}
    if not stated:
        raise _invalid("the graph takes any size: say which, in pixels")
    if len(stated) > 1:
        raise _invalid(f"the graph's input is {shape[0]} x {shape[1]}, the size asked for {asked}")
    return stated.pop()


def _output_of(model: onnx.ModelProto, name: str | None) -> str:
    names = [each.name for each in model.graph.output]
    if name is None and len(names) != 1:
        raise _invalid(
            f"the graph has {len(names)} outputs instead of one, the features; say which of them"
        )
    if name is not None and name not in names:
        raise _invalid(f"the graph has no output {name}; it has {', '.join(names)}"[:300])
    return name or names[0]


def _keep(model: onnx.ModelProto, outputs: Sequence[str]) -> None:
    """Let the model give these outputs and no other."""
    kept = [each for each in model.graph.output if each.name in outputs]
    model.graph.ClearField("output")
    model.graph.output.extend(kept)


def _floats(values: tuple[float, float, float]) -> tuple[float, float, float]:
    """Whole numbers as floats too: the manifest has one form for each value."""
    red, green, blue = values
    return float(red), float(green), float(blue)


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
