"""Stochastic gradient descent on a small head, in torch: the one place of the agent that needs it.

Torch is loaded with this module, so whoever trains imports it where training starts, and a device
that trains nothing by gradient never does. Weights come and go as numpy arrays: what serves and
what is stored knows nothing of torch.

A call is one pass over samples in a given order, by cross-entropy, with momentum from rest; so the
state between passes is the weights alone. One thread computes: how a product is divided decides how
its sums round, and a device's other cores are not for training.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, relu

from agent.learning.heads.network import Weights, scaled


@dataclass(frozen=True, slots=True)
class Course:
    """How steps are taken."""

    rate: float
    momentum: float
    decay: float
    minibatch: int


def descend(
    weights: Weights,
    grid: NDArray[np.int16],
    targets: NDArray[np.int64],
    unit: float,
    course: Course,
) -> Weights:
    """One pass over samples, in the order in which they stand.

    Args:
        weights: Where to start; they stay as they are.
        grid: Features int16[N,D].
        targets: Rows int64[N] of the samples' classes.
        unit: Length of a feature on the grid.
        course: How steps are taken.

    Returns:
        Weights that may be out of all bounds where the rate was too high.
    """
    with _one_thread():
        state = [torch.from_numpy(array.copy()).requires_grad_() for array in weights.arrays]
        if not len(weights.hidden):
            state = state[2:]
        speeds = [torch.zeros_like(tensor) for tensor in state]
        for start in range(0, len(grid), course.minibatch):
            part = slice(start, start + course.minibatch)
            features = torch.from_numpy(scaled(grid[part], unit))
            loss = cross_entropy(_logits(state, features), torch.from_numpy(targets[part]))
            _step(state, speeds, torch.autograd.grad(loss, state), course)
    trained = [tensor.detach().numpy() for tensor in state]
    return Weights(*weights.arrays[: 4 - len(trained)], *trained)


def _logits(state: list[Tensor], features: Tensor) -> Tensor:
    if len(state) > 2:  # noqa: PLR2004 - with a hidden layer before the rows and their offsets
        features = relu(linear(features, state[0], state[1]))
    return linear(features, state[-2], state[-1])


@torch.no_grad()
def _step(
    state: list[Tensor], speeds: list[Tensor], gradients: tuple[Tensor, ...], course: Course
) -> None:
    # Written out: torch.optim loads torch's compiler, 100 MB of it, for these two lines.
    for tensor, speed, gradient in zip(state, speeds, gradients, strict=True):
        speed.mul_(course.momentum).add_(gradient).add_(tensor, alpha=course.decay)
        tensor.sub_(speed, alpha=course.rate)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
