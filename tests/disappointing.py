"""Bundles that pass every check of a bundle and still serve a device badly, each in its own way."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from tests.bundles import bundle_of, tiny_model

WIDTH = 32
STARTLED = 6.5  # drawn images of classes come to 5 at most, stripes to 9
SIDE, PRODUCTS = 512, 24  # a tenth of a second and more on one core


def blind_bundle(path: Path, version: str) -> Path:
    """It sees the same in every image."""
    tail = [
        *_projection("projected"),
        helper.make_node("Constant", [], ["nothing"], value_float=0.0),
        helper.make_node("Constant", [], ["one"], value_float=1.0),
        helper.make_node("Mul", ["projected", "nothing"], ["dark"]),
        helper.make_node("Add", ["dark", "one"], ["features"]),
    ]
    return bundle_of(path, tiny_model(width=WIDTH, tail=tail), version=version)


def slow_bundle(path: Path, version: str) -> Path:
    """It computes the right thing, and takes many times as long as a small backbone does."""
    tail = [
        *_projection("projected"),
        helper.make_node("Constant", [], ["nothing"], value_float=0.0),
        helper.make_node("Constant", [], ["begin"], value_ints=[0]),
        helper.make_node("Constant", [], ["end"], value_ints=[1]),
        helper.make_node("Constant", [], ["shape"], value_ints=[1, SIDE, SIDE]),
        helper.make_node("Slice", ["pooled", "begin", "end", "end"], ["first"]),
        helper.make_node("Mul", ["first", "nothing"], ["zero"]),
        helper.make_node("Unsqueeze", ["zero", "end"], ["lifted"]),
        helper.make_node("Expand", ["lifted", "shape"], ["product0"]),
        *(
            helper.make_node("MatMul", [f"product{i}", f"product{i}"], [f"product{i + 1}"])
            for i in range(PRODUCTS)
        ),
        helper.make_node("ReduceMax", [f"product{PRODUCTS}"], ["most"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["most", "end"], ["column"]),
        helper.make_node("Add", ["projected", "column"], ["features"]),
    ]
    return bundle_of(path, tiny_model(width=WIDTH, tail=tail), version=version)


def startled_bundle(path: Path, version: str) -> Path:
    """It sees as a tiny one does, and fails on images unlike any drawn for a class: on stripes."""
    tail = [
        *_projection("projected"),
        helper.make_node("Constant", [], ["threshold"], value_float=STARTLED),
        helper.make_node("Constant", [], ["far"], value_float=1e6),
        helper.make_node("Constant", [], ["nothing"], value_float=0.0),
        helper.make_node("ReduceMax", ["pooled"], ["brightest"], axes=[1], keepdims=0),
        helper.make_node("Sub", ["brightest", "threshold"], ["above"]),
        helper.make_node("Relu", ["above"], ["startling"]),
        helper.make_node("Mul", ["startling", "far"], ["beyond"]),
        helper.make_node("Cast", ["beyond"], ["place"], to=TensorProto.INT64),
        helper.make_node("Gather", ["mix", "place"], ["row"], axis=0),
        helper.make_node("Mul", ["row", "nothing"], ["none"]),
        helper.make_node("Add", ["projected", "none"], ["features"]),
    ]
    return bundle_of(path, tiny_model(width=WIDTH, tail=tail), version=version)


def stripes(size: int = 16) -> NDArray[np.uint8]:
    """An image uint8[size,size,3] that startles."""
    image = np.zeros((size, size, 3), np.uint8)
    image[::2] = 255
    return image


def _projection(name: str) -> list[NodeProto]:
    return [helper.make_node("MatMul", ["pooled", "mix"], [name])]
