"""The two backbones of the demonstration, packed once and kept in the user's cache."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec

from demonstration.calling import call
from demonstration.processes import environment
from demonstration.streams import SIDE_PIXELS
from fieldwise import __version__
from fieldwise.bundle import Manifest, digest_of

FIRST, SECOND = "efficientnet-lite0", "efficientnet-lite1"


def cache_folder() -> Path:
    """The folder of the XDG rules for what can be made again."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "fieldwise" / "demo"


def manifest_form() -> str:
    """Eight digits that change with the form of manifests: other bundles are not read any more."""
    return digest_of(msgspec.json.encode(msgspec.json.schema(Manifest), order="sorted"))[:8]


def packed(name: str) -> Path:
    """Return the bundle file of a backbone, packing it where the cache has none.

    Raises:
        FieldwiseError: ``UNAVAILABLE`` with the words of ``fieldwise backbone pack``.
    """
    target = cache_folder() / f"{name}-{SIDE_PIXELS}-{__version__}-{manifest_form()}.bundle"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        words = ["backbone", "pack", name, "--size", str(SIDE_PIXELS), "--output", str(target)]
        call("fieldwise", words, environment())
    return target


def pack_both(pool: ThreadPoolExecutor) -> tuple[Future[Path], Future[Path]]:
    """Begin to pack both at the same time: each takes one core for some twenty seconds."""
    return pool.submit(packed, FIRST), pool.submit(packed, SECOND)
