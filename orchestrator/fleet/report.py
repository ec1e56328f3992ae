"""What a device says of itself at a check-in, and which of two reports is the fresher one.

Digests are SHA-256 in lower-case hexadecimal, or None where a device has no backbone yet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any

from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.diagnosis import DiagnosisRule
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import FederationReport
from fieldwise.ledger import LedgerHead
from fieldwise.trust import PublisherReport
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Verdict

# Databases count to 2**63, and what a device counts must leave room to count on from there.
COUNT_MAX = 2**62


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """How far the newest target is that the device has begun to obey, and what it waits for."""

    generation: int = 0
    digest: str | None = None
    phase: UpdatePhase = UpdatePhase.IDLE
    failure: UpdateFailure | None = None
    hold: UpdateHold | None = None


# What a device is taken to say before its first report.
NOTHING_BEGUN, NO_SIGNS, NOTHING_LEARNED = UpdateReport(), VitalSigns(), LearningCounters()
NOTHING_SEEN = LearningSigns()


@dataclass(frozen=True, slots=True)
class Report:
    """One check-in's account of a device.

    ``incarnation`` counts the starts of the agent and ``sequence`` the reports of one start, both
    from 1, so that the first is newer than none. ``generation`` is the highest generation of target
    that the device has seen and stored. ``diagnosis_rule`` is what its
    owner has settled, None of an agent that knows no diagnoses. ``federation`` is None where the
    owner agrees to nothing and never took part, and of an agent that knows no federation;
    ``publisher`` of an agent that knows no signed backbones. ``ledger`` is where its
    ledger ended before this report, None of an agent that does not tell. ``trust_revision`` is of
    the authorities that it trusts, None of an agent that knows none.

    Raises:
        FieldwiseError: On creation ``OVER_LIMIT`` where a number could not be stored,
            ``INVALID_ARGUMENT`` for an incarnation or a sequence of 0.
    """

    incarnation: int
    sequence: int
    generation: int = 0
    bundle_in_use: str | None = None
    variant_in_use: str = ""
    update: UpdateReport = UpdateReport()
    vital_signs: VitalSigns = NO_SIGNS
    learning: LearningCounters = NOTHING_LEARNED
    agent_version: str = ""
    settings_revision: int = 0
    verdict: Verdict | None = None
    execution_provider: str = ""
    signs: LearningSigns = NOTHING_SEEN
    diagnosis_rule: DiagnosisRule | None = None
    federation: FederationReport | None = None
    publisher: PublisherReport | None = None
    ledger: LedgerHead | None = None
    trust_revision: int | None = None

    def __post_init__(self) -> None:
        for part in (self, self.update, self.vital_signs, self.learning, self.signs):
            _check_counts(part)
        if not all(self.order):
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT,
                f"incarnation {self.incarnation}, sequence {self.sequence}: both count from 1",
            )

    @property
    def order(self) -> tuple[int, int]:
        """What sorts the reports of one device by age."""
        return (self.incarnation, self.sequence)


def _check_counts(
    part: Report | UpdateReport | VitalSigns | LearningCounters | LearningSigns,
) -> None:
    names, values_of = _counts(type(part))  # type: ignore[arg-type]  # mypy asks the records, not their classes
    values = [value or 0 for value in values_of(part)]
    if min(values) >= 0 and max(values) <= COUNT_MAX:
        return
    for name, value in zip(names, values, strict=True):
        if not 0 <= value <= COUNT_MAX:
            raise FieldwiseError(
                Fault.OVER_LIMIT, f"{name} is {value:,}; the limit is {COUNT_MAX:,}"
            )


@cache
def _counts(shape: Any) -> tuple[tuple[str, ...], Callable[[Any], Sequence[int | None]]]:
    """The names of a record's whole numbers, and what reads all of them at once."""
    names = tuple(each.name for each in fields(shape) if each.type in {int, int | None})
    if len(names) > 1:
        return names, attrgetter(*names)
    single = attrgetter(names[0])
    return names, lambda part: (single(part),)


def is_newer(report: Report, kept: tuple[int, int]) -> bool:
    """Tell whether a report may replace the one of order ``kept``; equal is a duplicate."""
    return report.order > kept
