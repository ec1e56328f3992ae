"""What a plan must be like: every mistake at once, each with the key it is about and what to do.

An operator who is told of one mistake at a time runs the command as often as there are mistakes.
Commands ask here before they call the server, and the server asks again: not every caller is a
command.

The key of a mistake is written as in a plan file: ``waves[2].share`` is of the third wave.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.cohort import parse_selector
from orchestrator.rollout.backbone import parse_reference
from orchestrator.rollout.plan import (
    PROOF_DEVICES_MIN,
    DeviceClass,
    GateRules,
    Plan,
    Wave,
    Window,
)

WAVES_MAX = 32  # the wire's cap
CLASSES_MAX = 32  # the wire's cap
DEVICES_MAX = 10_000_000  # more than any fleet, and room in every database
DAY_MINUTES = 1440
MINUTE_SECONDS, QUARTER_SECONDS = 60, 7_776_000
BYTES_PER_SECOND_MIN = 1024  # below that a device with a bundle of 20 MiB is fetching for hours
BYTES_PER_SECOND_MAX = 2**40
MIB_MAX = 1 << 24
SHARES_SLACK = 1e-9  # 0.1 + 0.2 + 0.7 is not 1

_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}")
_VARIANT = re.compile(r"[a-z0-9]{1,16}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# Lowest and highest value of each number of the gate. Where nobody could be served by a value, it
# is a slip: a margin of half of all samples, a chance that is as good as a coin.
GATE_BOUNDS = {
    "margin": (0.001, 0.5),
    "alpha": (0.001, 0.5),
    "false_abort": (0.001, 0.5),
    "settled_share_min": (0.5, 1.0),
    "worst_device_alpha": (0.0, 0.5),
    "device_loss_max": (0.0, 1.0),
    "failed_share_max": (0.0, 1.0),
    "rollback_share_max": (0.0, 1.0),
    "declined_share_max": (0.0, 1.0),
    "silent_share_max": (0.0, 1.0),
    "latency_ratio_max": (1.0, 1000.0),
}


def mistakes(plan: Plan) -> tuple[str, ...]:
    """Return every mistake of a plan as ``KEY: what is wrong; what to do``, none where it is fine.

    Pure and total: no value of a field, however odd, makes it raise.
    """
    return (
        *_refused("backbone", parse_reference, plan.backbone),
        *_refused("cohort", parse_selector, plan.cohort),
        *_waves(plan.waves),
        *_gate(plan.gate),
        *_times(plan),
        *_limits(plan),
        *(_window(plan.window) if plan.window else ()),
        *_agent_version(plan.minimum_agent_version),
        *_classes(plan.classes),
    )


def checked(plan: Plan) -> Plan:
    """Return a plan that has no mistake.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` with every mistake, one to a line.
    """
    found = mistakes(plan)
    if found:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "\n".join(found))
    return plan


def _refused(key: str, parse: Callable[[str], object], text: str) -> Iterator[str]:
    if key == "backbone" and not text:
        yield "backbone: it is missing; name what to roll out, as NAME:VERSION"
        return
    try:
        parse(text)
    except FieldwiseError as error:
        yield f"{key}: {error.sentence}; correct it"


def _waves(waves: tuple[Wave, ...]) -> Iterator[str]:
    if not 1 <= len(waves) <= WAVES_MAX:
        yield f"waves: there are {len(waves)}; write 1 to {WAVES_MAX}"
        return
    for number, wave in enumerate(waves[:-1]):
        yield from _wave(f"waves[{number}]", wave)
    last = waves[-1]
    if last.devices is not None or last.share is not None:
        yield (
            f"waves[{len(waves) - 1}]: the last wave takes what is left of the cohort; "
            "end the list with `rest`"
        )
    total = sum(each.share for each in waves if each.share and 0 < each.share <= 1)
    if total > 1 + SHARES_SLACK:
        yield (
            f"waves: the shares add up to {100 * total:.4g}%; each wave comes on top of those "
            "before it, so write what it adds"
        )


def _wave(key: str, wave: Wave) -> Iterator[str]:
    if wave.devices is not None and wave.share is not None:
        yield f"{key}: it has devices and share; keep one of them"
    elif wave.devices is None and wave.share is None:
        yield f"{key}: only the last wave takes the rest; write how many devices or which share"
    if wave.devices is not None and not 1 <= wave.devices <= DEVICES_MAX:
        yield f"{key}.devices: {wave.devices:,} is no size; write 1 to {DEVICES_MAX:,}"
    if wave.share is not None and not 0 < wave.share < 1:
        yield f"{key}.share: {_percent(wave.share)} is no part; write more than 0% and under 100%"


def _gate(gate: GateRules) -> Iterator[str]:
    for field in fields(gate):
        value = getattr(gate, field.name)
        if field.name not in GATE_BOUNDS:
            continue
        low, high = GATE_BOUNDS[field.name]
        if not low <= value <= high:  # not a number is not between any two either
            show = "{:.6g}".format if high > 1 else _percent
            bounds = f"{show(low)} to {show(high)}"
            yield f"gate.{field.name}: {show(value)} is out of bounds; write {bounds}"
    if not PROOF_DEVICES_MIN <= gate.devices_min <= DEVICES_MAX:
        bounds = f"{PROOF_DEVICES_MIN} to {DEVICES_MAX:,}"
        yield f"gate.devices_min: {gate.devices_min:,} is out of bounds; write {bounds}"


def _times(plan: Plan) -> Iterator[str]:
    for key, seconds, least in (
        ("device_deadline", plan.device_deadline_seconds, MINUTE_SECONDS),
        ("wave_deadline", plan.wave_deadline_seconds, MINUTE_SECONDS),
        ("soak", plan.soak_seconds, 0),
    ):
        if not least <= seconds <= QUARTER_SECONDS:
            yield f"{key}: {seconds:,} s is out of bounds; write {least} s to 90 d"
    if plan.wave_deadline_seconds < plan.device_deadline_seconds:
        yield (
            "wave_deadline: a wave would be decided before its devices are due; "
            f"write at least the device_deadline of {plan.device_deadline_seconds:,} s"
        )
    if plan.soak_seconds > plan.wave_deadline_seconds:
        yield (
            "soak: no wave would be watched that long before it has to be decided; "
            f"write at most the wave_deadline of {plan.wave_deadline_seconds:,} s"
        )


def _limits(plan: Plan) -> Iterator[str]:
    limits = plan.limits
    for key, count in (
        ("in_flight", limits.in_flight),
        ("starts_per_minute", limits.starts_per_minute),
    ):
        if not 0 <= count <= DEVICES_MAX:
            yield f"limits.{key}: {count:,} is out of bounds; write 0 (none) to {DEVICES_MAX:,}"
    rate = limits.bytes_per_second
    if rate != 0 and not BYTES_PER_SECOND_MIN <= rate <= BYTES_PER_SECOND_MAX:
        yield f"limits.bandwidth: {rate:,} B/s is out of bounds; write 1 KiB/s to 1 TiB/s, or 0"
    elif rate and not limits.in_flight:
        yield (
            "limits.bandwidth: it is shared among the devices on their way, and nothing bounds "
            "how many there are; write limits.in_flight, too"
        )
    elif rate and rate < limits.in_flight * BYTES_PER_SECOND_MIN:
        yield (
            f"limits.bandwidth: {rate:,} B/s leave each of {limits.in_flight:,} devices less than "
            "1 KiB/s; write more, or a smaller limits.in_flight"
        )


def _window(window: Window) -> Iterator[str]:
    minutes = (window.begin_minute, window.end_minute)
    if not all(0 <= each < DAY_MINUTES for each in minutes):
        yield "window: a day has 00:00 to 23:59; correct the times"
    if window.begin_minute == window.end_minute:
        yield "window: it ends when it begins; leave it out for always"
    if not window.days or not all(0 <= each <= 6 for each in window.days):  # noqa: PLR2004 - a week
        yield "window: it has no day, or one that is none; write mon to sun"
    elif len(set(window.days)) < len(window.days):
        yield "window: a day comes twice; keep it once"


def _agent_version(version: str) -> Iterator[str]:
    if version and not _VERSION.fullmatch(version):
        yield f"minimum_agent_version: {version[:40]!r} is no version; write one such as 0.2.0"


def _classes(classes: tuple[DeviceClass, ...]) -> Iterator[str]:
    if len(classes) > CLASSES_MAX:
        yield f"classes: there are {len(classes)}; write at most {CLASSES_MAX}"
        return
    for number, each in enumerate(classes):
        yield from _class(f"classes[{number}]", each)
        shadow = next((k for k in range(number) if _covers(classes[k], each)), None)
        if shadow is not None:
            yield (
                f"classes[{number}]: no device comes here, since classes[{shadow}] takes every "
                "one of it; put it first or take it out"
            )


def _class(key: str, each: DeviceClass) -> Iterator[str]:
    if not _VARIANT.fullmatch(each.variant):
        yield f"{key}.variant: {each.variant[:40]!r} is no variant; write one such as int8"
    for name, text in (
        ("architecture", each.architecture),
        ("execution_provider", each.execution_provider),
    ):
        if text and not _WORD.fullmatch(text):
            yield f"{key}.{name}: {text[:40]!r} is no name; write one such as aarch64 or cpu"
    if not 0 <= each.memory_mib_min <= MIB_MAX:
        yield f"{key}.memory: {each.memory_mib_min:,} MiB is out of bounds; write 0 to 16 TiB"


def _covers(wide: DeviceClass, narrow: DeviceClass) -> bool:
    """Tell whether every device that fits the second fits the first."""
    return (
        wide.architecture in ("", narrow.architecture)
        and wide.execution_provider in ("", narrow.execution_provider)
        and wide.memory_mib_min <= narrow.memory_mib_min
    )


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"
