"""Bringing a pair up to date with what is stored, by one step for every occasion.

Read the samples after the sequence that the pair covers; take the features where they are of its
backbone and the image where they are not. After a restart that is the feature log since the
snapshot; for a new backbone all remembered images; for an old pair that serves again what was
taught meanwhile; where a snapshot is damaged all that is held, features and images alike. What is
held no longer is lost then, and counted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from agent.learning.embedder import Embedder
from agent.learning.heads.head import predict
from agent.learning.pair import Pair, fresh_pair
from agent.learning.restoring import restored_pair
from agent.learning.samples import Sample, Share
from agent.learning.settings import LearningSettings
from agent.learning.stopping import ShouldStop, Stopped
from agent.ports import SampleStore
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics

BATCH = 32  # samples read at a time: under 2 MB of images; a stop waits until they are embedded
LEARNED = frozenset({Share.LEARN})
HELD_OUT = frozenset(Share) - LEARNED

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a move to another backbone is: images embedded, and how many there are to embed."""

    done: int
    images: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on while a pair is made for another backbone.

    Attributes:
        images: How many images there are at its start.
        progress: Told after every batch.
        should_stop: Asked after every batch.
    """

    images: int
    progress: Callable[[Progress], None]
    should_stop: ShouldStop


@dataclass(frozen=True, slots=True)
class Tally:
    """Right answers among held-out samples."""

    samples: int
    correct: int


def open_pair(
    embedder: Embedder,
    starters: Sequence[Statistics],
    store: SampleStore,
    settings: LearningSettings,
) -> Pair:
    """The pair of a backbone as the store knows it, up to date, its head solved exactly.

    Args:
        embedder: The backbone.
        starters: Its starter head for each view, or none; used where there is no snapshot.
        store: What is kept.
        settings: How to learn.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    snapshot = store.load_snapshot(embedder.bundle)
    if snapshot is not None:
        try:
            pair = restored_pair(embedder, snapshot, settings)
        except FieldwiseError as error:
            return _recovered_pair(fresh_pair(embedder, starters, settings), store, error.sentence)
        introduce(pair, store)
    else:
        pair = fresh_pair(embedder, starters, settings)
    bring_up_to_date(pair, store)
    return pair


def introduce(pair: Pair, store: SampleStore) -> None:
    """Let a head that was enabled since the snapshot learn what is held of what that covers."""
    covered = 0
    while pair.newcomer and covered < pair.covered:
        batch = store.samples_after(covered, BATCH, pair.bundle, LEARNED)
        pair.introduce(batch)
        covered = batch[-1].sequence if batch else pair.covered
    pair.newcomer = False


def bring_up_to_date(pair: Pair, store: SampleStore) -> int:
    """Let a pair learn every stored sample that it has not seen, and settle its head.

    Returns:
        How many there were.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    newest = store.last_sequence()
    absorbed = sum(_batches(pair, store))
    pair.covered = max(pair.covered, newest)
    if absorbed:
        pair.settle()
    return absorbed


def absorb_batch(pair: Pair, store: SampleStore) -> bool:
    """Let a pair learn the next few stored samples that it has not seen; at the end settle it.

    Returns:
        Whether there were any.

    Raises:
        FieldwiseError: ``GRAPH_FAILED``.
    """
    batch = store.samples_after(pair.covered, BATCH, pair.bundle, LEARNED)
    if batch:
        pair.absorb(batch)
        return True
    pair.covered = max(pair.covered, store.last_sequence())
    pair.settle()
    return False


def embed_held_out(pair: Pair, store: SampleStore, should_stop: ShouldStop) -> None:
    """Look once at every held-out image of which there are no features of a pair's backbone.

    Raises:
        Stopped: When asked to.
        FieldwiseError: ``GRAPH_FAILED``.
    """
    for batch in stored_batches(pair.bundle, store, HELD_OUT):
        pair.features_of(batch)
        if should_stop():
            raise Stopped


def evaluate(pair: Pair, store: SampleStore, share: Share) -> Tally:
    """Ask a pair for every held-out sample of one share that its backbone can still see.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for learned samples: those it knows.
    """
    if share is Share.LEARN:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "learned samples say nothing of accuracy")
    samples = correct = 0
    for batch in stored_batches(pair.bundle, store, frozenset({share})):
        rows, names = pair.features_of(batch)
        said = predict(pair.head, rows)
        samples += len(names)
        correct += sum(1 for one, other in zip(said, names, strict=True) if one == other)
    return Tally(samples, correct)


def stored_batches(
    bundle: str, store: SampleStore, shares: frozenset[Share]
) -> Iterator[Sequence[Sample]]:
    """Every stored sample of some shares that a backbone can still see, oldest first."""
    covered = 0
    while batch := store.samples_after(covered, BATCH, bundle, shares):
        yield batch
        covered = batch[-1].sequence


def _recovered_pair(pair: Pair, store: SampleStore, reason: str) -> Pair:
    recovered = bring_up_to_date(pair, store)
    pair.lost = max(0, store.counters().learned - recovered)
    _log.error(
        "the head was learned again from what is held",
        lost=pair.lost,
        held=recovered,
        reason=reason,
    )
    return pair


def _batches(pair: Pair, store: SampleStore) -> Iterator[int]:
    while batch := store.samples_after(pair.covered, BATCH, pair.bundle, LEARNED):
        yield pair.absorb(batch)
