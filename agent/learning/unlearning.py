"""Taking back what was learned: to the bit where it can be, and in words where it cannot.

A sample is held for a pair if what the pair learned of it is there again to the bit: its features
where they are of the pair's bundle, or its image where the pair learned it from that image, which
it did if the sample was taught under another bundle. (A sample taught under this bundle was learned
from what the application gave; the remembered image may be a smaller one.) Taking back a held
sample leaves exactly the statistics that never saw it (``fieldwise.head``).

What is held no more cannot be taken back one by one. A class that is forgotten then still loses its
row, count and mean exactly; only its scatter about its own mean stays in the common covariance, as
orphans. Samples since a time, or a single one, stay in the head if they are held no more. A strict
forgetting builds the head anew from what is held, so that nothing of what is not held stays either.

What held-out samples chose (``agent.learning.tuning``) goes too, until what is left chooses again.

A forgetting is worked out on a copy of the pair, then one transaction writes all that stands
instead, and only then the copy serves. A kill before the transaction leaves everything as it was, a
kill after it the forgotten state. Snapshots of other bundles are dropped: their pairs learn anew
from what is held if they are ever wanted again.

A class may have come with a bundle's starter head. A mark of it is kept, a keyed hash and not the
name, so that no starter head brings it back until it is taught again.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from agent.learning.forgetting import Forgetting, Forgotten, Selection
from agent.learning.names import mark_of
from agent.learning.pair import UNTUNED, Pair, fresh_pair
from agent.learning.restoring import copy_of
from agent.learning.samples import Counters, Origin, Sample, Share, Snapshot
from agent.learning.settings import HeadName, LearningSettings
from agent.ports import SampleStore
from fieldwise import head
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics

Starters = Callable[[str], Sequence[Statistics]]

BATCH = 32  # samples read at a time, with their images
LEARNED = frozenset({Share.LEARN})


@dataclass(slots=True)
class _Found:
    """What the store has of a selection.

    Attributes:
        samples: Every record, without features and image.
        rows: Features of those that are held for the pair and learned by it, with ``names``.
        faded: How many of each class are in the pair by estimate only.
        images: How many of the records have one.
    """

    samples: list[Sample] = field(default_factory=list)
    rows: list[NDArray[np.int16]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    faded: Counter[str] = field(default_factory=Counter)
    images: int = 0

    def of_share(self, share: Share) -> int:
        return sum(1 for sample in self.samples if sample.share is share)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A forgetting that is worked out and not in effect yet.

    Attributes:
        pair: What is to serve.
        forgetting: What the store is to do.
        forgotten: What to tell.
    """

    pair: Pair
    forgetting: Forgetting
    forgotten: Forgotten


def prepare(
    pair: Pair,
    store: SampleStore,
    settings: LearningSettings,
    selection: Selection,
    predictions: Collection[str],
    starters: Sequence[Statistics],
    *,
    strict: bool,
) -> Prepared:
    """Work out a forgetting; nothing is changed.

    Args:
        pair: The pair that serves, all of whose samples are written.
        store: What is kept.
        settings: How to learn.
        selection: What is meant.
        predictions: Ids of kept predictions that it means.
        starters: The bundle's starter head for each view.
        strict: Whether to build the head anew from what is held.

    Raises:
        FieldwiseError: ``NOT_FOUND`` for a class or sample that nothing is known of.
    """
    found = _find(pair, store, selection)
    _require_something(pair, selection, found, predictions)
    changed = copy_of(pair, settings)
    orphans, emptied = _take_out(changed, found, selection.class_name)
    if orphans and not strict:
        changed.settle()  # the next solve is due by what is left, not by what there was
    remaining, lost = changed.total, 0
    if strict:
        changed = _built_anew(changed, store, settings, selection, starters)
        lost = max(0, remaining - changed.total)
    elif found.samples or orphans:
        changed.adopt(UNTUNED)
    classes = (selection.class_name,) if selection.class_name else emptied
    started = _brought(starters, selection.class_name)
    counters = _counters_after(store.counters(), found, max(0, orphans - started), lost, classes)
    forgotten = Forgotten(
        samples=_number_forgotten(found, selection, max(0, orphans - started)),
        exact=len(found.rows),
        images=found.images,
        orphans=0 if strict else orphans,
        lost=lost,
        predictions=len(predictions),
    )
    sentences = _sentences(forgotten, found, selection, store, started, strict=strict)
    sentences += () if strict else _about_rehearsal(changed)
    absent = _marks_after(store, selection)
    gone = {*predictions, *(sample.id for sample in found.samples)}
    changed.held_out = {id_: row for id_, row in changed.held_out.items() if id_ not in gone}
    forgetting = Forgetting(
        selection, classes, counters, _snapshot(changed), tuple(sorted(gone)), absent
    )
    return Prepared(changed, forgetting, replace(forgotten, sentences=sentences))


def no_starters(bundle: str) -> Sequence[Statistics]:  # noqa: ARG001 - of none there is one
    """For bundles without a starter head."""
    return ()


def exact_row(pair: Pair, sample: Sample) -> NDArray[np.int16] | None:
    """Features int16[D] of a sample as the pair learned them; None where it is held no more.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    if sample.bundle == pair.bundle:
        return sample.grid
    rows, _ = pair.features_of([replace(sample, grid=None)])
    return rows[0] if len(rows) else None


def is_carried(pair: Pair, sample: Sample) -> bool:
    """Whether a sample of which no exact row is held is in the pair by estimate."""
    return sample.bundle != pair.bundle and pair.carried.get(sample.class_name, 0) > 0


def without_absent(
    starters: Iterable[Statistics], marks: frozenset[str], key: bytes
) -> tuple[Statistics, ...]:
    """Starter heads without the classes that were forgotten and not taught again."""
    return tuple(_without(starter, marks, key) for starter in starters)


def _without(starter: Statistics, marks: frozenset[str], key: bytes) -> Statistics:
    for name in starter.classes:
        if marks and mark_of(name, key) in marks:
            starter = head.forget_class(starter, name)
    return starter


def _find(pair: Pair, store: SampleStore, selection: Selection) -> _Found:
    found = _Found()
    for sample in _chosen(store, selection):
        learned = sample.share is Share.LEARN and sample.sequence <= pair.covered
        row = exact_row(pair, sample) if learned else None
        if row is not None:
            found.rows.append(row)
            found.names.append(sample.class_name)
            found.origins.append(sample.origin)
        elif learned and found.faded[sample.class_name] < pair.carried.get(sample.class_name, 0):
            found.faded[sample.class_name] += is_carried(pair, sample)
        found.images += sample.image is not None
        found.samples.append(replace(sample, grid=None, image=None))
    return found


def _chosen(store: SampleStore, selection: Selection) -> Iterator[Sample]:
    sequence = 0
    while batch := store.chosen(selection, sequence, BATCH):
        yield from batch
        sequence = batch[-1].sequence


def _require_something(
    pair: Pair, selection: Selection, found: _Found, predictions: Collection[str]
) -> None:
    if found.samples or predictions or pair.count(selection.class_name):
        return
    if selection.class_name:
        raise FieldwiseError(
            Fault.NOT_FOUND, f"nothing is known of a class {selection.class_name!r}"
        )
    if selection.sample_id:
        raise FieldwiseError(
            Fault.NOT_FOUND, f"no sample or prediction {selection.sample_id[:64]!r} is held"
        )


def _take_out(pair: Pair, found: _Found, class_name: str) -> tuple[int, tuple[str, ...]]:
    """Take what was found out of a pair; the orphans that it leaves, and classes left empty."""
    if found.rows:
        pair.unlearn(np.array(found.rows), found.names)
    for name, faded in found.faded.items():
        if faded and name != class_name:
            pair.fade(name, faded)
    orphans = pair.forget_class(class_name) if class_name else 0
    emptied = tuple(name for name in dict.fromkeys(found.names) if not pair.count(name))
    for name in emptied:
        pair.forget_class(name)
    return orphans, emptied


def _snapshot(pair: Pair) -> Snapshot:
    snapshot = pair.snapshot()
    pair.saved = snapshot.sequence
    return snapshot


def _built_anew(
    pair: Pair,
    store: SampleStore,
    settings: LearningSettings,
    selection: Selection,
    starters: Sequence[Statistics],
) -> Pair:
    kept = [
        head.forget_class(each, selection.class_name) if selection.class_name else each
        for each in starters
    ]
    gone = {sample.id for sample in _chosen(store, selection)}
    anew = fresh_pair(pair.embedder, kept, settings)
    while batch := store.samples_after(anew.covered, BATCH, anew.bundle, LEARNED):
        anew.absorb([sample for sample in batch if sample.id not in gone])
        anew.covered = batch[-1].sequence
    anew.covered = max(anew.covered, pair.covered)
    anew.settle()
    anew.lost, anew.held_out = pair.lost, pair.held_out
    return anew


def _brought(starters: Sequence[Statistics], class_name: str) -> int:
    """Samples of a class that came with the starter head."""
    if not starters or class_name not in starters[0].classes:
        return 0
    return int(starters[0].counts[starters[0].classes.index(class_name)])


def _number_forgotten(found: _Found, selection: Selection, own_orphans: int) -> int:
    """Samples that are known to be forgotten: records, and those of a class without one."""
    if not selection.class_name:
        return len(found.samples)
    held_out = found.of_share(Share.SELECT) + found.of_share(Share.JUDGE)
    return max(len(found.samples), held_out + len(found.rows) + own_orphans)


def _counters_after(
    counters: Counters, found: _Found, own_orphans: int, lost: int, classes: Sequence[str]
) -> Counters:
    taken = len(found.rows) + own_orphans
    mine = Counter(
        name
        for name, origin in zip(found.names, found.origins, strict=True)
        if origin is Origin.SELF
    )
    return replace(
        counters,
        learned=max(0, counters.learned - taken - lost),
        select=max(0, counters.select - found.of_share(Share.SELECT)),
        judge=max(0, counters.judge - found.of_share(Share.JUDGE)),
        last_label="" if counters.last_label in classes else counters.last_label,
        self_labelled={
            name: number - mine[name]
            for name, number in counters.self_labelled.items()
            if name not in classes and number > mine[name]
        },
    )


def _marks_after(store: SampleStore, selection: Selection) -> frozenset[str]:
    marks = store.absent()
    if not selection.class_name:
        return marks
    return marks | {mark_of(selection.class_name, store.holdout_key())}


def _sentences(
    forgotten: Forgotten,
    found: _Found,
    selection: Selection,
    store: SampleStore,
    started: int,
    *,
    strict: bool,
) -> tuple[str, ...]:
    told = [
        (
            f"{forgotten.samples:,} samples are forgotten, {forgotten.exact:,} of them taken back"
            f" from the head to the bit; {forgotten.images:,} images and"
            f" {forgotten.predictions:,} kept predictions went with them."
        )
    ]
    if forgotten.orphans:
        told.append(
            f"{forgotten.orphans:,} samples were held no more: their class, count and mean are"
            " gone, and how they scattered about that mean stays in what all classes have in"
            " common. A strict forgetting builds the head anew without it."
        )
    if started:
        told.append(
            f"The bundle's starter head brought {started:,} samples of the class; no starter head"
            " brings it back until it is taught again."
        )
    told += _about_what_stays(found, selection, store, strict=strict)
    if strict:
        told.append(
            "The head was built anew from what is held;"
            f" {forgotten.lost:,} other samples were held no more and are lost to it."
        )
    return tuple(told)


def _about_rehearsal(pair: Pair) -> tuple[str, ...]:
    if HeadName.GRADIENT not in pair.heads:
        return ()
    return (
        (
            "The head trained by gradient was trained anew from what it still remembers: nearly,"
            " not exactly, as if it had never met them. Of samples whose features were held nowhere"
            " else its memory may have copies, which a strict forgetting drops."
        ),
    )


def _about_what_stays(
    found: _Found, selection: Selection, store: SampleStore, *, strict: bool
) -> list[str]:
    """Which samples could not be told, or not be taken back."""
    if strict or selection.class_name:
        return []
    faded = found.faded.total()
    scaled = (
        f"{faded:,} of them had been carried over from an earlier backbone by estimate: their"
        " classes are scaled down by so many samples, and how those scattered stays."
    )
    return [*([scaled] if faded else []), *_about_what_is_not_held(found, selection, store)]


def _about_what_is_not_held(found: _Found, selection: Selection, store: SampleStore) -> list[str]:
    kept_on = found.of_share(Share.LEARN) - len(found.rows) - found.faded.total()
    if kept_on:
        return [
            (
                f"{kept_on:,} of them were held no more: their records are gone, and what the head"
                " learned of them stays in it. A strict forgetting builds it anew without them."
            )
        ]
    if selection.since is not None and found.samples:
        numbers = [sample.sequence for sample in found.samples]
        unknown = store.last_sequence() - min(numbers) + 1 - len(numbers)
        if unknown > 0:
            return [
                (
                    f"Of up to {unknown:,} samples since then there is no record any more; what the"
                    " head learned of them stays in it. A strict forgetting builds it anew."
                )
            ]
    if selection.origin is not None:
        gone = sum(store.counters().self_labelled.values()) - len(found.rows)
        if gone > 0:
            return [
                (
                    f"{gone:,} more were held no more and stay in the head. A strict forgetting"
                    " builds it anew without them."
                )
            ]
    return []
