"""What was known and is no longer: per-class recall on held-out samples, at checkpoints.

With r_k(t) the share of right answers on class k's held-out samples at checkpoint t, first measured
at f and now at T, over the classes measured at least twice:

    forgetting        = mean_k (max_{t<T} r_k(t) - r_k(T))     (Chaudhry and others, 2018)
    backward transfer = mean_k (r_k(T) - r_k(f))               (Lopez-Paz and Ranzato, 2017)

The field's tasks are classes here, since a stream has no tasks; r_k(f) is taken when the class is
first held out rather than when a task ends. Traps: a new class takes answers from old ones without
any forgetting, since the question got harder; the best of many noisy measurements is too good, so
forgetting is biased upwards where a class has few held-out samples; and those samples change, as
new ones arrive. What tells forgetting apart from a harder question is the gap to a batch solve: 0
where the head is solved from sums.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recall:
    """One class's right answers among held-out samples.

    Attributes:
        samples: Held out now; 0 where none of the class is held any more.
        correct: Right answers now.
        first: Share right at its first checkpoint.
        best: The best share at any checkpoint before the present one.
        times: Checkpoints at which it was measured.
    """

    samples: int
    correct: int
    first: float
    best: float
    times: int = 1

    @property
    def now(self) -> float:
        """Share right now; 0 without samples."""
        return self.correct / self.samples if self.samples else 0.0

    @property
    def peak(self) -> float:
        """The best share ever, the present one included."""
        return max(self.best, self.now) if self.samples else self.best


Tallies = Mapping[str, tuple[int, int]]


def after_checkpoint(recalls: Mapping[str, Recall], tallies: Tallies) -> dict[str, Recall]:
    """Recalls with one more checkpoint.

    Args:
        recalls: By class, before.
        tallies: By class: held-out samples and right answers now.
    """
    after = {
        name: Recall(0, 0, old.first, old.peak, old.times)
        for name, old in recalls.items()
        if name not in tallies
    }
    for name, (samples, correct) in tallies.items():
        if not samples:
            continue
        share, old = correct / samples, recalls.get(name)
        after[name] = (
            Recall(samples, correct, share, share)
            if old is None
            else Recall(samples, correct, old.first, old.peak, old.times + 1)
        )
    return after


def forgetting(recalls: Iterable[Recall]) -> float | None:
    """Mean of best less present recall, -1 to 1; None until a class was measured twice."""
    return _mean(each.best - each.now for each in recalls if _comparable(each))


def backward_transfer(recalls: Iterable[Recall]) -> float | None:
    """Mean of present less first recall, -1 to 1; None until a class was measured twice."""
    return _mean(each.now - each.first for each in recalls if _comparable(each))


def _comparable(recall: Recall) -> bool:
    return recall.times > 1 and recall.samples > 0


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None
