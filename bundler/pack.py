"""The one door of the bundler: what to pack, and what came out.

Light on purpose: a command may import this to build its request where the extra is not installed,
and gets a sentence instead of a traceback when it packs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bundler.views import ViewRequest, settled
from fieldwise.bundle import FEATURES_MAX, Manifest
from fieldwise.errors import Fault, FieldwiseError

Progress = Callable[[str], None]
CALIBRATION_IMAGES = 128  # more moved no range of the Lite models by a visible amount
RANDOM_FEATURES = 1024  # twice as many: half a point on 64 readings, eight times the solve
SYMMETRIC_MEAN = 127.0
SYMMETRIC_SCALE = 128.0
_NEEDED = ("onnx", "onnxruntime", "PIL")
_NEEDED_BY_NAME = ("torch", "onnxscript", "efficientnet_lite_pytorch")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    """What to pack: images by ``backbone``, ``onnx`` or ``views``, or a sensor's ``readings``.

    Attributes:
        target: The bundle file to write; an existing one is replaced.
        backbone: A backbone known by name, such as ``efficientnet-lite0``.
        onnx: An ONNX file that computes features [N,D] from images [N,3,S,S].
        size: Side of the input in pixels; from the ONNX file where that states it.
        views: Several looks at an image; one of the whole request where empty.
        readings: CSV file of readings with a header, from which means and scales are taken.
        label: Its column that is no reading but a class, if there is one.
        features: How many random features to compute of readings.
        int8: Whether to add an int8 variant; needs ``calibrate``.
        calibrate: Folder of images (searched deeply) that show what devices will see.
        starter: Folder of class folders to learn a starter head from.
        map_from: An older bundle whose devices are to carry over what they learned.
        map_images: Folder of images (searched deeply) to fit the map between both on.
        name: Name of the bundle; from the backbone or the file's name where not given.
        version: Version of the bundle.
        epoch: Rises when older bundles must no longer be installed.
        publisher: Who answers for the bundle.
        licence: Licence of the weights; known for backbones known by name.
        source: Where the weights come from; known likewise.
        mean: Subtracted from each channel's 0..255, then divided by ``scale``; only for ``onnx``.
        scale: See ``mean``.
        seed: Chooses calibration images and draws golden samples and random features.
    """

    target: Path
    backbone: str | None = None
    onnx: Path | None = None
    size: int | None = None
    views: tuple[ViewRequest, ...] = ()
    readings: Path | None = None
    label: str | None = None
    features: int = RANDOM_FEATURES
    int8: bool = False
    calibrate: Path | None = None
    starter: Path | None = None
    map_from: Path | None = None
    map_images: Path | None = None
    name: str | None = None
    version: str = "1.0.0"
    epoch: int = 1
    publisher: str = "unnamed"
    licence: str | None = None
    source: str | None = None
    mean: tuple[float, float, float] = (SYMMETRIC_MEAN,) * 3
    scale: tuple[float, float, float] = (SYMMETRIC_SCALE,) * 3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Packed:
    """A bundle file, its manifest, and the digest that addresses it everywhere."""

    path: Path
    manifest: Manifest
    digest: str


def pack(request: PackRequest, progress: Progress = lambda _sentence: None) -> Packed:
    """Make a bundle file.

    Args:
        request: What to pack.
        progress: Told one sentence at the start of each step.

    Raises:
        FieldwiseError: ``EXTRA_MISSING`` without the extra ``pack``, ``INVALID_ARGUMENT`` for a
            request that contradicts itself or input that cannot be used, ``IMAGE_INVALID`` for an
            unreadable image, ``CLASS_INVALID`` for a class folder's name, ``BUNDLE_INVALID`` for a
            graph that the orchestrator would refuse, ``DISK_FULL``.
    """
    _check(request)
    looks = () if request.readings else settled_views(request)
    by_name = any(look.backbone for look in looks)
    _check_extra((*_NEEDED, *(_NEEDED_BY_NAME if by_name else ())))
    packed = import_module("bundler.assembly").assemble(request, looks, progress)
    assert isinstance(packed, Packed)
    return packed


def settled_views(request: PackRequest) -> tuple[ViewRequest, ...]:
    """Every view of a request for images, with source, size and name.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for one that contradicts itself or lacks something.
    """
    looks = settled(request.views, request.backbone, request.onnx, request.size)
    for look in looks:
        if look.backbone and look.size is None:
            raise _invalid(f"{look.backbone} needs the side of its input in pixels")
        if look.onnx and not (request.licence and request.source):
            raise _invalid("for an ONNX file, licence and source of the weights must be stated")
    return looks


def _check(request: PackRequest) -> None:
    given = [request.backbone, request.onnx, request.readings]
    several = bool(request.views) and request.readings is None
    if sum(each is not None for each in given) != 1 and not (several and not any(given)):
        raise _invalid("either a backbone's name, an ONNX file or readings are packed")
    if request.int8 != (request.calibrate is not None):
        raise _invalid("an int8 variant and a folder of calibration images go together")
    if (request.map_from is None) != (request.map_images is None):
        raise _invalid("a map from an older bundle and a folder of images to fit it on go together")
    if not all(scale > 0 for scale in request.scale):
        raise _invalid(f"a scale of {request.scale} is not above 0")
    if not request.target.absolute().parent.is_dir():
        raise _invalid(f"{request.target.parent} is not a folder to write to")
    if request.readings:
        _check_readings(request)


def _check_readings(request: PackRequest) -> None:
    if request.views or request.size or request.calibrate or request.starter or request.map_from:
        raise _invalid("readings have no size, views, calibration images, starter head or map")
    if not 2 <= request.features <= FEATURES_MAX:  # noqa: PLR2004 -- the manifest's bound
        raise _invalid(f"{request.features:,} features are not 2 to {FEATURES_MAX:,}")


def _check_extra(packages: tuple[str, ...]) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise FieldwiseError(
            Fault.EXTRA_MISSING, f"packing needs the extra [pack]: {', '.join(missing)} is missing"
        )


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
