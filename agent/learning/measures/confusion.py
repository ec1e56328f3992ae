"""What was taken for what, before it was learned, in room for a few mistakes of each class.

A full matrix has K^2 numbers; of each class only its tally and its most frequent mistakes are kept,
by the space-saving count (Metwally and others, 2005): a mistake that is listed counts up, and a new
one takes the place of the least, with its count and one more. A count is never too low, and too
high by at most the least count of the list; a class whose list never overflowed has exact counts.
Trap: this is test-then-train, so early ignorance counts for ever; recall now is on held-out
samples.
"""

from dataclasses import dataclass

MISTAKES_MAX = 4  # classes that one is taken for; beyond, a person reads none


@dataclass(frozen=True, slots=True)
class Tally:
    """Samples of one class, right answers, and the classes that it was taken for most."""

    samples: int = 0
    correct: int = 0
    mistakes: tuple[tuple[str, int], ...] = ()

    def after(self, class_name: str, said: str) -> "Tally":
        """The tally after one more sample; ``said`` is empty while no class was known."""
        right = said == class_name
        mistakes = self.mistakes if right or not said else _counted(self.mistakes, said)
        return Tally(self.samples + 1, self.correct + right, mistakes)

    def without(self, class_name: str) -> "Tally":
        """The tally without the mistakes that name a class."""
        kept = tuple(each for each in self.mistakes if each[0] != class_name)
        return Tally(self.samples, self.correct, kept)

    @property
    def worst(self) -> tuple[str, int]:
        """The most frequent mistake; empty and 0 where there was none."""
        return max(self.mistakes, key=lambda each: each[1], default=("", 0))


def _counted(mistakes: tuple[tuple[str, int], ...], said: str) -> tuple[tuple[str, int], ...]:
    counts = dict(mistakes)
    if said in counts or len(counts) < MISTAKES_MAX:
        counts[said] = counts.get(said, 0) + 1
    else:
        least = min(counts, key=lambda name: counts[name])
        counts[said] = counts.pop(least) + 1
    return tuple(counts.items())
