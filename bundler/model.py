"""ONNX models in memory: stripped of notes, with a stated signature, as deterministic bytes."""

from collections.abc import Iterable

import onnx

BATCH_NAME = "N"
OPEN_NAME = "S"


def strip(model: onnx.ModelProto) -> None:
    """Remove what does not compute: exporters leave paths and stack traces of their machine."""
    model.ClearField("doc_string")
    model.ClearField("metadata_props")
    graph = model.graph
    graph.ClearField("doc_string")
    graph.ClearField("metadata_props")
    graph.ClearField("value_info")
    for each in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        each.ClearField("doc_string")
        each.ClearField("metadata_props")


def sample_input(model: onnx.ModelProto) -> onnx.ValueInfoProto | None:
    """The one input that is no weight, or None when there are more or none."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    return inputs[0] if len(inputs) == 1 else None


def dimensions(value: onnx.ValueInfoProto) -> list[int | None]:
    """The sizes of an input or output; None where any size will do."""
    dims = value.type.tensor_type.shape.dim
    return [each.dim_value if each.HasField("dim_value") else None for each in dims]


def state_shape(value: onnx.ValueInfoProto, sizes: Iterable[int | None]) -> None:
    """State an input's or output's shape: a batch of any length of these sizes; None is open."""
    shape = value.type.tensor_type.shape
    shape.ClearField("dim")
    shape.dim.add().dim_param = BATCH_NAME
    for place, size in enumerate(sizes):
        if size is None:
            shape.dim.add().dim_param = f"{OPEN_NAME}{place}"
        else:
            shape.dim.add().dim_value = size


def to_bytes(model: onnx.ModelProto) -> bytes:
    """The one encoding of a model."""
    return model.SerializeToString(deterministic=True)
