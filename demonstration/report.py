"""What the demonstration found out, and whether all of it went as promised.

Nothing here measures: the numbers come in, and ``problems`` reads them. An empty list is success.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

BOUND_SHARE_MIN = 0.8  # of the joint upper bound; below it something is wrong, not just hard


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device said about one test image."""

    class_name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Examination:
    """A device on its test images, and the joint upper bound on the same features.

    ``bound`` is the share that a logistic regression has right that saw all the learned samples at
    once; it can be None where there was nothing to compute it from.
    """

    backbone: str
    right: int
    total: int
    bound: float | None = None

    @property
    def accuracy(self) -> float:
        return self.right / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Switch:
    """How a device came to the second backbone, seen by an application that kept asking.

    ``seconds`` count from the start of the rollout; None where it did not happen, and ``obstacle``
    says why.
    """

    seconds: float | None
    predictions: int
    failures: tuple[str, ...]
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Departed:
    """What left a device, of one kind."""

    kind: str
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class DeviceFindings:
    """One device from joining to the end."""

    name: str
    condition: str
    classes: tuple[str, ...]
    taught: int
    learned: int
    before: Examination
    after: Examination
    switch: Switch
    departed: tuple[Departed, ...]


@dataclass(frozen=True, slots=True)
class KillFindings:
    """One device around its SIGKILL: what it had learned, what it said about the test images."""

    name: str
    samples_before: int
    samples_after: int
    answers_before: tuple[Answer, ...]
    answers_after: tuple[Answer, ...]

    @property
    def changed_answers(self) -> int:
        pairs = zip(self.answers_before, self.answers_after, strict=True)
        return sum(before != after for before, after in pairs)


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything, in the order of the story."""

    images: str
    seconds: float
    devices: tuple[DeviceFindings, ...]
    kill: KillFindings


def problems(findings: Findings, target: str) -> list[str]:
    """Say what broke a promise, one sentence each.

    Args:
        findings: What was measured.
        target: NAME:VERSION of the backbone that every device should have at the end.
    """
    each_device = (line for device in findings.devices for line in _of_device(device, target))
    return [*each_device, *_of_kill(findings.kill)]


def _of_device(device: DeviceFindings, target: str) -> Iterator[str]:
    if device.switch.seconds is None:
        runs = device.after.backbone
        yield f"{device.name} runs {runs} instead of {target}: {device.switch.obstacle}"
    if device.switch.failures:
        first = device.switch.failures[0]
        yield (
            f"{len(device.switch.failures)} of {device.switch.predictions} predictions of "
            f"{device.name} failed during the switch; the first one: {first}"
        )
    if not device.switch.predictions:
        yield f"nothing was predicted by {device.name} during the switch"
    for when, found in (("before", device.before), ("after", device.after)):
        if found.bound is not None and found.accuracy < BOUND_SHARE_MIN * found.bound:
            yield (
                f"{device.name} had {found.accuracy:.1%} right {when} the switch, far below the "
                f"joint upper bound of {found.bound:.1%}"
            )
    if not device.departed:
        yield f"the ledger of {device.name} is empty, although it checked in"


def _of_kill(kill: KillFindings) -> Iterator[str]:
    if kill.samples_after != kill.samples_before:
        yield (
            f"{kill.name} had learned {kill.samples_before} samples before it was killed and "
            f"{kill.samples_after} after it came back"
        )
    if kill.changed_answers:
        yield (
            f"{kill.name} answered {kill.changed_answers} of {len(kill.answers_before)} test "
            "images differently after it came back"
        )


def write_json(path: Path, findings: Findings, found_problems: list[str]) -> None:
    """Write the report for machines: what was found, and ``problems``, empty on success."""
    content = {**summary(findings), "problems": found_problems}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")


def summary(findings: Findings) -> dict[str, object]:
    """The findings as plain values, without the single answers."""
    devices = [
        {
            **msgspec.to_builtins(device),
            "before": _examined(device.before),
            "after": _examined(device.after),
        }
        for device in findings.devices
    ]
    kill = {
        "name": findings.kill.name,
        "samples_before": findings.kill.samples_before,
        "samples_after": findings.kill.samples_after,
        "changed_answers": findings.kill.changed_answers,
    }
    return {
        "images": findings.images,
        "seconds": round(findings.seconds, 1),
        "devices": devices,
        "kill": kill,
    }


def _examined(found: Examination) -> dict[str, object]:
    return {**msgspec.to_builtins(found), "accuracy": round(found.accuracy, 4)}
