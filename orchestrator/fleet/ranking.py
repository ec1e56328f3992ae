"""What metrics name out of many: the few backbones, cohorts and devices that stand out.

A fleet has as many devices as it likes, and an operator writes as many tags. What gets a name in a
scrape is bounded all the same: of backbones, agents and cohorts the most common keep theirs and the
rest is counted together; of devices those few that are worst, and only where somebody asks. What a
device says of itself gets a name only in the form that it should have.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest

from orchestrator.fleet.device import DeviceState, Standing, state_of

OTHER, UNTAGGED, UNKNOWN = "other", "none", "unknown"
VERSION = re.compile(r"[0-9][0-9A-Za-z.+~-]{0,31}")
COHORTS_MAX = 20  # more are no longer told apart at one look
LABELS_MIN = 20  # below that an accuracy is mostly chance


@dataclass(frozen=True, slots=True)
class Cohort:
    """Devices that share a tag's value: how many in each state, and how often they are right.

    ``accuracy`` is the mean over the ``known`` ones that know theirs, None where none does.
    """

    states: Mapping[DeviceState, int]
    accuracy: float | None
    known: int


@dataclass(frozen=True, slots=True)
class Worst:
    """The devices that stand out for the worse, each with its figure."""

    accuracies: Mapping[str, float] = field(default_factory=dict)
    silences: Mapping[str, float] = field(default_factory=dict)


def most_used(devices: Mapping[str, int], most: int) -> dict[str, int]:
    """Return devices by the names that most have, the rarer ones together as "other"."""
    ranked = sorted(devices.items(), key=lambda item: (-item[1], item[0]))
    shown = dict(ranked[:most])
    rest = sum(count for _, count in ranked[most:])
    return {**shown, OTHER: shown.get(OTHER, 0) + rest} if rest else shown


def versions(devices: Mapping[str, int]) -> Mapping[str, int]:
    """Return devices by the version that they say, as "unknown" where that is no version."""
    named: Counter[str] = Counter()
    for version, count in devices.items():
        named[version if VERSION.fullmatch(version) else UNKNOWN] += count
    return named


def cohorts(
    standings: Sequence[Standing], values: Mapping[str, str], now: float
) -> dict[str, Cohort]:
    """Group a fleet by a tag.

    Args:
        standings: Every member.
        values: The tag's value by device; one that is missing has none.
        now: Seconds since 1970.
    """
    named = {each.device: values.get(each.device, UNTAGGED) for each in standings}
    kept = most_used(Counter(named.values()), COHORTS_MAX)
    grouped: defaultdict[str, list[Standing]] = defaultdict(list)
    for each in standings:
        name = named[each.device]
        grouped[name if name in kept else OTHER].append(each)
    return {name: _cohort(grouped[name], now) for name in sorted(grouped)}


def worst(standings: Sequence[Standing], most: int, now: float) -> Worst:
    """Return the devices that are least often right, and those silent longest, so many of each."""
    if not most:
        return Worst()
    accuracies = _accuracies(standings, LABELS_MIN)
    silences = {
        each.device: max(0.0, now - each.seen_at) for each in standings if each.seen_at is not None
    }
    return Worst(
        dict(nsmallest(most, accuracies.items(), key=lambda item: (item[1], item[0]))),
        dict(nlargest(most, silences.items(), key=lambda item: (item[1], item[0]))),
    )


def _cohort(standings: list[Standing], now: float) -> Cohort:
    known = _accuracies(standings, 1)
    return Cohort(
        dict.fromkeys(DeviceState, 0) | Counter(state_of(each, now) for each in standings),
        sum(known.values()) / len(known) if known else None,
        len(known),
    )


def _accuracies(standings: Sequence[Standing], labels_min: int) -> dict[str, float]:
    """How often devices are right, of those with so many labels."""
    return {
        each.device: each.window_correct / each.window_samples
        for each in standings
        if each.window_samples >= labels_min
    }
