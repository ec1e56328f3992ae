"""What happened to a rollout reads as sentences, whatever facts an event has."""

import pytest

from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Exclusion
from orchestrator.rollout.rollout import Actor, Event, Happening
from orchestrator.rollout.telling import (
    EXCLUSIONS,
    PHASES,
    REASONS,
    SENTENCES,
    devices,
    points,
    span,
    told,
)

STARTED = {"title": "lite1:1.0.0", "cohort": "site=berlin", "kind": "forward"}
FOUND = {
    "wave": 2,
    "outcome": "open",
    "reasons": "loss shown to be below the margin",
    "mean_loss": 0.004,
    "upper": 0.013,
    "devices": 120,
}


def test_every_phase_reason_and_happening_has_its_words() -> None:
    assert set(PHASES) == set(Phase)
    assert set(REASONS) == set(Reason)
    assert set(SENTENCES) == set(Happening)
    assert set(EXCLUSIONS) == set(Exclusion)


@pytest.mark.parametrize("actor", Actor)
@pytest.mark.parametrize("kind", Happening)
@pytest.mark.parametrize(
    "facts", [{}, {"wave": 1, "devices": 1, "reason": "harm"}, {"reason": "of a later version"}]
)
def test_an_event_is_a_sentence_with_or_without_its_facts(
    kind: Happening, actor: Actor, facts: dict[str, str | int | float]
) -> None:
    sentence = told(Event(0.0, kind, actor, facts))
    assert sentence[0].isupper() or sentence.startswith("a backbone")
    assert sentence.endswith(".")
    assert "None" not in sentence


@pytest.mark.parametrize(
    ("kind", "actor", "facts", "sentence"),
    [
        (
            Happening.STARTED,
            Actor.OPERATOR,
            STARTED,
            "Bringing lite1:1.0.0 to the cohort site=berlin was started, by an operator.",
        ),
        (
            Happening.STARTED,
            Actor.OPERATOR,
            STARTED | {"kind": "undo", "cohort": ""},
            "Going back to lite1:1.0.0 for the whole fleet was started, by an operator.",
        ),
        (
            Happening.STARTED,
            Actor.OPERATOR,
            STARTED | {"kind": "recall"},
            "lite1:1.0.0 was recalled, and is taken back everywhere, by an operator.",
        ),
        (
            Happening.WAVE_OPENED,
            Actor.GATE,
            {"wave": 2, "devices": 1200},
            "Wave 2 opened with 1,200 devices.",
        ),
        (
            Happening.FINDING,
            Actor.GATE,
            FOUND,
            (
                "The gate of wave 2 is open: loss shown to be below the margin; mean loss 0.4 "
                "points, below 1.3 points, over 120 devices."
            ),
        ),
        (Happening.PAUSED, Actor.FLEET, {"reason": "overdue"}, "Paused: devices are overdue."),
        (
            Happening.REVERTING,
            Actor.GATE,
            {"wave": 1, "reason": "harm"},
            "Aborted: devices go back to what they had: harm was shown.",
        ),
        (
            Happening.AWAITS_PROMOTION,
            Actor.GATE,
            {"wave": 1, "reason": "promotion"},
            "Wave 1 went well; the next one waits for `rollout promote`.",
        ),
        (
            Happening.RETRIED,
            Actor.OPERATOR,
            {"devices": 1},
            "The backbone is ordered again where it failed, to 1 device, by an operator.",
        ),
    ],
)
def test_an_event_says_what_happened_and_by_whom(
    kind: Happening, actor: Actor, facts: dict[str, str | int | float], sentence: str
) -> None:
    assert told(Event(0.0, kind, actor, facts)) == sentence


def test_numbers_have_their_units() -> None:
    assert (points(0.018), points(-0.002)) == ("1.8 points", "-0.2 points")
    assert (devices(1), devices(1200), devices("many")) == ("1 device", "1,200 devices", "")
    assert (span(12), span(119), span(120), span(7200), span(172_800)) == (
        "12 s",
        "119 s",
        "2 min",
        "2 h",
        "2 d",
    )
