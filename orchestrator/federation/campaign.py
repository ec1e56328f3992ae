"""What a campaign is at one moment: the record that is stored, its rounds and its heads.

``orchestrator.federation.machine`` changes it; nothing here decides anything.
"""

import re
from dataclasses import dataclass

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadSpace
from orchestrator.federation.phases import UNDER_WAY, CampaignPhase, RoundPhase
from orchestrator.federation.plan import CampaignPlan


@dataclass(frozen=True, slots=True)
class Tally:
    """How the devices that were asked stand to a round, and others of whom something waits.

    Attributes:
        asked: How many were asked.
        taken: Of those, whose update was taken.
        declined: That said that they have nothing for it, or do not agree.
        refused: That sent what is no update.
        bytes: Of the updates that were taken.
        unchanged: That have nothing new; what they gave before stands. None of weights.
        waiting: Devices of which an update of an earlier round stands that came to no head, and
            that gave nothing to this one. None of weights.
    """

    asked: int = 0
    taken: int = 0
    declined: int = 0
    refused: int = 0
    bytes: int = 0
    unchanged: int = 0
    waiting: int = 0

    @property
    def answered(self) -> int:
        return self.taken + self.declined + self.refused + self.unchanged

    @property
    def news(self) -> int:
        """Devices of which something is not in any head yet."""
        return self.taken + self.waiting


@dataclass(frozen=True, slots=True)
class Round:
    """One averaging step.

    Attributes:
        number: From 1 on.
        opened_at: When devices were first asked.
        deadline: Until when updates are taken.
        wanted: Updates with which it is closed at once.
        phase: Where it stands.
        base_version: Of the head that it began with; 0 for none.
        tally: As of the last look while it was open.
        ended_at: When it was committed, missed or dropped.
        version: Of the head that came of it; 0 for none.
        classes: In that head.
        classes_held_back: Classes that too few devices sent.
        rows_left_out: Rows that the aggregator could not take.
    """

    number: int
    opened_at: float
    deadline: float
    wanted: int
    phase: RoundPhase = RoundPhase.OPEN
    base_version: int = 0
    tally: Tally = Tally()
    ended_at: float | None = None
    version: int = 0
    classes: int = 0
    classes_held_back: int = 0
    rows_left_out: int = 0


@dataclass(frozen=True, slots=True)
class HeadVersion:
    """A version of the head that a campaign has made.

    Attributes:
        version: Rises with every round that is committed and every taking back; never reused.
        digest: SHA-256 of the file, which lies where bundles do.
        bytes: Of the file.
        created_at: When it was stored.
        round: That it came of; 0 where it takes back.
        back_to: The version whose file it offers again; 0 where it came of a round.
        state_digest: SHA-256 of what the strategy keeps beside it; empty for nothing.
        state_bytes: Of that.
        request: Fingerprint of the request that took back (``orchestrator.repeats``).
    """

    version: int
    digest: str
    bytes: int
    created_at: float
    round: int = 0
    back_to: int = 0
    state_digest: str = ""
    state_bytes: int = 0
    request: str = ""


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What the aggregator made of a closed round; see ``Round`` and ``HeadVersion``.

    Without a head too little of what devices gave was usable.
    """

    round: int
    head_digest: str
    head_bytes: int
    classes: int = 0
    classes_held_back: int = 0
    rows_left_out: int = 0
    state_digest: str = ""
    state_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Campaign:
    """A federated effort among devices whose owners agree.

    Attributes:
        number: Given by the store; rises.
        plan: As the operator wrote it, the cohort in its normal form.
        title: Name and version of the backbone.
        space: What its rows belong to.
        created_at: When it was started.
        created_by: Who started it.
        request: Fingerprint of the request that did (``orchestrator.repeats``).
        phase: Where it stands.
        reason: Why, where the aggregator gave up.
        ended_at: Since when it does not run any more.
        round: The newest; None before the first.
        committed: Rounds that came to a version.
        missed: Rounds that did not meet their quorum.
        unchanged: Rounds in which too few devices had anything new.
        dropped: Rounds that were dropped.
        made_in: The newest round that came to a version; 0 for none.
        version: The highest that was given; 0 for none.
        head: What devices are offered.
        revision: Rises with every save, so that of two writers only one can save what both read.
    """

    number: int
    plan: CampaignPlan
    title: str
    space: HeadSpace
    created_at: float
    created_by: str = ""
    request: str = ""
    phase: CampaignPhase = CampaignPhase.RUNNING
    reason: str = ""
    ended_at: float | None = None
    round: Round | None = None
    committed: int = 0
    missed: int = 0
    unchanged: int = 0
    dropped: int = 0
    made_in: int = 0
    version: int = 0
    head: HeadVersion | None = None
    revision: int = 0

    @property
    def id(self) -> str:
        """How people and programs name it: ``c7``."""
        return campaign_id(self.number)

    @property
    def runs(self) -> bool:
        return self.phase is CampaignPhase.RUNNING

    @property
    def rounds_ended(self) -> int:
        """Rounds that are over, however they ended."""
        return self.committed + self.missed + self.unchanged + self.dropped

    @property
    def under_way(self) -> Round | None:
        """The round that is open or closed."""
        return self.round if self.round and self.round.phase in UNDER_WAY else None

    @property
    def open_round(self) -> Round | None:
        """The round that takes updates."""
        return self.round if self.round and self.round.phase is RoundPhase.OPEN else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member of a campaign's cohort.

    ``consent`` is None where its agent knows no federation or its owner never took part;
    ``is_offline`` as ``fleet.device.is_offline``.
    """

    device: str
    consent: Consent | None
    bundle_in_use: str | None
    is_offline: bool = False


def campaign_id(number: int) -> str:
    return f"c{number}"


def campaign_number(text: str) -> int:
    """Read ``c7``.

    Raises:
        FieldwiseError: ``NOT_FOUND`` for what cannot be a campaign's name.
    """
    number = number_in(text)
    if not number:
        raise FieldwiseError(Fault.NOT_FOUND, f"there is no campaign {text[:32]!r}")
    return number


def number_in(text: str) -> int:
    """Read ``c7`` as devices tell it: 0 for what cannot be a campaign's name."""
    return int(text[1:]) if re.fullmatch(r"c[1-9][0-9]{0,17}", text) else 0
