"""State diagrams drawn from the tables that the machines run on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from agent.update import machine as update
from fieldwise.update import UpdatePhase
from orchestrator.rollout import phases as rollout

if TYPE_CHECKING:
    from agent.update.signs import Sign

COMMON = 4  # what so many phases answer alike is told in a line above the picture


def device_update() -> Iterator[str]:
    """How a device brings a backbone into use; what most phases can meet stands above."""
    answers: dict[tuple[Sign, UpdatePhase], list[UpdatePhase]] = {}
    for phase, row in update.FROM_OUTSIDE.items():
        for sign, target in row.items():
            if target is not update.STAY and target is not phase:
                answers.setdefault((sign, target), []).append(phase)
    for (sign, target), phases in answers.items():
        if len(phases) >= COMMON:
            yield f"- *{sign}* leads to {target} from {', '.join(phases)}."
    yield ""
    told = {sign for (sign, _), phases in answers.items() if len(phases) >= COMMON}
    moves = [
        (phase, target, str(sign))
        for phase in UpdatePhase
        for table in (update.FROM_WORK, update.FROM_OUTSIDE)
        for sign, target in table[phase].items()
        if target is not update.STAY
        and (
            len(answers.get((sign, target), ())) < COMMON
            and (target is not phase or sign not in told)
        )
    ]
    yield from diagram(UpdatePhase.IDLE, moves)


def rollout_phases() -> Iterator[str]:
    """How an operator and the fleet move a rollout."""
    moves: list[tuple[str, str, str]] = []
    for phase, commands in rollout.COMMANDS.items():
        moves += [(phase, target, f"operator: {name}") for name, target in commands.items()]
    for phase, turns in rollout.TURNS.items():
        moves += [(phase, target, f"fleet: {name}") for name, target in turns.items()]
    return diagram(rollout.Phase.RUNNING, moves)


def diagram(start: str, moves: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Mermaid text; moves between the same two states share one arrow."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {start}"
    for (source, target), names in merged(moves).items():
        yield f"    {source} --> {target}: {', '.join(names)}"
    yield "```"


def merged(moves: Sequence[tuple[str, str, str]]) -> Mapping[tuple[str, str], list[str]]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for source, target, name in moves:
        arrows.setdefault((source, target), []).append(name)
    return arrows
