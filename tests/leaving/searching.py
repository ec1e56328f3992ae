"""Finding canaries in what left, in whatever form it left.

A blob is looked at as it is and as what it may hide: inflated, decoded from base64 or hexadecimal,
decoded as a picture, taken apart as a protobuf message, and each of these again. Words are looked
for by any eight of their letters in a row, in several alphabets; pictures by their pixels and by
how they look; features by every window that has their direction, whatever the numbers are stored
as. What one message hides, and what trickles through the same field of many, are both looked at.
"""

import base64
import binascii
import bz2
import hashlib
import io
import lzma
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FRAGMENT = 8  # letters of a word; random bytes have eight given ones once in 1.8e19
DEPTH = 4
INFLATED_MAX = 16 * 1024 * 1024
EVERYWHERE_BYTES = 8192  # a stream without a header is looked for at each place of so small a blob
ALIKE = 0.7  # of pictures, shrunk and grey
ERROR_MAX = 0.015  # of a window of numbers beside a feature, as a share of the feature's length
PIXELS = 24  # bytes in a row that are a picture's
SIDE = 8  # pictures are compared this small
WINDOWS = 65_536  # at a time
ORDERS: tuple[Literal["big", "little"], ...] = ("big", "little")
KINDS = ("<f2", "<f4", "<f8", "<i2", "<i4", "i1", "u1", ">f4", ">f2")

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(rb"[0-9a-fA-F]{16,}")
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")


@dataclass(frozen=True, slots=True)
class Canaries:
    """What must not leave.

    Attributes:
        words: Texts, each of at least ``FRAGMENT`` ASCII letters and digits.
        images: uint8[H,W,3].
        features: Vectors of samples, as the backbone gives them and as they are learned.
    """

    words: Sequence[str]
    images: Sequence[NDArray[np.uint8]] = ()
    features: Sequence[NDArray[np.float64]] = ()
    _forms: dict[bytes, str] = field(default_factory=dict)

    def forms(self) -> dict[bytes, str]:
        """What stands for a word, and which word it is."""
        if not self._forms:
            for word in self.words:
                self._forms.update(dict.fromkeys(_forms_of(word), word))
        return self._forms


def _forms_of(word: str) -> Iterator[bytes]:
    """Each run of letters, as it is written and as a digest of the whole."""
    for start in range(len(word) - FRAGMENT + 1):
        part = word[start : start + FRAGMENT].lower()
        yield part.encode()
        yield part[::-1].encode()
        yield part.encode("utf-16-le")
        yield part.encode("utf-16-be")
    for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b):
        yield digest(word.encode(), usedforsecurity=False).digest()[:FRAGMENT]


def found_in(blobs: Sequence[bytes], canaries: Canaries) -> set[str]:
    """What of the canaries is in blobs that left one after the other."""
    found: set[str] = set()
    seen: set[bytes] = set()
    for blob in (*blobs, b"".join(blobs), *trickles(blobs)):
        found |= _found(blob, canaries, DEPTH, seen)
    return found


def _found(blob: bytes, canaries: Canaries, depth: int, seen: set[bytes]) -> set[str]:
    mark = hashlib.sha256(blob).digest()
    if len(blob) < FRAGMENT or mark in seen:
        return set()
    seen.add(mark)
    found = {*_words(blob, canaries), *_pixels(blob, canaries), *_vectors(blob, canaries)}
    found |= set(_pictures(blob, canaries))
    if depth:
        for inner in hidden(blob):
            found |= _found(inner, canaries, depth - 1, seen)
    return found


def _words(blob: bytes, canaries: Canaries) -> Iterator[str]:
    lower = blob.lower()
    for form, word in canaries.forms().items():
        if form in lower or form in blob:
            yield f"word {word}"


def hidden(blob: bytes) -> Iterator[bytes]:
    """What a blob may be the coat of."""
    yield from _inflated(blob)
    for run in _BASE64.findall(blob):
        plain = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):
            whole = plain[start:] if len(plain[start:]) % 4 != 1 else plain[start:-1]
            yield base64.b64decode(whole + b"=" * (-len(whole) % 4))
    for run in _HEX.findall(blob):
        for start in range(2):  # what stands before it may look like a digit
            whole = run[start:]
            yield binascii.unhexlify(whole[: len(whole) // 2 * 2])
    yield b"".join(_numbers(blob).values())


def _inflated(blob: bytes) -> Iterator[bytes]:
    starts = {match.start() for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", blob)}
    for start in starts:
        yield from _inflate(blob[start:], 47)
    if len(blob) <= EVERYWHERE_BYTES:
        for start in range(len(blob)):
            yield from _inflate(blob[start:], -15)
    for magic, open_one in ((b"BZh", bz2.BZ2Decompressor), (b"\xfd7zXZ", lzma.LZMADecompressor)):
        for match in re.finditer(re.escape(magic), blob):
            try:
                yield open_one().decompress(blob[match.start() :], INFLATED_MAX)
            except (OSError, EOFError, lzma.LZMAError, ValueError):
                continue


def _inflate(blob: bytes, window: int) -> Iterator[bytes]:
    try:
        plain = zlib.decompressobj(window).decompress(blob, INFLATED_MAX)
    except zlib.error:
        return
    if len(plain) >= 2 * FRAGMENT:
        yield plain


def trickles(blobs: Sequence[bytes]) -> Iterator[bytes]:
    """What goes through one field of many messages, a number at a time."""
    columns: dict[tuple[int, ...], list[int]] = {}
    for blob in blobs:
        for path, value in _varints(blob, ()):
            columns.setdefault(path, []).append(value)
    for values in columns.values():
        yield bytes(value & 0xFF for value in values)
        yield b"".join(_packed(value, "big") for value in values)


def _numbers(blob: bytes) -> dict[str, bytes]:
    values = [value for _, value in _varints(blob, ())]
    return {order: b"".join(_packed(each, order) for each in values) for order in ORDERS}


def _packed(value: int, order: Literal["big", "little"]) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, order)


def _varints(blob: bytes, path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], int]]:
    """The numbers of what may be a message, with the fields that they are in."""
    if len(path) > DEPTH:
        return
    for number, kind, value in _fields(blob):
        if kind == 2:
            yield from _varints(value, (*path, number))
        elif kind == 0:
            yield (*path, number), int.from_bytes(value, "little")
        else:
            yield (*path, number), int.from_bytes(value[:8], "little")


def _fields(blob: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The fields of a message by the wire format alone; stops where it is none."""
    place = 0
    while place < len(blob):
        tag, place = _varint(blob, place)
        number, kind = tag >> 3, tag & 7
        if not number or place > len(blob):
            return
        if kind == 0:
            value, place = _varint(blob, place)
            yield number, kind, (value & (2**64 - 1)).to_bytes(8, "little")
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            yield number, kind, blob[place : place + size]
            place += size
        elif kind == 2:
            size, place = _varint(blob, place)
            if place + size > len(blob):
                return
            yield number, kind, blob[place : place + size]
            place += size
        else:
            return


def _varint(blob: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(blob) and shift < 70:
        byte = blob[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    return 0, len(blob) + 1


def _pictures(blob: bytes, canaries: Canaries) -> Iterator[str]:
    for magic in _PICTURES:
        for match in re.finditer(re.escape(magic), blob):
            try:
                with Image.open(io.BytesIO(blob[match.start() :])) as opened:
                    picture = opened.convert("RGB")
            except Exception:  # noqa: BLE001 - rubbish makes any error, and most is no picture
                continue
            for number, image in enumerate(canaries.images):
                if _likeness(picture, Image.fromarray(image)) > ALIKE:
                    yield f"image {number}"


def _likeness(one: Image.Image, other: Image.Image) -> float:
    """The correlation of two pictures, shrunk alike."""
    a, b = (
        np.asarray(each.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64).ravel()
        for each in (one, other)
    )
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9))


def _pixels(blob: bytes, canaries: Canaries) -> Iterator[str]:
    for number, image in enumerate(canaries.images):
        grey = image.mean(axis=2).astype(np.uint8)
        planes = (image, image[..., ::-1], image.transpose(2, 0, 1), grey)
        for plane in planes:
            raw = plane.tobytes()
            if any(raw[at : at + PIXELS] in blob for at in range(0, len(raw) - PIXELS, PIXELS)):
                yield f"image {number}"


def _vectors(blob: bytes, canaries: Canaries) -> Iterator[str]:
    for number, vector in enumerate(canaries.features):
        if any(_is_held(blob, vector, np.dtype(kind)) for kind in KINDS):
            yield f"features {number}"


def _is_held(blob: bytes, vector: NDArray[np.float64], kind: "np.dtype[np.generic]") -> bool:
    """Whether some window has the direction of a vector, up to what rounding makes of it."""
    width, unit = len(vector), vector / np.linalg.norm(vector)
    for shift in range(kind.itemsize):
        count = (len(blob) - shift) // kind.itemsize
        if count < width:
            continue
        with np.errstate(all="ignore"):
            numbers = np.frombuffer(blob, kind, count, shift).astype(np.float64)
        numbers[~np.isfinite(numbers) | (np.abs(numbers) > 1e12)] = 0.0
        if any(_points_along(part, unit) for part in _windows(numbers, width)):
            return True
    return False


def _windows(numbers: NDArray[np.float64], width: int) -> Iterator[NDArray[np.float64]]:
    windows = np.lib.stride_tricks.sliding_window_view(numbers, width)
    for start in range(0, len(windows), WINDOWS):
        yield windows[start : start + WINDOWS]


def _points_along(windows: NDArray[np.float64], unit: NDArray[np.float64]) -> bool:
    lengths = np.linalg.norm(windows, axis=1)
    lengths[lengths < 1e-6] = np.inf
    return bool(np.any(np.abs(windows @ unit) / lengths > np.sqrt(1 - ERROR_MAX**2)))
