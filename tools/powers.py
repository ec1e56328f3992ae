"""Which losses a device finds by itself, computed exactly for docs/judging.md."""

import math
from bisect import bisect_left
from collections.abc import Iterator
from functools import partial

from agent.update.judging import JudgingRules, harm
from fieldwise.verdict import PairedCounts
from tools.tables import table

SCENES = (5, 8, 12, 20, 40, 80, 160)
LOSSES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
CHURN = 0.05  # scenes that come out differently, either way, where nothing is lost


def powers() -> Iterator[str]:
    """How often a loss is found, by scenes held out: scenes of one sample, or all alike."""
    head = ("held-out scenes", *(f"loss {100 * loss:.0f}" if loss else "none" for loss in LOSSES))
    rows = (
        (str(scenes), *(f"{100 * chance_to_decline(scenes, loss):.1f} %" for loss in LOSSES))
        for scenes in SCENES
    )
    return table(head, rows)


def chance_to_decline(scenes: int, loss: float, churn: float = CHURN) -> float:
    """The chance that a device declines, by the multinomial of scenes worse, better and alike.

    Args:
        scenes: How many are held out.
        loss: Share of scenes that the new pair loses beyond chance.
        churn: Share of scenes that come out worse by chance, and as many better.
    """
    worse, better = loss + churn, churn
    total = 0.0
    for gained in range(scenes + 1):
        possible = range(scenes - gained + 1)
        least = bisect_left(possible, 1, key=partial(_is_declined, scenes, gained))
        for lost in possible[least:]:
            alike = scenes - gained - lost
            ways = math.comb(scenes, lost) * math.comb(scenes - lost, gained)
            total += ways * worse**lost * better**gained * (1 - worse - better) ** alike
    return total


def _is_declined(scenes: int, gained: int, lost: int) -> bool:
    alike = scenes - gained - lost
    counts = PairedCounts(alike, lost, gained, 0, scenes, lost, gained)
    return harm(counts, None, JudgingRules()) is not None
