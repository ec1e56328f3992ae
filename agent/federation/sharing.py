"""What may leave of a class, so that neither it nor any change of it is told by fewer than ten.

A mean of few samples is close to a sample, and the difference of two means that were sent one after
the other is, times their counts, the sum of the samples between them. So a class leaves only with
enough samples, and again only when enough of them make the difference to *everything* that ever
left of it. Learning, correcting and forgetting come in any order; which samples are common to two
states of a class, nobody need remember for this:

    two states of a class whose counts differ by d differ in at least d samples.

A class may therefore leave

- as it is, if no state of it ever left, or if it has outgrown the largest that did by the minimum;
- as it last left, to the bit: that tells nothing that was not told before.

Samples that were carried over from an earlier backbone by estimate count for no minimum: who knows
the map knows what they brought. Nor do those that a starter head brought; of a class that was
forgotten nobody remembers whether a head that was built anew has them again, so of such a class
they are counted neither out of what leaves nor into what has to be there.

Everything that was told of a class then has counts that are pairwise the minimum apart, or is the
same. The price is paid by classes out of which much was taken: they do not leave until they are
larger than they ever were. What decides whether a state is the one that last left is a digest of
its counts and sums, which are exact; whoever restores an old state folder, or forgets and teaches
anew, meets the same rule. It holds for one backbone at a time: what left of another backbone's
features is of another space.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwise.federation import SAMPLES_MIN


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What was learned of a class.

    Attributes:
        samples: How many.
        sums: Their sum float64[D], exact.
        estimated: How many of them were carried over from another backbone.
        doubtful: How many of them a starter head may have brought, or not.
    """

    samples: int
    sums: NDArray[np.float64]
    estimated: int = 0
    doubtful: int = 0

    def digest(self) -> str:
        """SHA-256, hexadecimal, of both."""
        hashed = hashlib.sha256(self.samples.to_bytes(8, "little"))
        hashed.update((self.sums + 0.0).astype("<f8").tobytes())  # of two zeros only one
        return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Departure:
    """What left of a class.

    Attributes:
        samples: Of the state that last left.
        most: Of the largest that ever left.
        sequence: The last sample that it had learned of.
        digest: Of its content.
        delivered: Which campaign took it for certain; empty for none.
    """

    samples: int
    most: int
    sequence: int
    digest: str
    delivered: str = ""


def least(asked: int) -> int:
    """Samples that a class, and a change of it, has to have; nobody can ask for fewer than ten."""
    return max(SAMPLES_MIN, asked)


def may_leave(content: Content, before: Departure | None, samples_min: int) -> bool:
    """Whether a class may leave as it is.

    Args:
        content: What was learned of it.
        before: What left of it; None for nothing.
        samples_min: What the round asks for.
    """
    bound = least(samples_min)
    certain = content.samples - content.doubtful
    if certain - content.estimated < bound:
        return False
    if before is None or certain >= before.most + bound:
        return True
    return is_what_left(content, before)


def is_what_left(content: Content, before: Departure) -> bool:
    """Whether a class is as it last left, to the bit."""
    return content.samples == before.samples and content.digest() == before.digest


def leaving(content: Content, before: Departure | None, sequence: int) -> Departure:
    """What to write down before a class leaves.

    Args:
        content: What is about to leave.
        before: What left so far.
        sequence: The last sample that the head had learned of.
    """
    if before is not None and is_what_left(content, before):
        return before
    most = max(content.samples, before.most if before else 0)
    return Departure(content.samples, most, sequence, content.digest())


def changed(samples: int, before: Departure | None) -> int:
    """By how many samples a class surely differs from what last left of it."""
    return samples if before is None else abs(samples - before.samples)
