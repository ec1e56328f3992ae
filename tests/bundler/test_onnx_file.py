from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from bundler import onnx_file
from bundler.backbone import Backbone
from bundler.pack import PackRequest, settled_views
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import model_of, tiny_model


def packed(path: Path, model: ModelProto | bytes, size: int | None = None) -> PackRequest:
    content = model if isinstance(model, bytes) else model.SerializeToString()
    (path / "net.onnx").write_bytes(content)
    return PackRequest(
        target=path / "t", onnx=path / "net.onnx", size=size, licence="x", source="y"
    )


def load(request: PackRequest) -> Backbone:
    return onnx_file.load(request, settled_views(request))


def refused(request: PackRequest, words: str, fault: Fault = Fault.INVALID_ARGUMENT) -> None:
    with pytest.raises(FieldwiseError, match=words) as caught:
        load(request)
    assert caught.value.fault is fault


def test_size_and_width_come_from_the_graph(tmp_path: Path) -> None:
    backbone = load(packed(tmp_path, tiny_model(size=24, width=48)))
    assert (backbone.side, backbone.views[0].width, backbone.name) == (24, 48, "net")


def test_a_graph_of_any_size_is_bound_to_the_one_asked_for(tmp_path: Path) -> None:
    model = tiny_model()
    for place in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[place].dim_param = "side"
    refused(packed(tmp_path, model), "takes any size")
    backbone = load(packed(tmp_path, model, size=40))
    shape = onnx.load_from_string(backbone.graphs[0]).graph.input[0].type.tensor_type.shape
    assert [each.dim_value for each in shape.dim] == [0, 3, 40, 40]


def test_a_width_that_the_graph_does_not_state_is_found_by_running(tmp_path: Path) -> None:
    model = tiny_model()
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "width"
    assert load(packed(tmp_path, model)).views[0].width == 32


def test_weights_beside_the_file_come_along(tmp_path: Path) -> None:
    onnx.save(
        tiny_model(width=64),
        str(tmp_path / "net.onnx"),
        save_as_external_data=True,
        location="net.weights",
        size_threshold=0,
    )
    request = packed(tmp_path, (tmp_path / "net.onnx").read_bytes())
    inside = onnx.load_from_string(load(request).graphs[0])
    assert {each.data_location for each in inside.graph.initializer} == {TensorProto.DEFAULT}
    (tmp_path / "net.weights").unlink()
    refused(request, "net.onnx")


def test_notes_of_the_exporting_machine_are_left_behind(tmp_path: Path) -> None:
    model = tiny_model()
    model.doc_string = "made in /home/someone"
    model.metadata_props.add(key="path", value="/home/someone")
    for each in (*model.graph.node, *model.graph.initializer, model.graph.input[0], model.graph):
        each.doc_string = "/home/someone"
        each.metadata_props.add(key="trace", value="/home/someone")
    assert b"someone" not in load(packed(tmp_path, model)).graphs[0]


def test_the_size_asked_for_must_be_the_graphs(tmp_path: Path) -> None:
    refused(packed(tmp_path, tiny_model(size=16), size=32), "16 x 16, the size asked for 32")


def test_oblong_inputs_are_refused(tmp_path: Path) -> None:
    model = tiny_model()
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 20
    refused(packed(tmp_path, model), "16 x 20")


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    model = tiny_model()
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["N", 1]))
    refused(packed(tmp_path, model), "exactly one input")


def test_two_outputs_are_refused(tmp_path: Path) -> None:
    model = tiny_model()
    model.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["N", 16]))
    refused(packed(tmp_path, model), "2 outputs")


@pytest.mark.parametrize("shape", [["N", 16, 16], ["N", 1, 16, 16], ["N", 4, 16, 16], ["N", 3]])
def test_inputs_that_are_no_colour_images_are_refused(
    tmp_path: Path, shape: list[str | int]
) -> None:
    model = tiny_model()
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("images", TensorProto.FLOAT, shape))
    refused(packed(tmp_path, model), r"instead of \[N, 3, S, S\]")


def test_a_fixed_batch_is_refused(tmp_path: Path) -> None:
    model = tiny_model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    refused(packed(tmp_path, model), "batches of 1 only")


def test_features_with_other_than_two_dimensions_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("GlobalAveragePool", ["images"], ["features"])]
    model = model_of(nodes, {}, size=16, width=3)
    shape = ["N", 3, 1, 1]
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)
    )
    refused(packed(tmp_path, model), r"instead of float32\[2, D\]", Fault.GRAPH_FAILED)


def test_a_graph_that_does_not_load_is_refused(tmp_path: Path) -> None:
    weights = {"mix": np.zeros((5, 7), np.float32)}
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["square"]),
        helper.make_node("Flatten", ["square"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "mix"], ["features"]),
    ]
    model = model_of(nodes, weights, size=16, width=7)
    refused(packed(tmp_path, model), "does not load", Fault.GRAPH_FAILED)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    request = packed(tmp_path, b"")
    (tmp_path / "net.onnx").unlink()
    refused(request, "net.onnx cannot be read")


@given(content=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_rubbish_is_refused(tmp_path: Path, content: bytes) -> None:
    refused(packed(tmp_path, content), "net.onnx is not|exactly one input")
