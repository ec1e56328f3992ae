"""Devices whose rows contradict those of the others.

Class by class a robust strategy is only as good as the number of devices that sent the class, and
partial class sets make it small: of two rows, one hostile, there is no median. But a device sends
many classes, and shares each of them with others.

For a class that at least two devices sent, how far is a row from what the others say of it, their
median? Honest means m_i of n_i samples and m of N samples differ by a length of about
s sqrt(1/n_i + 1/N), with s alike in all directions and classes, nearly: features are many. So the
distance divided by that root is about s for an honest row among honest ones and more for all else.
The usual such distance is the median of the class where at least ``HOLDERS_MANY`` sent it, and of
other classes together their lower quartile, since of two rows that contradict both are far from
each other. A device contradicts whose median over its classes is more than ``CONTRADICTION_MAX``
times the usual.

Who shares most classes with a hostile device looks hostile, too. So the device with the most
contradictions is left out first, and the others are asked anew without it; of those that share no
class of few devices several at once.

A class that one device alone sent tells nothing, and who shares no class is never left out.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fieldwise.federation import Row

HOLDERS_MANY = 5  # from here on the median of all is that of the others, nearly
CONTRADICTION_MAX = 1.7  # honest devices of one world are at 1, and seldom above 1.2
LOWER = 0.25

Holders = Mapping[int, Sequence[tuple[int, Row]]]
"""By class the rows with the aliases of their devices."""


def contrary(holders: Holders) -> list[int]:
    """The devices that contradict, as far as it is certain before they are gone.

    Args:
        holders: Rows by class, of which one is left out where it is the only one; counts as they
            are believed.

    Returns:
        Aliases to leave out before asking again; none where nobody contradicts.
    """
    shared = {class_id: found for class_id, found in holders.items() if len(found) > 1}
    found = _contradictions(shared)
    over = {
        alias: [each > CONTRADICTION_MAX for each in by.values()] for alias, by in found.items()
    }
    suspects = [
        alias for alias, by in found.items() if np.median(list(by.values())) > CONTRADICTION_MAX
    ]
    chosen: list[int] = []
    settled: set[int] = set()
    for alias in sorted(suspects, key=lambda each: (-sum(over[each]), each)):
        few = {each for each in found[alias] if len(shared[each]) < HOLDERS_MANY}
        if settled.isdisjoint(few):
            chosen.append(alias)
            settled |= few
    return chosen


def _contradictions(shared: Holders) -> Mapping[int, Mapping[int, float]]:
    """By device and class how far a row is from the others', in units of the usual."""
    distances = {class_id: _distances(found) for class_id, found in shared.items()}
    few = [each for each in distances.values() if len(each) < HOLDERS_MANY]
    usual_of_few = float(np.quantile(np.concatenate(few), LOWER)) if few else 0.0
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for class_id, each in distances.items():
        usual = float(np.median(each)) if len(each) >= HOLDERS_MANY else usual_of_few
        for (alias, _), distance in zip(shared[class_id], each.tolist(), strict=True):
            found[alias][class_id] = distance / usual if usual > 0 else 0.0
    return found


def _distances(holders: Sequence[tuple[int, Row]]) -> NDArray[np.float64]:
    """How far each row is from the median of the others, float64[H], in units of its error."""
    rows = np.stack([row.values for _, row in holders]).astype(np.float64)
    counts = np.array([row.samples for _, row in holders], np.float64)
    if len(rows) >= HOLDERS_MANY:
        apart = rows - np.median(rows, axis=0)
    else:
        places = np.arange(len(rows))
        apart = np.stack([rows[each] - np.median(rows[places != each], axis=0) for each in places])
    errors = np.sqrt(1 / counts + 1 / (counts.sum() - counts))
    distances: NDArray[np.float64] = np.linalg.norm(apart, axis=1) / errors
    return distances
