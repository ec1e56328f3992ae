"""Rollouts in words: their phases with the reason, what a device found out, and their history.

An event has a sentence that is made of its facts. A fact may be missing from an event of an earlier
version; then the sentence leaves it out.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from fieldwise.verdict import Basis, PairedCounts, Verdict
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.rollout import Actor, Event, Happening

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


def told(event: Event) -> str:
    """Return an event as one sentence."""
    sentence = SENTENCES[event.kind](event.facts)
    return f"{sentence}{_because(event)}."


def points(loss: float) -> str:
    """Return a share of samples in points of accuracy: ``1.8 points``."""
    return f"{100 * loss:.1f} points"


def devices(count: object) -> str:
    """Return a number of devices in words."""
    return "1 device" if count == 1 else f"{count:,} devices" if isinstance(count, int) else ""


def _because(event: Event) -> str:
    reason = event.facts.get("reason")
    if event.actor is Actor.OPERATOR:
        return ", by an operator"
    return f": {reason}" if reason else ""


def _wave(facts: Facts) -> str:
    return f"wave {facts['wave']}" if "wave" in facts else "a wave"


def _wave_opened(facts: Facts) -> str:
    count = devices(facts.get("devices"))
    return f"{_wave(facts).capitalize()} opened" + (f" with {count}" if count else "")


def _finding(facts: Facts) -> str:
    parts = [f"The gate of {_wave(facts)} is {facts.get('outcome', 'looked at')}"]
    if facts.get("reasons"):
        parts.append(f": {facts['reasons']}")
    loss, bound = facts.get("mean_loss"), facts.get("upper")
    if isinstance(loss, int | float):
        parts.append(f"; mean loss {points(loss)}")
        if isinstance(bound, int | float):
            parts.append(f", below {points(bound)}")
        count = devices(facts.get("devices"))
        parts.append(f", over {count}" if count else "")
    return "".join(parts)


def _counted(sentence: str, more: str) -> Sentence:
    """A sentence, with so many devices where the event counts them."""

    def tell(facts: Facts) -> str:
        count = devices(facts.get("devices"))
        return sentence + (more.format(count) if count else "")

    return tell


SENTENCES: Mapping[Happening, Sentence] = MappingProxyType(
    {
        Happening.STARTED: _counted("Started", " for {}"),
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
    }
)
