from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from fieldwise import images, inputs, readings
from fieldwise.bundle import Preprocessing, Readings
from fieldwise.errors import Fault, FieldwiseError

SMALL = Preprocessing(16, (0.0,) * 3, (1.0,) * 3)
LARGE = Preprocessing(32, (0.0,) * 3, (1.0,) * 3, "bicubic")
FORM = Readings(2, (0.0, 0.0), (1.0, 1.0))
PIXELS = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
VALUES = np.array([1, 2], np.float32)


def jpeg(pixels: np.ndarray) -> bytes:
    target = BytesIO()
    Image.fromarray(pixels).save(target, "JPEG")
    return target.getvalue()


def refused(sample: inputs.Input, form: inputs.Form, fault: Fault) -> None:
    with pytest.raises(FieldwiseError) as caught:
        inputs.fit(sample, [form], 16)
    assert caught.value.fault is fault


def test_every_form_is_fitted_from_the_original() -> None:
    small, large = inputs.fit(PIXELS, [SMALL, LARGE], 32)
    assert np.array_equal(small, images.fit(PIXELS, SMALL))
    assert np.array_equal(large, images.fit(PIXELS, LARGE))


def test_a_form_is_the_same_whichever_others_are_wanted() -> None:
    """A JPEG decoded at a fraction of its size would otherwise depend on the company."""
    content = jpeg(np.kron(PIXELS, np.ones((4, 4, 1), np.uint8)))
    both = inputs.fit(content, [SMALL, LARGE], 32)
    assert np.array_equal(both[0], inputs.fit(content, [SMALL], 32)[0])
    assert np.array_equal(both[1], inputs.fit(content, [LARGE], 32)[0])


def test_images_and_readings_are_not_taken_for_each_other() -> None:
    refused(VALUES, SMALL, Fault.IMAGE_INVALID)
    refused(readings.encode(VALUES), SMALL, Fault.IMAGE_INVALID)
    refused(jpeg(PIXELS), FORM, Fault.READINGS_INVALID)
    refused(PIXELS, FORM, Fault.READINGS_INVALID)


def test_an_exemplar_gives_back_what_a_backbone_takes() -> None:
    content = inputs.exemplar(VALUES)
    assert np.array_equal(inputs.fit(content, [FORM], 0)[0], VALUES)
    assert inputs.exemplar(content) == content
    assert inputs.fit(inputs.exemplar(PIXELS), [SMALL], 16)[0].shape == (16, 16, 3)
    assert inputs.fit(inputs.exemplar(jpeg(PIXELS)), [SMALL], 16)[0].shape == (16, 16, 3)


def test_each_kind_becomes_a_graphs_input() -> None:
    assert inputs.to_input(inputs.fit(PIXELS, [SMALL], 16)[0][None], SMALL).shape == (1, 3, 16, 16)
    assert inputs.to_input(VALUES[None], FORM).tolist() == [[1.0, 2.0]]
