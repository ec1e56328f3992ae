"""The protocols of the CLVision challenge of 2020 as plans: what comes when, and what judges.

A sample is a row of an array of features with its class and its *session*, the conditions under
which it was taken. Four protocols cut a training set into batches, each seen once:

- ``ni``, new instances: one batch a session, every class in each; conditions are what is new.
- ``nc``, new classes: nine batches of whole classes, a fifth of the classes in the first and a
  tenth in each of the others (with 50 classes 10, then 8 times 5).
- ``multi-task-nc``: the same batches, and the batch's number is told at training and at test, so
  that an answer is chosen among the classes of that task only.
- ``nic``, new instances and classes: a fifth of the classes in one session, then one class in one
  session a batch, shuffled. With 50 classes in 8 sessions these are the 391 batches of NICv2-391:
  1 + 50 * 8 - 10.

Validation. Of every class one session is withheld from training, all of it; sessions are withheld
about equally often. A random split would put neighbouring photographs on both sides, and so
overstate accuracy by tens of points. A class with a single session gives none.

Groups. Forgetting and transfer need validation samples that belong to something learned at a known
time. For new instances that is a session: other classes of the same conditions. For the others it
is the classes of a task, and for ``nic`` the classes in order of introduction, cut likewise.

A plan is a function of items and a seed. Within a batch samples come shuffled: only the batches
have an order that a protocol means.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

PROTOCOLS = ("ni", "nc", "multi-task-nc", "nic")
SHARES = 10  # of the classes; the first batch has two of them

Rows = tuple[int, ...]
Unit = tuple[str, int]  # a class in a session


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled sample: a row of the features, its class and the conditions it was taken in."""

    row: int
    class_name: str
    session: int


@dataclass(frozen=True, slots=True)
class Group:
    """Validation rows that belong together, and the batch after which they have been learned."""

    name: str
    learned_in: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class Plan:
    """A protocol carried out on a set.

    Attributes:
        protocol: One of ``PROTOCOLS``.
        batches: Training rows of each batch, in the order of learning.
        validation: Rows that are asked after the batches.
        groups: The same rows by what they belong to; none where that is not defined.
        tasks: Task of each class where it is told, else empty.
        foresight: Whether a group's classes are known before it is learned, so that asking it then
            says something about transfer forward.
    """

    protocol: str
    batches: tuple[Rows, ...]
    validation: Rows
    groups: tuple[Group, ...]
    tasks: Mapping[str, int]
    foresight: bool = False

    @property
    def trained(self) -> int:
        """Training samples over all batches."""
        return sum(map(len, self.batches))


def make_plan(protocol: str, items: Sequence[Item], seed: int) -> Plan:
    """Withhold a validation set and cut the rest into the batches of a protocol.

    Raises:
        KeyError: For another name than those of ``PROTOCOLS``.
    """
    maker = MAKERS[protocol]
    chance = Random(seed)  # noqa: S311 - draws an experiment, no secret
    train, validation = withhold(items, chance)
    plan = maker(train, validation, chance)
    shuffled = tuple(tuple(chance.sample(rows, len(rows))) for rows in plan.batches)
    return replace(plan, batches=shuffled)


def published_plan(
    protocol: str, batches: Sequence[Sequence[Item]], validation: Sequence[Item]
) -> Plan:
    """The plan of batches that somebody has published, in their order.

    New instances have no groups then: validation is of sessions that are never trained on.
    """
    units = [sorted({(item.class_name, item.session) for item in batch}) for batch in batches]
    rows = tuple(map(_rows, batches))
    if protocol == "ni":
        return Plan(protocol, rows, _rows(validation), (), {})
    if protocol == "nic":
        return Plan(protocol, rows, _rows(validation), introduced(units, validation), {})
    task_of = {name: task for task, batch in enumerate(units) for name, _ in batch}
    groups = _task_groups(validation, task_of, range(len(batches)))
    tasks = task_of if protocol == "multi-task-nc" else {}
    return Plan(protocol, rows, _rows(validation), groups, tasks)


def withhold(items: Sequence[Item], chance: Random) -> tuple[list[Item], list[Item]]:
    """Set one session of every class aside, sessions about equally often.

    Returns:
        What is left to train on, and the validation set.
    """
    sessions_of: dict[str, set[int]] = {}
    for item in items:
        sessions_of.setdefault(item.class_name, set()).add(item.session)
    used = dict.fromkeys(sorted({item.session for item in items}), 0)
    withheld: dict[str, int] = {}
    for name in chance.sample(sorted(sessions_of), len(sessions_of)):
        held = sessions_of[name]
        if len(held) > 1:
            rarest = min(used[session] for session in held)
            withheld[name] = chance.choice(sorted(s for s in held if used[s] == rarest))
            used[withheld[name]] += 1
    train = [item for item in items if withheld.get(item.class_name) != item.session]
    validation = [item for item in items if withheld.get(item.class_name) == item.session]
    return train, validation


def new_instances(train: Sequence[Item], validation: Sequence[Item], chance: Random) -> Plan:
    sessions = sorted({item.session for item in train})
    order = chance.sample(sessions, len(sessions))
    batches = _batches(train, lambda item: order.index(item.session), len(order))
    groups = tuple(
        Group(f"session {session}", place, rows)
        for place, session in enumerate(order)
        if (rows := _rows(item for item in validation if item.session == session))
    )
    return Plan("ni", batches, _rows(validation), groups, {}, foresight=True)


def new_classes(train: Sequence[Item], validation: Sequence[Item], chance: Random) -> Plan:
    shares = cut(_shuffled_classes(train, chance))
    task_of = {name: task for task, names in enumerate(shares) for name in names}
    batches = _batches(train, lambda item: task_of[item.class_name], len(shares))
    groups = _task_groups(validation, task_of, range(len(shares)))
    return Plan("nc", batches, _rows(validation), groups, task_of)


def new_classes_untold(train: Sequence[Item], validation: Sequence[Item], chance: Random) -> Plan:
    return replace(new_classes(train, validation, chance), tasks={})


def new_classes_told(train: Sequence[Item], validation: Sequence[Item], chance: Random) -> Plan:
    return replace(new_classes(train, validation, chance), protocol="multi-task-nc")


def new_instances_and_classes(
    train: Sequence[Item], validation: Sequence[Item], chance: Random
) -> Plan:
    first = _opening(train, chance)
    rest = sorted({(item.class_name, item.session) for item in train}.difference(first))
    units = [first, *([unit] for unit in chance.sample(rest, len(rest)))]
    place_of = {unit: place for place, batch in enumerate(units) for unit in batch}
    batches = _batches(train, lambda item: place_of[item.class_name, item.session], len(units))
    return Plan("nic", batches, _rows(validation), introduced(units, validation), {})


def introduced(units: Sequence[Sequence[Unit]], validation: Iterable[Item]) -> tuple[Group, ...]:
    """Group validation by classes in order of introduction, as many at a time as ``nc`` has."""
    first_seen: dict[str, int] = {}
    for place, batch in enumerate(units):
        for name, _ in batch:
            first_seen.setdefault(name, place)
    shares = cut(list(first_seen))
    task_of = {name: task for task, names in enumerate(shares) for name in names}
    learned = [max(first_seen[name] for name in names) for names in shares]
    return _task_groups(validation, task_of, learned)


def cut(names: Sequence[str]) -> list[list[str]]:
    """Ten even shares of a list, the first two as one; those without a member are left out."""
    bounds = [len(names) * share // SHARES for share in range(SHARES + 1)]
    del bounds[1]
    pairs = itertools.pairwise(bounds)
    return [list(names[begin:end]) for begin, end in pairs if end > begin]


def stretches(count: int, sessions: int) -> list[int]:
    """Sessions of so many photographs in their source's order: stretches of even length."""
    return [place * sessions // count for place in range(count)]


def _opening(train: Sequence[Item], chance: Random) -> list[Unit]:
    """A fifth of the classes, in the session that has most of them."""
    classes = set(cut(_shuffled_classes(train, chance))[0])
    of_session: dict[int, set[str]] = {}
    for item in train:
        if item.class_name in classes:
            of_session.setdefault(item.session, set()).add(item.class_name)
    session = max(sorted(of_session), key=lambda each: len(of_session[each]))
    return [(name, session) for name in sorted(of_session[session])]


def _shuffled_classes(items: Iterable[Item], chance: Random) -> list[str]:
    names = sorted({item.class_name for item in items})
    return chance.sample(names, len(names))


def _task_groups(
    validation: Iterable[Item], task_of: Mapping[str, int], learned: Sequence[int]
) -> tuple[Group, ...]:
    rows: dict[int, list[int]] = {}
    for item in validation:
        if item.class_name in task_of:
            rows.setdefault(task_of[item.class_name], []).append(item.row)
    return tuple(Group(f"task {task}", learned[task], tuple(rows[task])) for task in sorted(rows))


def _rows(items: Iterable[Item]) -> Rows:
    return tuple(item.row for item in items)


def _batches(
    items: Iterable[Item], place_of: Callable[[Item], int], count: int
) -> tuple[Rows, ...]:
    rows: list[list[int]] = [[] for _ in range(count)]
    for item in items:
        rows[place_of(item)].append(item.row)
    return tuple(map(tuple, rows))


MAKERS: Mapping[str, Callable[[Sequence[Item], Sequence[Item], Random], Plan]] = {
    "ni": new_instances,
    "nc": new_classes_untold,
    "multi-task-nc": new_classes_told,
    "nic": new_instances_and_classes,
}
