"""What is used of Flower's public interface; a new version of it has to keep all of this."""

import inspect
import os
import subprocess
import sys

import flwr.app
import flwr.serverapp
import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MessageType, MetricRecord, RecordDict
from flwr.serverapp import Grid, strategy
from flwr.serverapp.strategy import Strategy

from aggregator.flower.classwise import ClasswiseStrategy
from aggregator.flower.grid import SERVER, FleetGrid, array_key, envelope, message_of
from aggregator.flower.strategies import STOCK, maker
from aggregator.work import Contribution
from fieldwise.federation import Row
from fieldwise.strategies import KNOWN


def test_everything_used_is_public() -> None:
    used = {
        flwr.app: "Array ArrayRecord ConfigRecord Message MessageType Metadata MetricRecord "
        "RecordDict",
        flwr.serverapp: "Grid",
        strategy: " ".join(["Strategy", *STOCK]),
    }
    for module, names in used.items():
        assert set(names.split()) <= set(module.__all__)


def test_a_strategy_is_these_methods_with_these_arguments() -> None:
    expected = {
        "configure_train": ["self", "server_round", "arrays", "config", "grid"],
        "aggregate_train": ["self", "server_round", "replies"],
        "configure_evaluate": ["self", "server_round", "arrays", "config", "grid"],
        "aggregate_evaluate": ["self", "server_round", "replies"],
        "summary": ["self"],
    }
    assert Strategy.__abstractmethods__ == set(expected)
    for name, arguments in expected.items():
        assert list(inspect.signature(getattr(Strategy, name)).parameters) == arguments


def test_a_grid_is_these_methods() -> None:
    assert Grid.__abstractmethods__ == {
        "create_message",
        "get_node_ids",
        "pull_messages",
        "push_messages",
        "run",
        "send_and_receive",
        "set_run",
    }


@pytest.mark.parametrize("name", KNOWN)
def test_strategies_take_the_arguments_that_are_passed_on(name: str) -> None:
    taken = inspect.signature(STOCK[name].kind).parameters
    own = {"min_train_nodes", "min_evaluate_nodes", "min_available_nodes"}
    options = KNOWN[name].options
    assert own | set(options) <= set(taken)
    for argument, option in options.items():
        usual = taken[argument].default
        assert isinstance(usual, int if option.is_whole else float)
        assert option.takes(usual)


@pytest.mark.parametrize("name", [each for each in STOCK if STOCK[each].keeps])
def test_what_is_kept_of_a_strategy_is_an_attribute_that_starts_empty(name: str) -> None:
    stock = maker(name, {})()
    assert all(getattr(stock, each) is None for each in STOCK[name].keeps)


def test_a_message_is_made_of_content_and_an_envelope_without_a_run() -> None:
    content = RecordDict(
        {
            "arrays": ArrayRecord({"row": Array(np.ones(3, np.float32))}),
            "metrics": MetricRecord({"num-examples": 3}),
        }
    )
    made = message_of(content, envelope(5, SERVER, "2"))
    assert not made.has_error()
    assert made.metadata.src_node_id == 5
    assert made.metadata.message_type == MessageType.TRAIN
    assert np.array_equal(made.content["arrays"]["row"].numpy(), np.ones(3))


def test_arrays_come_back_as_they_were() -> None:
    row = np.random.default_rng(1).normal(size=7).astype(np.float32)
    found = ArrayRecord({"row": Array(row)})["row"].numpy()
    assert found.dtype == np.float32
    assert np.array_equal(found, row)


def test_flowers_own_loop_runs_our_strategy_over_our_grid() -> None:
    rows = {each: {1: Row(1, each, np.full(3, each, np.float32))} for each in (1, 2, 3)}

    def collect() -> list[Contribution]:
        return [Contribution(alias, each) for alias, each in rows.items()]

    ours = ClasswiseStrategy(maker("FedAvg", {}))
    start = ArrayRecord({array_key(1): Array(np.zeros(3, np.float32))})
    result = ours.start(FleetGrid(collect, {}), start, num_rounds=2, train_config=ConfigRecord())
    assert result.arrays[array_key(1)].numpy() == pytest.approx(np.full(3, 14 / 6))


def test_flower_neither_reports_nor_looks_for_versions_nor_imports_torch() -> None:
    code = (
        "import sys, socket\n"
        "def refuse(*_): raise SystemExit('it connects')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import aggregator.flower.aggregating, os\n"
        "assert os.environ['FLWR_TELEMETRY_ENABLED'] == '0'\n"
        "assert os.environ['FLWR_DISABLE_UPDATE_CHECK'] == '1'\n"
        "heavy = {'torch', 'fastapi', 'sqlalchemy', 'ray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=kept)
