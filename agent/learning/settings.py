"""Settings of learning, each with the reason for its default."""

from typing import Annotated

import msgspec
from msgspec import Meta

MIB = 1024**2


class HoldoutSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which samples are set aside, and what counts as one scene."""

    select_share: Annotated[float, Meta(ge=0, le=0.4)] = 0.1
    """Share of scenes for choosing settings: 10 % of 500 samples tell 5 points apart."""

    judge_share: Annotated[float, Meta(ge=0, le=0.4)] = 0.1
    """Share of scenes for judging: as many, since a backbone change is judged on them alone."""

    burst_gap_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 5.0
    """Longest pause within a scene: a camera at one frame a second with a few dropped."""

    burst_samples_max: Annotated[int, Meta(ge=1, le=100_000)] = 3600
    """Most samples of an unnamed scene, so that an endless stream is still divided: an hour at one
    frame a second. Where it cuts, alike images may fall to both sides, so it must be rare."""

    learned_first: Annotated[int, Meta(ge=1, le=1000)] = 5
    """Unnamed first samples of a class that are always learned: below five, a mean is mostly noise,
    and a class whose few samples are all set aside could never be predicted."""


class LearningSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a device learns, what it keeps and how often it writes."""

    shrinkage: Annotated[float, Meta(ge=0.001, le=10)] = 0.3
    """Share of the mean variance added to every direction: best of the reference figures on both
    image sets; at a tenth and at three times of it accuracy is within two points."""

    solve_growth: Annotated[float, Meta(ge=0, le=10)] = 0.2
    """Growth in samples after which the covariance is solved again: its error falls with the square
    root of their number, so 20 % more change it by a tenth of that error. On the reference sets a
    head at this cadence is 0.2 to 0.6 points behind one solved at the end."""

    solve_samples_min: Annotated[int, Meta(ge=1, le=1_000_000)] = 64
    """Fewest new samples between two solves: one takes 0.15 s at 1,280 features, so the cadence
    costs 2.3 ms a sample at first and less than 0.4 ms from 2,000 samples on."""

    classes_max: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    """Most classes: at 1,280 features each takes 15 KiB, so 10,000 take 150 MiB. A solve
    grows with their number, and teaching waits for it; predictions do not."""

    group_samples: Annotated[int, Meta(ge=1, le=10_000)] = 32
    """Samples written in one transaction: the most that a power cut can take."""

    group_seconds: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    """Longest time that a taught sample waits to be written."""

    snapshot_samples: Annotated[int, Meta(ge=1, le=1_000_000)] = 2000
    """Samples between two snapshots of the statistics: 7 MB of flash each, and replaying so many
    takes a tenth of a second."""

    exemplar_bytes_max: Annotated[int, Meta(ge=MIB, le=64 * 1024 * MIB)] = 256 * MIB
    """Room for remembered images: some 10,000 at 25 KiB."""

    holdout_bytes_share: Annotated[float, Meta(ge=0, le=0.5)] = 0.2
    """Share of that room for held-out images, which are a fifth of all samples."""

    retention_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    """Days after which a remembered image is dropped; 0 keeps it while there is room. They pass by
    time that is vouched for, so after a spell switched off an image may stay a day longer."""

    feature_log_bytes_max: Annotated[int, Meta(ge=0, le=64 * 1024 * MIB)] = 64 * MIB
    """Room for features of learned samples that a snapshot already holds: 26,000 at 1,280."""

    window_samples: Annotated[int, Meta(ge=1, le=10_000)] = 500
    """Length of the test-then-train window: its standard error is at most 2.2 points."""

    learning_paused: bool = False
    """Labelled samples are predicted but neither learned nor kept."""

    holdout: HoldoutSettings = HoldoutSettings()
