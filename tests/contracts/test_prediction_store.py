"""What every prediction store promises, also as part of a group of samples."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.device.database import Database
from agent.device.predictions import DatabasePredictions
from agent.device.samples import DatabaseSamples
from agent.learning.forgetting import Forgetting, Selection
from agent.learning.kept import Asking, Changes, Entry, Kept
from agent.learning.samples import Counters, Group, Snapshot
from agent.ports import PredictionStore, SampleStore
from tests.fakes.predictions import MemoryPredictions
from tests.fakes.samples import MemorySamples

BUNDLE = "a" * 64
WIDTH = 4
NO_SAMPLES = Group((), (), Counters())

Stores = tuple[PredictionStore, SampleStore]


def memory(folder: Path) -> Stores:
    predictions = MemoryPredictions()
    return predictions, MemorySamples(predictions=predictions)


def sqlite(folder: Path) -> Stores:
    database = Database(folder / "state.sqlite")
    return DatabasePredictions(database), DatabaseSamples(database)


STORES: dict[str, Callable[[Path], Stores]] = {"memory": memory, "sqlite": sqlite}


@pytest.fixture(params=sorted(STORES))
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(stores: Stores) -> PredictionStore:
    return stores[0]


def kept(number: int, image: bytes | None = b"picture") -> Kept:
    return Kept(f"p{number}", 100.5 + number, BUNDLE, np.full(WIDTH, number, np.int16), image)


def ids(store: PredictionStore) -> list[str]:
    return [entry.id for entry in store.entries()]


class TestPredictionStore:
    def test_a_fresh_store_keeps_nothing(self, store: PredictionStore) -> None:
        assert store.entries() == []
        assert store.find("p1") is None
        assert store.asking() == Asking()

    def test_a_prediction_comes_back_to_the_bit(self, store: PredictionStore) -> None:
        store.apply(Changes(new=(kept(1),)))
        found = store.find("p1")
        assert found is not None
        assert (found.id, found.time, found.bundle) == ("p1", 101.5, BUNDLE)
        assert (found.image, found.label, found.asked) == (b"picture", "", False)
        assert found.grid.dtype == np.int16
        assert found.grid.tolist() == [1] * WIDTH

    def test_entries_are_in_the_order_of_their_coming(self, store: PredictionStore) -> None:
        store.apply(Changes(new=(kept(2), kept(1, None))))
        store.apply(Changes(new=(kept(3, b"12"),)))
        assert store.entries() == [
            Entry("p2", 102.5, BUNDLE, "", False, 2 * WIDTH, 7),
            Entry("p1", 101.5, BUNDLE, "", False, 2 * WIDTH, 0),
            Entry("p3", 103.5, BUNDLE, "", False, 2 * WIDTH, 2),
        ]

    def test_a_known_prediction_is_not_kept_again(self, store: PredictionStore) -> None:
        for number in (1, 2):
            store.apply(Changes(new=(replace(kept(number), id="same"),)))
        assert [entry.time for entry in store.entries()] == [101.5]

    def test_an_image_goes_and_the_features_stay(self, store: PredictionStore) -> None:
        store.apply(Changes(new=(kept(1), kept(2)), imageless=("p1", "unknown")))
        first = store.find("p1")
        assert first is not None
        assert first.image is None
        assert first.grid.tolist() == [1] * WIDTH
        assert [entry.image_bytes for entry in store.entries()] == [0, 7]

    def test_what_goes_is_gone(self, store: PredictionStore) -> None:
        store.apply(Changes(new=(kept(1), kept(2), kept(3))))
        store.apply(Changes(gone=("p1", "p3", "unknown")))
        assert ids(store) == ["p2"]
        assert store.find("p1") is None

    def test_what_comes_and_goes_at_once_is_gone(self, store: PredictionStore) -> None:
        store.apply(Changes(new=(kept(1), kept(2)), gone=("p1",)))
        assert ids(store) == ["p2"]

    def test_labels_and_questions_are_remembered(self, store: PredictionStore) -> None:
        store.apply(Changes(new=(kept(1), kept(2))))
        store.apply(Changes(labels={"p1": "pear", "unknown": "fig"}, asked=("p2", "unknown")))
        found = [(entry.label, entry.asked) for entry in store.entries()]
        assert found == [("pear", False), ("", True)]
        first = store.find("p1")
        assert first is not None
        assert first.label == "pear"

    def test_questions_are_counted_by_the_day(self, store: PredictionStore) -> None:
        store.apply(Changes(asking=Asking(20_000, 3)))
        store.apply(Changes(new=(kept(1),)))
        assert store.asking() == Asking(20_000, 3)

    def test_features_are_given_in_the_order_asked_for(self, store: PredictionStore) -> None:
        store.apply(Changes(new=(kept(1), kept(2))))
        found = store.grids(["p2", "unknown", "p1"])
        assert [grid.tolist() for grid in found] == [[2] * WIDTH, [], [1] * WIDTH]

    def test_changes_may_come_with_a_group_of_samples(self, stores: Stores) -> None:
        predictions, samples = stores
        for _ in range(2):  # a group may be committed again
            samples.commit(replace(NO_SAMPLES, predictions=Changes(new=(kept(1),))))
        assert ids(predictions) == ["p1"]

    def test_forgetting_takes_predictions_by_id_and_by_label(self, stores: Stores) -> None:
        predictions, samples = stores
        predictions.apply(
            Changes(new=(kept(1), kept(2), kept(3)), labels={"p1": "pear", "p3": "fig"})
        )
        samples.forget(
            Forgetting(
                Selection(class_name="pear"),
                ("pear",),
                Counters(),
                Snapshot(BUNDLE, 0, b"after"),
                ("p2",),
            )
        )
        assert ids(predictions) == ["p3"]
