import tracemalloc
from dataclasses import dataclass
from random import Random

import msgspec
import numpy as np
import pytest

from agent.learning.catch_up import open_pair
from agent.learning.fitting import configure_within
from agent.learning.holdings import MemoryBound, growth_bytes, held_bytes
from agent.learning.learner import Learner
from agent.learning.pair import Pair
from agent.learning.settings import HoldoutSettings, LearningSettings
from fieldwise.bundle import Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Accumulator, empty
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.samples import MemorySamples
from tests.fakes.scenes import Scenes

PLAIN = LearningSettings(holdout=HoldoutSettings(select_share=0, judge_share=0))
WIDTH = 96


@dataclass(slots=True)
class Shelf:
    """Stands for something of ours that holds arrays."""

    arrays: list[np.ndarray]
    other: object = None


Shelf.__module__ = "agent.learning.shelf"


def test_an_array_counts_once_however_many_views_there_are_of_it() -> None:
    array = np.zeros((10, 100))
    bare = held_bytes(Shelf([]))
    shelf = Shelf([array, array[2:4], array[:, 1], array.T])
    assert held_bytes(shelf) - held_bytes(Shelf([array])) <= 3 * 16  # the list's own entries
    assert held_bytes(Shelf([array[:1]])) - bare >= array.nbytes


def test_what_is_left_out_is_not_looked_into() -> None:
    graph = Shelf([np.zeros(100_000)])
    shelf = Shelf([np.zeros(10)], graph)
    assert held_bytes(shelf, [graph]) < 1000 < held_bytes(shelf)


def test_what_holds_itself_is_counted_once() -> None:
    shelf = Shelf([np.zeros(1000)])
    shelf.other = [shelf]
    assert 8000 < held_bytes(shelf) < 9000


def accumulator(classes: int, width: int = WIDTH) -> Accumulator:
    made = Accumulator(empty("b" * 64, Transform(), width))
    for number in range(classes):
        made.learn(np.full((1, width), number % 7, np.int16), [f"class {number:04d}"])
    return made


@pytest.mark.parametrize("classes", [1, 15, 16, 17, 31, 32, 33, 64, 100])
def test_what_one_more_class_adds_is_foretold_to_the_byte(classes: int) -> None:
    held = accumulator(classes)

    def arrays() -> int:
        return sum(each.nbytes for each in vars(held).values() if isinstance(each, np.ndarray))

    before, foretold = arrays(), growth_bytes(held, classes)
    held.learn(np.ones((1, WIDTH), np.int16), ["one more"])
    assert arrays() - before == foretold


def test_the_count_is_what_the_allocator_gave() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        held = accumulator(200, width=512)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes(held) == pytest.approx(after - before, rel=0.02)


def learned_pair(count: int, classes: int, settings: LearningSettings = PLAIN) -> Pair:
    pair = open_pair(ProjectionEmbedder(), (), MemorySamples(), settings)
    teach(Learner(pair, MemorySamples(), settings, Random(1)), count, classes)
    return pair


def teach(learner: Learner, count: int, classes: int) -> None:
    scenes = Scenes(0)
    for number in range(count):
        place = number % classes
        learner.teach(f"s{number}", scenes.image(place % 6), f"class {place}", "", 60.0 * number)


def test_every_head_of_a_pair_is_counted() -> None:
    few = msgspec.structs.replace(
        PLAIN, heads=msgspec.structs.replace(PLAIN.heads, enabled=PLAIN.heads.enabled[-1:])
    )
    one, all_heads = (learned_pair(40, 5, each) for each in (few, PLAIN))
    width = one.embedder.manifest.feature_width
    assert held_bytes(one, [one.embedder]) > 8 * width * width
    assert held_bytes(all_heads, [all_heads.embedder]) > held_bytes(one, [one.embedder])


def test_a_class_that_would_not_fit_is_refused_to_the_byte() -> None:
    store = MemorySamples()
    pair = open_pair(ProjectionEmbedder(), (), store, PLAIN)
    learner = Learner(pair, store, PLAIN, Random(1))
    teach(learner, 16, 16)  # the next class doubles what has a row for each
    learner.flush()
    learner.configure(msgspec.structs.replace(PLAIN, memory_bytes_max=1 << 30))
    owners = (pair, learner._recorder)
    needed = held_bytes(owners, [pair.embedder]) + growth_bytes(owners, 16, [pair.embedder])
    image = Scenes(0).image(3)
    learner.configure(msgspec.structs.replace(PLAIN, memory_bytes_max=needed - 1))
    with pytest.raises(FieldwiseError) as caught:
        learner.teach("more", image, "one more", "", 1e6)
    assert caught.value.fault is Fault.TOO_MANY_CLASSES
    assert "memory_bytes_max" in caught.value.sentence
    learner.configure(msgspec.structs.replace(PLAIN, memory_bytes_max=needed))
    learner.teach("more", image, "one more", "", 1e6)
    assert pair.count("one more") == 1


def test_a_class_that_is_there_learns_on_beyond_the_bound() -> None:
    store = MemorySamples()
    tight = msgspec.structs.replace(PLAIN, memory_bytes_max=1024**2)
    learner = Learner(open_pair(ProjectionEmbedder(), (), store, tight), store, tight, Random(1))
    teach(learner, 1, 1)
    learner.configure(msgspec.structs.replace(PLAIN, memory_bytes_max=1))
    teach(learner, 5, 1)
    assert learner.pair.count("class 0") == 5


@pytest.mark.parametrize("spare", [0, 100_000, 1_000_000_000])
def test_between_two_counts_the_bound_is_never_passed(spare: int) -> None:
    bound, held = MemoryBound(), accumulator(1, width=64)
    bytes_max = held_bytes(held) + spare
    classes = 1
    while classes < 300:
        try:
            bound.require_room((held,), (), classes, bytes_max)
        except FieldwiseError:
            break
        held.learn(np.ones((1, 64), np.int16), [f"more {classes}"])
        classes += 1
        assert held_bytes(held) <= bytes_max + 200  # the names, which are counted with the next
    assert (classes == 300) is (spare == 1_000_000_000)


def test_heads_that_do_not_fit_are_left_out_from_the_last_on() -> None:
    pair = learned_pair(40, 20)
    everything = held_bytes(pair, [pair.embedder])
    assert configure_within(pair, PLAIN) == ()
    tight = msgspec.structs.replace(PLAIN, memory_bytes_max=everything - 1)
    left_out = configure_within(pair, tight)
    assert left_out
    enabled = tuple(str(each) for each in PLAIN.heads.enabled)
    assert enabled[-len(left_out) :] == left_out
    assert held_bytes(pair, [pair.embedder]) < everything
    nothing_fits = msgspec.structs.replace(PLAIN, memory_bytes_max=1)
    assert configure_within(pair, nothing_fits) == enabled[1:]
    assert configure_within(pair, PLAIN) == ()
    assert set(pair.heads) == set(enabled)
