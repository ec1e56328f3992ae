"""Settings of learning, each with the reason for its default."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

MIB = 1024**2
WINDOW_PATTERN = r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?\Z"


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


class Keep(StrEnum):
    """How a memory for replay chooses what stays (``agent.learning.heads.replay``)."""

    BALANCED = "balanced"
    SHARE = "share"


class GradientSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the head that is trained by gradient learns, rehearses and reviews.

    Learning rates are for features scaled to a mean square of 1. What is said to be better or worse
    was so when 100 choices were compared on the training halves of the two reference sets, with a
    contiguous quarter of every class held out of the stream.
    """

    hidden_width: Annotated[int, Meta(ge=0, le=4096)] = 0
    """Units of the hidden layer; 0 trains a linear head, which was a point better than 256."""

    learning_rate: Annotated[float, Meta(gt=0, le=10)] = 0.1
    """Step of stochastic gradient descent: best between 0.003 and 0.3."""

    momentum: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Share of the last step that the next one keeps; it starts anew with every pass."""

    weight_decay: Annotated[float, Meta(ge=0, le=1)] = 0.001
    """Pull of all weights towards zero: the winners' value where a batch is of one class; a tenth
    and ten times of it were no better."""

    minibatch_samples: Annotated[int, Meta(ge=1, le=4096)] = 32
    """Samples of one step: the winners' value."""

    batch_samples: Annotated[int, Meta(ge=1, le=4096)] = 64
    """Samples that gather before the head trains on them, and so the longest that a new class is
    not known: before a review 2 to 4 points better than 256, and as good after it."""

    replay_samples: Annotated[int, Meta(ge=0, le=1_000_000)] = 1200
    """Remembered samples that join a batch, drawn anew for every pass: a point better than the
    winners' 600, and as good as 2400."""

    replay_epochs: Annotated[int, Meta(ge=1, le=100)] = 3
    """Passes over a batch: 120 steps, 60 to 160 ms of one core every 64 samples."""

    review_samples: Annotated[int, Meta(ge=0, le=1_000_000)] = 20_000
    """Remembered samples of a review, evenly over the classes: the winners' value."""

    review_batches: Annotated[int, Meta(ge=0, le=1_000_000)] = 4
    """Batches after which the memory is reviewed; 0 does so only when all that was learned has to
    tell. It costs at most a fifth of the training, and while learning the head is up to a point
    better for it; once in 16 batches is too rare to tell."""

    review_epochs: Annotated[int, Meta(ge=0, le=100)] = 1
    """Passes of a review; 0 never reviews."""

    review_rate_factor: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """Share of the learning rate that a review takes: the winners' published value; between 0.1 and
    1 it made no difference beyond chance."""

    relearn_epochs: Annotated[int, Meta(ge=1, le=100)] = 10
    """Passes over the memory that train a head anew after something was taken back."""

    memory_bytes_max: Annotated[int, Meta(ge=0, le=4 * 1024 * MIB)] = 8 * MIB
    """Room for remembered features: 3,200 at 1,280, what the statistics of 81 classes take."""

    keep: Keep = Keep.BALANCED
    """Which samples stay: evenly over the classes, or a share of every batch as the winners did."""

    keep_samples: Annotated[int, Meta(ge=1, le=1_000_000)] = 200
    """Samples of a batch that stay under ``share``: the winners' value."""

    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    """Where the dice start: equal samples in equal order then give equal weights."""


class HeadName(StrEnum):
    """The heads that a device can keep (``agent.learning.heads``)."""

    NEAREST_MEAN = "nearest-mean"
    DISCRIMINANT = "discriminant"
    RIDGE = "ridge"
    AVERAGE = "average"
    DECAYED = "decayed"
    GRADIENT = "gradient"


class HeadSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which heads a device keeps, and what it takes for another one to serve."""

    enabled: tuple[HeadName, ...] = (
        HeadName.AVERAGE,
        HeadName.DISCRIMINANT,
        HeadName.RIDGE,
        HeadName.NEAREST_MEAN,
    )
    """Heads that are kept and compared, the first one serving until another proves better. The
    average comes first: on held-out quarters of the reference sets' training halves it is right in
    89.8 and 89.3 of a hundred, the discriminant in 89.9 and 87.9, and with one to five samples a
    class it never loses to the nearest mean. All four share one solve; the other three add 0.2 ms a
    sample and 2 MB at 81 classes."""

    switch_risk: Annotated[float, Meta(gt=0, le=0.5)] = 0.05
    """Chance, at most, that a head that is no better by the gain ever takes over."""

    switch_gain: Annotated[float, Meta(ge=0, le=0.5)] = 0.01
    """Share of answers by which a head has to be better: less is not worth a change."""

    half_life_samples: Annotated[float, Meta(ge=10, le=1e9)] = 2000.0
    """Samples after which one counts by half, for the head that lets the past fade: at 1,280
    features a covariance of fewer is mostly noise."""

    image_seconds_max: Annotated[float, Meta(gt=0, le=60)] = 0.01
    """Time for embedding an image to predict: of a bundle's views those are used that fit."""


class LearningSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a device learns, what it keeps and how often it writes."""

    shrinkage: Annotated[float, Meta(ge=0.001, le=10)] = 0.3
    """Share of the mean variance added to every direction when samples are plenty; it is raised
    while they are few (``agent.learning.heads.solving``). With a quarter of each class of the two
    training sets held out in turn, the average is right in 89.8 and 89.3 of a hundred; from 0.1 to
    0.5 no figure is more than 0.7 points away."""

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

    novelty_rate: Annotated[float, Meta(ge=0.001, le=0.5)] = 0.05
    """Share of known things that may be called novel: one in twenty can be told from 19 held-out
    samples on, a hundredth from 99."""

    questions_a_day: Annotated[int, Meta(ge=0, le=1000)] = 20
    """Predictions a day that a person is asked about: some minutes of somebody's time."""

    self_label_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Calibrated confidence from which on the agent learns its own predictions; 0 for never. Off,
    since what a head is sure of teaches it little and a mistake would confirm itself."""

    self_label_share_max: Annotated[float, Meta(ge=0, le=0.9)] = 0.5
    """Most of a class's samples that the agent may have labelled: no more than others did."""

    learning_paused: bool = False
    """Labelled samples are predicted but neither learned nor kept."""

    memory_bytes_max: Annotated[int, Meta(ge=MIB, le=64 * 1024 * MIB)] = 512 * MIB
    """Room in memory for statistics, heads and indexes. At 1,280 features the default heads take
    23 MiB with 81 classes and 70 MiB with 2,000, which leaves a device of 1 GiB its other half."""

    disk_bytes_max: Annotated[int, Meta(ge=0, le=1 << 42)] = 0
    """Room for the whole state folder; 0 for no bound but those of its parts, which come to about
    0.5 GiB. Images leave room for another backbone: with EfficientNet-Lite0 it takes 256 MiB to
    keep some (docs/envelope.md)."""

    passing_pairs: Annotated[int, Meta(ge=0, le=100_000)] = 1000
    """Images on their way through Predict that are looked at with both backbones while a head moves
    to another: with 1,000 what is carried over comes within a point or two of what it could be
    (`benchmarks.migration`). 0 looks at none."""

    passing_seconds_max: Annotated[float, Meta(ge=0, le=86_400)] = 120.0
    """Longest wait for them once all remembered images are through: at ten a second there are
    enough by then, and an update takes minutes anyway."""

    passing_idle_seconds: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    """Silence after which no more are waited for."""

    cpu_share: Annotated[float, Meta(ge=0.01, le=1)] = 1.0
    """Share of one core for work in the background: catching up, tuning, embedding images again
    for another backbone. All of it is right where nothing else needs the core."""

    learn_window: Annotated[str, Meta(pattern=WINDOW_PATTERN)] = ""
    """Local time in which learning may happen; empty for always. A sample is looked at when it
    comes in any case; what waits for the window is bringing the heads along."""

    learn_when_idle_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    """Seconds without a prediction after which learning may happen; 0 for at once."""

    holdout: HoldoutSettings = HoldoutSettings()

    heads: HeadSettings = HeadSettings()

    gradient: GradientSettings = GradientSettings()
