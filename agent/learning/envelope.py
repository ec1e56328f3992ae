"""What learning may take of a device: when it learns, how hard it works, how much it keeps.

**When.** A window of local time ("22:00-06:00", over midnight where it ends before it begins) and a
silence: learning waits until nothing was predicted for so many seconds. Both are looked up at the
moment of asking and nothing is remembered, so a clock that is put forward or back, or summer time,
opens or closes the window at once and can do no more. A sample that comes outside is recorded at
once, with its features and its image, and learned later: what waits is what is durable and not yet
in the statistics, so nothing can be lost between the two. The head lags meanwhile.

**How hard.** Work in the background (catching up, tuning, rebuilding) takes at most a share of one
core: after working t seconds it rests t * (1/share - 1). What an application waits for is never
made to rest.

**How much on disk.** Everything in the state folder is bounded together. Images may take what they
take now and what is free beside them, less a reserve for the next writes; so when something else
grows, images give way first. Once none is left the feature log does, and then samples are refused.
Beside the reserve they leave room for the next backbone from the start, since they could not give
it back: the database's file never gets smaller, so that what they let go is room for what goes into
that file, the new head, but not for the files of a bundle. Where the file has taken that room all
the same, it only grows no further.
The reckoning uses what files really take and is repeated, so fragments and other surprises
are made up for by the next round; that no byte is written over the bound is not left to it, but
asked before every transaction (``agent.device.room``).
"""

import re
from dataclasses import dataclass

from agent.learning.settings import LearningSettings

WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
STEP_BYTES = 64 * 1024  # budgets move in steps, so that not every sample moves them
FEATURES_LEFT_BYTES = 8 * 1024 * 1024  # not for a backbone to come: some 3,000 samples that wait


@dataclass(frozen=True, slots=True)
class DayWindow:
    """Minutes of the local day from ``start`` up to but not with ``end``; all day where equal."""

    start: int
    end: int

    def contains(self, minute: int) -> bool:
        """Whether a minute of the day, 0 to 1,439, is within."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def read_window(text: str) -> DayWindow | None:
    """The window that "22:00-06:00" means; None for no window, the empty text.

    Raises:
        ValueError: For any other text; settings do not let it come here.
    """
    if not text:
        return None
    found = WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not of the form 22:00-06:00")
    hours, minutes, end_hours, end_minutes = map(int, found.groups())
    return DayWindow(hours * 60 + minutes, end_hours * 60 + end_minutes)


def may_learn(settings: LearningSettings, minute: int, idle_seconds: float) -> bool:
    """Whether what was taught may be learned now.

    Args:
        settings: The window and the silence that are asked for.
        minute: Of the local day, 0 to 1,439.
        idle_seconds: Since the last prediction; infinite where there was none.
    """
    window = read_window(settings.learn_window)
    in_time = window is None or window.contains(minute)
    return in_time and idle_seconds >= settings.learn_when_idle_seconds


def rest_seconds(worked_seconds: float, share: float) -> float:
    """How long to rest after work, so that working takes at most a share of the time."""
    return max(0.0, worked_seconds) * (1 / share - 1)


@dataclass(frozen=True, slots=True)
class Coming:
    """Room to leave for the next backbone, bytes.

    Attributes:
        files: Of its bundle, beside the database.
        stored: In the database and its journal.
    """

    files: int = 0
    stored: int = 0


NOTHING = Coming()


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What a state folder takes now, bytes.

    Attributes:
        live: Of all files, without pages of the database that are free to be used again.
        images: Of them, remembered images.
        features: Of them, features of learned samples.
        reserve: What the next writes may take for a while, at most.
        taken: Of all files, with pages of the database that are free to be used again.
        coming: What the next backbone will take.
    """

    live: int
    images: int
    features: int
    reserve: int
    taken: int = 0
    coming: Coming = NOTHING


@dataclass(frozen=True, slots=True)
class Allotment:
    """Room for images and for features of learned samples, bytes."""

    images: int
    features: int


def allot(settings: LearningSettings, use: DiskUse) -> Allotment:
    """Room within ``disk_bytes_max``: images give way first, then the feature log."""
    wanted = Allotment(settings.exemplar_bytes_max, settings.feature_log_bytes_max)
    if not settings.disk_bytes_max:
        return wanted
    bound = settings.disk_bytes_max
    beside = max(bound - use.coming.files, min(use.taken, bound)) - use.coming.stored
    images = _stepped(use.images + beside - use.reserve - use.live, wanted.images)
    left = min(_features(bound, use, wanted.features), FEATURES_LEFT_BYTES)
    return Allotment(images, max(left, _features(beside, use, wanted.features)))


def missing_bytes(settings: LearningSettings, use: DiskUse) -> int:
    """What the next writes would lack once every image and every such feature had given way."""
    if not settings.disk_bytes_max:
        return 0
    return max(0, use.live - use.images - use.features + use.reserve - settings.disk_bytes_max)


def lacking_bytes(settings: LearningSettings, use: DiskUse) -> int:
    """By how much the bound is too small for images beside the next backbone."""
    beside = settings.disk_bytes_max - use.coming.files - use.coming.stored
    return max(0, use.live - use.images + use.reserve + STEP_BYTES - beside)


def _features(bound: int, use: DiskUse, wanted: int) -> int:
    """Room for features within a bound once every image has given way."""
    missing = use.live - use.images + use.reserve - bound
    return _stepped(use.features - missing, wanted) if missing > 0 else wanted


def _stepped(room: int, wanted: int) -> int:
    return wanted if room >= wanted else max(0, room // STEP_BYTES * STEP_BYTES)
