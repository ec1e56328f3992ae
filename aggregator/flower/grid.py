"""Flower's grid over a fleet that is no SuperLink's.

To a strategy a grid is what asks nodes and brings their replies. Ours has been asked already: the
orchestrator offers a round to devices, keeps time and takes their updates, and what a node is here
is the alias of a device that gave something. So the nodes are known once the contributions are
collected, and a reply is there for every message to one of them. Only Flower's public interface is
used; of it, strategies call ``get_node_ids`` and ``send_and_receive`` alone.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MessageType, Metadata, MetricRecord, RecordDict
from flwr.serverapp import Grid
from numpy.typing import NDArray

from aggregator.work import Contribution
from fieldwise.errors import Fault, FieldwiseError

ARRAYS, METRICS, CONFIG = "arrays", "metrics", "config"
WEIGHT = "num-examples"  # what stock strategies weigh by, unless told otherwise
IDS, SAMPLES = "classes", "samples"
SERVER = 1  # node and run of a message's envelope, which nothing here reads
LIFETIME_SECONDS = 3600.0


def array_key(class_id: int) -> str:
    return f"class/{class_id}"


def class_of(key: str) -> int:
    """The class that an array's key names.

    Raises:
        ValueError: For another key.
    """
    return int(key.removeprefix("class/"))


def envelope(source: int, target: int, group: str, answers: str = "") -> Metadata:
    """What stands on a message; made here, as Flower's shorter way needs a run of a SuperLink."""
    return Metadata(
        run_id=SERVER,
        message_id=f"{group}-{source}-{target}",
        src_node_id=source,
        dst_node_id=target,
        reply_to_message_id=answers,
        group_id=group,
        created_at=time.time(),
        ttl=LIFETIME_SECONDS,
        message_type=MessageType.TRAIN,
    )


def message_of(content: RecordDict, metadata: Metadata) -> Message:
    """A message with an envelope of our own making."""
    made: Message = Message(content, metadata=metadata)  # type: ignore[call-overload]  # takes it, but does not say so
    return made


class FleetGrid(Grid):
    """A grid whose nodes are the devices that gave something to a round.

    Args:
        collect: Returns what they gave; called once, when it is first needed.
        current: Rows that weights were trained from, which are added to them; empty for means.
    """

    def __init__(
        self,
        collect: Callable[[], Sequence[Contribution]],
        current: Mapping[int, NDArray[np.float32]],
    ) -> None:
        self._collect = collect
        self._current = current
        self._found: dict[int, Contribution] | None = None
        self._waiting: dict[str, Message] = {}

    def get_node_ids(self) -> list[int]:
        return sorted(self._contributions())

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Return the reply of every node that is asked; the orchestrator has waited for them."""
        return list(self.pull_messages(self.push_messages(messages)))

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        asked = {message.metadata.message_id: message for message in messages}
        self._waiting |= asked
        return list(asked)

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        asked = [self._waiting.pop(each) for each in message_ids if each in self._waiting]
        return [
            self._reply(message, self._contributions()[message.metadata.dst_node_id])
            for message in asked
            if message.metadata.dst_node_id in self._contributions()
        ]

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        if message_type != MessageType.TRAIN:
            raise _not_here("devices are asked for nothing but updates")
        return message_of(content, envelope(SERVER, dst_node_id, group_id))

    def set_run(self, run: Any) -> NoReturn:
        raise _not_here("there is no run of a SuperLink")

    @property
    def run(self) -> NoReturn:
        raise _not_here("there is no run of a SuperLink")

    def _contributions(self) -> Mapping[int, Contribution]:
        if self._found is None:
            self._found = {each.alias: each for each in self._collect()}
        return self._found

    def _reply(self, message: Message, contribution: Contribution) -> Message:
        asked = message.metadata
        rows = contribution.rows
        arrays = {
            array_key(each): Array(self._whole(each, row.values)) for each, row in rows.items()
        }
        counts = [row.samples for row in rows.values()]
        metrics = MetricRecord({WEIGHT: sum(counts), IDS: list(rows), SAMPLES: counts})
        content = RecordDict({ARRAYS: ArrayRecord(arrays), METRICS: metrics})
        answer = envelope(asked.dst_node_id, asked.src_node_id, asked.group_id, asked.message_id)
        return message_of(content, answer)

    def _whole(self, class_id: int, values: NDArray[Any]) -> NDArray[np.float32]:
        """A row as a strategy knows it: not what changed, but what it changed to."""
        start = self._current.get(class_id)
        return values.astype(np.float32) if start is None else (start + values).astype(np.float32)


def _not_here(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.ILLEGAL_COMMAND, sentence)
