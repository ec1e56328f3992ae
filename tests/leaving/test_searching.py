"""The search for canaries sees them in every coat, and nothing where there is nothing."""

import base64
import bz2
import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from fieldwise.v1alpha1 import device_pb2, federation_pb2
from tests.leaving.searching import found_in
from tests.leaving.site import features_of, planted

PLANTED = planted()
WORD = PLANTED.words["class"]
IMAGE = PLANTED.image
FEATURE = features_of(IMAGE)
CANARIES = PLANTED.canaries(0)
NOISE = np.random.default_rng(7).bytes(600)


def picture(form: str, **options: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(IMAGE).save(file, form, **options)
    return file.getvalue()


def shrunk(form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(IMAGE).resize((20, 20)).save(file, form, quality=40)
    return file.getvalue()


WORDS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda text: text,
    "a part": lambda text: text[7:17],
    "upper case": bytes.upper,
    "backwards": lambda text: text[::-1],
    "UTF-16": lambda text: text.decode().encode("utf-16-le"),
    "UTF-16, big end first": lambda text: text.decode().encode("utf-16-be"),
    "hexadecimal": lambda text: text.hex().encode(),
    "hexadecimal behind a digit": lambda text: b"6" + text.hex().encode(),
    "hexadecimal, upper case": lambda text: text.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64 one further": lambda text: base64.b64encode(b"x" + text),
    "base64 two further": lambda text: base64.b64encode(b"xy" + text),
    "base64 for addresses": base64.urlsafe_b64encode,
    "zlib": zlib.compress,
    "deflate": lambda text: zlib.compress(text, wbits=-15),
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "gzip in base64": lambda text: base64.b64encode(gzip.compress(text)),
    "base64 in gzip in base64": lambda text: base64.b64encode(
        gzip.compress(base64.b64encode(text))
    ),
    "SHA-256": lambda text: hashlib.sha256(text).digest(),
    "SHA-256 in hexadecimal": lambda text: hashlib.sha256(text).hexdigest().encode(),
    "numbers of a message": lambda text: device_pb2.VitalSigns(
        disk_free_bytes=int.from_bytes(text[:7], "big"),
        predictions=int.from_bytes(text[7:14], "big"),
    ).SerializeToString(),
}

IMAGES = {
    "pixels": IMAGE.tobytes()[100:200],
    "planes": IMAGE.transpose(2, 0, 1).tobytes()[1000:1100],
    "grey": IMAGE.mean(axis=2).astype(np.uint8).tobytes()[64:200],
    "JPEG": picture("JPEG", quality=50),
    "JPEG, shrunk": shrunk("JPEG"),
    "PNG": picture("PNG"),
    "WebP": shrunk("WEBP"),
    "BMP": picture("BMP"),
    "GIF": picture("GIF"),
    "JPEG in base64": base64.b64encode(shrunk("JPEG")),
    "pixels compressed": zlib.compress(IMAGE.tobytes()),
}

FEATURES = {kind: FEATURE.astype(kind).tobytes() for kind in ("<f2", "<f4", "<f8", ">f4")} | {
    "shorts": np.rint(4000 * FEATURE / np.abs(FEATURE).max()).astype("<i2").tobytes(),
    "bytes": np.rint(127 * FEATURE / np.abs(FEATURE).max()).astype("i1").tobytes(),
    "scaled": (FEATURE * 17.3).astype("<f2").tobytes(),
    "in base64": base64.b64encode(FEATURE.astype("<f2").tobytes()),
    "compressed": zlib.compress(FEATURE.astype("<f4").tobytes()),
    "as a row of an update": device_pb2.SubmitUpdateRequest(
        rows=federation_pb2.ClassRows(
            rows=[federation_pb2.ClassRow(class_id=1, values=FEATURE.astype("<f4").tobytes())]
        )
    ).SerializeToString(),
}


@pytest.mark.parametrize("coat", WORDS)
@pytest.mark.parametrize("around", [b"", NOISE])
def test_a_word_is_found_in_every_coat(coat: str, around: bytes) -> None:
    blob = WORDS[coat](WORD.encode())
    if coat == "numbers of a message" and around:
        return  # a message stands for itself
    assert found_in([around + blob + around], CANARIES) == {f"word {WORD}"}


@pytest.mark.parametrize("coat", IMAGES)
def test_an_image_is_found_in_every_coat(coat: str) -> None:
    assert "image 0" in found_in([NOISE + IMAGES[coat] + NOISE], CANARIES)


@pytest.mark.parametrize("coat", FEATURES)
def test_features_are_found_in_every_coat(coat: str) -> None:
    found = found_in([NOISE + FEATURES[coat] + NOISE], CANARIES)
    assert any(each.startswith("features") for each in found)


def test_what_comes_in_pieces_is_put_together() -> None:
    raw = WORD.encode()
    assert found_in([raw[:6], raw[6:12], raw[12:]], CANARIES)


def test_what_trickles_through_one_field_is_found() -> None:
    drops = [
        device_pb2.CheckInRequest(
            incarnation=1, sequence=number, signs=device_pb2.LearningSigns(skipped=letter)
        ).SerializeToString()
        for number, letter in enumerate(WORD.encode(), start=1)
    ]
    assert found_in(drops, CANARIES) == {f"word {WORD}"}
    assert found_in(drops[:5], CANARIES) == set()


@pytest.mark.parametrize("seed", range(5))
def test_in_noise_and_in_others_secrets_nothing_is_found(seed: int) -> None:
    chance, other = np.random.default_rng(seed), planted()
    blobs = [
        chance.bytes(4000),
        base64.b64encode(chance.bytes(3000)),
        zlib.compress(chance.bytes(3000)),
        other.image.tobytes(),
        chance.normal(0, 1, 4000).astype("<f4").tobytes(),
        np.ones(400, "<f2").tobytes(),
        bytes(1000),
    ]
    other_words = [text.removeprefix("canary").encode() for text in other.words.values()]
    digits = [text[len(place) :] for text, place in zip(other_words, other.words, strict=True)]
    assert found_in([*blobs, *digits], CANARIES) == set()
