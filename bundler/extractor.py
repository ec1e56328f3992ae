"""Runs a graph while packing: the features that a bundle records are computed here."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bundler.backbone import Backbone
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.inputs import Array, Form, to_input

BATCH = 16  # larger batches are no faster on one thread and hold more memory
_QUIET = 4  # the engine's own log level for fatal; failures come as exceptions
_CPU = ["CPUExecutionProvider"]


class Extractor:
    """A graph and one view of it, from fitted samples to features.

    One thread and no optimisation beyond the engine's defaults, so that packing again records the
    same numbers.

    Args:
        graph: The ONNX file.
        form: What the view takes in.
        output: The graph's output that the view is; its first by default.

    Raises:
        FieldwiseError: ``GRAPH_FAILED`` when the engine cannot load the graph.
    """

    def __init__(self, graph: bytes, form: Form, output: str | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        self._form = form
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=_CPU)
        except Exception as error:  # the engine's exceptions share no base but this
            raise _failed("load", error) from error
        self._output = output or self._session.get_outputs()[0].name

    def features(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Features float32[N,D] of images uint8[N,S,S,3] or readings float32[N,W].

        Raises:
            FieldwiseError: ``GRAPH_FAILED`` when the graph fails or gives no such array.
        """
        starts = range(0, len(samples), BATCH)
        return np.concatenate([self._run(samples[start : start + BATCH]) for start in starts])

    def _run(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        name = self._session.get_inputs()[0].name
        try:
            batch = {name: to_input(samples, self._form)}
            found = self._session.run([self._output], batch)[0]
        except Exception as error:  # as above
            raise _failed(f"run on a batch of {len(samples)}", error) from error
        if found.ndim != 2 or len(found) != len(samples) or found.dtype != np.float32:  # noqa: PLR2004 -- [N,D]
            raise FieldwiseError(
                Fault.GRAPH_FAILED,
                f"the graph gives {found.dtype}{list(found.shape)} for {len(samples)} samples"
                f" instead of float32[{len(samples)}, D]",
            )
        return np.asarray(found, np.float32)


class Views:
    """All views of a backbone by one variant's graphs.

    Args:
        backbone: Its views.
        graphs: The ONNX file of each.

    Attributes:
        forms: What the views take in, each once.
        side: Of the largest image among them, in pixels; 0 where readings are the input.

    Raises:
        FieldwiseError: ``GRAPH_FAILED`` when the engine cannot load a graph.
    """

    def __init__(self, backbone: Backbone, graphs: Sequence[bytes]) -> None:
        self.forms: tuple[Form, ...] = tuple(dict.fromkeys(each.input for each in backbone.views))
        self.side = backbone.side
        self._views = backbone.views
        self._extractors = [
            Extractor(graph, view.input, view.output)
            for graph, view in zip(graphs, backbone.views, strict=True)
        ]

    def features(self, fitted: Sequence[tuple[Array, ...]]) -> list[NDArray[np.float32]]:
        """Features float32[N,D] of each view, of samples in all ``forms``.

        Raises:
            FieldwiseError: ``GRAPH_FAILED`` when a graph fails or gives no such array.
        """
        return [
            extractor.features(np.stack([each[self.forms.index(view.input)] for each in fitted]))
            for extractor, view in zip(self._extractors, self._views, strict=True)
        ]


def _failed(deed: str, error: Exception) -> FieldwiseError:
    reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    return FieldwiseError(Fault.GRAPH_FAILED, f"the graph does not {deed}: {reason}")
