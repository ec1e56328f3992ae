"""A move to a backbone of which features are held, also of samples whose images are not."""

from agent.learning.kept import Kept
from agent.learning.samples import Group, Origin, Sample, Share
from agent.learning.stopping import never
from fieldwise.head import learn, unlearn
from tests.fakes.moves import NEW, OLD, Device, ignore, passing_by

LEARNED = frozenset({Share.LEARN})


def moved() -> Device:
    """A device on another backbone, to which most of what it knows was carried over."""
    device = Device(60)
    device.learner.swap(device.learner.rebuild(NEW, (), ignore, never))
    assert sum(device.learner.pair.carried.values()) == device.learned - 60
    return device


def held(device: Device) -> list[Sample]:
    return device.store.samples_after(0, 1000, OLD.bundle, LEARNED)


def test_what_is_held_as_features_is_learned_exactly_and_leaves_what_is_carried() -> None:
    before = Device(60).learner.pair.statistics()
    device = moved()
    made = device.learner.rebuild(OLD, (), ignore, never)
    assert len(held(device)) == device.learned
    assert made.carried == {}
    assert made.statistics().same_as(before)


def test_beside_it_the_rest_is_carried_and_nothing_counts_twice() -> None:
    device = moved()
    for number in range(180, 240):
        device.teach(number)
    device.learner.flush()
    total, own = device.learner.pair.total, device.learner.pair.total - device.learned
    images = [each.id for each in device.store.remembered() if each.share is Share.LEARN]
    device.store.commit(Group((), tuple(images), device.store.counters()))
    made = device.learner.rebuild(OLD, (), ignore, never, passing_by(40))
    assert own > 0
    assert made.total == total
    assert sum(made.carried.values()) == own


def test_it_is_corrected_to_the_bit_afterwards() -> None:
    device = moved()
    device.learner.swap(device.learner.rebuild(OLD, (), ignore, never))
    before = device.learner.pair.statistics()
    blind = next(each for each in device.store.samples_after(0, 1000, OLD.bundle, LEARNED))
    assert blind.grid is not None
    other = next(name for name in before.classes if name != blind.class_name)
    kept = Kept(blind.id, blind.time, OLD.bundle, blind.grid, None, blind.class_name)
    device.learner.label(kept, other, 99_999.0, Origin.CORRECTED)
    rest = unlearn(before, blind.grid[None], [blind.class_name])
    assert device.learner.pair.statistics().same_as(learn(rest, blind.grid[None], [other]))
