"""Flower's stock strategies, applied class by class.

A stock strategy wants replies that are all alike: the same arrays of the same shape from every
device. Devices that know different classes have no such thing to give; a class that is new, a
device that is missing, and a head of one class that would be broadcast into all others are the
ordinary case. So each class is a problem of its own: its rows, of the devices that have it, go to
an instance of the stock strategy that sees nothing else, with the class's own counts for weights.
Weighted by class, rows of one round are worth several rounds weighted by device; and momentum, or
whatever else a strategy keeps, is kept for each class apart.

Replies hold one array for each class, under ``class/ID``, and beside ``num-examples`` the metrics
``classes``, their ids, and ``samples``, how many each has. Classes of fewer than ``devices_min``
devices are held back: a row that one device alone has made would be that device's. Of a class of
which the strategy makes nothing, or something not finite, the row from before stays.

A class without a row from before starts from zeros, as training does; means start from their own
average, since a strategy with momentum would take the way from nothing to a mean for a direction.

This is a Flower strategy itself, of the public interface alone, so it runs in a ``ServerApp``, too.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import structlog
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from numpy.typing import NDArray

from aggregator.flower.grid import (
    ARRAYS,
    CONFIG,
    IDS,
    METRICS,
    SAMPLES,
    SERVER,
    WEIGHT,
    FleetGrid,
    array_key,
    class_of,
    envelope,
    message_of,
)
from aggregator.work import Kept

ROW = "row"  # the one array that an instance sees

_log = structlog.get_logger(__name__)


class ClasswiseStrategy(Strategy):
    """One stock strategy for every class.

    Args:
        make: Makes a fresh stock strategy.
        keeps: Its attributes that it needs again in the next round; one without any looks at no row
            from before.
        kept: What they were, by class.
        devices_min: How many devices have to have sent a class.
        from_average: Whether a class without a row starts from the average of its first.
    """

    def __init__(
        self,
        make: Callable[[], Strategy],
        keeps: tuple[str, ...] = (),
        kept: Mapping[int, Kept] | None = None,
        *,
        devices_min: int = 2,
        from_average: bool = True,
    ) -> None:
        self._make = make
        self._keeps = keeps
        self._kept = dict(kept or {})
        self._devices_min = devices_min
        self._from_average = from_average
        self._current: dict[int, NDArray[np.float32]] = {}
        self.made: frozenset[int] = frozenset()

    @property
    def kept(self) -> Mapping[int, Kept]:
        """What the stock strategies want back in the next round, by class."""
        return self._kept

    def summary(self) -> None:
        _log.info("strategy, class by class", stock=type(self._make()).__name__)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask every node for its rows."""
        self._current = {class_of(key): array.numpy() for key, array in arrays.items()}
        config["server-round"] = server_round
        content = RecordDict({ARRAYS: arrays, CONFIG: config})
        return [
            message_of(content, envelope(SERVER, node, str(server_round)))
            for node in grid.get_node_ids()
        ]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Make a row of each class's rows; the others stay."""
        made: dict[int, NDArray[np.float32]] = {}
        held_back = 0
        for class_id, found in sorted(_by_class(replies).items()):
            row = None
            if len(found) >= self._devices_min:
                row = self._row_of(class_id, found)
            if row is None:
                held_back += 1
            else:
                made[class_id] = row
        self.made = frozenset(made)
        self._current |= made
        whole = {array_key(each): Array(row) for each, row in sorted(self._current.items())}
        metrics = MetricRecord({"classes": len(made), "held-back": held_back})
        return ArrayRecord(whole), metrics

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask for nothing: a device judges a head by itself and says so in its report."""
        return []

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        return None

    def _row_of(
        self, class_id: int, found: list[tuple[Message, int]]
    ) -> NDArray[np.float32] | None:
        before = self._kept.get(class_id, Kept(0, {}))
        steps = before.steps + 1
        messages = [_alone(message, class_id, count) for message, count in found]
        stock = self._instance(before)
        try:
            stock.configure_train(steps, self._start(class_id, messages), ConfigRecord(), _nobody())
            arrays, _ = stock.aggregate_train(steps, messages)
        except Exception as error:  # noqa: BLE001 -- a strategy that fails on a class ends no round
            _log.warning("a strategy failed on a class", class_id=class_id, error=repr(error)[:200])
            return None
        if arrays is None:
            return None
        row = np.asarray(arrays[ROW].numpy(), np.float32)
        if not np.isfinite(row).all():
            return None
        self._kept[class_id] = Kept(steps, _state(stock, self._keeps))
        return row

    def _instance(self, before: Kept) -> Strategy:
        """A stock strategy that goes on where the one of the last round stopped."""
        stock = self._make()
        for name, array in before.arrays.items():
            is_list = name == "momentum_vector"
            setattr(stock, name, [array] if is_list else {ROW: array})
        return stock

    def _start(self, class_id: int, messages: list[Message]) -> ArrayRecord:
        if class_id in self._current:
            return ArrayRecord({ROW: Array(self._current[class_id])})
        if not self._keeps:
            return ArrayRecord()  # it does not look
        contents: list[Any] = [message.content for message in messages]
        rows = np.stack([content[ARRAYS][ROW].numpy() for content in contents])
        if not self._from_average:
            return ArrayRecord({ROW: Array(np.zeros_like(rows[0]))})
        counts = np.array([content[METRICS][WEIGHT] for content in contents], np.float64)
        return ArrayRecord({ROW: Array((counts @ rows / counts.sum()).astype(np.float32))})


def _by_class(replies: Iterable[Message]) -> Mapping[int, list[tuple[Message, int]]]:
    found: dict[int, list[tuple[Message, int]]] = defaultdict(list)
    for reply in replies:
        if reply.has_error():
            continue
        content: Any = reply.content
        metrics = content[METRICS]
        for class_id, count in zip(metrics[IDS], metrics[SAMPLES], strict=True):
            found[class_id].append((reply, count))
    return found


def _alone(reply: Message, class_id: int, count: int) -> Message:
    """A reply as one about a single class."""
    arrays: Any = reply.content[ARRAYS]
    content = RecordDict(
        {
            ARRAYS: ArrayRecord({ROW: arrays[array_key(class_id)]}),
            METRICS: MetricRecord({WEIGHT: count}),
        }
    )
    return message_of(content, reply.metadata)


def _state(stock: Strategy, keeps: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
    """What a stock strategy has in the attributes that it needs again."""
    found = {name: getattr(stock, name) for name in keeps}
    return {
        name: np.asarray(each[ROW] if isinstance(each, Mapping) else each[0], np.float32)
        for name, each in found.items()
        if each
    }


def _nobody() -> Grid:
    """A grid without a node, so that configuring a stock strategy asks nobody."""
    return FleetGrid(tuple, {})
