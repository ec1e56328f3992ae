import struct
import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from fieldwise import images
from fieldwise.bundle import Preprocessing
from fieldwise.errors import Fault, FieldwiseError

SMALL = Preprocessing(size=32, mean=(127.0, 127.0, 127.0), scale=(128.0, 64.0, 32.0))


def picture(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[0:height, 0:width]
    planes = (rows * 255 // height, columns * 255 // width, np.full_like(rows, 90))
    return np.stack(planes, axis=2).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def refusal(content: bytes, limits: images.Limits | None = None) -> str:
    with pytest.raises(FieldwiseError) as caught:
        images.decode(content, limits)
    assert caught.value.fault is Fault.IMAGE_INVALID
    return caught.value.sentence


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_a_lossless_file_gives_back_its_pixels(kind: str) -> None:
    content = encoded(Image.fromarray(picture()), kind, lossless=True)
    assert np.array_equal(images.decode(content), picture())


@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_a_lossy_file_gives_nearly_its_pixels(kind: str) -> None:
    found = images.decode(encoded(Image.fromarray(picture()), kind))
    assert found.shape == (40, 60, 3)
    assert np.abs(found.astype(int) - picture()).mean() < 12


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "GIF"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    assert "decoded" in refusal(content[: len(content) * 2 // 3])


def test_nothing_and_text_are_refused_in_words() -> None:
    assert refusal(b"") == "the image is empty"
    assert refusal(b"hello") == "the image is not a JPEG, PNG, WebP, BMP or GIF file"


def test_a_file_over_the_byte_limit_is_not_even_opened() -> None:
    assert "the limit is 10" in refusal(b"x" * 11, images.Limits(bytes_max=10))


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    assert "60,000 x 60,000" in refusal(bomb)


def test_transparency_is_laid_on_white_and_does_not_reveal_hidden_colour() -> None:
    hidden = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (images.decode(encoded(hidden, "PNG")) == 255).all()


def test_a_palette_with_a_transparent_colour_is_laid_on_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert images.decode(encoded(image, "PNG"))[0, 0].tolist() == [10, 20, 30]
    assert (images.decode(encoded(image, "PNG", transparency=1)) == 255).all()


def test_cmyk_becomes_rgb() -> None:
    found = images.decode(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"))
    assert found[8, 8, 0] > 200
    assert found[8, 8, 1] < 60


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    grey = Image.fromarray(np.full((5, 5), 0x8080, np.uint16))
    assert (images.decode(encoded(grey, "PNG")) == 0x80).all()


def test_one_bit_and_grey_become_rgb() -> None:
    assert (images.decode(encoded(Image.new("1", (5, 5), 1), "PNG")) == 255).all()
    assert (images.decode(encoded(Image.new("L", (5, 5), 7), "PNG")) == 7).all()


def test_orientation_as_the_camera_noted_it_is_applied() -> None:
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    content = encoded(Image.fromarray(picture()), "PNG", exif=exif)
    assert np.array_equal(images.decode(content), np.rot90(picture(), -1))
    assert images.load(content, SMALL).shape == (32, 32, 3)


def test_of_an_animation_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (images.decode(content) == 255).all()


@given(st.binary(max_size=200), st.sampled_from([magic for magic, _ in images.FORMATS]))
def test_rubbish_after_a_known_beginning_is_refused(body: bytes, magic: bytes) -> None:
    refusal(magic + body)


def test_fitting_cuts_the_central_square() -> None:
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64] = 200
    assert (images.fit(wide, SMALL) == 200).all()


def test_fitting_enlarges_what_is_small() -> None:
    assert images.fit(np.full((1, 1, 3), 9, np.uint8), SMALL).shape == (32, 32, 3)


def test_loading_agrees_with_decoding_and_fitting() -> None:
    content = encoded(Image.fromarray(picture()), "PNG")
    fitted = images.fit(images.decode(content), SMALL)
    assert np.array_equal(images.load(content, SMALL), fitted)


@pytest.mark.parametrize(("height", "width"), [(33, 900), (63, 64), (64, 64), (257, 300)])
def test_a_large_jpeg_is_never_decoded_below_the_size_wanted(height: int, width: int) -> None:
    content = encoded(Image.fromarray(picture(height, width)), "JPEG", quality=95)
    reduced = images._read(content, images.Limits(), 32)
    assert min(reduced.size) >= 32
    exact = images.fit(images.decode(content), SMALL).astype(int)
    assert np.abs(images.load(content, SMALL) - exact).mean() < 4


def test_input_is_normalised_by_channel_and_channels_come_first() -> None:
    batch = np.full((2, 32, 32, 3), 255, np.uint8)
    given_to_graph = images.to_input(batch, SMALL)
    assert given_to_graph.dtype == np.float32
    assert given_to_graph.shape == (2, 3, 32, 32)
    assert given_to_graph[0, :, 0, 0].tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_pixels_of_another_shape_are_refused(rgb: NDArray[np.uint8]) -> None:
    with pytest.raises(FieldwiseError, match="instead of uint8"):
        images.fit(rgb, SMALL)


def test_a_small_file_is_remembered_as_it_is() -> None:
    content = encoded(Image.fromarray(picture()), "PNG")
    assert images.encode_exemplar(content) is content


def test_a_large_file_is_remembered_at_a_bounded_size() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (600, 900, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), "PNG")
    kept = images.encode_exemplar(content)
    assert len(kept) < 2 * images.EXEMPLAR_BYTES_MAX < len(content)
    assert images.decode(kept).shape == (256, 256, 3)


def test_tiny_pixels_are_remembered_without_loss() -> None:
    tiny = picture(8, 8)
    assert np.array_equal(images.decode(images.encode_exemplar(tiny)), tiny)


def test_large_pixels_are_remembered_as_jpeg() -> None:
    kept = images.encode_exemplar(picture(300, 500))
    assert kept.startswith(b"\xff\xd8\xff")
    assert images.decode(kept).shape == (256, 256, 3)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L", "P", "1"])
@pytest.mark.parametrize("size", [(900, 700), (641, 1301)])
def test_a_large_image_by_strips_is_what_it_is_as_a_whole(mode: str, size: tuple[int, int]) -> None:
    width, height = size
    colours = Image.fromarray(picture(height, width))
    if mode in {"RGBA", "LA"}:
        colours.putalpha(Image.linear_gradient("L").resize(size))
    content = encoded(colours.convert(mode), "PNG")
    by_strips = images.load(content, SMALL).astype(int)
    whole = images.fit(images.decode(content), SMALL).astype(int)
    assert np.abs(by_strips - whole).mean() < (8 if mode in {"1", "P"} else 2)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_large_image_is_turned_upright_after_its_strips(turn: int) -> None:
    exif = Image.Exif()
    exif[images.ORIENTATION] = turn
    content = encoded(Image.fromarray(picture(700, 900)), "PNG", exif=exif)
    by_strips = images.load(content, SMALL).astype(int)
    whole = images.fit(images.decode(content), SMALL).astype(int)
    assert np.abs(by_strips - whole).mean() < 2


def test_what_cannot_be_decoded_at_a_fraction_has_a_lower_limit() -> None:
    large = Image.new("L", (5000, 5000))
    assert "24,000,000 pixels for anything but JPEG" in refusal(encoded(large, "PNG"))
    assert images.load(encoded(large, "JPEG"), SMALL).shape == (32, 32, 3)


MEASURED = """
import resource, sys, threading
from fieldwise import images
from fieldwise.bundle import Preprocessing
content = sys.stdin.buffer.read()
form = Preprocessing(size=224, mean=(0.0, 0.0, 0.0), scale=(1.0, 1.0, 1.0))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def work():
    images.load(content, form)
    images.encode_exemplar(content + bytes(images.EXEMPLAR_BYTES_MAX))
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_four_large_images_at_once_take_the_memory_of_one() -> None:
    side = 4800  # 92 MB decoded, of a file of some 100 KB
    content = encoded(Image.new("RGBA", (side, side), (200, 10, 10, 128)), "PNG", compress_level=1)
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED],
        input=content,
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert int(ended.stdout) * 1024 < 1.5 * side * side * 4
