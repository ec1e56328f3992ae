"""What comparing a new pair with the old one showed, in counts: the evidence of rollouts.

The unit is the held-out sample, answered by both pairs, and the scene that it comes from. Samples
of one scene resemble one another, so a test that counts them as independent sees harm in chance; a
scene counts once, by whether the new pair had fewer or more of its samples right.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from fieldwise.errors import Fault, FieldwiseError

COUNT_MAX = 2**32 - 1  # the wire's width
PERMILLE = 1000


class Judgement(StrEnum):
    """What a device concluded."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    HELD = "held"


class Basis(StrEnum):
    """What the conclusion rests on."""

    NONE = "none"
    LABELLED = "labelled"
    TOO_FEW = "too-few"
    UNLABELLED = "unlabelled"


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """Held-out samples by which pair was right, and the scenes they come from.

    ``scenes_worse`` and ``scenes_better`` count the scenes on which the new pair had fewer, or
    more, samples right; on the others both had as many.

    Raises:
        FieldwiseError: On creation ``OVER_LIMIT`` for a negative or too great count,
            ``INVALID_ARGUMENT`` for scenes that the samples cannot come from.
    """

    both_right: int = 0
    only_old: int = 0
    only_new: int = 0
    both_wrong: int = 0
    scenes: int = 0
    scenes_worse: int = 0
    scenes_better: int = 0

    def __post_init__(self) -> None:
        _check_counts(self)
        possible = (
            self.scenes_worse <= self.only_old
            and self.scenes_better <= self.only_new
            and self.scenes_worse + self.scenes_better <= self.scenes <= self.samples
        )
        if not possible:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT,
                f"{self.samples:,} samples cannot come from {self.scenes:,} scenes,"
                f" {self.scenes_worse:,} worse and {self.scenes_better:,} better",
            )

    @property
    def samples(self) -> int:
        """How many were compared."""
        return self.both_right + self.only_old + self.only_new + self.both_wrong


@dataclass(frozen=True, slots=True)
class Verdict:
    """The newest comparison on a device; see ``Verdict`` in ``device.proto`` for every count.

    Raises:
        FieldwiseError: On creation ``OVER_LIMIT`` for a count that the wire cannot hold.
    """

    generation: int
    judgement: Judgement
    basis: Basis
    overall: PairedCounts = field(default_factory=PairedCounts)
    critical: PairedCounts | None = None
    old_p50_micros: int = 0
    old_p99_micros: int = 0
    new_p50_micros: int = 0
    new_p99_micros: int = 0
    compared: int = 0
    agreed: int = 0
    old_confidence_permille: int = 0
    new_confidence_permille: int = 0
    old_novel: int = 0
    new_novel: int = 0

    def __post_init__(self) -> None:
        _check_counts(self)


def check_coherent(verdict: Verdict) -> None:
    """Refuse a verdict whose counts cannot all be true; whoever receives one asks here.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` with the first count that is too great.
    """
    for name, value, most, whose in _bounds(verdict):
        if value > most:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT,
                f"{name} is {value:,} in a verdict, above {whose}, which is {most:,}",
            )


def _bounds(verdict: Verdict) -> Iterator[tuple[str, int, int, str]]:
    for name in ("agreed", "old_novel", "new_novel"):
        yield name, getattr(verdict, name), verdict.compared, "compared"
    for pair in ("old", "new"):
        confidence = f"{pair}_confidence_permille"
        yield confidence, getattr(verdict, confidence), PERMILLE, "the most possible"
        p50, p99 = f"{pair}_p50_micros", f"{pair}_p99_micros"
        yield p50, getattr(verdict, p50), getattr(verdict, p99), p99
    if verdict.critical is None:
        return
    # How a scene went may be another thing for its critical samples: those counts are free.
    for name in ("both_right", "only_old", "only_new", "both_wrong", "scenes"):
        overall = getattr(verdict.overall, name)
        yield f"critical {name}", getattr(verdict.critical, name), overall, f"overall {name}"


def _check_counts(part: PairedCounts | Verdict) -> None:
    for name in part.__slots__:  # dataclasses.fields takes twice the time, of ten thousand devices
        value = getattr(part, name)
        limit = 2**62 if name == "generation" else COUNT_MAX
        if isinstance(value, int) and not 0 <= value <= limit:
            raise FieldwiseError(Fault.OVER_LIMIT, f"{name} is {value:,}; the limit is {limit:,}")
