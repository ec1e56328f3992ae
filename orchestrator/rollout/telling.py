"""Rollouts in words: their phases with the reason, what a device found out, and their history.

An event has a sentence that is made of its facts. A fact may be missing from an event of an earlier
version; then the sentence leaves it out.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from fieldwise.trust import PublisherTrouble
from fieldwise.verdict import Basis, PairedCounts, Verdict
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Exclusion
from orchestrator.rollout.rollout import Actor, Event, Happening, Kind

Facts = Mapping[str, str | int | float]
Sentence = Callable[[Facts], str]


PHASES: Mapping[Phase, str] = MappingProxyType(
    {
        Phase.RUNNING: "runs",
        Phase.PAUSED: "is paused: nobody starts until `rollout resume` or `promote`",
        Phase.REVERTING: "was aborted, and brings its devices back to what they had",
        Phase.HELD: "was ended where it was: nobody starts on it any more",
        Phase.COMPLETE: "is complete",
        Phase.REVERTED: "was aborted, and its devices are back at what they had",
        Phase.SUPERSEDED: "was overtaken by newer ones",
    }
)
REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.OPERATOR: "an operator said so",
        Reason.HARM: "harm was shown",
        Reason.UNDECIDED: "the evidence is in and decides nothing",
        Reason.OVERDUE: "devices are overdue",
        Reason.PROMOTION: "the wave went well, and the next one waits for `rollout promote`",
        Reason.RECALLED: "its backbone was recalled",
        Reason.UNLISTED: "its publisher does not let devices install its backbone any more",
    }
)


EXCLUSIONS: Mapping[Exclusion, str] = MappingProxyType(
    {
        Exclusion.AGENT_TOO_OLD: "its agent is too old",
        Exclusion.MEMORY_TOO_SMALL: "it has too little memory for the bundle",
        Exclusion.VARIANT_MISSING: "the bundle lacks the variant of its class",
        Exclusion.PINNED: "its owner pinned the backbone in use",
        Exclusion.NOTHING_BEFORE: "it has nothing to go back to that is allowed",
    }
)


# A device asks for metadata again and again before it begins; one without a root just begins.
UNTRUSTED: Mapping[PublisherTrouble, str] = MappingProxyType(
    {
        PublisherTrouble.EXPIRED: "the publisher's metadata, as it gets it, has expired",
        PublisherTrouble.CLOCK: "the publisher's metadata has expired by its clock, which is off",
        PublisherTrouble.REFUSED: (
            "it refuses the publisher's metadata (`fieldwise trust status` says what devices know)"
        ),
        PublisherTrouble.STATE: "it cannot keep the publisher's metadata in its state folder",
    }
)


def why(phase: Phase, reason: Reason | None) -> str:
    """Return what a rollout does, as a sentence without its subject and its end."""
    return PHASES[phase] if reason is None else f"{PHASES[phase]} ({REASONS[reason]})"


def span(seconds: float) -> str:
    """Return a time in the largest unit that says enough: ``12 s``, ``3 h``."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def judged(verdict: Verdict) -> str:
    """Return what a device's comparison found, as a sentence."""
    match verdict.basis:
        case Basis.NONE:
            return "Nothing was compared."
        case Basis.UNLABELLED:
            return (
                f"Without labels, both pairs gave the same answer to {verdict.agreed:,} of "
                f"{verdict.compared:,} samples."
            )
        case Basis.TOO_FEW:
            return f"{_counted_pairs(verdict.overall)}, too few to show even a great harm."
        case Basis.LABELLED:
            return f"{_counted_pairs(verdict.overall)}."


def _counted_pairs(counts: PairedCounts) -> str:
    return (
        f"Of {counts.samples:,} held-out samples both pairs had {counts.both_right:,} right, "
        f"only the old one {counts.only_old:,}, only the new one {counts.only_new:,}"
    )


# Events whose reason was told before, or is what they say.
REASON_KNOWN = frozenset({Happening.AWAITS_PROMOTION, Happening.REVERTED})


RESTORE = "restore"  # a command to the database, and not to a rollout


def told(event: Event) -> str:
    """Return an event as one sentence."""
    return f"{SENTENCES[event.kind](event.facts)}{_because(event)}."


def points(loss: float) -> str:
    """Return a share of samples in points of accuracy: ``1.8 points``."""
    return f"{100 * loss:.1f} points"


def devices(count: object) -> str:
    """Return a number of devices in words."""
    return "1 device" if count == 1 else f"{count:,} devices" if isinstance(count, int) else ""


def _because(event: Event) -> str:
    if event.facts.get("command") == RESTORE:
        return ", as a backup was restored"
    if event.actor is Actor.OPERATOR:
        return ", by an operator"
    reason = event.facts.get("reason")
    if event.kind in REASON_KNOWN or reason not in set(Reason):
        return ""
    return f": {REASONS[Reason(reason)]}"


def _started(facts: Facts) -> str:
    title, cohort = facts.get("title", "a backbone"), facts.get("cohort")
    whom = f"the cohort {cohort}" if cohort else "the whole fleet"
    if facts.get("kind") == Kind.RECALL:
        return f"{title} was recalled, and is taken back everywhere"
    if facts.get("kind") == Kind.UNDO:
        return f"Going back to {title} for {whom} was started"
    return f"Bringing {title} to {whom} was started"


def _wave(facts: Facts) -> str:
    return f"wave {facts['wave']}" if "wave" in facts else "a wave"


def _wave_opened(facts: Facts) -> str:
    count = devices(facts.get("devices"))
    return f"{_wave(facts).capitalize()} opened" + (f" with {count}" if count else "")


def _finding(facts: Facts) -> str:
    told_of = f"The gate of {_wave(facts)} is {facts.get('outcome', 'looked at')}"
    reasons = f": {facts['reasons']}" if facts.get("reasons") else ""
    return f"{told_of}{reasons}{_loss(facts)}"


def _loss(facts: Facts) -> str:
    mean, upper = facts.get("mean_loss"), facts.get("upper")
    if not isinstance(mean, int | float):
        return ""
    below = f", below {points(upper)}" if isinstance(upper, int | float) else ""
    count = devices(facts.get("devices"))
    return f"; mean loss {points(mean)}{below}" + (f", over {count}" if count else "")


def _counted(sentence: str, more: str) -> Sentence:
    """A sentence, with so many devices where the event counts them."""

    def tell(facts: Facts) -> str:
        count = devices(facts.get("devices"))
        return sentence + (more.format(count) if count else "")

    return tell


SENTENCES: Mapping[Happening, Sentence] = MappingProxyType(
    {
        Happening.STARTED: _started,
        Happening.WAVE_OPENED: _wave_opened,
        Happening.FINDING: _finding,
        Happening.AWAITS_PROMOTION: lambda facts: (
            f"{_wave(facts).capitalize()} went well; the next one waits for `rollout promote`"
        ),
        Happening.PAUSED: _counted("Paused", ""),
        Happening.RESUMED: _counted("Resumed", ""),
        Happening.REVERTING: _counted("Aborted: devices go back to what they had", ", {}"),
        Happening.HELD: _counted("Held: devices keep what they have", ""),
        Happening.COMPLETE: _counted("Complete", ", {}"),
        Happening.REVERTED: _counted("Every device is back at what it had", ", {}"),
        Happening.SUPERSEDED: _counted("Newer rollouts have what was left of the cohort", ""),
        Happening.RETRIED: _counted("The backbone is ordered again where it failed", ", to {}"),
        Happening.REVOKED: _counted("Permits were revoked", " of {}"),
        Happening.PROMOTED: lambda _facts: (
            "From here on the evidence that there is suffices, and only harm stops it"
        ),
    }
)
