"""Sums as heads are solved from them, whoever keeps them."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import Transform
from fieldwise.symmetric import SymmetricSum


class Sums(Protocol):
    """The part of ``fieldwise.head.Accumulator`` that closed-form heads look at."""

    transform: Transform

    @property
    def total(self) -> int:
        """Samples of all classes."""
        ...

    @property
    def orphans(self) -> int:
        """How many more tell the covariance than the means."""
        ...

    @property
    def width(self) -> int:
        """D."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class."""
        ...

    def count(self, name: str) -> int:
        """Samples of a class; 0 for one never met."""
        ...

    def sum_of(self, name: str) -> NDArray[np.float64]:
        """The sum float64[D] of a class that was met."""
        ...

    def spread(self) -> float:
        """The trace of the scatter within classes."""
        ...

    def scatter(self) -> SymmetricSum:
        """The scatter, in memory of its own."""
        ...
