"""What a federation of ten devices reaches on all classes, by what they share.

Everything goes through the aggregator's own code: updates are screened, merged by Flower's FedAvg
class by class, and come back as the bytes of a global head (``benchmarks.federation_scoring``).
Flower's stock FedAvg has softmax heads over all classes, which devices train and send whole; where
a minimum is in force, they do not train on classes of which they have fewer samples.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from aggregator.combining import combine
from aggregator.flower.aggregating import FlowerStrategies
from benchmarks import federation_softmax as softmax
from benchmarks.federation_devices import Sight, campaign, sent_bytes, sights, update
from benchmarks.federation_scoring import Numbered, Scored
from fieldwise.federation import Consent
from fieldwise.global_head import decode

MINIMA = (10, 1)
TURNS = (1, 20)
LEAST = (1, 2)  # devices that have to have sent a class; 2 is the aggregator's default

Figures = Mapping[str, float]


def figures(of: Numbered, seeds: int) -> Iterator[Figures]:
    """Accuracies in per cent on all classes, and bytes a device; each seed's as it is known."""
    whole = Scored(of, [Sight(of.train, of.train_labels)]).alone()
    for seed in range(seeds):
        devices = sights(of.train, of.train_labels, seed)
        scored = Scored(of, devices)
        found = {"local": scored.alone(), "centralised": whole}
        for minimum in MINIMA:
            found |= _ours(of, devices, scored, minimum)
            found |= _fedavg(of, devices, seed, minimum)
        yield found | _compared(found)


def _fedavg(of: Numbered, devices: list[Sight], seed: int, minimum: int) -> dict[str, float]:
    found: dict[str, float] = {}
    trained = [each.from_minimum(minimum) for each in devices]
    for rate in softmax.RATES:
        heads = list(softmax.rounds(trained, len(of.classes), max(TURNS), rate, seed))
        for turn in TURNS:
            right = softmax.predicted(heads[turn - 1], of.test) == of.test_labels
            found[f"fedavg_{turn}.from_{minimum}.rate_{rate:g}"] = 100 * float(right.mean())
            found[f"fedavg_{turn}.kb_a_device"] = turn * heads[0][1:].nbytes / 1000
    for turn in TURNS:
        name = f"fedavg_{turn}.from_{minimum}"
        rates = [found[f"{name}.rate_{rate:g}"] for rate in softmax.RATES]
        found[f"{name}.best_rate"] = max(rates)
    return found


def _ours(of: Numbered, devices: list[Sight], scored: Scored, minimum: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for level in (Consent.WEIGHTS, Consent.STATISTICS):
        for least in LEAST if level is Consent.WEIGHTS else LEAST[:1]:
            options = {"devices_min": float(least)} if level is Consent.WEIGHTS else {}
            about = campaign(of.train.shape[1], of.classes, level, options)
            sent = [(alias, update(each, about, minimum)) for alias, each in enumerate(devices, 1)]
            made = combine(about, 1, sent, None, {}, FlowerStrategies())
            head = decode(made.head)
            name = f"{level}.from_{minimum}"
            name += f".devices_min_{least}" if level is Consent.WEIGHTS else ""
            found[name] = scored.together(head)
            found[f"{name}.classes"] = float(len(head.ids))
            sizes = [sent_bytes(each) for _, each in sent]
            found[f"{name}.kb_a_device"] = float(np.mean(sizes)) / 1000
            found[f"{name}.kb_of_head"] = len(made.head) / 1000
    return found


def _compared(found: Figures) -> dict[str, float]:
    """Paired differences in points: the same devices with the same samples on both sides."""
    told: dict[str, float] = {}
    for name in [each for each in found if each.startswith(("weights.", "statistics."))]:
        if not name.endswith((".classes", ".kb_a_device", ".kb_of_head")):
            for minimum in MINIMA:
                over = found[name] - found[f"fedavg_{max(TURNS)}.from_{minimum}.best_rate"]
                told[f"{name}.over_fedavg_20.from_{minimum}"] = over
            told[f"{name}.over_local"] = found[name] - found["local"]
            told[f"{name}.over_centralised"] = found[name] - found["centralised"]
            sent = found[f"{name}.kb_a_device"]
            told[f"{name}.bytes_ratio_to_fedavg_20"] = sent / found["fedavg_20.kb_a_device"]
    return told
