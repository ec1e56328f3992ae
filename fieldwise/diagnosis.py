"""A diagnosis: what an agent says of itself for whoever looks for a defect from afar.

It leaves a device only where the device's owner allowed it, and it is made so that the owner need
not trust whoever asked. It has versions, settings, counters, and for what went wrong the places in
our own code that it went through: neither messages, which may quote a value, nor variables, nor
anything of others' code but the number of frames. What may be in it is listed, not what may not:
a setting that these records do not name stays on the device, and every text has a form in which no
sentence, path or host can be.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.errors import Fault, FieldwiseError

OWN_PACKAGES = ("agent", "fieldwise")  # what runs on a device of ours
FRAMES_MAX, ERRORS_MAX, KINDS_MAX, HEADS_MAX = 8, 8, 16, 10
NAME_BYTES_MAX = 64
UNKNOWN = "unknown"  # in place of a text that has another form than it should

ID = re.compile(r"[0-9a-f]{32}")
VERSION = re.compile(r"[0-9A-Za-z._+~-]{1,32}")
SYSTEM = re.compile(r"[0-9A-Za-z._+~-]{1,31}( [0-9A-Za-z._+~-]{1,32})?")
KERNEL = re.compile(r"[0-9A-Za-z._+~-]{1,64}")
MODULE = re.compile(rf"(?=.{{1,64}}\Z)({'|'.join(OWN_PACKAGES)})(\.[a-z_][a-z0-9_]*)*")
FUNCTION = re.compile(r"[A-Za-z0-9_.<>]{1,64}")
EXCEPTION = re.compile(r"[A-Za-z]{0,64}")
KIND = re.compile(r"[a-z -]{1,32}")
WORD = re.compile(r"[a-z-]{1,16}")
WINDOW = re.compile(r"([0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2})?")


class DiagnosisRule(StrEnum):
    """What the owner has settled about diagnoses."""

    ASK = "ask"
    ALWAYS = "always"
    NEVER = "never"


class DiagnosisStep(StrEnum):
    """How a request stands on the device: its owner is asked, said no, or said yes."""

    WAITING = "waiting"
    REFUSED = "refused"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class SettingsTold:
    """Settings as they are in force; the names and units are those of the agent's settings.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` on creation with a text of another form.
    """

    threads: int = 0
    queue_max: int = 0
    predictions_kept: int = 0
    predictions_bytes_max: int = 0
    predictions_durable: bool = False
    questions_a_day: int = 0
    self_label_confidence: float = 0.0
    self_label_share_max: float = 0.0
    commit_seconds: float = 0.0
    commit_samples: int = 0
    exemplar_bytes_max: int = 0
    shrinkage: float = 0.0
    heads: tuple[str, ...] = ()
    half_life_samples: float = 0.0
    image_seconds_max: float = 0.0
    replay_bytes_max: int = 0
    learning_paused: bool = False
    retention_days: int = 0
    classes_max: int = 0
    memory_bytes_max: int = 0
    disk_bytes_max: int = 0
    cpu_share: float = 0.0
    passing_pairs: int = 0
    passing_seconds_max: float = 0.0
    learn_window: str = ""
    learn_when_idle_seconds: float = 0.0
    judging_alpha: float = 0.0
    judging_loss_min: float = 0.0
    latency_ratio_max: float = 0.0
    latency_floor_seconds: float = 0.0
    probation_predictions: int = 0
    probation_minutes: float = 0.0
    update_window: str = ""
    require_confirmation: bool = False
    too_few_samples: str = "accept"
    metrics_port: int = 0
    log_level: str = "info"
    log_form: str = "text"

    def __post_init__(self) -> None:
        for name in (*self.heads, self.too_few_samples, self.log_level, self.log_form):
            _check(WORD, name, "a word of a setting")
        for window in (self.learn_window, self.update_window):
            _check(WINDOW, window, "a window")
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{each.name} is {value}")


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in code of our own.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` on creation with a name of another form.
    """

    module: str
    function: str
    line: int

    def __post_init__(self) -> None:
        _check(MODULE, self.module, "a module")
        _check(FUNCTION, self.function, "a function")

    def __str__(self) -> str:
        return f"{self.module}:{self.function}:{self.line}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong on a device, as often as it went wrong alike.

    Attributes:
        fault: Of our catalogue; None for an exception that nobody foresaw.
        exception: Its name where it is one of Python's own, else empty.
        times: How often.
        seconds_ago: Since the last time.
        frames: Ours, outermost first; the innermost of many.
        further_frames: Ours that are not listed.
        foreign_frames: Of others' code.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` on creation with a name of another form.
    """

    fault: Fault | None
    exception: str
    times: int
    seconds_ago: int
    frames: tuple[Frame, ...] = ()
    further_frames: int = 0
    foreign_frames: int = 0

    def __post_init__(self) -> None:
        _check(EXCEPTION, self.exception, "an exception")


@dataclass(frozen=True, slots=True)
class TotalTold:
    """How much of one kind has left the device.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` on creation with a kind of another form.
    """

    kind: str
    messages: int
    bytes: int

    def __post_init__(self) -> None:
        _check(KIND, self.kind, "a kind of message")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All of it; ``troubles_noticed`` counts those that are not listed, too.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` on creation with a text of another form.
    """

    agent_version: str
    python_version: str
    system: str
    kernel: str
    architecture: str
    settings: SettingsTold
    vital_signs: VitalSigns
    learning: LearningCounters
    signs: LearningSigns
    sent: tuple[TotalTold, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    troubles_noticed: int = 0

    def __post_init__(self) -> None:
        for version in (self.agent_version, self.python_version, self.architecture):
            _check(VERSION, version, "a version")
        _check(SYSTEM, self.system, "a system")
        _check(KERNEL, self.kernel, "a kernel")


ALLOWED_SETTINGS = tuple(each.name for each in fields(SettingsTold))


def parts_of(diagnosis: Diagnosis) -> Mapping[str, Mapping[str, object]]:
    """Return the figures of a diagnosis for people, by part and name."""
    return {
        "settings": asdict(diagnosis.settings),
        "process": asdict(diagnosis.vital_signs),
        "learning": asdict(diagnosis.learning),
        "signs": asdict(diagnosis.signs),
        "sent": {
            each.kind: f"{each.messages:,} x, {each.bytes:,} bytes" for each in diagnosis.sent
        },
    }


def check_id(text: str) -> str:
    """Return the id of a request.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else.
    """
    _check(ID, text, "an id of a request")
    return text


def of_form(form: re.Pattern[str], text: str) -> str:
    """Return a text that has this form, and otherwise only that it has not."""
    return text if form.fullmatch(text) else UNKNOWN


def _check(form: re.Pattern[str], text: str, what: str) -> None:
    if not form.fullmatch(text):
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{text[:80]!r} is not {what}")
