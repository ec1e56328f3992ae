"""Who leads: of all replicas the one that acts on its own account.

Every replica serves devices and operators; what is done without being asked, as looking at
rollouts and counting the fleet, is the leader's. A replica leads for a **term**. It claims and
renews a lease by the store's clock, and another may take over when the lease has lapsed.

A lease alone is no fence. A leader that was suspended, or cut off, goes on for a moment in the
belief that it leads, and its clock says nothing about that. So terms only rise, every write of a
leader names its term, and the store refuses it once a newer term has begun. Whatever clocks do,
at most one term writes; a wrong clock costs a change of leaders and nothing else.

A process that is started again in its own place (its data folder, which one process holds) need
not wait for the lease of the one before: it takes over at once, in a new term of its own. If the
place was copied, both copies take over from each other, which is a noise and no harm.

The lease also remembers since when somebody has led without a break. Who led could have seen
devices call, so silence before that moment says nothing about a device.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

LEASE_SECONDS_MAX = 600.0
BREAK_SECONDS = 60.0  # of nobody leading; devices call every minute


class Election(StrEnum):
    """Who says which replica may try to lead; the database gives the term in any case."""

    DATABASE = "database"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class Replica:
    """A process and the place where it runs, by names that nobody else has."""

    process: str
    place: str


@dataclass(frozen=True, slots=True)
class Lead:
    """The newest term: whose it is, until when, and since when there was no break in leading.

    Times are seconds since 1970 by the store's clock.
    """

    term: int
    replica: Replica
    expires_at: float
    unbroken_since: float


def after_claim(lead: Lead | None, replica: Replica, seconds: float, now: float) -> Lead:
    """Return who leads after a replica has asked for it.

    Args:
        lead: The newest term; None before the first.
        replica: Who asks, for a first time or to renew its lease.
        seconds: How long the lease is to last.
        now: By the store's clock.
    """
    if lead is None:
        return Lead(1, replica, now + seconds, now)
    unbroken = lead.unbroken_since if now - lead.expires_at <= BREAK_SECONDS else now
    if lead.replica == replica:  # nobody took it meanwhile, even if it lapsed
        return Lead(lead.term, replica, now + seconds, unbroken)
    if lead.replica.place == replica.place or has_lapsed(lead, now):
        return Lead(lead.term + 1, replica, now + seconds, unbroken)
    return lead


def after_resigning(lead: Lead | None, replica: Replica, now: float) -> Lead | None:
    """Return the newest term after a replica has given up whatever it had of it."""
    if lead is None or lead.replica != replica:
        return lead
    return replace(lead, expires_at=min(lead.expires_at, now))


def has_lapsed(lead: Lead, now: float) -> bool:
    """Tell whether anybody may take over; a lease beyond all bounds is a wrong clock's."""
    return now >= lead.expires_at or lead.expires_at > now + LEASE_SECONDS_MAX
