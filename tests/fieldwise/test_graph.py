from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from fieldwise import graph, skim
from fieldwise.bundle import FileReference, Manifest, Preprocessing, Transform, Variant, View
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import tiny_model

ANY = FileReference("0" * 64, 1)
MANIFEST = Manifest(
    format=1,
    name="n",
    version="1",
    epoch=1,
    publisher="p",
    licence="l",
    source="s",
    views=(View("main", Preprocessing(16, (0.0,) * 3, (1.0,) * 3), 32),),
    transform=Transform(),
    variants=(Variant("fp32", (ANY,), 0.1),),
    golden=ANY,
)


def inspect(model: ModelProto) -> graph.GraphFacts:
    return graph.inspect(model.SerializeToString(), MANIFEST.views)


def refused(content: bytes, words: str | None = None) -> None:
    with pytest.raises(FieldwiseError, match=words) as caught:
        graph.inspect(content, MANIFEST.views)
    assert caught.value.fault is Fault.BUNDLE_INVALID


def test_a_plain_feature_extractor_passes_with_its_facts() -> None:
    facts = inspect(tiny_model())
    assert facts == graph.GraphFacts(
        opset=17,
        nodes=5,
        weight_bytes=4 * (16 * 3 * 4 * 4 + 16 * 32),
        input_name="images",
        output_names=("features",),
        operators=frozenset({"Conv", "Relu", "GlobalAveragePool", "Flatten", "MatMul"}),
    )


def test_weights_may_be_listed_among_the_inputs() -> None:
    model = tiny_model()
    model.graph.input.insert(0, helper.make_tensor_value_info("mix", TensorProto.FLOAT, [16, 32]))
    assert inspect(model).input_name == "images"


@pytest.mark.parametrize(
    "kind", [np.float32, np.float64, np.float16, np.int8, np.uint8, np.int32, np.int64, np.bool_]
)
@pytest.mark.parametrize("raw", [True, False])
def test_every_usual_element_type_passes_packed_or_listed(kind: type, raw: bool) -> None:
    model = tiny_model()
    values = np.arange(6).reshape(2, 3).astype(kind)
    tensor = numpy_helper.from_array(values, "more")
    if not raw:
        tensor = helper.make_tensor("more", tensor.data_type, [2, 3], values.flatten().tolist())
    model.graph.initializer.append(tensor)
    assert inspect(model).weight_bytes == 4 * (16 * 48 + 16 * 32) + values.nbytes


def outside(tensor: TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def external_weights(model: ModelProto) -> None:
    outside(model.graph.initializer[0])


def external_weights_that_deny_it(model: ModelProto) -> None:
    outside(model.graph.initializer[0])
    model.graph.initializer[0].data_location = TensorProto.DEFAULT


def external_attribute(model: ModelProto) -> None:
    attribute = model.graph.node[0].attribute.add(name="value", type=4)
    attribute.t.data_type = TensorProto.FLOAT
    outside(attribute.t)


def external_attribute_in_a_list(model: ModelProto) -> None:
    attribute = model.graph.node[0].attribute.add(name="values", type=9)
    attribute.tensors.add(data_type=TensorProto.FLOAT)
    outside(attribute.tensors[0])


def sparse_weights(model: ModelProto) -> None:
    outside(model.graph.sparse_initializer.add().values)


def sparse_attribute(model: ModelProto) -> None:
    outside(model.graph.node[0].attribute.add(name="value", type=11).sparse_tensor.values)


def sparse_attributes(model: ModelProto) -> None:
    model.graph.node[0].attribute.add(name="values", type=12).sparse_tensors.add()


def subgraph(model: ModelProto) -> None:
    model.graph.node[0].attribute.add(name="body", type=5).g.name = "hidden"


def empty_subgraph(model: ModelProto) -> None:
    model.graph.node[0].attribute.add(name="body", type=5).g.SetInParent()


def subgraphs(model: ModelProto) -> None:
    model.graph.node[0].attribute.add(name="bodies", type=10).graphs.add()


def functions(model: ModelProto) -> None:
    model.functions.add(name="Conv", domain="")


def training(model: ModelProto) -> None:
    model.training_info.add()


def function_reference(model: ModelProto) -> None:
    model.graph.node[0].attribute.add(name="alpha", ref_attr_name="beta", type=1)


def operator_with_a_loop(model: ModelProto) -> None:
    model.graph.node[1].op_type = "Loop"


def operator_with_chance(model: ModelProto) -> None:
    model.graph.node[1].op_type = "RandomNormalLike"


def operator_of_a_vendor(model: ModelProto) -> None:
    model.graph.node[1].domain = "com.microsoft"


def no_operators(model: ModelProto) -> None:
    model.graph.ClearField("node")


def too_many_operators(model: ModelProto) -> None:
    for _ in range(graph.NODES_MAX):
        model.graph.node.add(op_type="Relu")


def old_operators(model: ModelProto) -> None:
    model.opset_import[0].version = 12


def future_operators(model: ModelProto) -> None:
    model.opset_import[0].version = 99


def no_operator_set(model: ModelProto) -> None:
    model.ClearField("opset_import")


def two_operator_sets(model: ModelProto) -> None:
    model.opset_import.add(domain="ai.onnx", version=15)


def fewer_bytes_than_stated(model: ModelProto) -> None:
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]


def more_bytes_than_stated(model: ModelProto) -> None:
    model.graph.initializer[0].raw_data += b"1234"


def no_bytes_at_all(model: ModelProto) -> None:
    model.graph.initializer[0].ClearField("raw_data")


def values_twice(model: ModelProto) -> None:
    model.graph.initializer[0].float_data.append(1)


def values_in_the_wrong_field(model: ModelProto) -> None:
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.int64_data.extend([1] * 16 * 32)


def a_negative_dimension(model: ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -1


def an_absurd_dimension(model: ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 2**62


def too_many_dimensions(model: ModelProto) -> None:
    model.graph.initializer[0].dims.extend([1] * 8)


def a_segment(model: ModelProto) -> None:
    model.graph.initializer[0].segment.begin = 0


def text(model: ModelProto) -> None:
    model.graph.initializer[0].string_data.append(b"x")


def an_unknown_type(model: ModelProto) -> None:
    model.graph.initializer[0].data_type = 22


def the_same_name_twice(model: ModelProto) -> None:
    model.graph.initializer[1].name = "filters"


def two_inputs(model: ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["N", 3]))


def two_outputs(model: ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["N", 16]))


def no_output(model: ModelProto) -> None:
    model.graph.ClearField("output")


def another_size(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 17


def any_size(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "side"


def grey_images(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1


def bytes_as_input(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


def a_sequence_as_input(model: ModelProto) -> None:
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


def batches_of_one(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def another_width(model: ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 33


def a_row_for_all(model: ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1


def a_shapeless_output(model: ModelProto) -> None:
    model.graph.output[0].type.tensor_type.ClearField("shape")


def half_precision_features(model: ModelProto) -> None:
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16


def a_mountain_of_notes(model: ModelProto) -> None:
    model.graph.node[0].doc_string = "x" * graph.STRUCTURE_BYTES_MAX


REFUSALS: dict[Callable[[ModelProto], None], str] = {
    external_weights: "tensor 'filters' keeps its values outside",
    external_weights_that_deny_it: "outside of the file",
    external_attribute: "attribute 'value' of operator 'Conv'.*outside",
    external_attribute_in_a_list: "attribute 'values' of operator 'Conv'.*outside",
    sparse_weights: "sparse weights",
    sparse_attribute: "holds a sparse tensor",
    sparse_attributes: "holds a sparse tensor",
    subgraph: "attribute 'body' of operator 'Conv' holds a subgraph",
    empty_subgraph: "holds a subgraph",
    subgraphs: "holds a subgraph",
    functions: "functions of its own",
    training: "training information",
    function_reference: "refers to a function",
    operator_with_a_loop: "operator 'Loop' is not among",
    operator_with_chance: "operator 'RandomNormalLike' is not among",
    operator_of_a_vendor: "domain 'com.microsoft'",
    no_operators: "no operators",
    too_many_operators: "10,005 operators",
    old_operators: "operator set 12",
    future_operators: "operator set 99",
    no_operator_set: "does not state one version",
    two_operator_sets: "does not state one version",
    fewer_bytes_than_stated: "states 3,072 bytes by its shape and has 3,068",
    more_bytes_than_stated: "has 3,076",
    no_bytes_at_all: "has 0",
    values_twice: "states its values twice",
    values_in_the_wrong_field: "wrong field",
    a_negative_dimension: r"dimension of \[-1\]",
    an_absurd_dimension: "dimension of",
    too_many_dimensions: "12 dimensions",
    a_segment: "only a segment",
    text: "holds text",
    an_unknown_type: "element type 22",
    the_same_name_twice: "the same name",
    two_inputs: "2 inputs",
    two_outputs: "2 outputs",
    no_output: "0 outputs",
    another_size: r"\[N, 3, 17, 16\] instead of \[N, 3, 16, 16\]",
    any_size: r"\[N, 3, S, 16\] instead",
    grey_images: r"\[N, 1, 16, 16\] instead",
    bytes_as_input: "input is not float32",
    a_sequence_as_input: "the input is not a tensor",
    batches_of_one: "batches of 1 only",
    another_width: r"output is \[N, 33\] instead of \[N, 32\]",
    a_row_for_all: "1 rows whatever",
    a_shapeless_output: r"output is \[\]",
    half_precision_features: "output is not float32",
    a_mountain_of_notes: "bytes that are not weights",
}


@pytest.mark.parametrize("spoil", REFUSALS, ids=lambda spoil: spoil.__name__)
def test_a_graph_is_refused_for(spoil: Callable[[ModelProto], None]) -> None:
    model = tiny_model()
    spoil(model)
    refused(model.SerializeToString(), REFUSALS[spoil])


def test_a_graph_over_the_size_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "GRAPH_BYTES_MAX", 1000)
    refused(tiny_model().SerializeToString(), "bytes long")


def test_a_file_of_empty_parts_is_refused_before_it_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(*_: object) -> None:
        pytest.fail("parsed")

    monkeypatch.setattr(graph, "onnx_pb2", unreachable)
    nodes = b"\x0a\x00" * (skim.FIELDS_MAX + 1)
    length = bytes([len(nodes) & 0x7F | 0x80, len(nodes) >> 7 & 0x7F | 0x80, len(nodes) >> 14])
    refused(b"\x3a" + length + nodes, "more than 200,000 parts")


def test_what_is_not_weights_is_counted_to_the_byte() -> None:
    model = tiny_model()
    weights = sum(len(each.raw_data) for each in model.graph.initializer)
    assert skim.structure_bytes(model.SerializeToString()) == model.ByteSize() - weights


@given(st.binary(max_size=400))
def test_rubbish_is_refused(content: bytes) -> None:
    refused(content)


@given(st.data())
def test_a_damaged_graph_is_refused_or_read_but_never_crashes(data: st.DataObject) -> None:
    content = bytearray(tiny_model().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        facts = graph.inspect(bytes(content), MANIFEST.views)
    except FieldwiseError as error:
        assert error.fault is Fault.BUNDLE_INVALID  # noqa: PT017 -- either outcome is right
    else:
        assert facts.operators <= graph.OPERATORS


@given(st.integers(0, 5000))
def test_a_graph_cut_short_is_refused(length: int) -> None:
    refused(tiny_model().SerializeToString()[:length])


def test_a_file_without_a_graph_is_no_model() -> None:
    refused(b"", "not an ONNX file")
    refused(ModelProto(ir_version=8).SerializeToString(), "not an ONNX file")


def test_a_part_longer_than_the_file_is_refused_before_parsing() -> None:
    with pytest.raises(FieldwiseError, match="not an ONNX file"):
        skim.structure_bytes(b"\x3a\x7f\x0a\x00")


def test_names_in_sentences_are_short_and_on_one_line() -> None:
    model = tiny_model()
    model.graph.node[0].op_type = "evil\n\x1b[31m" * 1000
    with pytest.raises(FieldwiseError) as caught:
        inspect(model)
    assert caught.value.sentence.isprintable()
    assert len(caught.value.sentence) < 500
