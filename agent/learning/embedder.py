"""From images to features, behind one protocol; onnxruntime is imported here and nowhere else.

Memory counts on a device, so the engine's arena is off (it keeps what its largest batch needed) and
weights are not packed a second time where that costs nothing measurable; threads don't spin while
they wait, since the device has other work.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.images import to_input

ERRORS_ONLY = 3  # onnxruntime's log levels: 0 verbose to 4 fatal


@dataclass(frozen=True, slots=True)
class View:
    """One of a bundle's looks at a sample: another size, depth or backbone.

    Attributes:
        name: As the manifest says.
        columns: Its features within a row of all views.
    """

    name: str
    columns: slice

    @property
    def width(self) -> int:
        """How many features it has."""
        return int(self.columns.stop - self.columns.start)


class Embedder(Protocol):
    """Computes a bundle's features."""

    @property
    def bundle(self) -> str:
        """Digest of the bundle."""
        ...

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        ...

    @property
    def variant(self) -> str:
        """Which of the bundle's graphs runs."""
        ...

    @property
    def views(self) -> tuple[View, ...]:
        """The bundle's views, at least one; their columns make up a row without a gap."""
        ...

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute raw features float32[N,D] of fitted images uint8[N,S,S,3]; N may be any.

        Safe to call from several threads at once.

        Raises:
            FieldwiseError: ``GRAPH_FAILED`` when the graph fails, or computes anything but finite
                numbers in the manifest's width.
        """
        ...


class OnnxEmbedder:
    """An ONNX graph on the processor.

    Args:
        graph: The graph's file.
        bundle: Digest of the bundle it belongs to.
        manifest: The bundle's manifest.
        variant: Which variant the graph is.
        threads: Threads that one call may use.

    Raises:
        FieldwiseError: ``GRAPH_FAILED`` when the engine refuses the graph, or it has other than one
            input and one output.
    """

    def __init__(
        self, graph: Path, bundle: str, manifest: Manifest, variant: str, threads: int = 1
    ) -> None:
        self.bundle = bundle
        self.manifest = manifest
        self.variant = variant
        self.views = (View("main", slice(0, manifest.feature_width)),)
        try:
            self._session = onnxruntime.InferenceSession(
                graph, _options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the engine has no family of exceptions of its own
            raise _failed(f"{manifest.title} {variant} does not load: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise _failed(
                f"{manifest.title} has {len(inputs)} inputs and {len(outputs)} outputs, not one"
            )
        self._input = inputs[0].name

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As ``Embedder.embed``."""
        width = self.manifest.feature_width
        pixels = to_input(images, self.manifest.preprocessing)
        try:
            features: Any = self._session.run(None, {self._input: pixels})[0]
        except Exception as error:  # the engine has no family of exceptions of its own
            raise _failed(f"{self.manifest.title} fails on an image: {error}") from error
        if not isinstance(features, np.ndarray) or features.shape != (len(images), width):
            raise _failed(
                f"{self.manifest.title} computes {getattr(features, 'shape', 'no array')}"
                f" instead of {(len(images), width)}"
            )
        if features.dtype != np.float32 or not np.isfinite(features).all():
            raise _failed(f"{self.manifest.title} computes values that are not finite float32")
        return features


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _failed(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.GRAPH_FAILED, sentence)
