from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bundler import image_folder
from fieldwise.bundle import Preprocessing
from fieldwise.errors import Fault, FieldwiseError

PREPROCESSING = Preprocessing(size=16, mean=(0.0,) * 3, scale=(1.0,) * 3)


def test_images_are_found_deeply_in_order_and_nothing_else(tmp_path: Path) -> None:
    for name in (
        "b/2.PNG",
        "b/1.jpg",
        "a/deep/3.webp",
        "notes.txt",
        ".hidden.png",
        "b/x.png/4.bmp",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [str(path.relative_to(tmp_path)) for path in image_folder.find(tmp_path)]
    assert found == ["a/deep/3.webp", "b/1.jpg", "b/2.PNG", "b/x.png/4.bmp"]


def test_an_image_is_seen_as_a_device_sees_it(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), (10, 20, 30)).save(tmp_path / "1.png")
    (pixels,) = image_folder.load(tmp_path / "1.png", [PREPROCESSING], 16)
    assert pixels.shape == (16, 16, 3)
    assert np.array_equal(pixels[0, 0], [10, 20, 30])


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff\xd8\xff"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(FieldwiseError, match=r"broken\.jpg: ") as caught:
        image_folder.load(tmp_path / "broken.jpg", [PREPROCESSING], 16)
    assert caught.value.fault is Fault.IMAGE_INVALID


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError, match=r"gone\.jpg cannot be read") as caught:
        image_folder.load(tmp_path / "gone.jpg", [PREPROCESSING], 16)
    assert caught.value.fault is Fault.IMAGE_INVALID
