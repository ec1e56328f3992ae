"""Let held-out samples choose how a pair predicts, while it goes on serving and learning."""

import numpy as np

from agent.learning.catch_up import stored_batches
from agent.learning.pair import Pair
from agent.learning.samples import Sample, Share
from agent.learning.stopping import ShouldStop, Stopped
from agent.learning.tuning import HeldOut
from agent.ports import SampleStore

SELECT = frozenset({Share.SELECT})


def select_samples(
    pair: Pair,
    store: SampleStore,
    should_stop: ShouldStop,
    shares: frozenset[Share] = SELECT,
) -> HeldOut:
    """Every held-out sample that the pair's backbone can still see, in order of arrival.

    Args:
        pair: Whose backbone.
        store: What is held.
        should_stop: Asked after every batch.
        shares: Those for choosing settings, or others.

    Raises:
        Stopped: When asked to.
        FieldwiseError: ``GRAPH_FAILED``.
    """
    rows = []
    seen: list[Sample] = []
    for batch in stored_batches(pair.bundle, store, shares):
        if should_stop():
            raise Stopped
        for sample in batch:
            row, names = pair.features_of([sample])
            if names:
                rows.append(row)
                seen.append(sample)
    width = pair.embedder.manifest.feature_width
    grid = np.concatenate(rows) if rows else np.zeros((0, width), np.int16)
    return HeldOut(grid, [each.class_name for each in seen], [each.burst for each in seen])
