"""A backbone on its way into a bundle."""

from dataclasses import dataclass

from fieldwise.bundle import Preprocessing


@dataclass(frozen=True, slots=True)
class Backbone:
    """A feature extractor as a float32 ONNX file, and what is known of it.

    Attributes:
        name: What it is called.
        graph: The ONNX file: images float32[N,3,S,S] in, features float32[N,D] out.
        width: D.
        preprocessing: From an image to the input; holds S.
        licence: Of the weights.
        source: Of the weights.
    """

    name: str
    graph: bytes
    width: int
    preprocessing: Preprocessing
    licence: str
    source: str
