"""Rollouts as people see them: rows, facts, waves, evidence, and what is being waited for."""

import time
from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.cli.output import ago, facts, local, table
from orchestrator.cli.plan_file import Tree
from orchestrator.cli.plan_reading import write_plan
from orchestrator.rollout.evidence import Finding, Outcome
from orchestrator.rollout.phases import ADDING, Phase, Reason
from orchestrator.rollout.places import Place
from orchestrator.rollout.placing import SETTLED
from orchestrator.rollout.telling import EXCLUSIONS, REASONS, devices, points, span
from orchestrator.rollout.timetable import opens_in
from orchestrator.rollout_views import (
    EventView,
    PreviewedDevice,
    PreviewView,
    RolloutView,
    WavePreview,
)

COLOURS = {
    Phase.RUNNING: "cyan",
    Phase.PAUSED: "yellow",
    Phase.REVERTING: "red",
    Phase.HELD: "yellow",
    Phase.COMPLETE: "green",
    Phase.REVERTED: "red",
    Phase.SUPERSEDED: "dim",
}
ROW = ("rollout", "phase", "wave#", "backbone", "cohort", "devices", "started")
EVENTS_SHOWN = 5  # what fits under a screen of waves


def row(rollout: RolloutView) -> tuple[str | Text, ...]:
    return (
        rollout.id,
        Text(rollout.phase, style=COLOURS[rollout.phase]),
        f"{rollout.wave} of {len(rollout.plan.waves)}",
        rollout.title,
        rollout.cohort or "all",
        counted(rollout.counts) or "none yet",
        ago(rollout.created_at),
    )


def facts_of(rollout: RolloutView, *first: tuple[str, str]) -> Table:
    """Lay out what is known of a rollout; ``first`` stands above everything else."""
    known: list[tuple[str, str | Text]] = [
        *first,
        ("rollout", rollout.id),
        ("phase", _phase(rollout)),
        ("backbone", rollout.title),
        ("digest", rollout.digest),
        ("cohort", rollout.cohort or "all"),
        ("started", local(rollout.created_at)),
        ("ended", local(rollout.ended_at)),
        ("waits for", awaited(rollout)),
        ("devices", f"{sum(rollout.counts.values()):,}"),
        *[(f"  {place}", f"{count:,}") for place, count in rollout.counts.items()],
        *[("gate", line) for line in evidence(rollout.finding)],
        *[("plan", line) for line in _plan_lines(write_plan(rollout.plan))],
    ]
    return facts((name, value) for name, value in known if value)


def screen(rollout: RolloutView, events: Iterable[EventView]) -> RenderableType:
    """Lay out a rollout for watching: where its waves are, the evidence, the newest events."""
    head = facts(
        [
            (rollout.id, f"{rollout.title} for {rollout.cohort or 'the whole fleet'}"),
            ("phase", _phase(rollout)),
            ("waits for", awaited(rollout)),
            *[("gate", line) for line in evidence(rollout.finding)],
        ]
    )
    newest = [("", event_line(each)) for each in list(events)[:EVENTS_SHOWN]]
    return Group(head, "", waves(rollout), "", facts(newest))


def waves(rollout: RolloutView) -> Table:
    """Lay out the waves under the places in which any device is."""
    places = [place for place in Place if rollout.counts.get(place)]
    rows = []
    for number, counts in enumerate(rollout.waves, 1):
        opened = "open" if number <= rollout.wave else ""
        cells = [f"{counts[place]:,}" if counts.get(place) else "" for place in places]
        rows.append((f"{number}", opened, f"{sum(counts.values()):,}", *cells))
    return table(("wave#", "", "devices#", *(f"{place}#" for place in places)), rows)


def history(events: Iterable[EventView]) -> Table:
    """Lay out what happened, the oldest first."""
    rows = [(local(each.at), each.actor, each.sentence) for each in reversed(list(events))]
    return table(("when", "who", "what"), rows)


def event_line(event: EventView) -> str:
    return f"{local(event.at)}  {event.sentence}"


def counted(counts: Mapping[Place, int]) -> str:
    return ", ".join(f"{count:,} {place}" for place, count in counts.items())


def line(rollout: RolloutView) -> str:
    """Return a rollout on one line, for a screen that keeps what it shows."""
    parts = [
        f"{rollout.id} {rollout.phase}, wave {rollout.wave} of {len(rollout.plan.waves)}",
        counted(rollout.counts) or "no device yet",
        *evidence(rollout.finding),
        f"waits for {waits}" if (waits := awaited(rollout)) else "",
    ]
    return "; ".join(filter(None, parts))


def evidence(finding: Finding | None) -> list[str]:
    """Return what the gate says and what it rests on, line by line."""
    if finding is None:
        return []
    reasons = ", ".join(finding.reasons)
    lines = [f"{finding.outcome}: {reasons}" if reasons else f"{finding.outcome}"]
    if finding.mean_loss is not None:
        lines.append(_loss(finding, finding.mean_loss))
    return lines


def _loss(finding: Finding, mean: float) -> str:
    told = f"mean loss {points(mean)} over {devices(finding.devices)}"
    if finding.lower is not None and finding.upper is not None:
        told += f", between {points(finding.lower)} and {points(finding.upper)}"
    if finding.detectable is not None:
        told += f"; a loss of {points(finding.detectable)} would show"
    return told


def awaited(rollout: RolloutView, now: float | None = None) -> str:
    """Return what a rollout waits for; empty where it has come to its end.

    Args:
        rollout: As it was looked at.
        now: Seconds since 1970; the clock's where it is None.
    """
    if rollout.phase is Phase.PAUSED:
        return f"an operator: `rollout resume {rollout.id}`, `promote` or `abort`"
    if rollout.phase is Phase.RUNNING and rollout.reason is Reason.PROMOTION:
        return f"an operator: `rollout promote {rollout.id}`"
    if rollout.phase not in ADDING | {Phase.REVERTING}:
        return ""
    closed = opens_in(rollout.plan.window, time.time() if now is None else now)
    shut = f"its window, which opens in {span(closed)}" if closed else ""
    forward = rollout.phase is Phase.RUNNING
    return "; ".join(filter(None, (_awaited_of_devices(rollout), shut if forward else "")))


def _awaited_of_devices(rollout: RolloutView) -> str:
    if not any(rollout.counts.values()):
        return "its first device"
    unsettled = _unsettled(rollout)
    if unsettled:
        return f"devices of the waves that are open: {counted(unsettled)}"
    if rollout.phase is Phase.REVERTING:
        return "the next look"
    if rollout.finding is not None and rollout.finding.outcome is Outcome.UNDECIDED:
        return f"more evidence until its deadline, or an operator: `rollout promote {rollout.id}`"
    return "its time to be watched, or its gate"


def _unsettled(rollout: RolloutView) -> Mapping[Place, int]:
    found: dict[Place, int] = {}
    for counts in rollout.waves[: rollout.wave]:
        for place, count in counts.items():
            if place not in SETTLED:
                found[place] = found.get(place, 0) + count
    return found


def _phase(rollout: RolloutView) -> Text:
    told = f"{rollout.phase}: {REASONS[rollout.reason]}" if rollout.reason else rollout.phase
    return Text(told, style=COLOURS[rollout.phase])


def _plan_lines(tree: Mapping[str, Tree]) -> Iterable[str]:
    for key, value in tree.items():
        yield f"{key}: {_inline(value)}"


def _inline(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    if isinstance(tree, list):
        return ", ".join(map(_inline, tree))
    return "(" + ", ".join(f"{key} {_inline(value)}" for key, value in tree.items()) + ")"


def preview(found: PreviewView, sizes: list[str], listed: list[PreviewedDevice]) -> RenderableType:
    """Lay out what a plan would do."""
    numbered = enumerate(zip(sizes, found.waves, strict=False), 1)
    rows = [_wave_row(number, size, wave) for number, (size, wave) in numbered]
    columns = ("wave#", "planned", "devices#", "can judge#", "shows a mean loss from")
    shut_out = [(EXCLUSIONS[each], f"{count:,}") for each, count in found.exclusions.items()]
    drawn = [_drawn(each) for each in listed]
    return Group(
        facts([("would be", found.id), ("backbone", found.title)]),
        "",
        table(columns, rows),
        *(("", table(("excluded because", "devices#"), shut_out)) if shut_out else ()),
        "",
        table(("device", "wave#", "variant", "held-out samples#", "excluded because"), drawn),
    )


def _wave_row(number: int, size: str, wave: WavePreview) -> tuple[str, ...]:
    loss = wave.detectable_loss
    shows = "none: too few samples" if loss is None else points(loss)
    return (f"{number}", size, f"{wave.devices:,}", f"{wave.judging_devices:,}", shows)


def _drawn(device: PreviewedDevice) -> tuple[str, ...]:
    return (
        device.id,
        f"{device.wave}" if device.wave else "",
        device.variant,
        f"{device.judge_samples:,}",
        EXCLUSIONS[device.exclusion] if device.exclusion else "",
    )
