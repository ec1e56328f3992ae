"""Campaigns as people see them: rows, facts, rounds, heads, and what is being waited for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fieldwise.federation import HeadOutcome
from orchestrator.campaign_views import CampaignView, HeadView, RoundView
from orchestrator.cli.output import ago, facts, local, size, table
from orchestrator.federation.phases import CampaignPhase, RoundPhase
from orchestrator.federation.plan import CampaignPlan
from orchestrator.rollout.telling import devices, span

COLOURS = {
    CampaignPhase.RUNNING: "cyan",
    CampaignPhase.STOPPED: "yellow",
    CampaignPhase.COMPLETE: "green",
    CampaignPhase.FAILED: "red",
}
ROUND_COLOURS = {
    RoundPhase.OPEN: "cyan",
    RoundPhase.CLOSED: "cyan",
    RoundPhase.COMMITTED: "green",
    RoundPhase.MISSED: "yellow",
    RoundPhase.UNCHANGED: "dim",
    RoundPhase.DROPPED: "dim",
}
OUTCOMES: Mapping[HeadOutcome, str] = {
    HeadOutcome.ADOPTED: "adopted it",
    HeadOutcome.NOT_CHOSEN: "are better on their own",
    HeadOutcome.HARM: "refused it as harm",
    HeadOutcome.TOO_FEW: "have too few held-out samples",
    HeadOutcome.UNSUITABLE: "cannot use it",
}
ROW = ("campaign", "phase", "rounds#", "head#", "backbone", "cohort", "strategy", "started")
ROUND_ROW = (
    "round#",
    "phase",
    "asked#",
    "taken#",
    "nothing new#",
    "declined#",
    "refused#",
    "bytes#",
    "head#",
    "classes#",
    "held back#",
    "opened",
)
HEAD_ROW = ("head#", "made", "of", "size#", *(f"{each}#" for each in OUTCOMES), "digest")
ROUNDS_SHOWN = 5  # what fits under the facts of a screen
BAR_CELLS = 30


def row(campaign: CampaignView) -> tuple[str | Text, ...]:
    return (
        campaign.id,
        Text(campaign.phase, style=COLOURS[campaign.phase]),
        f"{campaign.rounds_committed:,}",
        f"{campaign.head.version:,}" if campaign.head else "",
        campaign.plan.backbone,
        campaign.plan.cohort or "all",
        campaign.plan.strategy,
        ago(campaign.created_at),
    )


def facts_of(campaign: CampaignView, *further: tuple[str, str | Text]) -> Table:
    """Lay out what is known of a campaign."""
    plan = campaign.plan
    pairs: list[tuple[str, str | Text]] = [
        ("campaign", campaign.id),
        ("phase", Text(told(campaign), style=COLOURS[campaign.phase])),
        ("backbone", plan.backbone),
        ("cohort", plan.cohort or "all devices"),
        ("agree", f"{campaign.agreed:,} of {devices(campaign.devices)} to {plan.level}"),
        ("classes", _names(plan.classes)),
        ("strategy", _strategy(plan)),
        ("rounds", rounds_told(campaign)),
        ("head", head_told(campaign.head)),
        ("started", _by(local(campaign.created_at), campaign.created_by)),
    ]
    return facts([*pairs, *further])


def told(campaign: CampaignView) -> str:
    """Return the phase, and why where somebody said why."""
    return f"{campaign.phase}: {campaign.reason}" if campaign.reason else f"{campaign.phase}"


def rounds_told(campaign: CampaignView) -> str:
    of = f" of {campaign.plan.rounds:,}" if campaign.plan.rounds else ""
    made = f"{campaign.rounds_committed:,}{of} made"
    others = {"missed": campaign.rounds_missed, "left it unchanged": campaign.rounds_unchanged}
    return ", ".join([made, *(f"{count:,} {how}" for how, count in others.items() if count)])


def head_told(head: HeadView | None) -> str:
    if head is None:
        return "none yet"
    counts = [
        f"{count:,} {OUTCOMES[each]}" for each, count in head.outcomes.items() if each in OUTCOMES
    ]
    return "; ".join([f"version {head.version}, {size(head.bytes)}", *counts])


def screen(campaign: CampaignView, rounds: Sequence[RoundView]) -> RenderableType:
    """Lay out a campaign that is watched."""
    current = campaign.round
    now = ("now", progress(campaign) if current else awaited(campaign))
    shown = table(ROUND_ROW, map(round_row, rounds[:ROUNDS_SHOWN]))
    return Group(facts_of(campaign, now), "", shown)


def progress(campaign: CampaignView, now: datetime | None = None) -> str:
    """Return how far the newest round is."""
    seen = campaign.round
    if seen is None or seen.phase is not RoundPhase.OPEN:
        return awaited(campaign)
    moment = now or datetime.now(UTC)  # noqa: TID251 - shown to a person, decides nothing
    left = max(0.0, (seen.deadline - moment).total_seconds())
    filled = round(BAR_CELLS * min(1.0, seen.taken / seen.wanted)) if seen.wanted else 0
    bar = "━" * filled + "─" * (BAR_CELLS - filled)
    return f"round {seen.round} {bar} {seen.taken:,} of {seen.wanted:,}, {span(left)} left"


def awaited(campaign: CampaignView) -> str:
    """Return what a campaign waits for; how it ended where it has."""
    if campaign.phase is not CampaignPhase.RUNNING:
        return told(campaign)
    seen = campaign.round
    if seen is not None and seen.phase is RoundPhase.OPEN:
        return f"devices answer round {seen.round}"
    if seen is not None and seen.phase is RoundPhase.CLOSED:
        return f"the aggregator works on round {seen.round}"
    if campaign.agreed < campaign.plan.quorum:
        return f"waits until {devices(campaign.plan.quorum)} agree; {campaign.agreed:,} do"
    return "waits for the next round"


def line(campaign: CampaignView) -> str:
    """Return a campaign on one line, for a screen that keeps what it shows."""
    seen = campaign.round
    parts = [f"{campaign.id} {told(campaign)}", rounds_told(campaign)]
    if seen is not None:
        counts = {"have nothing new": seen.unchanged, "declined": seen.declined}
        others = "".join(f", {count:,} {how}" for how, count in counts.items() if count)
        answers = f"{seen.taken:,} of {seen.asked:,} devices answered"
        parts.append(f"round {seen.round} {seen.phase}: {answers}{others}")
    return "; ".join([*parts, f"head {head_told(campaign.head)}"])


def round_row(seen: RoundView) -> tuple[str | Text, ...]:
    return (
        f"{seen.round}",
        Text(seen.phase, style=ROUND_COLOURS[seen.phase]),
        f"{seen.asked:,}",
        f"{seen.taken:,}",
        f"{seen.unchanged:,}",
        f"{seen.declined:,}",
        f"{seen.refused:,}",
        size(seen.bytes),
        f"{seen.version}" if seen.version else "",
        f"{seen.classes:,}" if seen.version else "",
        f"{seen.classes_held_back:,}" if seen.version else "",
        ago(seen.opened_at),
    )


def heads(found: Iterable[HeadView]) -> Table:
    """Lay out versions of a head, with what devices made of each."""
    return table(HEAD_ROW, map(_head_row, found))


def _head_row(head: HeadView) -> tuple[str, ...]:
    of = f"round {head.round}" if head.round else f"version {head.back_to} again"
    counts = (f"{head.outcomes.get(each, 0):,}" for each in OUTCOMES)
    made = ago(head.created_at)
    return (f"{head.version}", made, of, size(head.bytes), *counts, head.digest[:12])


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10:,} more"  # noqa: PLR2004 - a line of them


def _strategy(plan: CampaignPlan) -> str:
    options = ", ".join(f"{name}={value:g}" for name, value in sorted(plan.options.items()))
    return f"{plan.strategy} ({options})" if options else plan.strategy


def _by(when: str, who: str) -> str:
    return f"{when} by {who}" if who else when
