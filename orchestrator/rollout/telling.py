"""The history of a rollout in sentences: one for each kind of event, made of the event's facts.

A fact may be missing from an event of an earlier version; then the sentence leaves it out.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from orchestrator.rollout.rollout import Actor, Event, Happening

Facts = Mapping[str, str | int | float]
Sentence = Callable[[Facts], str]


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
    loss, bound = facts.get("mean_loss"), facts.get("bound")
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
