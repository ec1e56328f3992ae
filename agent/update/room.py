"""How much room an update takes on disk, from its manifest: reckoned before it is begun.

Beside the files that are missing an update writes a snapshot of the new pair, a last one of the old
and the new features of what is held out. What a snapshot takes is reckoned from above: for every
view the scatter of its features and the sum of each class, in eight bytes a number.
"""

from collections.abc import Iterable

from fieldwise.bundle import FileReference, Manifest

NUMBER_BYTES = 8
GRID_BYTES = 2
WRITES = 2  # a transaction lies in the log as well until that is folded in
MARGIN_BYTES = 4 * 1024 * 1024  # what is learned meanwhile goes on being written


def update_bytes(
    manifest: Manifest,
    missing: Iterable[FileReference],
    serving: Manifest | None,
    classes: int,
    held_out: int,
) -> int:
    """Most bytes that bringing a bundle into use adds to the state folder.

    Args:
        manifest: Of the bundle.
        missing: The files that are not on the device yet.
        serving: Of the bundle in use, if there is one.
        classes: Classes that the head knows.
        held_out: Samples whose features are kept for choosing and judging.
    """
    old = _snapshot_bytes(serving, classes) if serving is not None else 0
    new = _snapshot_bytes(manifest, classes + manifest.starter_classes)
    written = old + new + GRID_BYTES * manifest.feature_width * held_out
    return sum(file.size for file in missing) + WRITES * written + MARGIN_BYTES


def _snapshot_bytes(manifest: Manifest, classes: int) -> int:
    return NUMBER_BYTES * sum(view.width * (view.width + classes + 2) for view in manifest.views)
