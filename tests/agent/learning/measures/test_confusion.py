from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from agent.learning.measures.confusion import MISTAKES_MAX, Tally

said = st.lists(st.sampled_from("abcdefgh"), max_size=200)


@given(said)
def test_a_count_is_never_too_low_and_the_list_never_too_long(answers: list[str]) -> None:
    tally = Tally()
    for answer in answers:
        tally = tally.after("a", answer)
    true = Counter(answer for answer in answers if answer != "a")
    assert (tally.samples, tally.correct) == (len(answers), len(answers) - true.total())
    assert len(tally.mistakes) <= MISTAKES_MAX
    assert all(count >= true[name] for name, count in tally.mistakes)
    if len(true) <= MISTAKES_MAX:
        assert dict(tally.mistakes) == dict(true)


@given(said)
def test_a_mistake_made_more_often_than_all_that_is_not_listed_is_listed(
    answers: list[str],
) -> None:
    tally = Tally()
    for answer in answers:
        tally = tally.after("a", answer)
    true = Counter(answer for answer in answers if answer != "a")
    for name, count in true.items():
        if count > true.total() / MISTAKES_MAX:
            assert name in dict(tally.mistakes)


def test_ignorance_is_no_mistake_for_another_class() -> None:
    tally = Tally().after("a", "").after("a", "b").after("a", "a")
    assert tally == Tally(3, 1, (("b", 1),))
    assert tally.worst == ("b", 1)
    assert Tally().worst == ("", 0)


def test_a_forgotten_class_leaves_no_name_behind() -> None:
    tally = Tally().after("a", "b").after("a", "c")
    assert tally.without("b").mistakes == (("c", 1),)
