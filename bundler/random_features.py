"""A backbone for a sensor's readings: fixed random features, as in RanPAC.

There is no pretrained network for a machine's own sensors, and a linear head on bare readings can
only draw straight lines between classes. A layer that is drawn once and never trained bends them:
``relu(x P + b)``, with each column of P a random direction and b a random offset, of standardised
readings x. The head over it is solved exactly as over any other backbone (McDonnell et al., RanPAC,
NeurIPS 2023, arXiv 2307.02251, who draw P without offsets; with a dozen readings instead of
hundreds of features the offsets matter: without them every feature grows in proportion to the
readings, and the transform to unit length would leave only their direction).

Directions have expected length 1 and offsets deviation 1, the scale of the readings. All are drawn
from the request's seed, so that the same request packs the same bytes.
"""

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bundler import model as models
from bundler.backbone import Backbone
from bundler.pack import PackRequest
from bundler.views import ONLY, name_of
from fieldwise.bundle import Readings, View
from fieldwise.tables import Table, read

OPSET, IR_VERSION = 17, 8
SOURCE = "drawn with NumPy's default generator, seed {seed}"
LICENCE = "CC0-1.0"
CONSTANT = 1e-6  # below this share of its mean's size a reading's deviation is rounding


def load(request: PackRequest) -> Backbone:
    """Take means and scales from the request's readings, and draw the features.

    Raises:
        FieldwiseError: ``READINGS_INVALID`` for a file without readings, ``INVALID_ARGUMENT`` for a
            label that is no column.
    """
    assert request.readings
    form = standardising(read(request.readings, request.label))
    model = draw(form.width, request.features, request.seed)
    return Backbone(
        name=name_of(request.readings.stem) or "readings",
        views=(View(ONLY, form, request.features),),
        graphs=(models.to_bytes(model),),
        licence=request.licence or LICENCE,
        source=request.source or SOURCE.format(seed=request.seed),
    )


def standardising(table: Table) -> Readings:
    """The mean and deviation of each reading; one that never changes has scale 1."""
    rows = table.rows.astype(np.float64)
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    still = scale <= CONSTANT * np.maximum(np.abs(mean), np.finfo(np.float32).tiny)
    scale[still] = 1
    return Readings(rows.shape[1], _short(mean), _short(scale))


def draw(width: int, features: int, seed: int) -> ModelProto:
    """A graph float32[N,width] -> float32[N,features]."""
    chance = np.random.default_rng(seed)
    directions = chance.standard_normal((width, features)) / np.sqrt(width)
    weights = {
        "directions": directions.astype(np.float32),
        "offsets": chance.standard_normal(features).astype(np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["readings", "directions", "offsets"], ["bent"]),
            helper.make_node("Relu", ["bent"], ["features"]),
        ],
        "random-features",
        [helper.make_tensor_value_info("readings", TensorProto.FLOAT, [models.BATCH_NAME, width])],
        [
            helper.make_tensor_value_info(
                "features", TensorProto.FLOAT, [models.BATCH_NAME, features]
            )
        ],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


def _short(values: np.ndarray) -> tuple[float, ...]:
    """As float32 in few digits: a manifest is read by people too."""
    return tuple(float(np.format_float_positional(np.float32(each), trim="0")) for each in values)
