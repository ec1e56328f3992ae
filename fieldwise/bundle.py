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
from itertools import accumulate
from math import inf, isfinite
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fieldwise.errors import Fault, FieldwiseError

MANIFEST_BYTES_MAX = 64 * 1024  # a manifest names at most 8 variants; real ones are under 2 KiB
FILE_BYTES_MAX = 2 * 1024**3  # protobuf, and so a single-file ONNX graph, ends at 2 GiB
# Files are read into memory, so what each kind may have is known before a byte of it is fetched.
GRAPH_BYTES_MAX = 512 * 1024**2  # a base-size vision transformer in float32 has 350 MB
GOLDEN_BYTES_MAX = 256 * 1024**2  # 64 images of 1,024 px and their features, eight times
TENSORS_BYTES_MAX = 512 * 1024**2  # of a starter head, of a map: see where each is read
FEATURES_MAX = 8192  # of all views together: 16 KiB for a sample in a device's log
READINGS_MAX = 1024  # means and scales of so many still fit a manifest
VIEWS_MAX = 8
MAPS_MAX = 8  # bundles that devices come from; each map takes up to 10 MB at 1,280 features

# ``\Z`` and not ``$``, which lets a line break pass at the end.
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Version = Annotated[str, Meta(pattern=r"^[0-9a-zA-Z][0-9a-zA-Z.+-]{0,31}\Z")]
Line = Annotated[str, Meta(max_length=512, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z")]


class FileReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the bundle: SHA-256 in hexadecimal, size in bytes."""

    digest: Digest
    size: Annotated[int, Meta(ge=1, le=FILE_BYTES_MAX)]


class Preprocessing(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="image"
):
    """From a decoded RGB image to the graph's input.

    The shorter side is resized to ``size`` with ``resample``, the central square is cut out, and
    each channel becomes ``(value - mean) / scale`` as float32 in NCHW order.
    """

    size: Annotated[int, Meta(ge=16, le=1024)]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    resample: Literal["bilinear", "bicubic"] = "bilinear"


class Readings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="vector"
):
    """From a sensor's readings to the graph's input float32[N,width].

    Every reading becomes ``(value - mean) / scale`` with a mean and a scale of its own.
    """

    width: Annotated[int, Meta(ge=1, le=READINGS_MAX)]
    mean: Annotated[tuple[float, ...], Meta(max_length=READINGS_MAX)]
    scale: Annotated[tuple[float, ...], Meta(max_length=READINGS_MAX)]


class View(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One look at a sample: an input, and which output of which graph is its feature.

    Every variant names a graph for every view. Where two views name the same file they share its
    weights: two input sizes of one backbone, whose graph leaves the size open then, or two depths,
    which are two outputs of one run.
    """

    name: Name
    input: Preprocessing | Readings
    width: Annotated[int, Meta(ge=2, le=FEATURES_MAX)]
    output: Annotated[Line, Meta(min_length=1)] = "features"


class Transform(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the graph's output to the vector that a head learns: power, length, grid.

    ``sign(x)|x|**power``, divided by its Euclidean length, rounded to multiples of
    ``2**-grid_bits``.
    """

    power: Annotated[float, Meta(gt=0, le=1)] = 0.5
    normalise: Literal["l2"] = "l2"
    grid_bits: Annotated[int, Meta(ge=8, le=14)] = 12


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One executable form of the backbone: a graph for every view, in the order of the views.

    ``golden_error_max`` bounds, for each view, the length of the difference between the features
    that a device computes for the golden samples and the recorded ones, relative to the recorded
    length.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,16}\Z")]
    graphs: Annotated[tuple[FileReference, ...], Meta(min_length=1, max_length=VIEWS_MAX)]
    golden_error_max: Annotated[float, Meta(gt=0, le=0.5)]

    @property
    def files(self) -> tuple[FileReference, ...]:
        """Every graph once."""
        return tuple({file.digest: file for file in self.graphs}.values())

    @property
    def graph_bytes(self) -> int:
        """What its graphs take together."""
        return sum(file.size for file in self.files)


class Requirements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device must have: agent version at least, free memory in MiB at least."""

    agent_version: Version = "0.1.0"
    memory_mib: Annotated[int, Meta(ge=0, le=1 << 20)] = 0


class MapReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A map from another bundle's features to this one's (``fieldwise.affine_file``).

    ``before`` is the other bundle's digest. A device that comes from it may carry more of what it
    learned over; one that comes from elsewhere does not fetch the file.
    """

    before: Digest
    file: FileReference


Maps = Annotated[tuple[MapReference, ...], Meta(min_length=1, max_length=MAPS_MAX)]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything there is to know of a bundle; its bytes are what is addressed and signed.

    ``golden`` is a safetensors file: ``images`` uint8[N,S,S,3] of the largest view's size, or
    ``readings`` float32[N,W], and for every variant ``features.NAME`` float32[N,feature_width], the
    graphs' raw outputs, view after view. ``starter`` has a head's statistics (``fieldwise.head``)
    for every view, over the first variant's transformed features. ``maps`` is absent where there is
    none.
    """

    format: Literal[1]  # rises when a reader of today could misread a manifest of tomorrow
    name: Name
    version: Version
    epoch: Annotated[int, Meta(ge=1, le=2**31)]
    publisher: Line
    licence: Line
    source: Line
    views: Annotated[tuple[View, ...], Meta(min_length=1, max_length=VIEWS_MAX)]
    transform: Transform
    variants: Annotated[tuple[Variant, ...], Meta(min_length=1, max_length=8)]
    golden: FileReference
    requirements: Requirements = Requirements()
    starter: Annotated[tuple[FileReference, ...], Meta(max_length=VIEWS_MAX)] = ()
    starter_classes: Annotated[int, Meta(ge=0, le=10_000)] = 0
    maps: Maps | UnsetType = UNSET

    @property
    def title(self) -> str:
        """NAME:VERSION, as people write it."""
        return f"{self.name}:{self.version}"

    @property
    def files(self) -> tuple[FileReference, ...]:
        """Every file, once, in the order of transport."""
        graphs = [file for variant in self.variants for file in variant.graphs]
        every = [*graphs, self.golden, *self.starter, *(each.file for each in self.carriers)]
        return tuple({file.digest: file for file in every}.values())

    @property
    def carriers(self) -> tuple[MapReference, ...]:
        """The maps from other bundles, if there are any."""
        return () if isinstance(self.maps, UnsetType) else self.maps

    @property
    def feature_width(self) -> int:
        """Features of all views together."""
        return sum(view.width for view in self.views)

    @property
    def columns(self) -> tuple[slice, ...]:
        """Where each view's features are in a row of all views."""
        ends = list(accumulate(view.width for view in self.views))
        return tuple(
            slice(end - view.width, end) for end, view in zip(ends, self.views, strict=True)
        )

    @property
    def image_size(self) -> int:
        """The side of the largest view's input in pixels; 0 where readings are the input."""
        sizes = [each.input.size for each in self.views if isinstance(each.input, Preprocessing)]
        return max(sizes, default=0)

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
    _check_lines(manifest)
    _check_sizes(manifest)
    _check_views(manifest)
    _check_variants(manifest)
    return manifest


def _check_lines(manifest: Manifest) -> None:
    """Refuse what would show as something else: marks of direction, characters without width."""
    for name in ("publisher", "licence", "source"):
        line: str = getattr(manifest, name)
        _refuse(not line.isprintable(), f"{name} {line[:80]!a} has characters that do not print")


def _check_sizes(manifest: Manifest) -> None:
    graphs = [file for variant in manifest.variants for file in variant.graphs]
    maps = [each.file for each in manifest.carriers]
    for kind, most, files in (
        ("graph", GRAPH_BYTES_MAX, graphs),
        ("golden file", GOLDEN_BYTES_MAX, [manifest.golden]),
        ("starter head", TENSORS_BYTES_MAX, manifest.starter),
        ("map", TENSORS_BYTES_MAX, maps),
    ):
        size = max((file.size for file in files), default=0)
        _refuse(size > most, f"a {kind} of {size:,} bytes; the limit is {most:,}")


def _check_views(manifest: Manifest) -> None:
    views = manifest.views
    _refuse(len({view.name for view in views}) < len(views), "two views have the same name")
    width = manifest.feature_width
    _refuse(width > FEATURES_MAX, f"all views have {width:,} features; the limit is {FEATURES_MAX}")
    takes = {view.input.width if isinstance(view.input, Readings) else 0 for view in views}
    _refuse(len(takes) > 1, "the views do not take the same kind of sample")
    for view in views:
        _check_scales(view)


def _check_scales(view: View) -> None:
    given = view.input
    if isinstance(given, Readings):
        counts = (len(given.mean), len(given.scale))
        _refuse(
            counts != (given.width, given.width),
            f"view {view.name} states {counts[0]} means and {counts[1]} scales"
            f" for {given.width} readings",
        )
    _refuse(
        not all(0 < scale < inf for scale in given.scale),
        f"view {view.name} has a scale that is not above 0",
    )
    _refuse(not all(map(isfinite, given.mean)), f"view {view.name} has a mean without end")


def _check_variants(manifest: Manifest) -> None:
    names = [variant.name for variant in manifest.variants]
    _refuse(len(set(names)) != len(names), "two variants have the same name")
    views = len(manifest.views)
    for variant in manifest.variants:
        count = len(variant.graphs)
        _refuse(count != views, f"variant {variant.name} has {count} graphs for {views} views")
        looks = {
            (graph.digest, view.input, view.output)
            for graph, view in zip(variant.graphs, manifest.views, strict=True)
        }
        _refuse(len(looks) < views, f"two views of variant {variant.name} are the same")
    befores = [each.before for each in manifest.carriers]
    _refuse(len(set(befores)) < len(befores), "two maps are from the same bundle")
    starters = len(manifest.starter)
    _refuse(starters not in {0, views}, f"there are {starters} starter heads for {views} views")
    _refuse(
        bool(starters) != bool(manifest.starter_classes), "starter and starter_classes go together"
    )


def _refuse(wrong: bool, sentence: str) -> None:  # noqa: FBT001 -- a condition and its sentence
    if wrong:
        raise FieldwiseError(Fault.BUNDLE_INVALID, sentence)


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
