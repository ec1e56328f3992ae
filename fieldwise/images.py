"""Images from outside: the one door to Pillow, shared by whoever computes features.

Bundler and agent must see the same pixels, or golden vectors and starter heads would not fit; so
preprocessing is here and nowhere else. Whatever the bytes are, they either become red, green and
blue within the limits or are refused with ``IMAGE_INVALID``: the size is read from the header
before a pixel is decoded, only five formats are tried (each plugin is called by itself, without
Pillow's global limits and its warnings), and of an animation the first frame counts. Orientation as
a camera notes it is applied, transparency is laid on white, 16-bit grey is scaled to 8.

A file of a few hundred kilobytes can hold a picture of a hundred megabytes. Where a small square is
all that is wanted, a JPEG is decoded at a fraction of its size and of anything else only the
central square goes on, in strips that are averaged down before the next is looked at, so alpha and
colour never stand beside the picture at full size. Large pictures are decoded one at a time.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from fieldwise.bundle import Preprocessing
from fieldwise.errors import Fault, FieldwiseError

FORMATS: tuple[tuple[bytes, Callable[[BytesIO], ImageFile]], ...] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"RIFF", WebPImageFile),
    (b"GIF8", GifImageFile),
    (b"BM", BmpImageFile),
)
RESAMPLE = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
ORIENTATION = 0x0112  # the EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIXTEEN_TO_EIGHT = 257  # 65,535 / 255
_one_large_at_a_time = threading.Lock()
EXEMPLAR_BYTES_MAX = 48 * 1024  # a q90 JPEG of 256 px is 20 to 45 KiB: originals below stay
EXEMPLAR_SIDE = 256  # px; serves a later backbone of 224 px with its customary margin
EXEMPLAR_QUALITY = 90  # the least at which JPEG's losses stay below those of resizing
LARGE_PIXELS = 4_000_000  # above, 16 MB and more a picture: these are decoded one at a time
STRIP_PIXELS = 1_000_000  # converted at a time: 4 MB in each of three modes
SHARPNESS = 2  # averaged to no less than twice the size wanted, the resampling after that is exact
LOSSLESS_SIDE_MAX = 64  # px; tiny images are smaller as PNG, and JPEG's blocks would show


@dataclass(frozen=True, slots=True)
class Limits:
    """What ``decode`` and ``load`` accept: encoded bytes, and pixels as the header states them.

    32 MiB is the wire's cap; 50 megapixels are today's largest phone cameras. Only a JPEG can be
    decoded at less than its full size: for the others 24 megapixels, the largest of usual cameras,
    are 100 MB as PNG and 400 MB in the buffers of WebP's decoder.
    """

    bytes_max: int = 32 * 1024**2
    pixels_max: int = 50_000_000
    whole_pixels_max: int = 24_000_000


def decode(content: bytes, limits: Limits | None = None) -> NDArray[np.uint8]:
    """Decode an image file.

    Returns:
        uint8[H,W,3], red, green and blue.

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` when it is not a whole image of a known format within the
            limits.
    """
    return _pixels(_read(content, limits or Limits(), None))


def load(
    content: bytes, preprocessing: Preprocessing, limits: Limits | None = None
) -> NDArray[np.uint8]:
    """Decode and fit in one go; a large JPEG is decoded at an eighth to a half of its size.

    Returns:
        uint8[S,S,3].

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` as ``decode``.
    """
    return fit_each(content, [preprocessing], preprocessing.size, limits)[0]


def fit(rgb: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Resize the shorter side of uint8[H,W,3] and cut out the central square uint8[S,S,3].

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` when the array is not an image.
    """
    return fit_each(rgb, [preprocessing], preprocessing.size)[0]


def fit_each(
    image: bytes | NDArray[np.uint8],
    wanted: Sequence[Preprocessing],
    side: int,
    limits: Limits | None = None,
) -> list[NDArray[np.uint8]]:
    """Decode once, and fit to several sizes.

    Args:
        image: A file, or pixels uint8[H,W,3].
        wanted: The sizes.
        side: A large JPEG is decoded at no less than this; at least the largest size.
        limits: What is accepted.

    Returns:
        uint8[S,S,3] for each size.

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` as ``decode``.
    """
    if isinstance(image, bytes):
        whole = _read(image, limits or Limits(), side)
    else:
        whole = Image.fromarray(check_pixels(image, limits))
    return [_pixels(_centre(whole, each.size, RESAMPLE[each.resample])) for each in wanted]


def to_input(images: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Turn uint8[N,S,S,3] into the graph's input float32[N,3,S,S]."""
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32)
    planes -= np.array(preprocessing.mean, np.float32)[:, None, None]
    planes /= np.array(preprocessing.scale, np.float32)[:, None, None]
    return planes


def encode_exemplar(image: bytes | NDArray[np.uint8]) -> bytes:
    """Choose the bytes by which to remember an image for later backbones.

    A small file stays as it is. Everything else is cut to its central square, all that a backbone
    sees of it, and encoded anew: at most 256 px, as JPEG, or as PNG up to 64 px.

    Args:
        image: A file that ``decode`` accepts, or pixels uint8[H,W,3].

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` as ``decode``.
    """
    if isinstance(image, bytes):
        if len(image) <= EXEMPLAR_BYTES_MAX:
            return image
        whole = _read(image, Limits(), EXEMPLAR_SIDE)
    else:
        whole = Image.fromarray(check_pixels(image))
    side = min(EXEMPLAR_SIDE, *whole.size)
    square = _centre(whole, side, Image.Resampling.BICUBIC)
    target = BytesIO()
    if side <= LOSSLESS_SIDE_MAX:
        square.save(target, "PNG")
    else:
        square.save(target, "JPEG", quality=EXEMPLAR_QUALITY)
    return target.getvalue()


def check_pixels(rgb: NDArray[np.uint8], limits: Limits | None = None) -> NDArray[np.uint8]:
    """Return an array as given when it is uint8[H,W,3] within the limits.

    Raises:
        FieldwiseError: ``IMAGE_INVALID`` when it is not.
    """
    pixels_max = (limits or Limits()).pixels_max
    if rgb.dtype != np.uint8 or rgb.shape != (*rgb.shape[:2], 3) or not rgb.size:
        raise _invalid(f"pixels are {rgb.dtype}{list(rgb.shape)} instead of uint8[H, W, 3]")
    if rgb.shape[0] * rgb.shape[1] > pixels_max:
        raise _invalid(f"the image has more than {pixels_max:,} pixels")
    return rgb


def _read(content: bytes, limits: Limits, side: int | None) -> Image.Image:
    """Decode to RGB; with a ``side``, at a reduced size whose shorter side is at least that."""
    if not content:
        raise _invalid("the image is empty")
    if len(content) > limits.bytes_max:
        raise _invalid(f"the image is {len(content):,} bytes; the limit is {limits.bytes_max:,}")
    try:
        image = _open(content)
        _check_size(image, limits)
        with _turn(image.size):
            if side is not None:
                image.draft(None, _reduced(image.size, side))
            rgb = _upright(_to_rgb(image) if side is None else _averaged(image, side), image)
            if rgb is not image:
                image.close()  # or the picture at full size would outlast its turn
            return rgb
    except FieldwiseError:
        raise
    except Exception as error:  # decoders raise whatever the bytes make them
        raise _invalid(f"the image cannot be decoded: {error}") from error


def _open(content: bytes) -> ImageFile:
    for magic, plugin in FORMATS:
        if content.startswith(magic):
            return plugin(BytesIO(content))
    raise _invalid("the image is not a JPEG, PNG, WebP, BMP or GIF file")


def _check_size(image: ImageFile, limits: Limits) -> None:
    width, height = image.size
    jpeg = isinstance(image, JpegImageFile)
    most = limits.pixels_max if jpeg else min(limits.pixels_max, limits.whole_pixels_max)
    if width * height > most:
        kind = "" if jpeg else " for anything but JPEG"
        raise _invalid(f"the image is {width:,} x {height:,}; the limit is {most:,} pixels{kind}")


def _turn(size: tuple[int, int]) -> AbstractContextManager[object]:
    width, height = size
    return _one_large_at_a_time if width * height > LARGE_PIXELS else nullcontext()


def _averaged(image: Image.Image, side: int) -> Image.Image:
    """Decode to RGB; a large image becomes its central square, averaged over whole pixels."""
    factor = min(image.size) // (side * SHARPNESS)
    if factor < SHARPNESS:
        return _to_rgb(image)
    across = min(image.size) // factor
    edge = across * factor
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    rows = max(1, STRIP_PIXELS // (edge * factor))
    square = Image.new("RGB", (across, across))
    for row in range(0, across, rows):
        begin, end = top + row * factor, top + min(row + rows, across) * factor
        strip = _to_rgb(image.crop((left, begin, left + edge, end)))
        square.paste(strip.reduce(factor), (0, row))
    return square


def _reduced(size: tuple[int, int], side: int) -> tuple[int, int]:
    width, height = size
    factor = min(width, height) / side
    return (max(1, int(width / factor)), max(1, int(height / factor)))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode in {"I", "I;16", "I;16B", "I;16L"}:
        wide = np.asarray(image).astype(np.uint32) // SIXTEEN_TO_EIGHT
        return Image.fromarray(np.minimum(wide, 255).astype(np.uint8)).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _upright(image: Image.Image, source: Image.Image) -> Image.Image:
    try:
        turn = TURNS.get(source.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001  # broken notes of a camera do not make a picture unreadable
        turn = None
    return image if turn is None else image.transpose(turn)


def _centre(image: Image.Image, side: int, resample: Image.Resampling) -> Image.Image:
    """Resize the central square; the same as resizing first, without the pixels cut away."""
    width, height = image.size
    edge = min(width, height)
    if (width, height) == (side, side):
        return image
    left, top = (width - edge) / 2, (height - edge) / 2
    return image.resize((side, side), resample, box=(left, top, left + edge, top + edge))


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    return np.array(image, np.uint8)


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.IMAGE_INVALID, sentence)
