"""Streaming discriminant analysis as published, in eager torch: what ours is compared with.

Written anew from the recursion of Hayes and Kanan (2020): one running covariance over all classes,
updated with the residual to the class's old mean; a mean and a count for each class.
"""

import torch

from bundler.efficientnet import eager

SHRINKAGE = 1e-4  # as published


class StreamingDiscriminant:
    """float32 state: covariance [D,D], means [K,D], counts [K]."""

    def __init__(self, width: int, classes: int) -> None:
        self.covariance = torch.ones(width, width)
        self.means = torch.zeros(classes, width)
        self.counts = torch.zeros(classes)
        self.total = 0
        self.solve()

    def fit(self, feature: torch.Tensor, label: int) -> None:
        """One step with a feature float32[D]."""
        residual = (feature - self.means[label]).unsqueeze(1)
        weight = self.total / (self.total + 1)
        update = residual.matmul(residual.transpose(1, 0)) * weight
        self.covariance = (self.total * self.covariance + update) / (self.total + 1)
        self.means[label] += (feature - self.means[label]) / (self.counts[label] + 1)
        self.counts[label] += 1
        self.total += 1

    def solve(self) -> None:
        """Invert the covariance; the published program does so for every prediction."""
        width = len(self.covariance)
        shrunk = (1 - SHRINKAGE) * self.covariance + SHRINKAGE * torch.eye(width)
        self.inverse = torch.linalg.inv(shrunk)

    def scores(self, feature: torch.Tensor) -> torch.Tensor:
        """Scores [K] of a feature float32[D], from the means as they are now."""
        weights = self.inverse.matmul(self.means.T)
        offsets: torch.Tensor = 0.5 * (self.means.T * weights).sum(0)
        return feature.unsqueeze(0).matmul(weights)[0] - offsets


def backbone(name: str, size: int) -> torch.nn.Module:
    """The same weights in eager torch."""
    return eager(name, size)


def one_thread() -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(mode=False)
