import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, MessageType, RecordDict

from aggregator.flower.grid import SERVER, FleetGrid, class_of, envelope, message_of
from aggregator.work import Contribution
from fieldwise.errors import FieldwiseError
from fieldwise.federation import Row


def grid(calls: list[str] | None = None) -> FleetGrid:
    def collect() -> list[Contribution]:
        if calls is not None:
            calls.append("collected")
        return [
            Contribution(alias, {1: Row(1, 10 * alias, np.full(3, alias, np.float32))})
            for alias in (7, 3)
        ]

    return FleetGrid(collect, {})


def ask(node: int) -> object:
    content = RecordDict({"arrays": ArrayRecord({"class/1": Array(np.zeros(3, np.float32))})})
    return message_of(content, envelope(SERVER, node, "1"))


def test_nodes_are_the_devices_that_gave_something() -> None:
    assert grid().get_node_ids() == [3, 7]


def test_they_are_collected_once_and_not_before_they_are_needed() -> None:
    calls: list[str] = []
    found = grid(calls)
    assert calls == []
    found.get_node_ids()
    found.send_and_receive([ask(3)])
    assert calls == ["collected"]


def test_a_reply_answers_its_question_with_rows_and_counts() -> None:
    question = ask(7)
    (reply,) = grid().send_and_receive([question])
    assert reply.metadata.src_node_id == 7
    assert reply.metadata.reply_to_message_id == question.metadata.message_id
    assert np.array_equal(reply.content["arrays"]["class/1"].numpy(), np.full(3, 7))
    metrics = dict(reply.content["metrics"])
    assert metrics == {"num-examples": 70, "classes": [1], "samples": [70]}


def test_a_node_that_is_not_there_does_not_answer() -> None:
    assert grid().send_and_receive([ask(99)]) == []


def test_pushing_and_pulling_is_the_same_in_two_steps_and_answers_once() -> None:
    found = grid()
    ids = found.push_messages([ask(3), ask(7)])
    assert len(found.pull_messages(ids)) == 2
    assert found.pull_messages(ids) == []


def test_messages_can_be_made_and_ask_for_updates_only() -> None:
    content = RecordDict({})
    made = grid().create_message(content, MessageType.TRAIN, 3, "1")
    assert made.metadata.dst_node_id == 3
    with pytest.raises(FieldwiseError):
        grid().create_message(content, MessageType.EVALUATE, 3, "1")


def test_there_is_no_run_of_a_superlink() -> None:
    with pytest.raises(FieldwiseError):
        grid().set_run(None)
    with pytest.raises(FieldwiseError):
        _ = grid().run


def test_a_key_names_its_class_or_is_none() -> None:
    assert class_of("class/12") == 12
    with pytest.raises(ValueError, match="weight"):
        class_of("weight")
