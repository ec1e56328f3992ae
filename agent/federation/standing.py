"""What a device keeps and tells of its part in federation, as plain values.

Three records outlive a restart: the owner's consent, how the device stands to the newest round and
the newest global head, and what last left of each class (``agent.federation.sharing``).
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from fieldwise.bundle import Digest
from fieldwise.federation import (
    Consent,
    FederationReport,
    HeadOffer,
    HeadOutcome,
    RoundOffer,
    RoundStep,
)
from fieldwise.verdict import PairedCounts

ASIDE_MAX = 3  # declined heads whose files are kept
DROPPED_MAX = 100  # heads that the owner dropped; who takes back as many versions is not trusted

Count = Annotated[int, Meta(ge=0)]


class ConsentNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the owner agreed to, and until when: seconds since 1970, None for no end."""

    consent: Consent = Consent.OFF
    until: float | None = None

    def at(self, now: float) -> Consent:
        """The consent that holds then."""
        over = self.until is not None and now >= self.until
        return Consent.OFF if over else self.consent


class Mix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a device's own head and a global one are put together (``agent.learning.blending``).

    Attributes:
        own: Share of the device's own means or rows; 1 for nothing of the others'.
        spread: Share of the global covariance; 0 for the device's own alone.
        scale: Of rows that were trained by gradient, what others' are multiplied by.
        foreign: Whether classes that only others know may be answered.
        temperature: What divides the scores that the mix makes of the device's head, by its name.
    """

    own: Annotated[float, Meta(ge=0, le=1)] = 1.0
    spread: Annotated[float, Meta(ge=0, le=1)] = 0.0
    scale: Annotated[float, Meta(gt=0)] = 1.0
    foreign: bool = False
    temperatures: dict[str, Annotated[float, Meta(gt=0)]] = {}

    @property
    def is_own(self) -> bool:
        """Whether it is the device's own head, as far as its classes go."""
        return self.own == 1 and self.spread == 0


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A global head that was judged.

    Attributes:
        campaign: Whose head it is.
        version: Its version.
        digest: Of its file.
        bundle: Digest of the bundle that it was judged on.
        outcome: What came of it.
        counts: The device's own head as old, the mix as new; empty where nothing was compared.
        mix: What serves, or would have.
        held_out: Samples that were held out to choose on by then; 0 to weigh it anew.
        foreign: Classes of others alone that may be answered.
        foreign_counts: Without those as old, with them as new, on the same samples.
    """

    campaign: str
    version: Count
    digest: Digest
    bundle: Digest
    outcome: HeadOutcome
    counts: PairedCounts = msgspec.field(default_factory=PairedCounts)
    mix: Mix = Mix()
    held_out: Count = 0
    foreign: Count = 0
    foreign_counts: PairedCounts | None = None

    @property
    def serves(self) -> bool:
        """Whether it is in use."""
        return self.outcome is HeadOutcome.ADOPTED

    @property
    def permille(self) -> int:
        """Share of the global head in what serves, thousandths: of the means or the covariance."""
        return round(1000 * max(1 - self.mix.own, self.mix.spread)) if self.serves else 0


class Standing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the device stands.

    Attributes:
        member: Id of the device in the fleet that all this is about; empty before the first.
        campaign: Of the round that was offered last; empty before the first.
        round: Its number.
        step: How the device stands to it.
        judged: The newest global head that was judged.
        in_use: The one that serves, which may be an older one.
        aside: Digests of declined heads whose files are kept, oldest first.
        declined: How many were declined so far.
        updates: Updates that left so far.
        bytes: Bytes of them.
        dropped: Digests of heads that the owner does not want, oldest first.
    """

    member: str = ""
    campaign: str = ""
    round: Count = 0
    step: RoundStep | None = None
    judged: Judged | None = None
    in_use: Judged | None = None
    aside: tuple[Digest, ...] = ()
    declined: Count = 0
    updates: Count = 0
    bytes: Count = 0
    dropped: tuple[Digest, ...] = ()

    def with_judged(self, judged: Judged, *, is_held: bool) -> "Standing":
        """After a head was weighed; one that was declined leaves an older one in use.

        Args:
            judged: What came of it.
            is_held: Whether its file is here.
        """
        aside = tuple(each for each in self.aside if each != judged.digest)
        used = self.in_use
        if judged.serves:
            return replace(self, judged=judged, in_use=judged, aside=aside)
        if used is not None and used.digest == judged.digest:
            used = None
        declined = self.declined + (judged.digest not in self.aside)
        kept = (*aside, judged.digest)[-ASIDE_MAX:] if is_held else aside
        return replace(self, judged=judged, in_use=used, aside=kept, declined=declined)

    def to_weigh_anew(self) -> "Standing":
        """Without the head that was in use, which held-out samples are to be asked about anew."""
        if self.in_use is None:
            return self
        asked = replace(self.in_use, outcome=HeadOutcome.TOO_FEW, counts=PairedCounts(), held_out=0)
        return replace(self, in_use=None, judged=asked)

    def without_head(self) -> "Standing":
        """Without the head that was in use, which its owner does not want."""
        judged, used = self.judged, self.in_use
        if used is None:
            return self
        if judged is not None and judged.serves:
            judged = replace(judged, outcome=HeadOutcome.NOT_AGREED)
        return replace(self, in_use=None, judged=judged).with_dropped((used.digest,))

    def with_dropped(self, digests: tuple[Digest, ...]) -> "Standing":
        """With more heads that the owner does not want."""
        before = tuple(each for each in self.dropped if each not in digests)
        return replace(self, dropped=(*before, *digests)[-DROPPED_MAX:])

    def with_foreign(self, *, wanted: bool) -> "Standing":
        """After a start, at which the owner may want classes that only others know, or no more.

        They are answered no more at once. Where they are wanted and none are answered, the newest
        head is weighed anew, with them.
        """
        used, judged = self.in_use, self.judged
        if wanted or used is None or not used.mix.foreign:
            if not wanted or judged is None or judged.mix.foreign:
                return self
            return replace(self, judged=replace(judged, held_out=0))
        mix = replace(used.mix, foreign=False)
        own = replace(used, mix=mix, foreign=0, foreign_counts=None)
        if mix.is_own:
            own = replace(own, outcome=HeadOutcome.NOT_CHOSEN)
        return replace(
            self,
            in_use=own if own.serves else None,
            judged=own if judged == used else judged,
        )

    @property
    def files(self) -> frozenset[str]:
        """Digests of the files of heads that are to be kept."""
        heads = (self.in_use, self.judged)
        return frozenset({*self.aside, *(each.digest for each in heads if each is not None)})

    def report(self, consent: Consent) -> FederationReport | None:
        """As it is told at check-ins; nothing of a device that never took part."""
        if consent is Consent.OFF and self.step is None and self.judged is None:
            return None
        judged = self.judged
        return FederationReport(
            consent=consent,
            campaign=self.campaign,
            round=self.round,
            step=self.step,
            head_campaign=judged.campaign if judged else "",
            head_version=judged.version if judged else 0,
            outcome=judged.outcome if judged else None,
            judged=judged.counts if judged else None,
            blend_permille=self.in_use.permille if self.in_use else 0,
        )


@dataclass(frozen=True, slots=True)
class Task:
    """What a round asks for.

    Attributes:
        offer: The round.
        classes: The campaign's ids by the names of its classes.
        head: What weights are trained from; None in the first round.
        norm_max: Longest row, in lengths of a feature, or of the usual row of weights; 0 for no
            bound.
        noise: Standard deviation of the noise on every number of a row, in that bound.
        samples_min: Fewest samples of a class that may leave; the device's own bound stays.
    """

    offer: RoundOffer
    classes: dict[str, int]
    head: HeadOffer | None = None
    norm_max: float = 0.0
    noise: float = 0.0
    samples_min: int = 0


@dataclass(frozen=True, slots=True)
class SharedClass:
    """A class that the owner's settings list as shared.

    Attributes:
        name: Its name.
        samples: Samples learned of it.
        changed: By how many they differ from what last left; all where nothing did.
        ready: Whether it may leave now.
    """

    name: str
    samples: int
    changed: int
    ready: bool


@dataclass(frozen=True, slots=True)
class FederationState:
    """Federation as the owner sees it.

    Attributes:
        consent: What holds now.
        until: Until when, seconds since 1970; None for no end.
        classes: Those that are shared.
        report: As it is told at check-ins; None where nothing is.
        updates: That left so far.
        bytes: Bytes of them.
        kept_aside: Files of declined heads that are kept.
        foreign_classes: Of others alone that may be answered.
        foreign: What they cost on held-out samples; None where none is in use.
    """

    consent: Consent
    until: float | None = None
    classes: tuple[SharedClass, ...] = ()
    report: FederationReport | None = None
    updates: int = 0
    bytes: int = 0
    kept_aside: int = 0
    foreign_classes: int = 0
    foreign: PairedCounts | None = None
