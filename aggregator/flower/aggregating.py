"""``Strategies``, with Flower."""

import gc
import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord
from numpy.typing import NDArray

from aggregator.flower.classwise import ClasswiseStrategy
from aggregator.flower.grid import FleetGrid, array_key
from aggregator.flower.strategies import devices_min, is_robust, keeps, maker
from aggregator.ports import Aggregated
from aggregator.work import Campaign, Contribution, Kept
from fieldwise.federation import RowKind


class FlowerStrategies:
    """See ``aggregator.ports.Strategies``.

    From then on what Flower logs goes where all logs go, and is not three lines for each class.
    """

    def __init__(self) -> None:
        flower = logging.getLogger("flwr")
        flower.handlers = []
        flower.setLevel(logging.WARNING)

    def check(self, name: str, options: Mapping[str, float]) -> None:
        maker(name, options)

    def is_robust(self, name: str) -> bool:
        return is_robust(name)

    def aggregate(
        self,
        campaign: Campaign,
        current: Mapping[int, NDArray[np.float32]],
        kept: Mapping[int, Kept],
        collect: Callable[[], Sequence[Contribution]],
    ) -> Aggregated:
        is_means = campaign.kind is RowKind.MEANS
        strategy = ClasswiseStrategy(
            maker(campaign.strategy, campaign.options),
            keeps(campaign.strategy),
            kept,
            devices_min=devices_min(campaign.options),
            from_average=is_means,
        )
        grid = FleetGrid(collect, {} if is_means else current)
        arrays = ArrayRecord({array_key(each): Array(row) for each, row in sorted(current.items())})
        # A round of ``Strategy.start``, without what that logs and evaluates.
        messages = strategy.configure_train(1, arrays, ConfigRecord(), grid)
        replies = grid.send_and_receive(messages)
        gc.freeze()  # Bulyan collects garbage for every reply; what is there now is none
        try:
            made, _ = strategy.aggregate_train(1, replies)
        finally:
            gc.unfreeze()
        assert made is not None
        rows = {each: made[array_key(each)].numpy() for each in sorted(strategy.made)}
        return Aggregated(rows, strategy.kept)
