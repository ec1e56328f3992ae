"""A pair for another backbone is made whatever people correct and take back meanwhile."""

import threading
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from agent.learning.forgetting import Selection
from agent.learning.kept import Kept
from agent.learning.lessons import WITHDRAWN_MAX
from agent.learning.moving import Move
from agent.learning.samples import Origin, Share
from agent.learning.stopping import ShouldStop, Stopped, never
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.embedder import WIDTH, ProjectionEmbedder
from tests.fakes.moves import NEW, OLD, TAUGHT, Device, ignore

ROUNDS_MAX = 3


class People:
    """Whoever corrects and forgets from a thread of its own, and has to wait where teaching does.

    Args:
        device: Whose samples.
        chance: What they do.
        forgets: How often they forget a sample instead of correcting some.
    """

    def __init__(self, device: Device, chance: Random, forgets: float = 0.0) -> None:
        self.device = device
        self.chance = chance
        self.forgets = forgets
        self.deeds: Counter[str] = Counter()

    def come_by(self) -> None:
        person = threading.Thread(target=self._try)
        person.start()
        person.join()

    def _try(self) -> None:
        lock = self.device.learner._lock
        if not lock.acquire(blocking=False):
            self.deeds["waited"] += 1
            return
        try:
            if self.chance.random() < self.forgets:
                self.forget()
            else:
                for _ in range(self.chance.randint(1, 3)):
                    self.correct()
        finally:
            lock.release()

    def correct(self) -> None:
        learner, names = self.device.learner, self.device.scenes.names
        found = learner._recorder.find(f"s{self.chance.randrange(TAUGHT)}")
        if found is None or found.grid is None:
            return
        kept = Kept(found.id, found.time, OLD.bundle, found.grid, found.image, found.class_name)
        other = self.chance.choice([each for each in names if each != found.class_name])
        learner.label(kept, other, 99_999.0, Origin.CORRECTED)
        self.deeds["corrected"] += 1

    def forget(self) -> None:
        learner = self.device.learner
        sample = f"s{self.chance.randrange(TAUGHT)}"
        if learner._recorder.find(sample) is not None:
            learner.forget(Selection(sample_id=sample))
            self.deeds["forgotten"] += 1


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[Move]:
    """Every move that was begun."""
    begun: list[Move] = []
    genuine = Move.embed

    def embed(move: Move, watch: object) -> None:
        begun.append(move)
        genuine(move, watch)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(Move, "embed", embed)
    return begun


def while_settling(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], None]) -> None:
    genuine = Move.settle

    def settle(move: Move, should_stop: ShouldStop) -> object:
        deed()
        return genuine(move, should_stop)

    monkeypatch.setattr(Move, "settle", settle)


@pytest.mark.parametrize("seed", range(12))
def test_a_move_ends_under_a_stream_of_corrections_with_what_was_taught(
    seed: int, rounds: list[Move], monkeypatch: pytest.MonkeyPatch
) -> None:
    device, chance = Device(TAUGHT), Random(seed)
    people = People(device, chance, forgets=chance.choice([0.0, 0.3]))
    while_settling(monkeypatch, people.come_by)
    embedder = ProjectionEmbedder("new", WIDTH + 5)
    made = device.learner.rebuild(embedder, (), lambda _: people.come_by(), never)
    assert len(rounds) <= ROUNDS_MAX
    assert people.deeds["corrected"] > len(rounds)
    monkeypatch.undo()
    again = device.learner.rebuild(NEW, (), ignore, never)
    assert made.statistics().same_as(again.statistics())
    device.learner.swap(made)
    assert made.total == device.learner.pair.total == device.store.counters().learned


def test_corrections_while_images_are_looked_at_cost_no_second_round(rounds: list[Move]) -> None:
    device = Device(TAUGHT)
    people = People(device, Random(1))
    made = device.learner.rebuild(NEW, (), lambda _: people.come_by(), never)
    assert people.deeds["corrected"]
    assert len(rounds) == 1
    assert made.statistics().same_as(device.learner.rebuild(NEW, (), ignore, never).statistics())


def test_a_correction_while_heads_are_solved_costs_one_round_in_which_teaching_waits(
    rounds: list[Move], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(TAUGHT)
    people = People(device, Random(1))
    while_settling(monkeypatch, people.come_by)
    device.learner.rebuild(NEW, (), ignore, never)
    assert len(rounds) == 2
    assert people.deeds["waited"] == 1


@pytest.mark.parametrize("seed", range(6))
def test_what_is_carried_over_counts_what_was_corrected_once(
    seed: int, rounds: list[Move], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(60)
    people = People(device, Random(seed))
    while_settling(monkeypatch, people.come_by)
    made = device.learner.rebuild(NEW, (), lambda _: people.come_by(), never)
    assert len(rounds) <= ROUNDS_MAX
    learner = device.learner
    learner.flush()
    held = sum(1 for each in device.store.remembered() if each.share is Share.LEARN)
    assert held <= made.total <= learner.pair.total
    assert {name: made.count(name) for name in made.carried} == {
        name: learner.pair.count(name) for name in made.carried
    }


def test_more_corrections_than_are_kept_in_mind_begin_it_anew(
    rounds: list[Move], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(TAUGHT)
    people = People(device, Random(1))
    monkeypatch.setattr("agent.learning.lessons.WITHDRAWN_MAX", 2)
    monkeypatch.setattr("agent.learning.rebuilding.WITHDRAWN_MAX", 2)
    assert WITHDRAWN_MAX > 2
    made = device.learner.rebuild(NEW, (), lambda _: people.come_by(), never)
    assert len(rounds) == ROUNDS_MAX
    monkeypatch.undo()
    assert made.statistics().same_as(device.learner.rebuild(NEW, (), ignore, never).statistics())


def test_a_move_that_ends_early_keeps_nothing_in_mind() -> None:
    device = Device(TAUGHT)
    people = People(device, Random(1))
    with pytest.raises(Stopped):
        device.learner.rebuild(NEW, (), ignore, lambda: True)
    people.correct()
    assert device.learner._withdrawn is None
    broken = ProjectionEmbedder("new", WIDTH + 5)
    broken.broken = True
    with pytest.raises(FieldwiseError) as caught:
        device.learner.rebuild(broken, (), ignore, never)
    assert caught.value.fault is Fault.GRAPH_FAILED
    assert device.learner._withdrawn is None
