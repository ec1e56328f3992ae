from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from agent.learning.memory import SECONDS_A_DAY, Memory
from agent.learning.samples import Remembered, Share

DAY = SECONDS_A_DAY


def image(
    number: int, class_name: str = "apple", size: int = 10, share: Share = Share.LEARN
) -> Remembered:
    return Remembered(f"s{number}", number, number * DAY, class_name, share, size)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 60), st.sampled_from(list(Share))),
        max_size=80,
    ),
    st.integers(0, 200),
    st.integers(0, 100),
    st.integers(0, 9),
)
def test_budgets_are_hard_to_the_byte_and_nothing_is_lost_count_of(
    offers: list[tuple[str, int, Share]], learn_max: int, holdout_max: int, seed: int
) -> None:
    memory, chance = Memory([], learn_max, holdout_max), Random(seed)
    held: dict[str, Remembered] = {}
    for number, (name, size, share) in enumerate(offers):
        offered = image(number, name, size, share)
        kept, gone = memory.offer(offered, chance)
        for each in gone:
            del held[each.id]
        if kept:
            held[offered.id] = offered
        learned = sum(each.size for each in held.values() if each.share is Share.LEARN)
        others = sum(each.size for each in held.values() if each.share is not Share.LEARN)
        assert learned <= learn_max
        assert others <= holdout_max
        assert (memory.size, memory.count) == (learned + others, len(held))


def test_the_class_that_holds_most_gives_way() -> None:
    memory, chance = Memory([], 1000, 0), Random(1)
    held: Counter[str] = Counter()
    for number in range(1000):
        name = "rare" if number % 25 == 0 else "common"
        kept, gone = memory.offer(image(number, name), chance)
        held[name] += kept
        held.subtract(each.class_name for each in gone)
    assert held == {"rare": 40, "common": 60}


def test_what_goes_is_a_matter_of_the_chance_given() -> None:
    def left(seed: int) -> list[str]:
        memory, chance = Memory([], 100, 0), Random(seed)
        return [gone.id for number in range(50) for gone in memory.offer(image(number), chance)[1]]

    assert left(1) == left(1)
    assert left(1) != left(2)


def test_an_image_larger_than_the_budget_pushes_nothing_out() -> None:
    memory = Memory([image(1, size=90)], 100, 0)
    assert memory.offer(image(2, size=101), Random(1)) == (False, [])
    assert memory.count == 1


def test_held_out_images_have_room_of_their_own() -> None:
    memory, chance = Memory([], 100, 20), Random(1)
    memory.offer(image(0, share=Share.SELECT), chance)
    memory.offer(image(1, share=Share.JUDGE), chance)
    for number in range(2, 100):
        memory.offer(image(number), chance)
    assert memory.count_of(Share.SELECT) == 1
    assert memory.count_of(Share.JUDGE) == 1
    assert memory.count_of(Share.LEARN) == 10


def test_a_smaller_budget_lets_go_at_once() -> None:
    memory = Memory([image(number) for number in range(10)], 100, 0)
    assert len(memory.resize(35, 0, Random(1))) == 7
    assert memory.size == 30


def test_old_images_expire_and_future_ones_stay() -> None:
    memory = Memory([image(number) for number in range(10)], 1000, 0)
    assert memory.expire(7.5 * DAY, 0) == []
    assert [each.id for each in memory.expire(7.5 * DAY, 5)] == ["s2", "s1", "s0"]
    assert memory.count == 7
