"""What a campaign's plan must be like: every mistake at once, each with its key and what to do.

Commands ask here before they call the server, and the server asks again: not every caller is a
command. The key of a mistake is written as the plan's field.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from fieldwise import strategies
from fieldwise.class_name import check_class_name
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import (
    NOISE_MAX,
    NORM_MAX,
    SAMPLES_MIN,
    Consent,
    HeadSpace,
    RowKind,
    content_bytes,
)
from orchestrator.federation.plan import CampaignPlan
from orchestrator.fleet.cohort import parse_selector
from orchestrator.rollout.backbone import parse_reference

CLASSES_MAX = 10_000  # the wire's cap
OPTIONS_MAX = 16  # the wire's cap
ROUNDS_MAX = 1_000_000
DEVICES_MAX = 10_000_000  # more than any fleet, and room in every database
QUORUM_MIN = 2  # a head of one device's rows would be that device's
OVER_SELECTION_MAX = 10.0
DEADLINE_MIN, DEADLINE_MAX = 10, 2_592_000
PAUSE_MAX = 2_592_000
PAUSE_ENDLESS_MIN = 60  # a campaign without an end must not keep its devices busy without a rest
SAMPLES_MIN_MAX = 1_000_000
UPDATE_BYTES_MAX = 64 * 1024 * 1024  # held in memory while it is checked
EXACT = "FedAvg"  # what exact merging is called


def mistakes(plan: CampaignPlan, *, statistics_allowed: bool) -> tuple[str, ...]:
    """Return every mistake of a plan as ``KEY: what is wrong; what to do``, none where it is fine.

    Pure and total: no value of a field, however odd, makes it raise.

    Args:
        plan: As it was written.
        statistics_allowed: Whether the installation lets anybody ask for statistics.
    """
    return (
        *_refused("backbone", parse_reference, plan.backbone),
        *_refused("cohort", parse_selector, plan.cohort),
        *_classes(plan.classes),
        *_level(plan, allowed=statistics_allowed),
        *_strategy(plan),
        *_numbers(plan),
        *_together(plan),
    )


def checked(plan: CampaignPlan, *, statistics_allowed: bool) -> CampaignPlan:
    """Return a plan that has no mistake.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` with every mistake, one to a line.
    """
    found = mistakes(plan, statistics_allowed=statistics_allowed)
    if found:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "\n".join(found))
    return plan


def check_size(plan: CampaignPlan, space: HeadSpace) -> None:
    """Refuse a plan whose updates would be larger than any orchestrator takes.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``.
    """
    size = content_bytes(space, plan.kind, plan.level, len(plan.classes))
    if size > UPDATE_BYTES_MAX:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT,
            f"classes: an update of {len(plan.classes):,} classes with {space.width:,} features "
            f"has {size:,} bytes, and {UPDATE_BYTES_MAX:,} are the most; name fewer"
            + (", or ask for weights" if plan.level is Consent.STATISTICS else ""),
        )


def _refused(key: str, parse: Callable[[str], object], text: str) -> Iterator[str]:
    if key == "backbone" and not text:
        yield "backbone: it is missing; name what heads are of, as NAME:VERSION"
        return
    try:
        parse(text)
    except FieldwiseError as error:
        yield f"{key}: {error.sentence}; correct it"


def _classes(names: tuple[str, ...]) -> Iterator[str]:
    if not 1 <= len(names) <= CLASSES_MAX:
        yield f"classes: there are {len(names):,}; name 1 to {CLASSES_MAX:,}"
    for name in names[:CLASSES_MAX]:
        yield from _refused("classes", check_class_name, name)
    for name, times in Counter(names).items():
        if times > 1:
            yield f"classes: {name[:40]!r} comes {times} times; keep it once"


def _level(plan: CampaignPlan, *, allowed: bool) -> Iterator[str]:
    if plan.level is Consent.OFF:
        yield "level: off asks for nothing; write weights or statistics"
    if plan.level is not Consent.STATISTICS:
        return
    if not allowed:
        yield (
            "level: this installation does not ask for statistics; write weights, or set "
            "federation_statistics"
        )
    if plan.kind is not RowKind.MEANS:
        yield "kind: only heads of means have statistics; write means, or the level weights"
    if plan.strategy != EXACT or plan.options:
        yield f"strategy: statistics are merged exactly; write {EXACT} without options"
    if plan.norm_max or plan.noise:
        yield "norm_max, noise: exact sums are neither shortened nor blurred; leave both out"


def _strategy(plan: CampaignPlan) -> Iterator[str]:
    if plan.level is Consent.STATISTICS:
        return  # which has one alone
    if len(plan.options) > OPTIONS_MAX:
        yield f"options: there are {len(plan.options)}; write at most {OPTIONS_MAX}"
        return
    yield from strategies.mistakes(plan.strategy, plan.options)


def _numbers(plan: CampaignPlan) -> Iterator[str]:
    bounds: tuple[tuple[str, float, float, float], ...] = (
        ("rounds", plan.rounds, 0, ROUNDS_MAX),
        ("quorum", plan.quorum, QUORUM_MIN, DEVICES_MAX),
        ("participants", plan.participants, 0, DEVICES_MAX),
        ("over_selection", plan.over_selection, 0, OVER_SELECTION_MAX),
        ("deadline", plan.deadline_seconds, DEADLINE_MIN, DEADLINE_MAX),
        ("pause", plan.pause_seconds, 0, PAUSE_MAX),
        ("norm_max", plan.norm_max, 0, NORM_MAX),
        ("noise", plan.noise, 0, NOISE_MAX),
        ("samples_min", plan.samples_min, SAMPLES_MIN, SAMPLES_MIN_MAX),
    )
    for key, value, low, high in bounds:
        if not low <= value <= high:  # not a number is not between any two either
            yield f"{key}: {value:,} is out of bounds; write {low:,} to {high:,}"


def _together(plan: CampaignPlan) -> Iterator[str]:
    if 0 < plan.participants < plan.quorum:
        yield (
            f"participants: {plan.participants:,} never meet the quorum of {plan.quorum:,}; "
            "write as many, or 0 for all"
        )
    if plan.noise > 0 and plan.norm_max <= 0:
        yield "noise: it is measured by norm_max, and there is none; write norm_max, too"
    if plan.rounds == 0 and plan.pause_seconds < PAUSE_ENDLESS_MIN:
        yield (
            f"pause: {plan.pause_seconds:,} s give devices no rest in a campaign without an end; "
            f"write at least {PAUSE_ENDLESS_MIN} s, or a number of rounds"
        )
