"""A linear head that is trained by gradient from stated samples, and knows of nothing else.

The head that a device serves depends on every sample it ever met and on their order. This one does
not: it begins from zeros, passes as often over the samples as a head that is trained anew after
something was taken back, and its dice begin where the settings say. The same samples in the same
order give the same bits, on the same processor with the same build of torch.

Torch is loaded when it is called, not before.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.head import LinearHead
from agent.learning.heads.network import fresh, scale
from agent.learning.settings import GradientSettings


def trained_alone(
    grid: NDArray[np.int16], names: Sequence[str], unit: float, settings: GradientSettings
) -> LinearHead | None:
    """Train a head.

    Args:
        grid: Features int16[N,D].
        names: The class of each.
        unit: Length of a feature on the grid, ``2**grid_bits``.
        settings: How to train; a hidden layer is left out.

    Returns:
        The head, its classes sorted; None where training diverged.
    """
    # 230 MB of torch come with this import: only what trains pays for them.
    from agent.learning.heads.descent import Course, descend  # noqa: PLC0415 - as said

    classes = tuple(sorted(set(names)))
    place = {name: number for number, name in enumerate(classes)}
    targets = np.array([place[name] for name in names], np.int64)
    chance = np.random.Generator(np.random.PCG64(settings.seed))
    weights = fresh(grid.shape[1], 0, chance).with_classes(len(classes))
    course = Course(
        settings.learning_rate,
        settings.momentum,
        settings.weight_decay,
        settings.minibatch_samples,
    )
    for _ in range(settings.relearn_epochs):
        order = chance.permutation(len(targets))
        weights = descend(weights, grid[order], targets[order], unit, course)
        if not weights.sound:
            return None
    rows = weights.rows * np.float32(scale(grid.shape[1]))
    return LinearHead(classes, rows, weights.offsets, unit)
