"""How a rollout is to go: the plan that an operator writes, and nothing that happened.

A plan names a backbone and a cohort, cuts the cohort into waves, and says what lets the rollout go
from one wave to the next. Everything has a default, and the default is the careful choice.

A wave is a number of devices or a share of the cohort, and the last one always takes the rest. Who
is in which wave follows from a hash of the device's id and the rollout's number (``waves.py``).
"""

from dataclasses import dataclass
from enum import StrEnum

PROOF_DEVICES_MIN = 3  # of fewer nobody knows how much devices differ


class Promotion(StrEnum):
    """Who lets a rollout go on after a wave whose gate is open."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class OnAbort(StrEnum):
    """What becomes of devices that have the new backbone when a gate closes for good."""

    REVERT = "revert"
    HOLD = "hold"


class Undecided(StrEnum):
    """What follows when the evidence of a wave is in and decides nothing."""

    PAUSE = "pause"
    PROMOTE = "promote"
    ABORT = "abort"


class Overdue(StrEnum):
    """What a device is taken for that did not settle within its deadline, or fell silent."""

    FAIL = "fail"
    PAUSE = "pause"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Wave:
    """A step of a rollout: ``devices`` of the cohort, or a ``share`` of it (0 to 1), not both.

    With neither it takes all that are left.
    """

    devices: int | None = None
    share: float | None = None
    promotion: Promotion | None = None  # None for the plan's


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """Devices that should run a certain variant; the first that fits decides.

    An empty text and 0 fit every device.
    """

    variant: str
    architecture: str = ""
    execution_provider: str = ""
    memory_mib_min: int = 0


@dataclass(frozen=True, slots=True)
class GateRules:
    """What the gate between two waves asks for; shares are 0 to 1.

    ``margin`` is the loss of accuracy that is not acceptable; ``alpha`` bounds the chance to go to
    the end at such a loss, ``false_abort`` the chance to stop where nothing changed.
    """

    margin: float = 0.02
    alpha: float = 0.05
    false_abort: float = 0.05
    devices_min: int = 50  # waves of fewer cannot show that a loss is below the margin
    settled_share_min: float = 0.95  # of a wave, before it may open the next
    worst_device_alpha: float = 0.05
    device_loss_max: float = 0.2  # of a single device's scenes
    failed_share_max: float = 0.05
    rollback_share_max: float = 0.05
    declined_share_max: float = 0.3
    silent_share_max: float = 0.05  # above what was silent before the rollout
    latency_ratio_max: float = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once; 0 for no bound."""

    in_flight: int = 0
    starts_per_minute: int = 0
    bytes_per_second: int = 0  # of all downloads of the rollout together


@dataclass(frozen=True, slots=True)
class Window:
    """When devices may start, UTC: minutes since midnight and days of the week, Monday 0.

    One that ends before it begins goes over midnight and belongs to the day it begins on.
    """

    begin_minute: int
    end_minute: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Plan:
    """See the module. Durations are seconds."""

    backbone: str
    cohort: str = ""
    waves: tuple[Wave, ...] = (Wave(),)
    gate: GateRules = GateRules()
    promotion: Promotion = Promotion.AUTOMATIC
    undecided: Undecided = Undecided.PAUSE
    overdue: Overdue = Overdue.FAIL
    on_abort: OnAbort = OnAbort.REVERT
    device_deadline_seconds: int = 86_400  # from its permit until a device has settled
    wave_deadline_seconds: int = 604_800  # from its first permit until a wave has to be decided
    soak_seconds: int = 0  # that a wave is watched after its last device has settled
    limits: Limits = Limits()
    window: Window | None = None
    minimum_agent_version: str = ""
    classes: tuple[DeviceClass, ...] = ()
