"""Where a device's ledger ends, as the device tells it and as people pass it on.

A ledger is a chain: the digest of an entry is over its content and the digest before it. So the
number and the digest of one entry stand for it and for everything before it.
"""

import re
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError

NUMBER_MAX = 2**62  # databases count to 2**63
DIGEST_BYTES = 32
NOTHING_WRITTEN = "0" * 2 * DIGEST_BYTES  # what the first entry is chained to

_WRITTEN = re.compile(r"([0-9]{1,19}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The newest entry of a ledger.

    Attributes:
        number: Of the entry; 0 before the first.
        digest: SHA-256 over it and the digest before it, lower-case hexadecimal.
        alterations: How often the device itself has found its ledger altered.
    """

    number: int
    digest: str
    alterations: int = 0

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


def parse_head(text: str) -> LedgerHead:
    """Read NUMBER:DIGEST.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``.
    """
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None or int(found[1]) > NUMBER_MAX:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"{text[:100]!r} is no head of a ledger: NUMBER:DIGEST with 64 hexadecimal digits",
        )
    return LedgerHead(int(found[1]), found[2])
