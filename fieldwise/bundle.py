"""The bundle: a frozen backbone with everything a device needs to trust and run it.

A bundle is a manifest and the files it names. The manifest names each file by SHA-256 and size, and
the bundle is addressed by the SHA-256 of the manifest's bytes: one digest pins every byte, a device
fetches only the variant it runs, and two bundles share the files they have in common. The same
manifest is what a publisher signs, so epoch, publisher and requirements stand in it from the start.

For transport by hand the whole is one uncompressed tar: ``manifest.json`` first, then each file
under the hexadecimal of its digest. Names and sizes other than those of the manifest are refused.
"""

import hashlib
import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fieldwise.errors import Fault, FieldwiseError

MANIFEST_BYTES_MAX = 64 * 1024  # a manifest names at most 8 variants; real ones are under 2 KiB
FILE_BYTES_MAX = 2 * 1024**3  # protobuf, and so a single-file ONNX graph, ends at 2 GiB

# ``\Z`` and not ``$``, which lets a line break pass at the end.
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Version = Annotated[str, Meta(pattern=r"^[0-9a-zA-Z][0-9a-zA-Z.+-]{0,31}\Z")]
Line = Annotated[str, Meta(max_length=512, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z")]


class FileReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the bundle: SHA-256 in hexadecimal, size in bytes."""

    digest: Digest
    size: Annotated[int, Meta(ge=1, le=FILE_BYTES_MAX)]


class Preprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a decoded RGB image to the graph's input.

    The shorter side is resized to ``size`` with ``resample``, the central square is cut out, and
    each channel becomes ``(value - mean) / scale`` as float32 in NCHW order.
    """

    size: Annotated[int, Meta(ge=16, le=1024)]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    resample: Literal["bilinear", "bicubic"] = "bilinear"


class Transform(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the graph's output to the vector that a head learns: power, length, grid.

    ``sign(x)|x|**power``, divided by its Euclidean length, rounded to multiples of
    ``2**-grid_bits``.
    """

    power: Annotated[float, Meta(gt=0, le=1)] = 0.5
    normalise: Literal["l2"] = "l2"
    grid_bits: Annotated[int, Meta(ge=8, le=14)] = 12


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One executable form of the backbone.

    ``golden_error_max`` bounds the length of the difference between the features that a device
    computes for the golden images and the recorded ones, relative to the recorded length.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,16}\Z")]
    graph: FileReference
    golden_error_max: Annotated[float, Meta(gt=0, le=0.5)]


class Requirements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device must have: agent version at least, free memory in MiB at least."""

    agent_version: Version = "0.1.0"
    memory_mib: Annotated[int, Meta(ge=0, le=1 << 20)] = 0


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything there is to know of a bundle; its bytes are what is addressed and signed.

    ``golden`` is a safetensors file: ``images`` uint8[N,size,size,3] and for every variant
    ``features.NAME`` float32[N,feature_width], the graph's raw output. ``starter`` is a head's
    statistics (``fieldwise.head``) over the first variant's transformed features.
    """

    format: Literal[1]  # rises when a reader of today could misread a manifest of tomorrow
    name: Name
    version: Version
    epoch: Annotated[int, Meta(ge=1, le=2**31)]
    publisher: Line
    licence: Line
    source: Line
    feature_width: Annotated[int, Meta(ge=2, le=8192)]
    preprocessing: Preprocessing
    transform: Transform
    variants: Annotated[tuple[Variant, ...], Meta(min_length=1, max_length=8)]
    golden: FileReference
    requirements: Requirements = Requirements()
    starter: FileReference | None = None
    starter_classes: Annotated[int, Meta(ge=0, le=10_000)] = 0

    @property
    def title(self) -> str:
        """NAME:VERSION, as people write it."""
        return f"{self.name}:{self.version}"

    @property
    def files(self) -> tuple[FileReference, ...]:
        """Every file, once, in the order of transport."""
        graphs = [variant.graph for variant in self.variants]
        every = [*graphs, self.golden, *([self.starter] if self.starter else [])]
        return tuple({file.digest: file for file in every}.values())

    def variant(self, name: str) -> Variant:
        """Return the variant of that name.

        Raises:
            FieldwiseError: ``BUNDLE_UNSUITABLE`` when there is none.
        """
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise FieldwiseError(Fault.BUNDLE_UNSUITABLE, f"{self.title} has no variant {name}")


def encode_manifest(manifest: Manifest) -> bytes:
    """The one canonical form: JSON with sorted keys and a newline."""
    return msgspec.json.encode(manifest, order="sorted") + b"\n"


def decode_manifest(content: bytes) -> Manifest:
    """Read and validate a manifest.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID`` for anything but a valid manifest in canonical form.
    """
    if len(content) > MANIFEST_BYTES_MAX:
        raise FieldwiseError(Fault.BUNDLE_INVALID, f"the manifest is {len(content):,} bytes long")
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FieldwiseError(Fault.BUNDLE_INVALID, f"the manifest is not valid: {error}") from error
    if encode_manifest(manifest) != content:
        raise FieldwiseError(Fault.BUNDLE_INVALID, "the manifest is not in canonical form")
    _check_variants(manifest)
    return manifest


def _check_variants(manifest: Manifest) -> None:
    names = [variant.name for variant in manifest.variants]
    if len(set(names)) != len(names):
        raise FieldwiseError(Fault.BUNDLE_INVALID, "two variants have the same name")
    if not all(scale > 0 for scale in manifest.preprocessing.scale):
        raise FieldwiseError(Fault.BUNDLE_INVALID, "a preprocessing scale is not above 0")
    if bool(manifest.starter) != bool(manifest.starter_classes):
        raise FieldwiseError(Fault.BUNDLE_INVALID, "starter and starter_classes go together")


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def check_digest_text(text: str) -> str:
    """Return a digest in hexadecimal as given.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` when it is not 64 hexadecimal digits.
    """
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "a digest has 64 hexadecimal digits")
    return text
