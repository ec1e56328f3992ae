"""The pair that a snapshot kept, and a copy by way of one."""

import msgspec
import numpy as np

from agent.learning.embedder import Embedder
from agent.learning.pair import UNTUNED, Pair
from agent.learning.pair_values import Content
from agent.learning.samples import Snapshot
from agent.learning.settings import LearningSettings
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head_file import decode


def restored_pair(embedder: Embedder, snapshot: Snapshot, settings: LearningSettings) -> Pair:
    """The pair as a snapshot kept it.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` when it cannot be read, or nothing solved from it.
    """
    try:
        held = msgspec.msgpack.decode(snapshot.content, type=Content)
        statistics = [decode(each) for each in held.statistics]
        tuning = held.tuning if held.shrinkage == settings.shrinkage else UNTUNED
        pair = Pair(embedder, statistics, snapshot.sequence, settings, tuning)
        pair.restore(held.heads, held.champion)
        pair.rescaled = tuning != held.tuning or pair.champion != held.champion
    except (FieldwiseError, ValueError, np.linalg.LinAlgError) as error:
        raise FieldwiseError(
            Fault.STATE_DAMAGED, f"the stored head of {embedder.manifest.title} is damaged: {error}"
        ) from error
    pair.saved, pair.lost, pair.carried = snapshot.sequence, snapshot.lost, held.carried
    return pair


def copy_of(pair: Pair, settings: LearningSettings) -> Pair:
    """A pair that knows the same, to try something on."""
    copied = restored_pair(pair.embedder, pair.snapshot(), settings)
    copied.held_out = dict(pair.held_out)
    return copied
