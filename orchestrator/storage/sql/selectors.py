"""Cohort selectors as conditions on rows of ``devices``."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, true

from orchestrator.fleet.cohort import Relation, Requirement, Selector
from orchestrator.storage.sql.tables import device_tags, devices


def matches(selector: Selector) -> ColumnElement[bool]:
    """The condition that ``Selector.matches`` is of a device's tags."""
    return and_(true(), *(_holds(each) for each in selector.requirements))


def _holds(requirement: Requirement) -> ColumnElement[bool]:
    conditions: list[ColumnElement[Any]] = [
        device_tags.c.device == devices.c.id,
        device_tags.c.key == requirement.key,
    ]
    if requirement.relation is not Relation.PRESENT:
        conditions.append(device_tags.c.value == requirement.value)
    found = exists().where(*conditions)
    return ~found if requirement.relation is Relation.DIFFERS else found
