"""What a rollout can be undone to: the backbones that its own devices had before it.

Which rollout came before says little: another one may have had the same selector and reached other
devices, and the one that did reach them may have been the whole fleet's. So the devices are asked,
by what each was noted to have when the rollout took it. Where they agree that is what an undo
brings; where they differ, or nothing is known, an operator has to say, and is told what there is.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.rollout.phases import COMMANDS, Command
from orchestrator.rollout.placing import back_from
from orchestrator.rollout.rollout import Kind, Rollout
from orchestrator.rollout.telling import devices

NAMED_MAX = 10  # as many as anyone reads in one sentence

Past = Mapping[tuple[str, ...], int]


def had_before(undone: Rollout, past: Past, recalled: Collection[str]) -> Mapping[str, int]:
    """Count devices by the allowed backbone that each had before a rollout, the commonest first.

    Args:
        undone: The rollout.
        past: Its devices by what each can go back to from it, the newest first.
        recalled: Digests of backbones that are not allowed any more.
    """
    found: Counter[str] = Counter()
    for before, count in past.items():
        digest = back_from(undone, before, recalled)
        if digest is not None:
            found[digest] += count
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def earlier_of(
    undone: Rollout, newest_first: Sequence[Rollout], recalled: Collection[str]
) -> Sequence[Rollout]:
    """Return the newest rollout before one of every other backbone that is allowed."""
    found: dict[str, Rollout] = {}
    for each in newest_first:
        brought = each.number < undone.number and each.kind is not Kind.RECALL
        if brought and each.digest not in {undone.digest, *recalled}:
            found.setdefault(each.digest, each)
    return tuple(found.values())


def unclear(
    undone: Rollout,
    found: Mapping[str, int],
    earlier: Sequence[Rollout],
    titles: Mapping[str, str],
) -> FieldwiseError:
    """Return what an operator is told who has to say what to go back to.

    Args:
        undone: The rollout.
        found: As ``had_before``.
        earlier: As ``earlier_of``.
        titles: NAME:VERSION by digest of what is published.
    """
    if not found:
        known = [f"{each.title} (--to {each.id})" for each in earlier[:NAMED_MAX]]
        allowed = (
            f"what can be named is {', '.join(known)}" if known else "and no rollout brought one"
        )
        return FieldwiseError(
            Fault.NOT_FOUND,
            f"no device of {undone.id} is known to have had another backbone before that is "
            f"allowed; {allowed}",
        )
    options = {each.digest: f"--to {each.id}" for each in earlier}
    told = [
        f"{titles.get(digest, digest[:12])} on {devices(count)} "
        f"({options.get(digest, 'which no rollout brought')})"
        for digest, count in list(found.items())[:NAMED_MAX]
    ]
    each_own = f"; `rollout abort {undone.id}` brings each back to its own"
    return FieldwiseError(
        Fault.INVALID_ARGUMENT,
        f"the devices of {undone.id} did not all have one published backbone before: "
        f"{', '.join(told)}{each_own if Command.ABORT in COMMANDS[undone.phase] else ''}",
    )
