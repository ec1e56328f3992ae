"""What a device keeps of what it was taught: plain values, no rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from agent.learning.kept import Changes


class Share(StrEnum):
    """What a sample is used for, decided once on arrival for the whole burst it belongs to."""

    LEARN = "learn"
    SELECT = "select"  # set aside for choosing settings
    JUDGE = "judge"  # set aside for judging heads and backbones


class Origin(StrEnum):
    """How a label came about; only one that no head had a part in may be held out."""

    TAUGHT = "taught"  # given with the image
    CORRECTED = "corrected"  # given on a prediction
    ASKED = "asked"  # given on a prediction that the agent asked about
    SELF = "self"  # the agent's own, for a prediction that it was sure of


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One labelled sample.

    Attributes:
        id: Unique on the device, at most 64 characters.
        sequence: Rises by one with every sample of the device's life; never reused.
        time: When it was taught, Unix seconds by the device's clock, which may jump.
        class_name: What it is.
        burst: The scene it belongs to.
        share: What it is used for.
        bundle: Digest of the bundle that ``grid`` is of.
        grid: Transformed features int16[D]; ``None`` where they are not held.
        image: An encoded image; ``None`` where it is not held.
        origin: How its label came about.
    """

    id: str
    sequence: int
    time: float
    class_name: str
    burst: str
    share: Share
    bundle: str
    grid: NDArray[np.int16] | None
    image: bytes | None
    origin: Origin = Origin.TAUGHT


@dataclass(frozen=True, slots=True)
class Remembered:
    """A sample whose image is held, without the image; ``size`` is the image's, in bytes."""

    id: str
    sequence: int
    time: float
    class_name: str
    share: Share
    size: int


@dataclass(frozen=True, slots=True)
class Burst:
    """The newest scene of a class: its last sample's time and how many samples it has."""

    class_name: str
    id: str
    time: float
    samples: int


@dataclass(frozen=True, slots=True)
class Counters:
    """Counts over the device's life, and the test-then-train window; ``tested`` are its totals.

    ``window`` has one byte for each of the last samples, oldest first; its meaning is the window's
    own (``agent.learning.measures.prequential``), and so is that of ``contest``
    (``agent.learning.heads.contest``).
    """

    learned: int = 0
    select: int = 0
    judge: int = 0
    last_label: str = ""
    window: bytes = b""
    tested: int = 0
    tested_correct: int = 0
    tested_last_label_correct: int = 0
    contest: bytes = b""
    self_labelled: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """What one transaction writes.

    Attributes:
        samples: New samples, ascending by sequence.
        forgotten: Ids whose images are dropped; some may be among ``samples``.
        counters: The counters with these samples counted.
        replaced: Ids whose records go before the samples come, some of which may be theirs.
        snapshot: Statistics that stand instead of all stored ones; they hold these samples.
        predictions: What changes of the kept predictions.
        track: The track record from now on; empty where the stored one stays.
    """

    samples: tuple[Sample, ...]
    forgotten: tuple[str, ...]
    counters: Counters
    replaced: tuple[str, ...] = ()
    snapshot: "Snapshot | None" = None
    predictions: Changes = field(default_factory=Changes)
    track: bytes = b""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Encoded statistics of a bundle that hold every learned sample up to a sequence.

    ``lost`` samples of these are missing, since an earlier snapshot was damaged.
    """

    bundle: str
    sequence: int
    content: bytes
    lost: int = 0
