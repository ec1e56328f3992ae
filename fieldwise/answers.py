"""What an agent answers, as values: to applications, to its owner, to its own commands."""

from dataclasses import dataclass

from fieldwise.verdict import Verdict

UNUSED = "unused"  # the share of a sample that was put to no use


@dataclass(frozen=True, slots=True)
class ScoredClass:
    """A class and its share of belief, 0 to 1."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Novelty:
    """How unlike everything known a sample is.

    Attributes:
        p_value: Share of known samples at least as unlike, 0 to 1: small for what is new.
        novel: Whether that is at most the false-alarm rate that the device was told.
    """

    p_value: float
    novel: bool


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the head says of an image.

    Attributes:
        id: To give feedback on it later.
        classes: Best first, at most 5; empty while no class is known.
        backbone: NAME:VERSION of the backbone that saw the image.
        calibrated: Whether confidences were brought in line with held-out samples.
        novelty: None while too few samples are held out to tell.
    """

    id: str
    classes: tuple[ScoredClass, ...]
    backbone: str
    calibrated: bool = False
    novelty: Novelty | None = None

    @property
    def best(self) -> str:
        """The first class; empty while none is known."""
        return self.classes[0].name if self.classes else ""


@dataclass(frozen=True, slots=True)
class Question:
    """A prediction that is worth a label.

    Attributes:
        prediction_id: What to answer to.
        seconds: When it was made, seconds since 1970.
        reason: "uncertain", "novel" or "disagreement".
        classes: What the head says of it now, best first, at most 5.
        image_held: Whether its image can be shown.
    """

    prediction_id: str
    seconds: float
    reason: str
    classes: tuple[ScoredClass, ...]
    image_held: bool


@dataclass(frozen=True, slots=True)
class Questions:
    """Predictions that are worth a label, and how many new ones may still be asked about today."""

    questions: tuple[Question, ...]
    budget: int


@dataclass(frozen=True, slots=True)
class Lesson:
    """What became of a taught image.

    Attributes:
        sample_id: Unique on the device.
        share: "learn", "select" or "judge": learned, or set aside for choosing or for judging;
            "unused" while learning is paused, and for a correction of a scene that is set aside.
        predicted: What the head said before it learned; empty while no class was known.
        known: Whether it was on record with this class already, and nothing changed.
    """

    sample_id: str
    share: str
    predicted: str
    known: bool = False


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """How the agent's process and host are; the units are in the names."""

    uptime_seconds: int = 0
    resident_bytes: int = 0
    state_bytes: int = 0
    disk_free_bytes: int = 0
    predictions: int = 0
    prediction_errors: int = 0
    prediction_p50_micros: int = 0
    prediction_p99_micros: int = 0


@dataclass(frozen=True, slots=True)
class LearningCounters:
    """How much was learned and how well it goes, in counts only."""

    samples: int = 0
    classes: int = 0
    select_samples: int = 0
    judge_samples: int = 0
    exemplars: int = 0
    exemplar_bytes: int = 0
    window_samples: int = 0
    window_correct: int = 0
    window_last_label_correct: int = 0


@dataclass(frozen=True, slots=True)
class LearningSigns:
    """How the world looks to a device; see ``LearningSigns`` in ``device.proto`` for every one."""

    novelty_samples: int = 0
    novelty_novel: int = 0
    calibration_samples: int = 0
    calibration_error_permille: int = 0
    drift_permille: int = 0
    drift_alarms: int = 0
    skipped: int = 0
    waiting_samples: int = 0
    learning_p50_micros: int = 0
    clock_off_seconds: int = 0


@dataclass(frozen=True, slots=True)
class SettingsInForce:
    """What an operator may steer, as learning goes by it now."""

    exemplar_bytes_max: int = 0
    shrinkage: float = 0.0
    learning_paused: bool = False
    retention_days: int = 0


@dataclass(frozen=True, slots=True)
class Wear:
    """What the agent costs the flash.

    Attributes:
        written_bytes: Since it began, in whole pages as the kernel counts them.
        seconds: How long that is.
        samples: Recorded meanwhile.
        predictions: Kept on the flash meanwhile, so that a label may come later.
        prediction_bytes: Features and images of these.
    """

    written_bytes: int
    seconds: int
    samples: int
    predictions: int = 0
    prediction_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ProbationStatus:
    """What a new backbone has done since it serves, and what ends its probation.

    Attributes:
        predictions: Answered and failed.
        predictions_wanted: It is over with so many.
        seconds: That the agent ran with it.
        seconds_wanted: Or with so many.
        failures: Predictions that the backbone failed.
        slow: Predictions that took too long beside the old pair's.
        samples: Labelled samples that both pairs answered.
        only_old: Those that only the old pair had right.
        only_new: Those that only the new one had.
    """

    predictions: int
    predictions_wanted: int
    seconds: int
    seconds_wanted: int
    failures: int = 0
    slow: int = 0
    samples: int = 0
    only_old: int = 0
    only_new: int = 0


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Where bringing a backbone into use stands.

    Attributes:
        generation: Of the newest target.
        digest: Of the bundle that is or was wanted last.
        phase: Of that.
        failure: Why it ended badly; empty where it did not.
        hold: What it waits for; empty for nothing.
        missing_bytes: Room that it waits for.
        pinned: Whether only the owner changes the backbone.
        probation: How far that is; None while nothing is watched.
    """

    generation: int
    digest: str
    phase: str
    failure: str
    hold: str = ""
    missing_bytes: int = 0
    pinned: bool = False
    probation: ProbationStatus | None = None


@dataclass(frozen=True, slots=True)
class Joining:
    """How asking for a membership stands, where there is none.

    Attributes:
        fleet: Whose word is waited for; empty where none is.
        fingerprint: Of the key that is to join, as the fleet's operator sees it.
        complaint: Why there is no answer yet, or what kind of no it was.
    """

    fleet: str
    fingerprint: str
    complaint: str


@dataclass(frozen=True, slots=True)
class PublisherStatus:
    """Who vouches for the backbones of a device.

    Attributes:
        root_version: Of the root that is trusted; 0 where there is no publisher.
        targets_version: Of the list of bundles; 0 before the first.
        floor_epoch: Bundles of a lower epoch are refused.
        root_expires: Until when the root may be trusted, as ``2027-01-31T12:00:00Z``; empty without
            one. So for the others.
        targets_expires: The list.
        timestamp_expires: What says that the list is the newest.
        in_use_listed: Whether the backbone in use is on the list.
        complaint: Why what is trusted is not up to date; empty where it is.
    """

    root_version: int = 0
    targets_version: int = 0
    floor_epoch: int = 0
    root_expires: str = ""
    targets_expires: str = ""
    timestamp_expires: str = ""
    in_use_listed: bool = False
    complaint: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """An agent at a glance.

    Attributes:
        agent_version: Of the program.
        device_id: Empty outside a fleet, as is ``fleet``.
        backbone: NAME:VERSION in use; empty before the first.
        variant: Which form of it runs.
        classes: Samples of each class.
        check_in_seconds: When the orchestrator last answered, seconds since 1970; None for never.
        check_in_error: Why the last check-in failed; empty when it did not.
        select_samples: Held-out samples for choosing settings, and how many the head has right.
        settings_revision: The operator's settings in force; 0 for the device's own.
        settings: What they come to.
        lost_samples: Samples learned earlier that the head lost when its stored state was damaged.
        clock_ahead_seconds: By how much the device's clock was ahead at the last check-in.
        skipped: Frames of streams that the agent was not ready for, since it began.
        waiting_samples: Recorded samples that wait to be learned, outside the hours for it.
        verdict: The newest comparison of a new pair with the one that served; None before any.
        carried_samples: Samples of all classes that are known by estimate, carried over from an
            earlier backbone.
        own_labels_dropped: Predictions that the agent was sure of and did not label itself, since
            more came than it had time for.
        joining: How joining a fleet stands; None where nothing is to be said of it.
        publisher: Who vouches for backbones.
    """

    agent_version: str
    device_id: str
    fleet: str
    backbone: str
    variant: str
    update: UpdateStatus
    learning: LearningCounters
    vital_signs: VitalSigns
    classes: dict[str, int]
    check_in_seconds: float | None
    check_in_error: str
    select_samples: int
    select_correct: int
    settings_revision: int
    settings: SettingsInForce
    lost_samples: int
    clock_ahead_seconds: int
    skipped: int = 0
    waiting_samples: int = 0
    verdict: Verdict | None = None
    carried_samples: int = 0
    own_labels_dropped: int = 0
    joining: Joining | None = None
    publisher: PublisherStatus = PublisherStatus()
