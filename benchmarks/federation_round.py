"""How long the aggregator takes over a round of a thousand devices, messages and all."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from aggregator.combining import combine
from aggregator.flower.aggregating import FlowerStrategies
from aggregator.rpc import translate
from aggregator.work import Campaign
from benchmarks.federation_devices import CAMPAIGN, campaign
from fieldwise.federation import Consent, Row, RowKind, Update
from fieldwise.federation_messages import parts_of
from fieldwise.v1alpha1 import federation_pb2, worker_pb2

DEVICES, WIDTH, CLASSES, KNOWN = 1000, 1280, 60, 20  # 20 rows of 1,280 features are 102 kB
STRATEGIES = ("FedAvg", "FedAvgM", "FedMedian", "FedTrimmedAvg", "Krum")


def figures() -> Mapping[str, float]:
    """Seconds of this process's own time by strategy, from messages to the bytes of the head."""
    names = [f"class {each}" for each in range(1, CLASSES + 1)]
    about = campaign(WIDTH, names, Consent.WEIGHTS, {})
    messages = [each.SerializeToString() for each in _messages(about)]
    found = {"aggregator.kb_an_update": sum(map(len, messages)) / DEVICES / 1000}
    for strategy in STRATEGIES:
        started = time.process_time()
        updates = translate.updates(map(worker_pb2.FetchUpdatesResponse.FromString, messages))
        plan = replace(about, strategy=strategy)
        made = combine(plan, 1, updates, None, {}, FlowerStrategies())
        found[f"aggregator.{strategy}.s"] = time.process_time() - started
        assert (made.tally.classes, made.tally.left_out) == (CLASSES, 0)
    return found


def _messages(about: Campaign) -> Iterator[worker_pb2.FetchUpdatesResponse]:
    dice = np.random.default_rng(1)
    centres = dice.random((CLASSES, WIDTH)) * 100
    for alias in range(1, DEVICES + 1):
        known = np.sort(dice.permutation(CLASSES)[:KNOWN]).tolist()
        rows = tuple(
            Row(each + 1, int(dice.integers(10, 60)), _near(dice, centres[each])) for each in known
        )
        sent = Update(CAMPAIGN, 1, RowKind.MEANS, Consent.WEIGHTS, about.space, rows)
        for part in parts_of(sent):
            if isinstance(part, federation_pb2.UpdateHeader):
                yield worker_pb2.FetchUpdatesResponse(alias=alias, header=part)
            elif isinstance(part, federation_pb2.ClassRows):
                yield worker_pb2.FetchUpdatesResponse(alias=alias, rows=part)


def _near(dice: np.random.Generator, centre: np.ndarray) -> np.ndarray:
    return (centre + dice.normal(0, 5, WIDTH)).astype(np.float32)
