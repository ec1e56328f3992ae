"""Let held-out samples choose how a pair predicts, while it goes on serving and learning."""

import numpy as np

from agent.learning.catch_up import stored_batches
from agent.learning.pair import Pair
from agent.learning.samples import Sample, Share
from agent.learning.stopping import ShouldStop, Stopped
from agent.learning.tuning import HeldOut
from agent.ports import SampleStore

SELECT = frozenset({Share.SELECT})


def select_samples(pair: Pair, store: SampleStore, should_stop: ShouldStop) -> HeldOut:
    """Every sample of ``select`` that the pair's backbone can still see, in order of arrival.

    Raises:
        Stopped: When asked to.
        FieldwiseError: ``GRAPH_FAILED``.
    """
    rows = []
    seen: list[Sample] = []
    for batch in stored_batches(pair.bundle, store, SELECT):
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
