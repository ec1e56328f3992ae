"""How people write the values of a plan, and how they are shown: ``10%``, ``2h``, ``5 MiB/s``.

Each form reads a text and writes it again; what it cannot read it refuses with a sentence and an
example. Bounds are not asked for here: ``orchestrator.rollout.plan_rules`` knows them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import pairwise
from typing import Any, Generic, TypeVar

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.output import SECONDS, seconds_from
from orchestrator.rollout.plan import Window

ValueT = TypeVar("ValueT")

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
TEXT_BYTES_MAX = 1024  # the longest that a plan holds, a selector

_REAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_WHOLE = re.compile(r"[0-9]{1,15}")
_AMOUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?(B|KiB|MiB|GiB|TiB)")
_WINDOW = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})( [a-z,-]{3,40})? UTC")


@dataclass(frozen=True, slots=True)
class Form(Generic[ValueT]):
    """One way to write a value.

    Args:
        read: From the text; raises ``ValueError`` for any other.
        write: The text that reads as the value.
        name: What it is called in "is no NAME".
        example: What to write instead.
    """

    read: Callable[[str], ValueT]
    write: Callable[[ValueT], str]
    name: str
    example: str

    def value_of(self, text: str) -> ValueT:
        """Read a text.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` with what it is not and what to write.
        """
        try:
            return self.read(text)
        except (ValueError, FieldwiseError) as error:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"{text[:60]!r} is no {self.name}; write {self.example}"
            ) from error


def choice(shape: type[StrEnum], name: str) -> Form[Any]:
    """One word of an enumeration."""
    words = [each.value for each in shape]
    example = ", ".join(words[:-1]) + f" or {words[-1]}"
    return Form(shape, str, name, example)


def closest(word: str, known: list[str]) -> str:
    """Return a question for whoever may have meant another word, or nothing."""
    found = get_close_matches(word, known, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _read_text(text: str) -> str:
    if len(text.encode()) > TEXT_BYTES_MAX or not text.isprintable():
        raise ValueError
    return text


def _read_count(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError
    return int(text)


def _read_number(text: str) -> float:
    if not _REAL.fullmatch(text):
        raise ValueError
    return float(text)


def _read_share(text: str) -> float:
    if text.endswith("%"):
        # Exactly as a fraction is read, so that 7% and 0.07 are one number.
        whole, dot, rest = text[:-1].rstrip().partition(".")
        _read_number(whole + dot + rest)
        digits = whole.rjust(3, "0")
        return float(f"{digits[:-2]}.{digits[-2:]}{rest}")
    return _read_number(text)


def _write_share(share: float) -> str:
    percent = f"{100 * share:.10g}%"
    return percent if _reads_as(percent, share) else _plain(share)


def _reads_as(text: str, share: float) -> bool:
    try:
        return _read_share(text) == share
    except ValueError:
        return False


def _plain(number: float) -> str:
    return f"{number:.12f}".rstrip("0").rstrip(".")


def _write_duration(seconds: int) -> str:
    for unit, size in reversed(SECONDS.items()):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _read_amount(text: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError
    return round(float(found[1]) * UNITS[found[2]])


def _write_amount(count: int) -> str:
    for unit, size in reversed(UNITS.items()):
        if count >= size and count % size == 0:
            return f"{count // size} {unit}"
    return f"{count} B"


def _read_rate(text: str) -> int:
    if text == "0":
        return 0
    amount, slash, second = text.partition("/")
    if not slash or second != "s":
        raise ValueError
    return _read_amount(amount)


def _read_mebibytes(text: str) -> int:
    amount = _read_amount(text)
    if amount % 2**20:
        raise ValueError
    return amount // 2**20


def _read_window(text: str) -> Window:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError
    begin_hour, begin, end_hour, end = (int(each) for each in found.groups()[:4])
    days = _read_days(found[5].strip()) if found[5] else tuple(range(7))
    return Window(begin_hour * 60 + begin, end_hour * 60 + end, days)


def _read_days(text: str) -> tuple[int, ...]:
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 if dash else 0
        days += [(begin + each) % 7 for each in range(length + 1)]
    return tuple(days)


def _write_window(window: Window) -> str:
    begin, end = (f"{each // 60:02}:{each % 60:02}" for each in _minutes(window))
    days = "" if window.days == tuple(range(7)) else f" {_write_days(window.days)}"
    return f"{begin}-{end}{days} UTC"


def _write_days(days: tuple[int, ...]) -> str:
    whole = len(days) >= 3 and all((later - day) % 7 == 1 for day, later in pairwise(days))  # noqa: PLR2004 - two days are as short with a comma
    if whole:
        return f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    return ",".join(DAYS[day] for day in days)


def _minutes(window: Window) -> tuple[int, int]:
    return window.begin_minute, window.end_minute


TEXT: Form[str] = Form(_read_text, str, "text", "one line of at most 1,024 bytes")
COUNT: Form[int] = Form(_read_count, str, "number", "a whole one such as 20")
NUMBER: Form[float] = Form(_read_number, _plain, "number", "one such as 2 or 1.5")
SHARE: Form[float] = Form(_read_share, _write_share, "share", "one such as 2% or 0.02")
DURATION: Form[int] = Form(seconds_from, _write_duration, "time", "one such as 90s, 30m, 2h or 7d")
RATE: Form[int] = Form(
    _read_rate,
    lambda rate: f"{_write_amount(rate)}/s" if rate else "0",
    "rate",
    "one such as 5 MiB/s, or 0 for none",
)
MEBIBYTES: Form[int] = Form(
    _read_mebibytes, lambda count: _write_amount(count * 2**20), "size", "one such as 512 MiB"
)
WINDOW: Form[Window] = Form(
    _read_window, _write_window, "window", "one such as 22:00-06:00 mon-fri UTC"
)
