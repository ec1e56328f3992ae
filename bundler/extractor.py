"""Runs a graph while packing: the features that a bundle records are computed here."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fieldwise.bundle import Preprocessing
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.images import to_input

BATCH = 16  # larger batches are no faster on one thread and hold more memory
_QUIET = 4  # the engine's own log level for fatal; failures come as exceptions
_CPU = ["CPUExecutionProvider"]


class Extractor:
    """A graph and its preprocessing, from pixels to features.

    One thread and no optimisation beyond the engine's defaults, so that packing again records the
    same numbers.

    Args:
        graph: The ONNX file.
        preprocessing: Mean and scale of the input.

    Raises:
        FieldwiseError: ``GRAPH_FAILED`` when the engine cannot load the graph.
    """

    def __init__(self, graph: bytes, preprocessing: Preprocessing) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        self._preprocessing = preprocessing
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=_CPU)
        except Exception as error:  # the engine's exceptions share no base but this
            raise _failed("load", error) from error

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features float32[N,D] of images uint8[N,S,S,3].

        Raises:
            FieldwiseError: ``GRAPH_FAILED`` when the graph fails or gives no such array.
        """
        parts = [self._run(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
        return np.concatenate(parts)

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        name = self._session.get_inputs()[0].name
        try:
            found = self._session.run(None, {name: to_input(images, self._preprocessing)})[0]
        except Exception as error:  # as above
            raise _failed(f"run on a batch of {len(images)}", error) from error
        if found.ndim != 2 or len(found) != len(images) or found.dtype != np.float32:  # noqa: PLR2004 -- [N,D]
            raise FieldwiseError(
                Fault.GRAPH_FAILED,
                f"the graph gives {found.dtype}{list(found.shape)} for {len(images)} images"
                f" instead of float32[{len(images)}, D]",
            )
        return np.asarray(found, np.float32)


def _failed(deed: str, error: Exception) -> FieldwiseError:
    reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    return FieldwiseError(Fault.GRAPH_FAILED, f"the graph does not {deed}: {reason}")
