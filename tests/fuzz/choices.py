"""Bytes as a series of choices: what a fuzzer mutates, and what a structure is made by.

A fuzzer knows nothing of fields and braces. So its bytes are read as decisions, which field and
which value, and every change of a byte changes one decision. Bytes that have run out decide for
the first of everything, so whatever is made ends.
"""

import struct
from collections.abc import Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")

DEPTH_MAX = 3

WHOLE = (0, 1, 2, -1, 7, 255, 256, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 2**64 - 1)
BROKEN = (0.0, 1.0, -1.0, 0.5, float("nan"), float("inf"), float("-inf"), 1e308, 5e-324, -0.0)
TEXTS = (
    "",
    "a",
    "d-abcdefghijklmnop",
    "apple",
    " blank before",
    "left\u202eright",
    "zero\u200bwidth",
    "e\u0301",
    "\u00e9",
    "nul\x00",
    "line\nbreak",
    "\ufeffmark",
    "\U0001f34e",
    "../../etc/passwd",
    "0",
    "1e999",
    "0" * 64,
    "f" * 64,
    "x" * 200,
    "\u00fc" * 5000,
    "plant-7",
    "spiffe://plant-7/device/d-abc",
    "127.0.0.1:8443",
    "[::1]:0",
    "site=berlin,!old",
    "22:00",
    "-1",
    "NaN",
    "null",
    "{}",
    "1.0.0",
    "fp32",
)


class Choices:
    """Reads decisions off bytes, from front to back."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def take(self, count: int) -> bytes:
        """As many bytes as are left of so many."""
        piece = self._content[self._place : self._place + count]
        self._place += count
        return piece

    def rest(self) -> bytes:
        return self.take(len(self._content))

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def below(self, limit: int) -> int:
        """A number from 0 up to a limit, the limit not included."""
        if limit <= 1:
            return 0
        return self.number(1 if limit <= 256 else 4) % limit

    def one_of(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def integer(self) -> int:
        if self.below(3):
            return self.one_of(WHOLE)
        return struct.unpack("<q", self.take(8).ljust(8, b"\0"))[0]

    def real(self) -> float:
        if self.below(3):
            return self.one_of(BROKEN)
        return struct.unpack("<d", self.take(8).ljust(8, b"\0"))[0]

    def text(self) -> str:
        if self.below(4):
            return self.one_of(TEXTS)
        return self.take(self.below(64)).decode("utf-8", "replace")

    def octets(self, cap: int) -> bytes:
        """Bytes of a length that somebody may have counted on."""
        length = self.one_of((0, 1, 4, 8, 16, 32, 33, 64, min(cap, 4096), min(cap, 4096) + 1))
        return self.take(min(length, 24)).ljust(length, b"\x07")

    def value(self, depth: int = 0) -> Any:
        """Anything that JSON can say, and some that it only just can."""
        plain = (lambda: None, lambda: bool(self.below(2)), self.integer, self.integer)
        simple = (*plain, self.real, self.text, self.text)
        nested = (lambda: self._list(depth), lambda: self._mapping(depth))
        return self.one_of(simple if depth > DEPTH_MAX else (*simple, *nested))()

    def _list(self, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(self.below(4))]

    def _mapping(self, depth: int) -> dict[str, Any]:
        return {self.text(): self.value(depth + 1) for _ in range(self.below(4))}
