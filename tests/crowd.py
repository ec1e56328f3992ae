"""A device that has few samples of its own, and global heads that could help it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.learning.heads.head import predict
from agent.learning.holdout import share_of
from agent.learning.samples import Share
from agent.learning.settings import HoldoutSettings, LearningSettings
from fieldwise.bundle import digest_of
from fieldwise.federation import Consent, HeadOffer, RowKind, space_of
from fieldwise.global_head import GlobalHead, encode
from tests.fakes.scenes import Scenes
from tests.fakes.taught import Device
from tests.federated import World

HALF_HELD = LearningSettings(
    holdout=HoldoutSettings(select_share=0.4, judge_share=0.4, learned_first=2)
)
NOISE = 160.0  # of images: with few samples a mean is mostly that


class Crowd(Device):
    """A device with two samples of each class to learn from and many to choose and judge by."""

    def teach_few(self) -> None:
        scenes, key = Scenes(5, noise=NOISE), self.store.holdout_key()
        for number in range(300):
            place = number % 6
            id_, image, time = f"s{number}", scenes.image(place), 1000.0 + 60 * number
            held_out = share_of(f"scene:{id_}", key, self.settings.holdout) is not Share.LEARN
            if number < 12 or held_out:
                self.learner.teach(id_, image, f"class {place}", "", time)


@cache
def features(samples: int, places: int = 6, seed: int = 77) -> tuple[Any, ...]:
    """Rows of other devices' samples, class by class."""
    scenes, pair = Scenes(seed, noise=NOISE), Device().learner.pair
    return tuple(
        np.array([pair.grid(scenes.image(place))[0] for _ in range(samples)], np.float64)
        for place in range(places)
    )


def head_of(
    device: Device,
    samples: Sequence[Any],
    spoil: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda means: means,
    **change: Any,
) -> tuple[HeadOffer, bytes]:
    """A global head of means, with the covariance within as its factor."""
    means = np.array([each.mean(axis=0) for each in samples], np.float32)
    within = np.concatenate([each - each.mean(axis=0) for each in samples])
    factor = np.linalg.cholesky(within.T @ within / len(within) + np.eye(within.shape[1])).T
    space = space_of(device.embedder.bundle, device.embedder.manifest)
    places = len(samples)
    head = GlobalHead(
        "c7",
        RowKind.MEANS,
        Consent.WEIGHTS,
        space,
        tuple(range(1, places + 1)),
        tuple(f"class {place}" for place in range(places)),
        np.array([len(each) for each in samples], np.int64),
        spoil(means),
        (factor.astype(np.float32),),
    )
    content = encode(replace(head, **change))
    return HeadOffer("c7", 1, digest_of(content), len(content), space), content


def publish(world: World, made: tuple[HeadOffer, bytes]) -> HeadOffer:
    offer, content = made
    world.fleet.files = {**world.fleet.files, offer.digest: content}
    return offer


def accuracy(world: World, places: int = 6) -> float:
    """Of what serves, on samples that nobody has seen."""
    said = [
        predict(world.learner.pair.head, each.astype(np.int16))
        for each in features(40, places, seed=123)
    ]
    return float(
        np.mean([answer == f"class {place}" for place, each in enumerate(said) for answer in each])
    )
