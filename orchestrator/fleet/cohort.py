"""Cohort selectors: ``site=berlin,line!=3,camera``.

Requirements are joined by commas and all of them must hold. ``key=value`` wants that value,
``key!=value`` wants any other or none, ``key`` wants the tag with whatever value. The empty
selector takes the whole fleet. There is no negation of ``key`` and no "or": who needs those writes
a tag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.tags import check_key, check_value

SELECTOR_BYTES_MAX = 1024  # the wire's cap
REQUIREMENTS_MAX = 16  # each is a join in the database; nobody reads more than a few


class Relation(StrEnum):
    EQUALS = "="
    DIFFERS = "!="
    PRESENT = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one tag; ``value`` is empty for ``PRESENT``."""

    key: str
    relation: Relation
    value: str = ""

    def holds(self, tags: Mapping[str, str]) -> bool:
        if self.relation is Relation.PRESENT:
            return self.key in tags
        equal = tags.get(self.key) == self.value
        return equal if self.relation is Relation.EQUALS else not equal


@dataclass(frozen=True, slots=True)
class Selector:
    """A parsed selector; ``str()`` gives its one normal form."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, tags: Mapping[str, str]) -> bool:
        return all(requirement.holds(tags) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(f"{each.key}{each.relation}{each.value}" for each in self.requirements)


@lru_cache(maxsize=1024)  # every look at every rollout asks for the same few again
def parse_selector(text: str) -> Selector:
    """Read a selector; blanks around keys and values are forgiven, repetitions dropped.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` naming the part that is not understood, ``OVER_LIMIT``
            for a text or a number of requirements beyond the bounds.
    """
    if len(text.encode()) > SELECTOR_BYTES_MAX:
        raise FieldwiseError(Fault.OVER_LIMIT, f"a selector has at most {SELECTOR_BYTES_MAX} bytes")
    if not text.strip():
        return Selector()
    parts = text.split(",")
    if len(parts) > REQUIREMENTS_MAX:
        raise FieldwiseError(
            Fault.OVER_LIMIT, f"{len(parts)} requirements are too many; {REQUIREMENTS_MAX} fit"
        )
    return Selector(tuple(dict.fromkeys(_requirement(part.strip()) for part in parts)))


def _requirement(part: str) -> Requirement:
    if not part:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "the selector has an empty part")
    for relation in (Relation.DIFFERS, Relation.EQUALS):
        key, found, value = part.partition(relation)
        if found:
            return Requirement(check_key(key.strip()), relation, check_value(value.strip()))
    return Requirement(check_key(part), Relation.PRESENT)
