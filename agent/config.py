"""Every setting of the agent, with its bounds and the reason for its default.

The agent's own layers are defaults, a TOML file, environment and flags. Above them stands what an
operator steers from afar: a few settings of learning (``Steering``), never anything that decides
what leaves the device.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.learning.names import stored_class_name
from agent.learning.settings import WINDOW_PATTERN, HeadName, LearningSettings
from agent.update.judging import JudgingRules
from agent.update.probation import ProbationRules
from fieldwise.diagnosis import DiagnosisRule
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.logs import LogForm, LogLevel
from fieldwise.places import socket_in, state_folder
from fieldwise.proxies import NONE, parse_proxy
from fieldwise.settings import Effective, Layers, load

PREFIX = "FIELDWISE_AGENT_"
FOREIGN = ("FIELDWISE_AGENT_CONFIG",)  # it names the file of settings and is none itself
MIB = 1024 * 1024
DISK_BYTES_MIN = (
    25 * MIB
)  # below, what is kept back for the next writes takes all (docs/envelope.md)
LEARNING = LearningSettings()  # the reasons for its defaults stand there
JUDGING, PROBATION = JudgingRules(), ProbationRules()
HEAD_PATTERN = "|".join(HeadName)


class TooFew(StrEnum):
    """What to do with a new backbone that too few samples are held out to judge."""

    ACCEPT = "accept"
    HOLD = "hold"


LINK_HOST = r"^\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z"


class AgentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent can be told; all of it has a default."""

    state_folder: Annotated[
        Path, Meta(description="Everything the agent keeps: samples, heads, bundles, identity.")
    ] = msgspec.field(default_factory=lambda: state_folder(os.environ))

    application_socket: Annotated[
        Path | None,
        Meta(description="Unix socket for applications; by default applications/socket in it."),
    ] = None

    # Applications run as other users of one group: 0660 lets the group in and nobody else.
    application_socket_mode: Annotated[
        str,
        Meta(pattern=r"^0?[0-7]{3}\Z", description="Who may use the application socket, octal."),
    ] = "0660"

    variant: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9]{1,16}\Z", description="Variant of a backbone to run, if it has it."
        ),
    ] = "fp32"  # int8 costs accuracy that only an owner can judge to be worth the memory

    # Whom a device talks to is its owner's affair: without a name all files come through the fleet.
    link_hosts: Annotated[
        tuple[Annotated[str, Meta(pattern=LINK_HOST)], ...],
        Meta(
            max_length=16,
            description="Hosts of object stores from which files of backbones are fetched where "
            "the orchestrator links to them; .example.com stands for all below it.",
        ),
    ] = ()

    # What the environment says holds for every program of the machine; this one may need another.
    proxy: Annotated[
        str,
        Meta(
            max_length=1024,
            description="HTTP proxy through which the fleet is reached, "
            "http://USER:PASSWORD@HOST:PORT, or none. Default: https_proxy of the environment.",
        ),
    ] = ""

    # One thread leaves the device's other programs their cores; embedding scales to about four.
    threads: Annotated[int, Meta(ge=1, le=64, description="Threads for one embedding.")] = 1

    # Predictions wait behind one another anyhow: a longer queue only makes them late.
    queue_max: Annotated[
        int, Meta(ge=1, le=1024, description="Images in work or waiting before callers are told.")
    ] = 16

    # A day of one prediction a minute, or minutes of a fast camera: people correct within them.
    predictions_kept: Annotated[
        int, Meta(ge=0, le=100_000, description="Predictions that feedback can refer to.")
    ] = 1000
    # Features of a thousand take 2.5 MiB; the rest has 500 images of 25 KiB.
    predictions_bytes_max: Annotated[
        int, Meta(ge=0, le=1 << 36, description="Room for their features and images, bytes.")
    ] = 16 * MIB
    # Flash bears some 28 KB a prediction at one a second for years, and not at thirty.
    predictions_durable: Annotated[
        bool, Meta(description="Predictions outlive a restart; off keeps them in memory only.")
    ] = True
    questions_a_day: Annotated[
        int, Meta(ge=0, le=1000, description="Predictions a day that a person is asked about.")
    ] = LEARNING.questions_a_day
    self_label_confidence: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Calibrated confidence from which on predictions are learned; 0 for never.",
        ),
    ] = LEARNING.self_label_confidence
    self_label_share_max: Annotated[
        float,
        Meta(ge=0, le=0.9, description="Most of a class that the agent may have labelled itself."),
    ] = LEARNING.self_label_share_max

    commit_seconds: Annotated[
        float, Meta(gt=0, le=60, description="Longest time that a learned sample is not on disk.")
    ] = LEARNING.group_seconds
    commit_samples: Annotated[
        int, Meta(ge=1, le=1024, description="Most learned samples that are not on disk.")
    ] = LEARNING.group_samples
    exemplar_bytes_max: Annotated[
        int, Meta(ge=MIB, le=64 * 1024 * MIB, description="Room for remembered images, bytes.")
    ] = LEARNING.exemplar_bytes_max
    shrinkage: Annotated[
        float, Meta(ge=0.001, le=10, description="Shrinkage of the covariance to its mean.")
    ] = LEARNING.shrinkage
    heads: Annotated[
        str,
        Meta(
            pattern=rf"^({HEAD_PATTERN})(,({HEAD_PATTERN})){{0,9}}\Z",
            description="Heads to keep and compare, separated by commas; the first serves at first:"
            f" {', '.join(HeadName)}.",
        ),
    ] = ",".join(LEARNING.heads.enabled)
    half_life_samples: Annotated[
        float,
        Meta(
            ge=10,
            le=1e9,
            description="Samples after which one counts by half for the head decayed.",
        ),
    ] = LEARNING.heads.half_life_samples
    image_seconds_max: Annotated[
        float,
        Meta(
            gt=0, le=60, description="Time for embedding an image to predict, for choosing views."
        ),
    ] = LEARNING.heads.image_seconds_max
    replay_bytes_max: Annotated[
        int,
        Meta(
            ge=0,
            le=4 * 1024 * MIB,
            description="Room in memory and in snapshots for what the head gradient rehearses.",
        ),
    ] = LEARNING.gradient.memory_bytes_max
    learning_paused: Annotated[
        bool, Meta(description="Labelled samples are predicted but not learned.")
    ] = LEARNING.learning_paused
    retention_days: Annotated[
        int, Meta(ge=0, le=36_500, description="Days that an image is remembered; 0 for no end.")
    ] = LEARNING.retention_days
    classes_max: Annotated[
        int, Meta(ge=2, le=10_000, description="Most classes that the head may know.")
    ] = LEARNING.classes_max

    memory_bytes_max: Annotated[
        int,
        Meta(ge=MIB, le=64 * 1024 * MIB, description="Memory for statistics and heads, bytes."),
    ] = LEARNING.memory_bytes_max
    # Less than 64 MiB leaves too little beside two backbones, a snapshot and the ledger.
    disk_bytes_max: Annotated[
        int,
        Meta(ge=0, le=1 << 42, description="Room for the whole state folder, bytes; 0: no bound."),
    ] = LEARNING.disk_bytes_max
    cpu_share: Annotated[
        float, Meta(ge=0.01, le=1, description="Share of one core for work in the background.")
    ] = LEARNING.cpu_share
    passing_pairs: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="Most images that are asked about and that both backbones look at while one"
            " follows the other; only sums are kept of them.",
        ),
    ] = LEARNING.passing_pairs
    passing_seconds_max: Annotated[
        float, Meta(ge=0, le=86_400, description="Longest wait for so many of them.")
    ] = LEARNING.passing_seconds_max
    learn_window: Annotated[
        str,
        Meta(
            pattern=WINDOW_PATTERN,
            description="Local time in which to learn, as 22:00-06:00; empty for always.",
        ),
    ] = LEARNING.learn_window
    learn_when_idle_seconds: Annotated[
        float,
        Meta(ge=0, le=86_400, description="Seconds without a prediction before learning; 0: none."),
    ] = LEARNING.learn_when_idle_seconds

    # A class that must not get worse drowns among all samples where it is rare.
    critical_classes: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=128)], ...],
        Meta(max_length=100, description="Classes that a new backbone is judged on by themselves."),
    ] = ()
    # At most one equally good backbone in twenty is refused, and really fewer: few scenes make the
    # test careful. At one in a hundred forty scenes would miss a third of the losses of 20 points.
    judging_alpha: Annotated[
        float,
        Meta(ge=0.0001, le=0.2, description="Chance to refuse a backbone that is as good."),
    ] = JUDGING.alpha
    # What the fleet calls harm by default, too: less is not worth an old backbone.
    judging_loss_min: Annotated[
        float, Meta(ge=0, le=0.5, description="Loss of accuracy from which on it counts as harm.")
    ] = JUDGING.loss_min
    # At 224 px an image takes three times as long as at 128: who orders that means it.
    latency_ratio_max: Annotated[
        float, Meta(ge=1, le=1000, description="Most times as long as before for a prediction.")
    ] = JUDGING.latency_ratio_max
    # People take a tenth of a second for at once.
    latency_floor_seconds: Annotated[
        float, Meta(ge=0, le=60, description="Predictions up to this long are never too slow.")
    ] = JUDGING.latency_floor_seconds
    # A failure in forty predictions, or a slow one in twenty, is found within them.
    probation_predictions: Annotated[
        int, Meta(ge=0, le=1_000_000, description="A new backbone has stood it after so many.")
    ] = PROBATION.predictions
    # A device that predicts once an hour would hold up its wave of a rollout for a week.
    probation_minutes: Annotated[
        float, Meta(ge=0, le=10_080, description="Or after so many minutes; 0 for no probation.")
    ] = PROBATION.seconds / 60

    # Updates cost network, processor and flash: an owner may keep them to quiet hours.
    update_window: Annotated[
        str,
        Meta(
            pattern=WINDOW_PATTERN,
            description="Local time in which an update may begin, as 02:00-05:00; empty: always.",
        ),
    ] = ""
    # Only the owner knows what a device can tell of mains and metered networks, and how.
    update_hook: Annotated[
        Path | None,
        Meta(description="Command, absolute path: status 0 when an update may begin; no shell."),
    ] = None
    require_confirmation: Annotated[
        bool, Meta(description="The owner is asked before a judged backbone serves.")
    ] = False  # thousands of devices have nobody to ask
    # The fleet sees what one device cannot, and a device that waits for samples may wait for ever.
    too_few_samples: Annotated[
        TooFew, Meta(description="Where too little is held out to judge by: accept or hold.")
    ] = TooFew.ACCEPT

    # What goes beyond the figures of a check-in is the owner's to give, each time anew.
    diagnose: Annotated[
        DiagnosisRule,
        Meta(description="When an operator asks for a diagnosis: ask the owner, always or never."),
    ] = DiagnosisRule.ASK

    # What a class's samples look like on average is the owner's to give away, class by class.
    shared_classes: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=128)], ...],
        Meta(
            max_length=10_000,
            description="Classes that take part in federation where the owner agrees to it; the"
            " single word all stands for every class.",
        ),
    ] = ()
    # A device that never meets a class only loses by taking something for it.
    foreign_classes: Annotated[
        bool,
        Meta(description="Classes that only other devices know may be answered, if federated."),
    ] = False
    # It blurs what leaves and helps nobody: who wants it knows against whom.
    federation_noise: Annotated[
        float,
        Meta(
            ge=0,
            le=10,
            description="Standard deviation of noise on every number of a shared mean, in lengths"
            " of a feature; a campaign may ask for more.",
        ),
    ] = 0.0

    # Whoever watches a device itself has a Prometheus for it; most fleets read the orchestrator's.
    metrics_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="Port of 127.0.0.1 that shows metrics (extra `metrics`); 0 for none.",
        ),
    ] = 0

    log_level: Annotated[LogLevel, Meta(description="debug, info, warning or error.")] = (
        LogLevel.INFO
    )
    log_form: Annotated[LogForm, Meta(description="text for people, json for collectors.")] = (
        LogForm.TEXT
    )

    def __post_init__(self) -> None:
        for setting in ("critical_classes", "shared_classes"):
            for name in getattr(self, setting):
                try:
                    stored_class_name(name)
                except FieldwiseError as error:
                    raise ValueError(f"{setting}: {error.sentence}") from error
        if self.update_hook is not None and not self.update_hook.is_absolute():
            raise ValueError(f"update_hook: {self.update_hook} is not an absolute path")
        if self.proxy not in {"", NONE}:
            _check_proxy(self.proxy)

    @property
    def owner_socket(self) -> Path:
        """In a folder that only the owner enters: the file system checks who calls."""
        return self.state_folder / "owner" / "socket"

    @property
    def applications(self) -> Path:
        """The socket for applications."""
        return self.application_socket or socket_in(self.state_folder)


def _check_proxy(text: str) -> None:
    if "://" not in text:  # nobody who shows settings would see where a password begins
        raise ValueError("proxy: it does not begin with http://")
    try:
        parse_proxy(text)
    except FieldwiseError as error:
        raise ValueError(f"proxy: {error.sentence}") from error


def load_settings(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, object]
) -> Effective[AgentSettings]:
    """Bring the layers of settings together.

    Raises:
        FieldwiseError: ``SETTING_INVALID``, one line for each mistake.
    """
    effective = load(AgentSettings, Layers(file, environment, PREFIX, flags, FOREIGN, _flag))
    bound = effective.settings.disk_bytes_max
    if 0 < bound < DISK_BYTES_MIN:
        raise FieldwiseError(
            Fault.SETTING_INVALID,
            f"disk_bytes_max is {bound:,} bytes; below {DISK_BYTES_MIN:,} no sample could be kept"
            " (0 is no bound)",
        )
    return effective


def _flag(name: str) -> str:
    return "--state-folder" if name == "state_folder" else f"--set {name}"
