"""What a global head does to a device on the classes that it knows: never worse than before.

Each device holds out a share of its samples for choosing and as much for judging, shares what it
has learned of the rest, and weighs the head that comes back by the agent's own code
(``agent.federation.weighing``): it goes on with its own head unless held-out samples speak for a
mix and not against it. Test images are those of its own classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.federation.others import read_others
from agent.federation.weighing import SolvedTrial, Weighed, weigh
from agent.learning.blending import Blending, Others
from agent.learning.embedder import Embedder
from agent.learning.heads.head import predict
from agent.learning.pair import Pair
from agent.learning.settings import HeadName, LearningSettings
from agent.learning.tuning import HeldOut
from agent.update.judging import JudgingRules
from aggregator.combining import combine
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.work import Campaign
from benchmarks.federation_devices import Sight, campaign, sights, update
from benchmarks.federation_scoring import Numbered
from fieldwise.federation import Consent, HeadOffer, HeadOutcome
from fieldwise.head import empty, learn

HELD_OUT = 0.2  # for choosing, and as much for judging: of 260 samples a tenth would be too few
MINIMA = (10, 1)
RULES = JudgingRules(loss_min=0.0)  # as the agent judges global heads
DIGEST = "0" * 64

Figures = Mapping[str, float]


def figures(of: Numbered, embedder: Embedder, seeds: int) -> Iterator[Figures]:
    """Per cent right on own classes before and after, each seed's as it is known."""
    for seed in range(seeds):
        devices = [
            _Device(of, each, embedder, seed) for each in sights(of.train, of.train_labels, seed)
        ]
        local = [each.right() for each in devices]
        found = {"local": float(np.mean(local))}
        for level in (Consent.WEIGHTS, Consent.STATISTICS):
            for minimum in MINIMA:
                told = _adopted(of, devices, local, level, minimum)
                found |= {f"{level}.from_{minimum}.{name}": told[name] for name in told}
        yield found


def _adopted(
    of: Numbered, devices: list["_Device"], local: list[float], level: Consent, minimum: int
) -> dict[str, float]:
    options = {"devices_min": 1.0} if level is Consent.WEIGHTS else {}
    about = campaign(of.train.shape[1], of.classes, level, options)
    sent = [(alias, update(each.learned, about, minimum)) for alias, each in enumerate(devices, 1)]
    head = combine(about, 1, sent, None, {}, FlowerStrategies()).head
    weighed = [each.weighed(head, about) for each in devices]
    gains = np.array([after - before for (_, after), before in zip(weighed, local, strict=True)])
    return {
        "adopted": float(np.mean([after for _, after in weighed])),
        "gain": float(gains.mean()),
        "least_gain": float(gains.min()),
        "devices_that_lost": float((gains < 0).sum()),
        "devices_that_adopted": float(
            sum(each.outcome is HeadOutcome.ADOPTED for each, _ in weighed)
        ),
    }


@dataclass(frozen=True, slots=True)
class _Shares:
    """Places of a device's samples."""

    learn: NDArray[np.int64]
    select: NDArray[np.int64]
    judge: NDArray[np.int64]


class _Device:
    """A device with a head of its own and samples held out."""

    def __init__(self, of: Numbered, sight: Sight, embedder: Embedder, seed: int) -> None:
        self._names = dict(enumerate(of.classes, 1))
        shares = _shares(sight, seed)
        self.learned = Sight(sight.grid[shares.learn], sight.labels[shares.learn])
        self._select, self._judge = (
            self._held_out(sight, each) for each in (shares.select, shares.judge)
        )
        known = np.isin(of.test_labels, self.learned.classes)
        self._test, self._labels = of.test[known], of.test_labels[known]
        self._embedder = embedder
        self._trial = self._pair()

    def right(self) -> float:
        """Per cent of own classes' test images that the head which serves has right."""
        said = predict(self._trial.head, self._test)
        names = [self._names[each] for each in self._labels.tolist()]
        return 100 * float((np.array(said) == np.array(names)).mean())

    def weighed(self, head: bytes, about: Campaign) -> tuple[Weighed, float]:
        """What the device makes of a head, and how right it is from then on."""
        others = self._others(head, about)
        trial = SolvedTrial(self._trial, others, self._trial.mixing(others))
        found = weigh(trial, self._select, self._judge, RULES, lambda: False, foreign=False)
        adopted = found.outcome is HeadOutcome.ADOPTED
        self._trial.blend(Blending(others, found.mix) if adopted else None)
        after = self.right()
        self._trial.blend(None)
        return found, after

    def _others(self, head: bytes, about: Campaign) -> Others:
        offer = HeadOffer(about.id, 1, DIGEST, len(head), about.space)
        known = self._trial.heads[self._trial.champion].classes
        found = read_others(head, offer, known, lambda: head)
        assert isinstance(found, Others)
        return found

    def _held_out(self, sight: Sight, places: NDArray[np.int64]) -> HeldOut:
        names = [self._names[each] for each in sight.labels[places].tolist()]
        return HeldOut(sight.grid[places], names, [f"scene {each}" for each in places.tolist()])

    def _pair(self) -> Pair:
        names = [self._names[each] for each in self.learned.labels.tolist()]
        width = self.learned.grid.shape[1]
        statistics = empty(self._embedder.bundle, self._embedder.manifest.transform, width)
        settings = LearningSettings()
        serving = (HeadName(settings.heads.enabled[0]),)
        settings = LearningSettings(heads=type(settings.heads)(enabled=serving))
        return Pair(self._embedder, [learn(statistics, self.learned.grid, names)], 0, settings)


def _shares(sight: Sight, seed: int) -> _Shares:
    order = np.random.default_rng(seed).permutation(len(sight.labels))
    held = round(HELD_OUT * len(order))
    return _Shares(np.sort(order[2 * held :]), order[:held], order[held : 2 * held])
