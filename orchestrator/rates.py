"""How often somebody may call: a bucket of tokens for each caller, in bounded memory.

A bucket holds ``burst`` tokens and gains ``per_second``; a call takes one. What is kept of a bucket
is one number, the moment at which it will be full again (the generic cell rate algorithm of ATM): a
call moves that moment on by the time of one token, and is refused where the bucket would be empty
then. A bucket that is full is not kept at all, so memory follows those who have called lately.

Where there is no room for one more, the caller goes who was heard of longest ago. Who has that many
names to call under gets more than his share by it; what all callers have together is a bucket of
its own, which none of that moves.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

KEYS_MAX = 65_536  # about 15 MiB; more than call a replica within the time of a burst
ROUNDING = 1e-6  # of a token: sums of fractions end a little beside a whole number
UNKNOWN = "unknown"  # all whose address cannot be read share one bucket
IPV6_SITE_BITS = 64  # one customer has at least so much of IPv6, and may use all of it


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls at once, and so many a second over time."""

    burst: int
    per_second: float

    def __str__(self) -> str:
        if self.per_second >= 1:
            return f"{self.burst} at once and {self.per_second:g} a second"
        return f"{self.burst} at once and one in {1 / self.per_second:g} s"


# What a device may call of each method, but for check-ins, whose rate is a setting. An agent that
# works stays below a tenth of each.
DEVICE_RATES: Mapping[str, Rate] = MappingProxyType(
    {
        # The files of a bundle are some twenty; a link that breaks asks for each again and again.
        "Download": Rate(120, 1.0),
        # A look at the metadata is some files, more where roots were changed meanwhile.
        "GetMetadata": Rate(120, 1.0),
        # A renewal is due every few days, and signing costs most of all calls.
        "Renew": Rate(10, 1 / 60),
        "Leave": Rate(5, 1 / 60),
        # An answer is asked for by a person.
        "AnswerDiagnosis": Rate(20, 1 / 10),
        # Rounds last seconds at the least.
        "FetchTask": Rate(60, 0.5),
        "SubmitUpdate": Rate(30, 0.2),
    }
)
OTHERWISE = Rate(120, 1.0)  # any other method of a device
CHECK_IN_BURST = 120  # an hour's worth of a device at the usual pace


class Buckets:
    """A bucket for each caller.

    Args:
        rate: What each may call.
        keys_max: How many callers are kept.
    """

    def __init__(self, rate: Rate, keys_max: int = KEYS_MAX) -> None:
        self.rate = rate
        self._token_seconds = 1 / rate.per_second
        self._burst_seconds = rate.burst / rate.per_second
        self._keys_max = keys_max
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Take a token; return 0, or without taking one the seconds until there is one.

        Args:
            key: Whose bucket.
            now: Seconds of a clock that never goes back.
        """
        full_at = max(self._full_at.get(key, now), now) + self._token_seconds
        wait = full_at - now - self._burst_seconds
        if wait > self._token_seconds * ROUNDING:
            return wait
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        self._forget(now)
        return 0.0

    def give_back(self, key: str) -> None:
        """Put a token back that was taken for nothing."""
        if key in self._full_at:
            self._full_at[key] -= self._token_seconds

    def is_empty(self, key: str, now: float) -> bool:
        """Tell whether there is no token, without taking one."""
        full_at = max(self._full_at.get(key, now), now) + self._token_seconds
        return full_at - now - self._burst_seconds > self._token_seconds * ROUNDING

    def is_full(self, key: str, now: float) -> bool:
        """Tell whether no token is missing."""
        return self._full_at.get(key, now) <= now

    def _forget(self, now: float) -> None:
        """Let go two of the oldest whose buckets are full, so that all of those go in time."""
        for _ in range(2):
            oldest = next(iter(self._full_at))
            if self._full_at[oldest] <= now or len(self._full_at) > self._keys_max:
                del self._full_at[oldest]


def address_of(peer: str) -> str:
    """Return whose a connection is, as gRPC names its other end: "ipv4:192.0.2.1:4711".

    All of an IPv6 network of 64 bits is one caller.
    """
    kind, _, place = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return UNKNOWN
    bare = place.replace("%5B", "").replace("%5D", "").rpartition(":")[0]
    host = bare.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_SITE_BITS), strict=False))
