import numpy as np
import pytest
from safetensors.numpy import load

from bundler import golden


def test_images_follow_from_size_and_seed_alone() -> None:
    assert np.array_equal(golden.draw(32, 5), golden.draw(32, 5))
    assert not np.array_equal(golden.draw(32, 5), golden.draw(32, 6))


@pytest.mark.parametrize("size", [16, 33, 224])
def test_images_use_the_range_of_pixels_and_differ(size: int) -> None:
    images = golden.draw(size, 0)
    assert images.shape == (golden.SAMPLES, size, size, 3)
    assert images.dtype == np.uint8
    assert all(image.std() > 20 for image in images)
    assert len({image.tobytes() for image in images}) == golden.SAMPLES


def test_images_are_smooth_like_photographs_and_coloured() -> None:
    images = golden.draw(128, 0).astype(float)
    step = np.abs(np.diff(images, axis=2)).mean()
    assert step < images.std() / 3
    assert np.abs(images[..., 0] - images[..., 2]).mean() > 5


def test_the_file_holds_images_and_features_by_variant() -> None:
    images = golden.draw(16, 0)
    features = {"fp32": np.ones((4, 8), np.float32), "int8": np.zeros((4, 8), np.float32)}
    found = load(golden.encode(images, features))
    assert set(found) == {"images", "features.fp32", "features.int8"}
    assert np.array_equal(found["images"], images)
    assert np.array_equal(found["features.fp32"], features["fp32"])
