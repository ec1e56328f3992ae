"""From a tree of texts to a plan, with every mistake at once.

A plan is read by tables of its keys, so that what can be written, what is asked about a key that
nobody knows, and what is shown of a plan are one thing. A part that cannot be read keeps its
default while the reading goes on: the mistakes that follow are about other keys.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.plan_file import Refused, Tree
from orchestrator.cli.plan_forms import (
    COUNT,
    DURATION,
    MEBIBYTES,
    NUMBER,
    RATE,
    SHARE,
    TEXT,
    WINDOW,
    Form,
    choice,
    closest,
)
from orchestrator.rollout.plan import (
    DeviceClass,
    GateRules,
    Limits,
    OnAbort,
    Overdue,
    Plan,
    Promotion,
    Undecided,
    Wave,
)
from orchestrator.rollout.plan_rules import mistakes

REST = "rest"


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a file is called in the record, and how its text is read."""

    field: str
    form: Form[Any]


PROMOTION = choice(Promotion, "promotion")
GATE_KEYS: Mapping[str, Key] = {
    "margin": Key("margin", SHARE),
    "alpha": Key("alpha", SHARE),
    "false_abort": Key("false_abort", SHARE),
    "devices_min": Key("devices_min", COUNT),
    "settled_share_min": Key("settled_share_min", SHARE),
    "worst_device_alpha": Key("worst_device_alpha", SHARE),
    "device_loss_max": Key("device_loss_max", SHARE),
    "failed_share_max": Key("failed_share_max", SHARE),
    "rollback_share_max": Key("rollback_share_max", SHARE),
    "declined_share_max": Key("declined_share_max", SHARE),
    "silent_share_max": Key("silent_share_max", SHARE),
    "latency_ratio_max": Key("latency_ratio_max", NUMBER),
}
LIMIT_KEYS: Mapping[str, Key] = {
    "in_flight": Key("in_flight", COUNT),
    "starts_per_minute": Key("starts_per_minute", COUNT),
    "bandwidth": Key("bytes_per_second", RATE),
}
CLASS_KEYS: Mapping[str, Key] = {
    "variant": Key("variant", TEXT),
    "architecture": Key("architecture", TEXT),
    "execution_provider": Key("execution_provider", TEXT),
    "memory": Key("memory_mib_min", MEBIBYTES),
}
WAVE_KEYS: Mapping[str, Key] = {
    "devices": Key("devices", COUNT),
    "share": Key("share", SHARE),
    "promotion": Key("promotion", PROMOTION),
}
PLAN_KEYS: Mapping[str, Key] = {
    "backbone": Key("backbone", TEXT),
    "cohort": Key("cohort", TEXT),
    "promotion": Key("promotion", PROMOTION),
    "undecided": Key("undecided", choice(Undecided, "decision")),
    "overdue": Key("overdue", choice(Overdue, "policy")),
    "on_abort": Key("on_abort", choice(OnAbort, "policy")),
    "device_deadline": Key("device_deadline_seconds", DURATION),
    "wave_deadline": Key("wave_deadline_seconds", DURATION),
    "soak": Key("soak_seconds", DURATION),
    "window": Key("window", WINDOW),
    "minimum_agent_version": Key("minimum_agent_version", TEXT),
}
PARTS = ("waves", "gate", "limits", "classes")


def read_plan(tree: Mapping[str, Tree]) -> Plan:
    """Read a plan.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` with every mistake, one to a line.
    """
    reading = _Reading()
    plan = reading.plan(tree)
    # A key that could not be read was told of already; its default may be one more mistake.
    told = {each.partition(":")[0] for each in reading.mistakes}
    found = [each for each in mistakes(plan) if each.partition(":")[0] not in told]
    if reading.mistakes or found:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "\n".join([*reading.mistakes, *found]))
    return plan


def write_plan(plan: Plan) -> dict[str, Tree]:
    """Return the tree that reads as the plan, without what is as usual."""
    tree = _written(PLAN_KEYS, plan, Plan(""))
    waves = [_written_wave(each) for each in plan.waves]
    parts: dict[str, Tree] = {
        "waves": waves if plan.waves != (Wave(),) else [],
        "gate": _written(GATE_KEYS, plan.gate, GateRules()),
        "limits": _written(LIMIT_KEYS, plan.limits, Limits()),
        "classes": [_written(CLASS_KEYS, each, DeviceClass("")) for each in plan.classes],
    }
    return tree | {name: part for name, part in parts.items() if part}


class _Reading:
    """Collects mistakes while it reads; ``path`` is the key as in a plan file."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def plan(self, tree: Mapping[str, Tree]) -> Plan:
        parts = {name: tree[name] for name in PARTS if name in tree}
        rest = {name: value for name, value in tree.items() if name not in PARTS}
        read: dict[str, Any] = self._record("", rest, PLAN_KEYS)
        if "waves" in parts:
            read["waves"] = self._items("waves", parts["waves"], self._wave)
        if "gate" in parts:
            read["gate"] = GateRules(**self._record("gate", parts["gate"], GATE_KEYS))
        if "limits" in parts:
            read["limits"] = Limits(**self._record("limits", parts["limits"], LIMIT_KEYS))
        if "classes" in parts:
            read["classes"] = self._items("classes", parts["classes"], self._class)
        return Plan(**({"backbone": ""} | read))

    def _items(self, path: str, tree: Tree, read: Callable[[str, Tree], Any]) -> tuple[Any, ...]:
        if not isinstance(tree, list):
            self._refuse(path, tree, "it is no list; begin each entry with a dash")
            tree = []
        return tuple(read(f"{path}[{number}]", each) for number, each in enumerate(tree))

    def _wave(self, path: str, tree: Tree) -> Wave:
        if isinstance(tree, dict):
            return Wave(**self._record(path, tree, WAVE_KEYS))
        if tree == REST:
            return Wave()
        if isinstance(tree, str) and tree.endswith("%") and not isinstance(tree, Refused):
            return Wave(**self._value(path, tree, WAVE_KEYS["share"]))
        try:
            return Wave(devices=COUNT.value_of(tree if isinstance(tree, str) else ""))
        except FieldwiseError:
            shown = repr(tree[:60]) if isinstance(tree, str) else "a list"
            self._refuse(path, tree, f"{shown} is no wave; write 20, 10% or {REST}")
            return Wave()

    def _class(self, path: str, tree: Tree) -> DeviceClass:
        return DeviceClass(**({"variant": ""} | self._record(path, tree, CLASS_KEYS)))

    def _record(self, path: str, tree: Tree, keys: Mapping[str, Key]) -> dict[str, Any]:
        """Return by field what can be read of a mapping."""
        if not isinstance(tree, dict):
            self._refuse(path, tree, "it has no keys; write KEY: VALUE below it")
            return {}
        read: dict[str, Any] = {}
        for name, value in tree.items():
            below = f"{path}.{name}" if path else name
            if name in keys:
                read |= self._value(below, value, keys[name])
            else:
                self._unknown(path, name, keys)
        return read

    def _value(self, path: str, tree: Tree, key: Key) -> dict[str, Any]:
        if isinstance(tree, Refused) or not isinstance(tree, str):
            self._refuse(path, tree, f"it has parts of its own; write {key.form.example}")
            return {}
        try:
            return {key.field: key.form.value_of(tree)}
        except FieldwiseError as error:
            self.mistakes.append(f"{path}: {error.sentence}")
            return {}

    def _refuse(self, path: str, tree: Tree, sentence: str) -> None:
        """Note a mistake: what the file itself has against the value, or else the sentence."""
        self.mistakes.append(f"{path}: {tree if isinstance(tree, Refused) else sentence}")

    def _unknown(self, path: str, name: str, keys: Mapping[str, Key]) -> None:
        known = [*keys, *PARTS] if keys is PLAN_KEYS else [*keys]
        below = f"{path}.{name[:60]}" if path else name[:60]
        hint = closest(name, known) or f"; known are {', '.join(known)}"
        self.mistakes.append(f"{below}: there is no such key{hint}")


def _written(keys: Mapping[str, Key], record: Any, usual: Any) -> dict[str, Tree]:
    values = {name: (getattr(record, key.field), key) for name, key in keys.items()}
    return {
        name: key.form.write(value)
        for name, (value, key) in values.items()
        if value != getattr(usual, key.field)
    }


def _written_wave(wave: Wave) -> Tree:
    tree = _written(WAVE_KEYS, wave, Wave())
    if wave.promotion is not None:
        return tree
    return next(iter(tree.values()), REST)
