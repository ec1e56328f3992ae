import numpy as np
import pytest

from agent.learning.kept import Asking, Kept, size_of
from agent.predictions import RecentPredictions, Stopwatch
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.predictions import MemoryPredictions

WIDTH = 8
GRID_BYTES = 2 * WIDTH


def kept(name: str, image: bytes | np.ndarray | None = b"picture") -> Kept:
    return Kept(name, 100.0, "a" * 64, np.ones(WIDTH, np.int16), image)


def write(recent: RecentPredictions) -> None:
    recent.settle(recent.changes())


def ids(recent: RecentPredictions) -> list[str]:
    return [entry.id for entry in recent.entries()]


def held_bytes(store: MemoryPredictions) -> int:
    return sum(entry.grid_bytes + entry.image_bytes for entry in store.entries())


def test_the_oldest_make_room_for_the_newest() -> None:
    recent = RecentPredictions(2, 1000)
    for name in ("a", "b", "c"):
        recent.put(kept(name, name.encode()))
    assert recent.find("c").image == b"c"
    assert recent.find("b").image == b"b"
    with pytest.raises(FieldwiseError, match="'a' is not among those kept") as caught:
        recent.find("a")
    assert caught.value.fault is Fault.NOT_FOUND


def test_the_oldest_images_go_before_any_prediction_does() -> None:
    recent = RecentPredictions(100, 3 * GRID_BYTES + 20)
    for name in ("a", "b", "c"):
        recent.put(kept(name, bytes(10)))
    assert [size_of(recent.find(name).image) for name in "abc"] == [0, 10, 10]
    assert recent.size_bytes == 3 * GRID_BYTES + 20
    recent.put(kept("d", bytes(1)))
    assert [size_of(recent.find(name).image) for name in "abcd"] == [0, 0, 0, 1]
    recent.put(kept("e", bytes(1)))
    assert ids(recent) == ["c", "d", "e"] if GRID_BYTES > 20 else ["b", "c", "d", "e"]


def test_an_image_larger_than_the_room_is_not_kept_and_its_features_are() -> None:
    recent = RecentPredictions(100, 100)
    recent.put(kept("huge", np.zeros((10, 20, 3), np.uint8)))
    assert recent.find("huge").image is None
    assert recent.size_bytes == GRID_BYTES


def test_no_room_keeps_nothing() -> None:
    for recent in (RecentPredictions(0, 1000), RecentPredictions(10, GRID_BYTES - 1)):
        recent.put(kept("a"))
        assert ids(recent) == []


@pytest.mark.parametrize("seed", range(5))
def test_both_bounds_hold_to_the_byte_in_memory_and_in_the_store(seed: int) -> None:
    chance = np.random.default_rng(seed)
    store = MemoryPredictions()
    recent = RecentPredictions(20, 600, store)
    for number in range(300):
        size = int(chance.integers(0, 80))
        recent.put(kept(f"p{number}", bytes(size) if size else None))
        assert recent.size_bytes == sum(
            entry.grid_bytes + entry.image_bytes for entry in recent.entries()
        )
        assert recent.size_bytes <= 600
        assert len(recent.entries()) <= 20
        if chance.random() < 0.3:
            changes = recent.changes()
            store.apply(changes)
            recent.settle(changes)
            assert held_bytes(store) == recent.size_bytes
            assert store.entries() == recent.entries()


def test_what_is_written_is_found_after_a_restart() -> None:
    store = MemoryPredictions()
    recent = RecentPredictions(10, 1000, store)
    recent.put(kept("a"))
    recent.put(kept("b", None))
    recent.label("b", "pear")
    recent.ask(["a"], Asking(3, 1))
    store.apply(recent.changes())
    again = RecentPredictions(10, 1000, store)
    assert again.entries() == recent.entries()
    assert again.find("a").image == b"picture"
    assert (again.find("b").label, again.find("a").asked) == ("pear", True)
    assert again.asking == Asking(3, 1)
    assert again.grids(["b", "unknown"])[0].tolist() == [1] * WIDTH
    with pytest.raises(FieldwiseError):
        again.find("unknown")


def test_a_smaller_room_after_a_restart_is_kept_at_once() -> None:
    store = MemoryPredictions()
    recent = RecentPredictions(10, 1000, store)
    for number in range(5):
        recent.put(kept(f"p{number}"))
    store.apply(recent.changes())
    again = RecentPredictions(2, 1000, store)
    assert ids(again) == ["p3", "p4"]
    store.apply(again.changes())
    assert [entry.id for entry in store.entries()] == ["p3", "p4"]


def test_what_came_and_went_before_it_was_written_never_reaches_the_store() -> None:
    store = MemoryPredictions()
    recent = RecentPredictions(2, 1000, store)
    for number in range(50):
        recent.put(kept(f"p{number}"))
    changes = recent.changes()
    assert [each.id for each in changes.new] == ["p48", "p49"]
    assert changes.gone == ()


def test_what_changes_while_a_group_is_written_is_written_with_the_next() -> None:
    store = MemoryPredictions()
    recent = RecentPredictions(3, 1000, store)
    recent.put(kept("a"))
    recent.put(kept("b"))
    changes = recent.changes()
    recent.label("a", "pear")
    recent.put(kept("c"))
    recent.put(kept("d"))  # pushes a out while its group is under way
    store.apply(changes)
    recent.settle(changes)
    store.apply(recent.changes())
    write(recent)
    assert store.entries() == recent.entries()
    assert ids(recent) == ["b", "c", "d"]


def test_pixels_are_encoded_with_the_group_and_take_less_room_then() -> None:
    store = MemoryPredictions()
    recent = RecentPredictions(3, 1_000_000, store)
    recent.put(kept("a", np.zeros((64, 64, 3), np.uint8)))
    raw = recent.size_bytes
    changes = recent.changes()
    assert isinstance(changes.new[0].image, bytes)
    assert recent.size_bytes == changes.value_bytes < raw


def test_bytes_written_are_counted() -> None:
    recent = RecentPredictions(10, 1000, MemoryPredictions())
    recent.put(kept("a"))
    recent.put(kept("b", None))
    write(recent)
    write(recent)
    assert (recent.written, recent.written_bytes) == (2, 2 * GRID_BYTES + 7)


def test_in_memory_only_nothing_is_written_and_all_is_found() -> None:
    recent = RecentPredictions(10, 1000)
    recent.put(kept("a"))
    recent.label("a", "pear")
    assert not recent.changes()
    assert recent.find("a").label == "pear"
    assert recent.grids(["a"])[0].tolist() == [1] * WIDTH


def test_forgotten_predictions_are_gone_from_memory() -> None:
    recent = RecentPredictions(10, 1000, MemoryPredictions())
    recent.put(kept("a"))
    recent.put(kept("b"))
    recent.put(kept("c"))
    recent.label("c", "pear")
    recent.forget(["a", "unknown"], ["pear"])
    assert ids(recent) == ["b"]
    assert [each.id for each in recent.changes().new] == ["b"]


def test_percentiles_are_of_the_newest_thousand() -> None:
    watch = Stopwatch()
    assert watch.percentile_micros(50) == 0
    for number in range(5000):
        watch.answer(1.0 if number < 4000 else number % 100 * 1e-6)
    watch.refuse(Fault.IMAGE_INVALID)
    watch.refuse(Fault.GRAPH_FAILED)
    assert (watch.answered, watch.refused, watch.failed) == (5000, 2, 1)
    assert watch.percentile_micros(50) == 50
    assert watch.percentile_micros(99) == 99
