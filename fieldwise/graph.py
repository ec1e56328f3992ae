"""What can be told of a graph without running it, and what is refused on sight.

The orchestrator takes graphs from operators and hands them to every device, so it looks first; it
has neither the onnx package nor an engine, and needs none: the fields that matter are few, and are
read through a minimal description of the format (``fieldwise.onnx.v1``). A graph may compute
features from pixels and nothing else. Refused are weights outside of the file (a path that a device
would open), subgraphs, functions and training information (places to hide work), operators beyond
those that convolutional networks, vision transformers and their int8 forms use, weights whose bytes
don't match their shape, and any signature but one batch of images or readings in and the feature
matrices of the bundle's views out.

What cannot be seen here is cost: a legal graph may still ask for too much memory or time. That is
why a device runs a new graph in a child process with limits first.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from fieldwise.bundle import GRAPH_BYTES_MAX, Manifest, Readings, Variant, View
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.onnx.v1 import onnx_pb2
from fieldwise.skim import not_onnx, structure_bytes

STRUCTURE_BYTES_MAX = 4 * 1024**2  # without notes, real graphs stay below 1 MiB
NODES_MAX = 10_000  # EfficientNet-Lite2 in int8 has about 500, a large transformer 3,000
RANK_MAX = 8  # no operator below takes more
OPSET_MIN, OPSET_MAX = 13, 23  # per-channel int8 starts at 13; the oldest engine allowed ends at 23
STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
OPERATORS = frozenset(
    """
    Conv Gemm MatMul Einsum ConvInteger MatMulInteger
    QuantizeLinear DequantizeLinear DynamicQuantizeLinear
    BatchNormalization InstanceNormalization LayerNormalization GroupNormalization
    RMSNormalization LpNormalization LRN
    AveragePool MaxPool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool
    ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceProd ReduceSumSquare
    Relu Clip LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Swish Tanh Softplus
    Softsign Gelu Mish Erf Softmax LogSoftmax
    Add Sub Mul Div Pow Sqrt Reciprocal Exp Log Abs Neg Sign Floor Ceil Round Min Max Sum Mean
    Sin Cos Mod
    Equal Greater GreaterOrEqual Less LessOrEqual And Or Not Where IsNaN IsInf
    Reshape Flatten Squeeze Unsqueeze Transpose Concat Split Slice Gather GatherElements GatherND
    Expand Tile Pad Resize DepthToSpace SpaceToDepth Shape Size Cast CastLike Identity
    Constant ConstantOfShape Range ArgMax CumSum Trilu RotaryEmbedding Attention
    """.split()  # noqa: SIM905 -- a table of names reads best as lines
)
_FLOAT = 1
_BYTES_OF = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
_FIELD_OF = {
    "float_data": frozenset({1}),
    "int32_data": frozenset({2, 3, 4, 5, 6, 9, 10, 16}),
    "int64_data": frozenset({7}),
    "double_data": frozenset({11}),
    "uint64_data": frozenset({12, 13}),
}
_FEATURE_RANK = 2


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What a graph is, as far as it can be told from outside."""

    opset: int
    nodes: int
    weight_bytes: int
    input_name: str
    output_names: tuple[str, ...]
    operators: frozenset[str]


def inspect_all(manifest: Manifest, variant: Variant, read: Callable[[str], bytes]) -> None:
    """Check every graph of a variant.

    Args:
        manifest: The bundle's manifest.
        variant: One of its variants.
        read: Gives a file's bytes by its digest.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID`` naming what is refused.
    """
    for file in variant.files:
        looks = zip(variant.graphs, manifest.views, strict=True)
        inspect(read(file.digest), [view for graph, view in looks if graph == file])


def inspect(content: bytes, views: Sequence[View]) -> GraphFacts:
    """Check the structure of a graph against the views that are computed by it.

    Args:
        content: The ONNX file.
        views: They state the input and the features, at least one.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID`` naming what is refused.
    """
    model = _parse(content)
    _refuse(bool(model.training_info), "the graph carries training information")
    _refuse(bool(model.functions), "the graph defines functions of its own")
    opset = _opset(model.opset_import)
    graph = model.graph
    _refuse(bool(graph.sparse_initializer), "the graph has sparse weights")
    _refuse(not graph.node, "the graph has no operators")
    _refuse(len(graph.node) > NODES_MAX, f"the graph has {len(graph.node):,} operators")
    for node in graph.node:
        _check_node(node)
    weight_bytes = sum(_check_tensor(tensor, "weights") for tensor in graph.initializer)
    weights = {tensor.name for tensor in graph.initializer}
    _refuse(len(weights) < len(graph.initializer), "two weights of the graph have the same name")
    return GraphFacts(
        opset=opset,
        nodes=len(graph.node),
        weight_bytes=weight_bytes,
        input_name=_check_input(graph.input, weights, views),
        output_names=_check_outputs(graph.output, views),
        operators=frozenset(node.op_type for node in graph.node),
    )


def _parse(content: bytes) -> onnx_pb2.Model:
    _refuse(len(content) > GRAPH_BYTES_MAX, f"the graph is {len(content):,} bytes long")
    structure = structure_bytes(content)
    _refuse(
        structure > STRUCTURE_BYTES_MAX, f"the graph has {structure:,} bytes that are not weights"
    )
    try:
        model = onnx_pb2.Model.FromString(content)
    except DecodeError as error:
        raise not_onnx() from error
    if not (model.ir_version and model.HasField("graph")):
        raise not_onnx()
    return model


def _opset(imports: Iterable[onnx_pb2.OperatorSet]) -> int:
    versions = [each.version for each in imports if each.domain in STANDARD_DOMAINS]
    _refuse(len(versions) != 1, "the graph does not state one version of the standard operators")
    _refuse(
        not OPSET_MIN <= versions[0] <= OPSET_MAX,
        f"the graph uses operator set {versions[0]}; {OPSET_MIN} to {OPSET_MAX} are supported",
    )
    return versions[0]


def _check_node(node: onnx_pb2.Node) -> None:
    place = f"operator {_quote(node.op_type)}"
    _refuse(
        node.domain not in STANDARD_DOMAINS,
        f"{place} is of domain {_quote(node.domain)}; only standard operators are allowed",
    )
    for attribute in node.attribute:
        _check_attribute(attribute, place)
    _refuse(node.op_type not in OPERATORS, f"{place} is not among those allowed")


def _check_attribute(attribute: onnx_pb2.Attribute, place: str) -> None:
    where = f"attribute {_quote(attribute.name)} of {place}"
    _refuse(attribute.HasField("g") or bool(attribute.graphs), f"{where} holds a subgraph")
    _refuse(bool(attribute.ref_attr_name), f"{where} refers to a function")
    sparse = attribute.HasField("sparse_tensor") or bool(attribute.sparse_tensors)
    _refuse(sparse, f"{where} holds a sparse tensor")
    if attribute.HasField("t"):
        _check_tensor(attribute.t, where)
    for tensor in attribute.tensors:
        _check_tensor(tensor, where)


def _check_tensor(tensor: onnx_pb2.Tensor, place: str) -> int:
    """Check one tensor and return the bytes of its values."""
    where = f"{place}: tensor {_quote(tensor.name)}"
    outside = bool(tensor.external_data) or tensor.data_location != 0
    _refuse(outside, f"{where} keeps its values outside of the file")
    _refuse(tensor.HasField("segment"), f"{where} is only a segment")
    _refuse(bool(tensor.string_data), f"{where} holds text")
    width = _BYTES_OF.get(tensor.data_type, 0)
    _refuse(not width, f"{where} has element type {tensor.data_type}, which is not supported")
    _check_dimensions(tensor.dims, where)
    stated = math.prod(tensor.dims) * width
    found = _value_bytes(tensor, width, where)
    _refuse(found != stated, f"{where} states {stated:,} bytes by its shape and has {found:,}")
    return found


def _value_bytes(tensor: onnx_pb2.Tensor, width: int, where: str) -> int:
    counts = {name: len(getattr(tensor, name)) for name in _FIELD_OF}
    used = [name for name, count in counts.items() if count]
    if not used:
        return len(tensor.raw_data)
    _refuse(len(used) > 1 or bool(tensor.raw_data), f"{where} states its values twice")
    fits = tensor.data_type in _FIELD_OF[used[0]]
    _refuse(not fits, f"{where} keeps its values in the wrong field")
    return counts[used[0]] * width


def _check_dimensions(dims: Iterable[int], where: str) -> None:
    sizes = list(dims)
    _refuse(len(sizes) > RANK_MAX, f"{where} has {len(sizes)} dimensions")
    odd = [size for size in sizes if not 0 <= size < GRAPH_BYTES_MAX]
    _refuse(bool(odd), f"{where} has a dimension of {odd[:1]}")


def _check_input(
    inputs: Iterable[onnx_pb2.ValueInfo], weights: set[str], views: Sequence[View]
) -> str:
    samples = [each for each in inputs if each.name not in weights]
    _refuse(len(samples) != 1, f"the graph has {len(samples)} inputs instead of one")
    shape = _shape(samples[0], "input")
    wanted = _sizes_in(views)
    _refuse(
        shape[1:] != wanted,
        f"the graph's input is {_text(shape)} instead of {_text([None, *wanted])}",
    )
    _refuse(shape[0] is not None, f"the graph takes batches of {shape[0]} only, not of any length")
    return samples[0].name


def _sizes_in(views: Sequence[View]) -> list[int | None]:
    """What a sample's shape must be; a graph that is used at several sizes leaves them open."""
    sizes = {
        each.input.width if isinstance(each.input, Readings) else each.input.size for each in views
    }
    size = sizes.pop() if len(sizes) == 1 else None
    return [size] if isinstance(views[0].input, Readings) else [3, size, size]


def _check_outputs(outputs: Iterable[onnx_pb2.ValueInfo], views: Sequence[View]) -> tuple[str, ...]:
    features = {each.name: each for each in outputs}
    wanted = sorted({view.output for view in views})
    _refuse(
        sorted(features) != wanted,
        f"the graph has {len(features)} outputs ({_list(features)}) instead of {_list(wanted)}",
    )
    for view in views:
        shape = _shape(features[view.output], "output")
        _refuse(
            len(shape) != _FEATURE_RANK or shape[1] != view.width,
            f"the graph's output is {_text(shape)} instead of [N, {view.width}]",
        )
        _refuse(shape[0] is not None, f"the graph gives {shape[0]} rows whatever the batch")
    return tuple(wanted)


def _list(names: Iterable[str]) -> str:
    return ", ".join(_quote(name) for name in sorted(names)[:RANK_MAX])


def _shape(value: onnx_pb2.ValueInfo, kind: str) -> list[int | None]:
    """The sizes of a graph's input or output; None where any size will do."""
    other = ("sequence_type", "map_type", "sparse_tensor_type", "optional_type")
    _refuse(any(value.type.HasField(name) for name in other), f"the {kind} is not a tensor")
    tensor = value.type.tensor_type
    _refuse(tensor.elem_type != _FLOAT, f"the graph's {kind} is not float32")
    dims = tensor.shape.dim
    return [each.dim_value if each.HasField("dim_value") else None for each in dims]


def _text(shape: list[int | None]) -> str:
    """A shape as people write it: N is the batch, S any size."""
    words = [
        f"{size}" if size is not None else "S" if place else "N"
        for place, size in enumerate(shape[:RANK_MAX])
    ]
    return "[" + ", ".join(words) + "]"


def _quote(name: str) -> str:
    return repr(name[:64])


def _refuse(wrong: bool, sentence: str) -> None:  # noqa: FBT001 -- a condition and its sentence
    if wrong:
        raise FieldwiseError(Fault.BUNDLE_INVALID, sentence)
