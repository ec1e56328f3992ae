"""What two hostile devices of ten cost where a robust strategy makes the rows.

Devices share means of their classes; two of them, drawn by the seed, send something else instead.
Costs are in points of accuracy on all classes and paired: the same strategy, the same devices with
the same samples, once with honest updates of those two (`honest`), and once without them
(`silent`), which is what would be left had they been known for what they are. The accuracy is the
mean of three honest devices.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggregator.combining import combine
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.work import Campaign
from benchmarks.federation_devices import DEVICES, Sight, campaign, sights, update
from benchmarks.federation_scoring import Numbered, Scored
from fieldwise.federation import Consent, Update
from fieldwise.global_head import decode

HOSTILE, ASKED = 2, 3
Attack = Callable[[Update], Update]
Figures = Mapping[str, float]

STRATEGIES: Mapping[str, Mapping[str, float]] = {
    "FedAvg": {},
    "FedMedian": {},
    "FedTrimmedAvg": {"beta": 0.2},
    "Krum": {"num_malicious_nodes": 2},
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How classes are covered, and what is asked of them."""

    name: str
    share: float  # of the classes that a device sees
    minimum: int
    devices_min: int


SETTINGS = (
    Setting("third.from_10", 1 / 3, 10, 1),
    Setting("third.from_1", 1 / 3, 1, 1),
    Setting("all.from_1", 1.0, 1, 2),
)


def figures(of: Numbered, seeds: int) -> Iterator[Figures]:
    """Accuracies and what attacks cost, each seed's as it is known."""
    for seed in range(seeds):
        found: dict[str, float] = {}
        for setting in SETTINGS:
            world = _World(of, setting, seed)
            for strategy in STRATEGIES:
                told = world.figures(strategy)
                found |= {f"{setting.name}.{strategy}.{name}": told[name] for name in told}
        yield found


class _World:
    """Devices, two of them hostile, and what the others make of heads."""

    def __init__(self, of: Numbered, setting: Setting, seed: int) -> None:
        self._of, self._setting = of, setting
        devices = sights(of.train, of.train_labels, seed, setting.share)
        chosen = np.random.default_rng(seed).permutation(DEVICES)[:HOSTILE]
        self._hostile = frozenset((chosen + 1).tolist())
        about = self._campaign("FedAvg")
        self._sent = [
            (alias, update(each, about, setting.minimum)) for alias, each in enumerate(devices, 1)
        ]
        honest: list[Sight] = [
            each for alias, each in enumerate(devices, 1) if alias not in self._hostile
        ]
        self._scored = Scored(of, honest[:ASKED])
        self._known: dict[bytes, float] = {}

    def figures(self, strategy: str) -> dict[str, float]:
        found = {
            "honest": self._accuracy(strategy, lambda each: each),
            "silent": self._accuracy(strategy, silent),
        }
        for name, attack in ATTACKS.items():
            reached = self._accuracy(strategy, attack)
            found[f"{name}.cost"] = found["honest"] - reached
            found[f"{name}.cost_beside_silence"] = found["silent"] - reached
        return found

    def _campaign(self, strategy: str) -> Campaign:
        options = {**STRATEGIES[strategy], "devices_min": float(self._setting.devices_min)}
        about = campaign(self._of.train.shape[1], self._of.classes, Consent.WEIGHTS, options)
        return replace(about, strategy=strategy)

    def _accuracy(self, strategy: str, attack: Attack) -> float:
        sent = [
            (alias, attack(each) if alias in self._hostile else each) for alias, each in self._sent
        ]
        made = combine(self._campaign(strategy), 1, sent, None, {}, FlowerStrategies())
        if made.head not in self._known:  # what is refused leaves the head of the others
            self._known[made.head] = self._scored.together(decode(made.head))
        return self._known[made.head]


def silent(sent: Update) -> Update:
    return replace(sent, rows=())


def _changed(sent: Update, values: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Update:
    rows = tuple(
        replace(row, values=values(row.values.astype(np.float64)).astype(np.float32))
        for row in sent.rows
    )
    return replace(sent, rows=rows)


def _mislabelled(sent: Update) -> Update:
    """Each class's mean under the name of the one before it."""
    turned = (*sent.rows[1:], *sent.rows[:1])
    rows = zip(sent.rows, turned, strict=True)
    return replace(sent, rows=tuple(replace(row, values=other.values) for row, other in rows))


def _inflated(sent: Update) -> Update:
    return replace(sent, rows=tuple(replace(row, samples=10**8) for row in sent.rows))


ATTACKS: Mapping[str, Attack] = {
    "not_a_number": lambda sent: _changed(sent, lambda row: row * np.nan),
    "huge": lambda sent: _changed(sent, lambda row: row * 1e6),
    "mislabelled": _mislabelled,
    "inflated": _inflated,
    "mislabelled_inflated": lambda sent: _inflated(_mislabelled(sent)),
    "sign_flipped": lambda sent: _changed(sent, lambda row: -row),
    "sign_flipped_inflated": lambda sent: _inflated(_changed(sent, lambda row: -row)),
}
