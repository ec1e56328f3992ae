"""Test-then-train: how often a sample was predicted right before it was learned.

Beside it stands the guess "same as the last label", which a stream in bursts makes look good: a
head that does not beat it has learned nothing. The window is one byte for each of the last samples:
bit 0, the head was right; bit 1, the last label was. The total counts every sample since the
beginning, so it also holds the time when nothing was known; the window forgets that.
"""

from dataclasses import dataclass

HEAD_RIGHT = 1
LAST_LABEL_RIGHT = 2


@dataclass(frozen=True, slots=True)
class Total:
    """Samples since the beginning, and what head and last label had right of them."""

    samples: int = 0
    correct: int = 0
    last_label_correct: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """The last outcomes, oldest first; the label that the next guess would repeat; the total."""

    outcomes: bytes = b""
    last_label: str = ""
    total: Total = Total()

    @property
    def samples(self) -> int:
        """Outcomes in the window."""
        return len(self.outcomes)

    @property
    def correct(self) -> int:
        """Samples that the head had right."""
        return _having(self.outcomes, HEAD_RIGHT)

    @property
    def last_label_correct(self) -> int:
        """Samples that "same as the last label" had right."""
        return _having(self.outcomes, LAST_LABEL_RIGHT)

    def after(self, label: str, predicted: str, samples_max: int) -> "Window":
        """The window after one more sample.

        Args:
            label: What the sample is.
            predicted: What the head said before; empty while it knew no class.
            samples_max: Length of the window.
        """
        right, repeated = predicted == label, self.last_label == label
        outcome = HEAD_RIGHT * right + LAST_LABEL_RIGHT * repeated
        total = Total(
            self.total.samples + 1,
            self.total.correct + right,
            self.total.last_label_correct + repeated,
        )
        return Window((self.outcomes + bytes([outcome]))[-samples_max:], label, total)


def _having(outcomes: bytes, bit: int) -> int:
    """How many outcomes have a bit, alone or with the other: this is asked for every sample."""
    return outcomes.count(bit) + outcomes.count(HEAD_RIGHT | LAST_LABEL_RIGHT)
