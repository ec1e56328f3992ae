"""How learning went and goes, as values: what the agent's report says and its page shows."""

from dataclasses import dataclass

from fieldwise.answers import Wear


@dataclass(frozen=True, slots=True)
class HeadScore:
    """One head, scored on labelled samples before it learned from them."""

    name: str
    serves: bool
    samples: int
    correct: int
    window_samples: int
    window_correct: int


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class.

    Attributes:
        name: Its name.
        learned: Samples that the head has learned.
        samples: Labelled samples tested before learning, and ``correct`` of them right.
        mistaken_for: The class it was taken for most often, ``mistaken`` times; empty for none.
        select_samples: Held out now, and ``select_correct`` of them right.
        select_best: The best share right at any checkpoint.
    """

    name: str
    learned: int = 0
    samples: int = 0
    correct: int = 0
    mistaken_for: str = ""
    mistaken: int = 0
    select_samples: int = 0
    select_correct: int = 0
    select_best: float = 0.0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Learning as it stood; ``select_accuracy`` is below 0 before anything was held out."""

    time: float
    learned: int
    classes: int
    window_accuracy: float
    last_label_accuracy: float
    select_accuracy: float
    exemplar_bytes: int


@dataclass(frozen=True, slots=True)
class DriftAlarm:
    """A detector's alarm at the ``observed``-th value of a signal."""

    time: float
    signal: str
    detector: str
    observed: int


@dataclass(frozen=True, slots=True)
class DriftWatch:
    """One detector on one signal."""

    signal: str
    detector: str
    observed: int
    alarms: int


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """Held-out samples of like confidence."""

    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class ConfidenceCheck:
    """Confidences against held-out samples; the errors are 0 to 1."""

    samples: int = 0
    temperature: float = 1.0
    error_before: float = 0.0
    error_after: float = 0.0
    bins: tuple[ConfidenceBin, ...] = ()


@dataclass(frozen=True, slots=True)
class LearningReport:
    """Learning in detail.

    Attributes:
        heads: Champion and challengers.
        classes: By name.
        curve: The learning curve, oldest first.
        alarms: The newest drift alarms, oldest first.
        watches: The drift detectors.
        confidence: Confidences against held-out samples.
        wear: What the flash has borne; None where nobody counts.
        tested: Labelled samples tested before learning since the beginning, ``correct`` of them
            right, and ``last_label_correct`` by the guess "same as the last label".
        forgetting: Mean over classes of best less present recall; None until measured twice.
        backward_transfer: Mean over classes of present less first recall; likewise.
        batch_gap_answers: Held-out answers, of ``batch_gap_samples``, that solving everything anew
            would change.
        skipped: Samples that sources offered and the agent could not take.
        self_labelled: Samples labelled by the agent itself that the head has learned.
        shrinkage: In force.
        shrinkage_chosen: Whether held-out samples chose it.
        novelty_rate: False-alarm rate of "novel"; 0 while too few are held out to tell.
        can_tell: What the agent can and cannot know with the labels it has.
        orphans: Samples of forgotten classes whose share of the scatter stays.
        carried: Samples that are known by estimate, carried over from an earlier backbone.
        known: Samples of all classes that the head knows, these among them.
    """

    heads: tuple[HeadScore, ...] = ()
    classes: tuple[ClassScore, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    alarms: tuple[DriftAlarm, ...] = ()
    watches: tuple[DriftWatch, ...] = ()
    confidence: ConfidenceCheck = ConfidenceCheck()
    wear: Wear | None = None
    tested: int = 0
    correct: int = 0
    last_label_correct: int = 0
    forgetting: float | None = None
    backward_transfer: float | None = None
    batch_gap_answers: int = 0
    batch_gap_samples: int = 0
    skipped: int = 0
    self_labelled: int = 0
    shrinkage: float = 0.0
    shrinkage_chosen: bool = False
    novelty_rate: float = 0.0
    can_tell: str = ""
    orphans: int = 0
    carried: int = 0
    known: int = 0
