"""Who is let in with a good ticket, by rules over what a device and its ticket say.

A rule is a decision and conditions: ``accept architecture=aarch64 memory>=1GiB tag.site=berlin``.
The first rule of which every condition holds decides; where none does, the device waits for an
operator. A fact is what the device claims: rules keep the wrong hardware out, and no liar. The tags
are the ticket's, which an operator wrote.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.device import Facts
from orchestrator.fleet.tags import check_key, check_value

RULES_MAX = 32
RULE_CHARACTERS_MAX = 512
CONDITIONS_MAX = 16
UNITS: Mapping[str, int] = MappingProxyType({"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30})

_CONDITION = re.compile(r"([a-z][A-Za-z0-9._/-]*?)(!=|>=|<=|=|>|<)([^=<>!\s]+)")
_SIZE = re.compile(r"([0-9]{1,12})(|KiB|MiB|GiB)")
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}")
_SAME: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {"=": operator.eq, "!=": operator.ne}
)
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {**_SAME, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
)


class Way(StrEnum):
    """Who says what becomes of a device that brought a good ticket."""

    TICKET = "ticket"  # the ticket is enough
    RULES = "rules"
    PENDING = "pending"  # an operator, for each device
    WEBHOOK = "webhook"


class Decision(StrEnum):
    """What becomes of a device that brought a good ticket."""

    ACCEPT = "accept"
    PENDING = "pending"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision, with the tags that the device gets beside its ticket's, and why."""

    decision: Decision
    tags: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; ``wanted`` is a text, a number, or the parts of a version."""

    name: str
    sign: str
    wanted: object


@dataclass(frozen=True, slots=True)
class Rule:
    """A decision and all the conditions for it."""

    decision: Decision
    conditions: tuple[Condition, ...]
    text: str


def parse_rule(text: str) -> Rule:
    """Read a rule.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``, naming what cannot be read.
    """
    words = text.split()
    if len(text) > RULE_CHARACTERS_MAX or len(words) > CONDITIONS_MAX + 1:
        raise _invalid(f"a rule has at most {CONDITIONS_MAX} conditions: {text[:60]!r}")
    if not words or words[0] not in list(Decision):
        raise _invalid(f"a rule begins with accept, pending or reject: {text[:60]!r}")
    return Rule(Decision(words[0]), tuple(map(_condition, words[1:])), " ".join(words))


def judge(rules: Sequence[Rule], facts: Facts, tags: Mapping[str, str]) -> Judged:
    """Return what the first rule says that applies."""
    for rule in rules:
        if all(_holds(each, facts, tags) for each in rule.conditions):
            return Judged(rule.decision, reason=f"rule: {rule.text}")
    return Judged(Decision.PENDING, reason="no rule applies")


def version_of(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a version without zeros at its end; None for what is none.

    What follows the numbers, as in "0.2.0.dev1" or "0.2.0+local", does not count.
    """
    found = re.match(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}(?![0-9])", text)
    if found is None:
        return None
    parts = [int(each) for each in found[0].split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise _invalid(f"{text[:60]!r} is no condition such as memory>=1GiB")
    name, sign, value = found.groups()
    if name.startswith("tag."):
        check_key(name.removeprefix("tag."))
        return Condition(name, _known(sign, _SAME, name), check_value(value))
    if name == "architecture":
        return Condition(name, _known(sign, _SAME, name), value)
    if name == "agent":
        return Condition(name, _known(sign, _ORDER, name), _version(value))
    if name in {"memory", "processors"}:
        return Condition(name, _known(sign, _ORDER, name), _size(value))
    raise _invalid(
        f"{name[:60]!r} is nothing to judge by: there are architecture, memory, processors, agent "
        "and tag.KEY"
    )


def _known(sign: str, signs: Mapping[str, object], name: str) -> str:
    if sign not in signs:
        raise _invalid(f"{name} can only be compared with {' and '.join(signs)}")
    return sign


def _version(text: str) -> tuple[int, ...]:
    found = version_of(text) if _VERSION.fullmatch(text) else None
    if found is None:
        raise _invalid(f"{text[:60]!r} is no version such as 0.2")
    return found


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise _invalid(f"{text[:60]!r} is no number, nor a size such as 512MiB or 1GiB")
    return int(found[1]) * UNITS[found[2]]


def _holds(condition: Condition, facts: Facts, tags: Mapping[str, str]) -> bool:
    given: object
    if condition.name.startswith("tag."):
        given = tags.get(condition.name.removeprefix("tag."))
    elif condition.name == "agent":
        given = version_of(facts.agent_version)
        if given is None:  # what cannot be read is neither old nor new
            return condition.sign == "!="
    else:
        given = {
            "architecture": facts.architecture,
            "memory": facts.memory_bytes,
            "processors": facts.processors,
        }[condition.name]
    return _ORDER[condition.sign](given, condition.wanted)


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
