"""State diagrams drawn from the tables that the machines run on."""

from collections.abc import Iterator, Mapping

from agent.update import machine as update
from orchestrator.rollout import machine as rollout


def device_update() -> Iterator[str]:
    """How a device brings a backbone into use; what any phase can meet stands above the picture."""
    anywhere = dict(
        set.intersection(*(set(signs.items()) for signs in update.FROM_OUTSIDE.values()))
    )
    for sign in (sign for sign in update.Sign if sign in anywhere):
        yield f"- From any phase, {sign} leads to {anywhere[sign]}."
    yield ""
    moves: list[tuple[str, str, str]] = []
    for phase in update.Phase:
        own = {sign: to for sign, to in update.FROM_OUTSIDE[phase].items() if sign not in anywhere}
        moves += [(phase, target, str(sign)) for sign, target in own.items()]
        outcomes = update.FROM_WORK[phase].items()
        moves += [(phase, target, kind.__name__.lower()) for kind, target in outcomes]
    yield from diagram(update.Phase.IDLE, moves)


def rollout_phases() -> Iterator[str]:
    """How an operator and the fleet move a rollout."""
    moves: list[tuple[str, str, str]] = []
    for phase, commands in rollout.COMMANDS.items():
        moves += [(phase, target, f"operator: {name}") for name, target in commands.items()]
    for phase, verdicts in rollout.VERDICTS.items():
        moves += [(phase, target, f"fleet: {name}") for name, target in verdicts.items()]
    return diagram(rollout.Phase.RUNNING, moves)


def diagram(start: str, moves: list[tuple[str, str, str]]) -> Iterator[str]:
    """Mermaid text; moves between the same two states share one arrow."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {start}"
    for (source, target), names in merged(moves).items():
        yield f"    {source} --> {target}: {', '.join(names)}"
    yield "```"


def merged(moves: list[tuple[str, str, str]]) -> Mapping[tuple[str, str], list[str]]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for source, target, name in moves:
        arrows.setdefault((source, target), []).append(name)
    return arrows
