"""What an update machine remembers, what can happen to it and what it asks for: values only."""

from dataclasses import dataclass
from enum import StrEnum

from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Pair:
    """A backbone in one of its variants, and so the head that was learned on it."""

    digest: str  # of the manifest, hexadecimal
    variant: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A bundle that this device should come to serve."""

    digest: str = ""  # of the manifest, hexadecimal; empty before the first
    variant: str = (
        ""  # that the fleet wants for devices of its class; empty for the device's choice
    )
    back: bool = False  # an operator takes a bundle back: neither judging nor probation
    by_owner: bool = False  # installed from a file; else ordered by the fleet
    confirmed: bool = False  # the owner said yes


@dataclass(frozen=True, slots=True)
class UpdateState:
    """Everything the journal holds of updates."""

    generation: int = 0  # highest target seen
    wish: Wish = Wish()  # the newest
    variant: str = ""  # of the wanted bundle, once it is verified
    phase: UpdatePhase = UpdatePhase.IDLE
    failure: UpdateFailure | None = None
    hold: UpdateHold | None = None  # what IDLE or JUDGING waits for
    missing_bytes: int = 0  # of room on disk, where that is what it waits for
    bytes_per_second: int = 0  # most that fetching may take; 0 for no bound
    work: int = 0  # number of the newest piece of work
    restarts: int = 0  # in the present phase
    in_use: Pair | None = None
    before: Pair | None = None
    pinned: bool = False  # only the owner changes the backbone
    verdict: Verdict | None = None  # of the newest comparison, until the next
    judged: bool = False  # the verdict is of the wish, which waits for the owner's word

    @property
    def wanted(self) -> str:
        """Manifest digest of the newest wish; empty before the first."""
        return self.wish.digest


@dataclass(frozen=True, slots=True)
class Targeted:
    """The orchestrator says what this device should run."""

    generation: int
    digest: str
    variant: str = ""
    back: bool = False


@dataclass(frozen=True, slots=True)
class Permitted:
    """The orchestrator lets this device start on a target now."""

    generation: int
    bytes_per_second: int = 0


@dataclass(frozen=True, slots=True)
class Installed:
    """The owner put the files of a bundle on the device and wants it used."""

    digest: str


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The owner wants the pair from before, which can be opened."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The owner wants the fleet to change nothing."""


@dataclass(frozen=True, slots=True)
class Unpinned:
    """The owner lets the fleet change backbones again."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The owner says yes to what is wanted."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The owner says no to what is wanted."""


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """The owner's rules were looked at again; None: nothing holds any more."""

    hold: UpdateHold | None
    missing_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Restarted:
    """The daemon starts on what the journal says; told before anything foreign is opened."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The daemon ends as it was told to: this start is not to be held against a bundle."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The pair in use cannot be opened: its files are gone or damaged."""


@dataclass(frozen=True, slots=True)
class Stranded:
    """The pair from before cannot be opened: its files are gone or damaged."""


@dataclass(frozen=True, slots=True)
class Fetched:
    work: int


@dataclass(frozen=True, slots=True)
class Lacking:
    """There is not the room to finish; nothing but the manifest was fetched."""

    work: int
    missing_bytes: int


@dataclass(frozen=True, slots=True)
class Verified:
    work: int
    variant: str


@dataclass(frozen=True, slots=True)
class Migrated:
    work: int


@dataclass(frozen=True, slots=True)
class Judged:
    """Both pairs were compared.

    Attributes:
        work: Number of the work.
        verdict: In counts.
        failure: Why it was declined; None where it was not.
        ask: Whether the owner wants to be asked before an accepted pair serves.
    """

    work: int
    verdict: Verdict
    failure: UpdateFailure | None = None
    ask: bool = False


@dataclass(frozen=True, slots=True)
class ProbationPassed:
    work: int


@dataclass(frozen=True, slots=True)
class Failed:
    work: int
    failure: UpdateFailure


Outcome = Fetched | Lacking | Verified | Migrated | Judged | ProbationPassed | Failed
FromFleet = Targeted | Permitted
FromOwner = Installed | RolledBack | Pinned | Unpinned | Confirmed | Refused
FromDevice = HoldChanged | Restarted | Stopped | Lost | Stranded
Outside = FromFleet | FromOwner | FromDevice
Event = Outside | Outcome


class Deed(StrEnum):
    """What an action asks for."""

    CANCEL = "cancel"  # the work under way
    SERVE = "serve"  # let the pair answer that the state names as in use
    FETCH = "fetch"
    VERIFY = "verify"
    MIGRATE = "migrate"
    JUDGE = "judge"
    WATCH = "watch"  # what serves, on probation
    DISCARD = "discard"  # what no pair needs any more


@dataclass(frozen=True, slots=True)
class Action:
    """A deed, and the number of the work it begins or ends."""

    deed: Deed
    work: int
