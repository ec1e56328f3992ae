"""How often the gate of a rollout stops, and how often it lets go on, for what is true of a fleet.

    python -m benchmarks.rollout_calibration [--json FILE] [--rollouts 10000] [--processes 1]

Every rollout goes through the gate wave by wave, with looks while devices settle as in life; the
rules are those of ``orchestrator.rollout.gate``, asked by ``benchmarks.rollout_twin`` for many
rollouts at once. Devices come from ``benchmarks.rollout_devices``. Columns: how many rollouts
reached the last wave, how many were aborted or left undecided before, and how many a paired t-test
at the same alpha would have let through, that knows only the devices behind the last gate and looks
once; ``sequence`` is the same for a confidence sequence, looked at as often as anyone likes. Rows
that are held to a bound say whether they keep it; the others show where the gate's sight ends.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.rollout_devices import Counts, End, Pool, World, per_distinct, pool_of, pooled
from benchmarks.rollout_twin import Answer, Flags, Members, Place, assess_many, joined, members_of
from orchestrator.rollout.chances import student_quantile
from orchestrator.rollout.evidence import Outcome
from orchestrator.rollout.plan import GateRules
from orchestrator.rollout.sequential import anytime_deviations

POOL = 300_000  # devices that rollouts draw from: the mean loss is off by 0.02 points at most
DEAD = 0  # the place in the pool of a device that is silent for certain
RULES = GateRules()
LOOKS = (0.5, 0.95, 0.975, 1.0, math.inf)  # of a wave settled; at last the silent are overdue too
BATCH = 1_000  # rollouts in memory at once
NO_CHANGE, AT_MARGIN, STOPPED = "no change", "at the margin", "stopped"
POWER_LOST_MAX = 0.10
STOPPED_MIN = 0.95


@dataclass(frozen=True, slots=True)
class Row:
    """A fleet, its waves but the last, and which bound the row is held to."""

    name: str
    world: World
    waves: tuple[int, ...] = (10, 50, 250)
    devices: int = 500
    held_to: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """Shares of rollouts, 0 to 1."""

    name: str
    devices: int
    rollouts: int
    promoted: float
    aborted: float
    undecided: float
    fixed: float
    sequence: float
    reached: float  # mean share of the cohort that was reached where it was stopped
    reasons: dict[str, float] = field(default_factory=dict)
    held_to: str = ""
    kept: bool = True


@dataclass(slots=True)
class Course:
    """How many rollouts came to which end, and why."""

    ends: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    reached: int = 0

    def add(self, answer: Answer, outcome: Outcome, which: Flags, reached: int) -> None:
        """Count rollouts that end here."""
        count = int(which.sum())
        self.ends[outcome] += count
        self.reached += count * reached
        for reason, flags in answer.reasons.items():
            self.reasons[reason.name] += int((flags & which).sum())


def follow(row: Row, members: Members, course: Course) -> None:
    """Lead rollouts through their waves, each until it is stopped or in its last wave."""
    behind, last = 0, len(row.waves) + 1
    for wave, size in enumerate(row.waves, start=1):
        passed = []
        for look in LOOKS:
            seen = behind + math.ceil(min(1.0, look) * size)
            place = Place(wave, last, seen, behind + size, overdue=math.isinf(look))
            answer = assess_many(
                RULES,
                members,
                place,
                cohort_size=row.devices,
                silent_before=row.world.silent,
            )
            course.add(answer, Outcome.CLOSED, answer.closed, place.total)
            course.add(answer, Outcome.UNDECIDED, answer.undecided, place.total)
            passed.append(members.of(~(answer.closed | answer.undecided | answer.waiting)))
            members = members.of(answer.waiting)
        members = joined(passed)
        behind += size
    course.ends[Outcome.OPEN] += len(members.end)


def deal(row: Row, good: Pool, rollouts: int, chance: np.random.Generator) -> Counts:
    """Which device of the pools is where in each rollout; the ruined come after the others."""
    behind = sum(row.waves)
    which = chance.integers(1, POOL, (rollouts, behind))
    if row.world.ruined:
        cohort = np.arange(row.devices) < round(row.world.ruined * row.devices)
        hit = chance.permuted(np.tile(cohort, (rollouts, 1)), axis=1)[:, :behind]
        dead = chance.random(which.shape) < row.world.dead
        worse = len(good.end) + which % (POOL // 10)
        which = np.where(hit, np.where(dead, DEAD, worse), which)
    return which


def measure(row: Row, rollouts: int, seed: int) -> Result:
    """Simulate rollouts of one row."""
    chance = np.random.default_rng(seed)
    good = pool_of(row.world, POOL, 0.0, chance)
    good.end[DEAD] = End.SILENT
    pool = good
    if row.world.ruined:
        pool = pooled([good, pool_of(row.world, POOL // 10, row.world.ruin, chance)])
    course, fixed, sequence = Course(), 0, 0
    for begin in range(0, rollouts, BATCH):
        which = deal(row, good, min(BATCH, rollouts - begin), chance)
        members = members_of(pool, RULES, which)
        follow(row, members, course)
        alone = shown_alone(members)
        fixed, sequence = fixed + alone[0], sequence + alone[1]
    return _result(row, rollouts, course, fixed / rollouts, sequence / rollouts)


def shown_alone(members: Members) -> tuple[int, int]:
    """How often one t-test, and a confidence sequence, show the loss to be below the margin."""
    devices = members.compared.sum(axis=1)
    mean = members.loss.sum(axis=1) / devices
    apart = np.where(members.compared, members.loss - mean[:, None], 0.0)
    error = np.sqrt((apart * apart).sum(axis=1) / (devices - 1) / devices)
    below = (RULES.margin - mean) / error
    once = per_distinct(lambda count: student_quantile(RULES.alpha, count - 1), devices)
    always = per_distinct(lambda count: anytime_deviations(count, RULES.alpha), devices)
    return int((below >= once).sum()), int((below > always).sum())


def _result(row: Row, rollouts: int, course: Course, fixed: float, sequence: float) -> Result:
    ends = course.ends
    stopped = rollouts - ends[Outcome.OPEN]
    promoted, aborted = ends[Outcome.OPEN] / rollouts, ends[Outcome.CLOSED] / rollouts
    return Result(
        title(row),
        row.devices,
        rollouts,
        promoted,
        aborted,
        ends[Outcome.UNDECIDED] / rollouts,
        fixed,
        sequence,
        course.reached / stopped / row.devices if stopped else 0.0,
        {name: count / rollouts for name, count in sorted(course.reasons.items()) if count},
        row.held_to,
        kept=_keeps(row.held_to, promoted, aborted, fixed),
    )


def _keeps(held_to: str, promoted: float, aborted: float, fixed: float) -> bool:
    if held_to == NO_CHANGE:
        return aborted <= RULES.false_abort and fixed - promoted <= POWER_LOST_MAX
    if held_to == AT_MARGIN:
        return promoted <= RULES.alpha
    return held_to != STOPPED or promoted <= 1 - STOPPED_MIN


SPREADS = (0.01, 0.03, 0.05)  # how much devices truly differ


def rows() -> Iterator[Row]:
    """Every row of the table."""
    for name, loss, held_to in (
        ("no change", 0.0, NO_CHANGE),
        ("at the margin", RULES.margin, AT_MARGIN),
        ("twice the margin", 2 * RULES.margin, STOPPED),
    ):
        for world in _worlds(loss=loss):
            yield Row(name, world, held_to=held_to)
        yield Row(name, World(loss), (10, 50, 60), 200, held_to)
        yield Row(name, World(loss, 0.05, samples_max=30), (10, 50, 60), 200, held_to)
        yield Row(name, World(loss), (10, 50, 500), 5000, held_to)
        yield Row(name, World(loss, burst=10.0))
    for name, dead in (("5 % lose 30 points", 0.0), ("5 % dead", 1.0), ("5 % either", 0.5)):
        for world in _worlds(ruined=0.05, dead=dead):
            yield Row(name, world, held_to=STOPPED)
        yield Row(name, World(ruined=0.05, dead=dead), (10, 50, 500), 5000, STOPPED)
        yield Row(name, World(ruined=0.05, dead=dead, burst=10.0))


def _worlds(loss: float = 0.0, ruined: float = 0.0, dead: float = 0.0) -> Iterator[World]:
    world = partial(World, loss=loss, ruined=ruined, dead=dead)
    for spread in SPREADS:
        yield world(spread=spread)
    for samples in (30, 200):
        yield world(spread=0.05, samples_min=samples, samples_max=samples)
    yield world(alike=0.0)


def title(row: Row) -> str:
    """What tells a row from the others, in a few words."""
    world = row.world
    samples = (
        f"{world.samples_min} to {world.samples_max}"
        if world.samples_min < world.samples_max
        else f"{world.samples_max}"
    )
    bursts = f"{world.burst:g}" if world.alike else "none"
    return f"{row.name}; sd {100 * world.spread:g}; {samples} samples; bursts {bursts}"


def table(results: Sequence[Result]) -> str:
    """The table as text."""
    head = (
        f"{'fleet':62}{'devices':>8}{'to end':>8}{'abort':>8}{'undec.':>8}{'t-test':>8}{'seq.':>8}"
    )
    lines = [
        f"{each.name:62}{each.devices:>8,}{each.promoted:>8.1%}{each.aborted:>8.1%}"
        f"{each.undecided:>8.1%}{each.fixed:>8.1%}{each.sequence:>8.1%}"
        f"  {'' if each.kept else 'MISSED ' + each.held_to}"
        for each in results
    ]
    return "\n".join([head, *lines])


def run(rollouts: int, seed: int, processes: int) -> list[Result]:
    """Measure every row; each has dice of its own, whoever else is measured."""
    everything = list(rows())
    seeds = [seed + at for at in range(len(everything))]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(measure, everything, [rollouts] * len(everything), seeds))


def main() -> None:
    parser = argparse.ArgumentParser(description="How often the gate of a rollout stops.")
    parser.add_argument("--rollouts", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    results = run(chosen.rollouts, chosen.seed, chosen.processes)
    print(table(results))
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(each) for each in results], indent=2))


if __name__ == "__main__":
    main()
