"""Bundles that pass every check of a bundle and still serve a device badly, each in its own way."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from tests.bundles import bundle_of, slow_model, tiny_model

SIZE, WIDTH = 16, 32
STARTLED = 6.5  # drawn images of classes come to 5 at most, stripes to 9
SIDE = 512  # of the matrices: a tenth of a second and more on one core


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
    return bundle_of(path, slow_model(SIZE, WIDTH, side=SIDE), version=version)


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


def stripes() -> NDArray[np.uint8]:
    """An image uint8[16,16,3] that startles."""
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    image[::2] = 255
    return image


def _projection(name: str) -> list[NodeProto]:
    return [helper.make_node("MatMul", ["pooled", "mix"], [name])]
