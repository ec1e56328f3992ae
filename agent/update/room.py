"""How much room an update takes on disk, from its manifest: reckoned before it is begun.

Beside the files that are missing an update writes a snapshot of the new pair, a last one of the old
and the new features of what is held out. What a snapshot takes is reckoned from above: for every
view the scatter of its features and the sum of each class, in eight bytes a number; the same again
where a head lets its own sums fade; weights and memory of one that is trained by gradient. These
go into the database, so pages that are free there and the log as long as it is are room for them.

The same reckoning says what to leave free for a bundle that nobody has announced yet: three bundles
lie on the device at once, in use, from before and coming, and the next is taken to be somewhat
larger than the one in use.
"""

from collections.abc import Iterable

from agent.learning.envelope import Coming
from agent.learning.settings import HeadName, LearningSettings
from fieldwise.bundle import FileReference, Manifest

NUMBER_BYTES = 8
GRID_BYTES = 2
WEIGHT_BYTES = 4
WRITES = 2  # a transaction lies in the log as well until that is folded in
BUNDLES = 3  # the one in use, the one before and the one that comes
NEXT_PERCENT = 125  # of the one in use: EfficientNet-Lite1 has 1.17 times the parameters of Lite0
MARGIN_BYTES = 4 * 1024 * 1024  # what is learned meanwhile goes on being written


def update_bytes(
    manifest: Manifest,
    missing: Iterable[FileReference],
    serving: Manifest | None,
    classes: int,
    held_out: int,
    settings: LearningSettings,
    inside: tuple[int, int] = (0, 0),
) -> int:
    """Most bytes that bringing a bundle into use adds to the state folder.

    Args:
        manifest: Of the bundle.
        missing: The files that are not on the device yet.
        serving: Of the bundle in use, if there is one.
        classes: Classes that the head knows.
        held_out: Samples whose features are kept for choosing and judging.
        settings: Which heads keep something beside the sums.
        inside: Bytes that the database's file and its log take up without growing.
    """
    stored = stored_bytes(manifest, serving, classes, held_out, settings)
    written = sum(max(0, stored - room) for room in inside)
    return sum(file.size for file in missing) + written + MARGIN_BYTES


def stored_bytes(
    manifest: Manifest,
    serving: Manifest | None,
    classes: int,
    held_out: int,
    settings: LearningSettings,
) -> int:
    """Most bytes of it that go into the database, and once more into its log; as above."""
    old = _snapshot_bytes(serving, classes, settings) if serving is not None else 0
    new = _snapshot_bytes(manifest, classes + manifest.starter_classes, settings)
    return old + new + GRID_BYTES * manifest.feature_width * held_out


def coming_bytes(in_use: int, held: int, stored: int, awaited: int = 0) -> Coming:
    """Room to leave for the next bundle.

    Args:
        in_use: What the files of the bundle in use take.
        held: What the files of all bundles take that are on the device.
        stored: What goes into the database with a bundle like the one in use, or like the awaited.
        awaited: What the files of one that is awaited take and are not on the device.
    """
    files = max(awaited, BUNDLES * in_use * NEXT_PERCENT // 100 - held)
    return Coming(files + MARGIN_BYTES, WRITES * stored)


def _snapshot_bytes(manifest: Manifest, classes: int, settings: LearningSettings) -> int:
    numbers = sum(view.width * (view.width + classes + 2) for view in manifest.views)
    enabled = settings.heads.enabled
    sums = NUMBER_BYTES * numbers * (1 + (HeadName.DECAYED in enabled))
    trained = _trained_bytes(manifest.feature_width, classes, settings)
    return sums + (trained if HeadName.GRADIENT in enabled else 0)


def _trained_bytes(width: int, classes: int, settings: LearningSettings) -> int:
    """Weights, memory and the batch that waits, of the head that is trained by gradient."""
    hidden = settings.gradient.hidden_width
    weights = classes * (max(hidden, width) + 1) + hidden * (width + 1)
    waiting = GRID_BYTES * width * settings.gradient.batch_samples
    return WEIGHT_BYTES * weights + waiting + settings.gradient.memory_bytes_max
