"""The one door of the bundler: what to pack, and what came out.

Light on purpose: a command may import this to build its request where the extra is not installed,
and gets a sentence instead of a traceback when it packs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError

Progress = Callable[[str], None]
CALIBRATION_IMAGES = 128  # more moved no range of the Lite models by a visible amount
SYMMETRIC_MEAN = 127.0
SYMMETRIC_SCALE = 128.0
_NEEDED = ("onnx", "onnxruntime", "PIL")
_NEEDED_BY_NAME = ("torch", "onnxscript", "efficientnet_lite_pytorch")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    """What to pack; exactly one of ``backbone`` and ``onnx`` is given.

    Attributes:
        target: The bundle file to write; an existing one is replaced.
        backbone: A backbone known by name, such as ``efficientnet-lite0``.
        onnx: An ONNX file that computes features [N,D] from images [N,3,S,S].
        size: Side of the input in pixels; from the ONNX file where that states it.
        int8: Whether to add an int8 variant; needs ``calibrate``.
        calibrate: Folder of images (searched deeply) that show what devices will see.
        starter: Folder of class folders to learn a starter head from.
        name: Name of the bundle; from the backbone or the file's name where not given.
        version: Version of the bundle.
        epoch: Rises when older bundles must no longer be installed.
        publisher: Who answers for the bundle.
        licence: Licence of the weights; known for backbones known by name.
        source: Where the weights come from; known likewise.
        mean: Subtracted from each channel's 0..255, then divided by ``scale``; only for ``onnx``.
        scale: See ``mean``.
        seed: Chooses calibration images and draws golden images.
    """

    target: Path
    backbone: str | None = None
    onnx: Path | None = None
    size: int | None = None
    int8: bool = False
    calibrate: Path | None = None
    starter: Path | None = None
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
    _check_extra((*_NEEDED, *(_NEEDED_BY_NAME if request.backbone else ())))
    packed = import_module("bundler.assembly").assemble(request, progress)
    assert isinstance(packed, Packed)
    return packed


def _check(request: PackRequest) -> None:
    if (request.backbone is None) == (request.onnx is None):
        raise _invalid("either a backbone's name or an ONNX file is packed")
    if request.int8 != (request.calibrate is not None):
        raise _invalid("an int8 variant and a folder of calibration images go together")
    if not all(scale > 0 for scale in request.scale):
        raise _invalid(f"a scale of {request.scale} is not above 0")
    if not request.target.absolute().parent.is_dir():
        raise _invalid(f"{request.target.parent} is not a folder to write to")
    if request.backbone and request.size is None:
        raise _invalid(f"{request.backbone} needs the side of its input in pixels")
    if request.onnx and not (request.licence and request.source):
        raise _invalid("for an ONNX file, licence and source of the weights must be stated")


def _check_extra(packages: tuple[str, ...]) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise FieldwiseError(
            Fault.EXTRA_MISSING, f"packing needs the extra [pack]: {', '.join(missing)} is missing"
        )


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
