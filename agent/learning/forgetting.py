"""What is to be forgotten, and what stands afterwards: plain values."""

from dataclasses import dataclass

from agent.learning.samples import Counters, Origin, Snapshot


@dataclass(frozen=True, slots=True)
class Selection:
    """Which samples are meant; exactly one of the fields is set.

    Attributes:
        class_name: All of a class.
        since: All that were taught at or after a time, Unix seconds.
        sample_id: One, or the prediction of that id.
        origin: All whose labels came about so.
    """

    class_name: str = ""
    since: float | None = None
    sample_id: str = ""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What one transaction forgets, and what stands instead.

    Attributes:
        selection: Whose records go.
        classes: Names of which nothing is left; whatever names them goes.
        counters: The counters afterwards.
        snapshot: The statistics afterwards; the snapshots of all other bundles are dropped.
        predictions: Ids of kept predictions that go.
        absent: Marks of classes that a starter head must not bring back, all there are then.
        track: The track record afterwards; empty where the stored one stays.
    """

    selection: Selection
    classes: tuple[str, ...]
    counters: Counters
    snapshot: Snapshot
    predictions: tuple[str, ...] = ()
    absent: frozenset[str] = frozenset()
    track: bytes = b""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten, in numbers and in words.

    Attributes:
        samples: Samples forgotten.
        exact: How many of them were taken back from the head to the bit.
        images: Images among them.
        orphans: Samples held no more whose share of the common scatter stays.
        lost: Samples that a strict rebuild lost beside those forgotten.
        predictions: Kept predictions that went with them.
        sentences: What was and was not forgotten.
    """

    samples: int
    exact: int
    images: int
    orphans: int
    lost: int
    predictions: int
    sentences: tuple[str, ...] = ()
