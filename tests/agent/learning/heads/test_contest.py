"""The contest under seeded simulation: heads that are right by chance, a scene at a time."""

from collections.abc import Mapping
from random import Random

import pytest

from agent.learning.heads.contest import Challenger, Contest, Rules, begin, decode, encode
from fieldwise.errors import Fault, FieldwiseError

RULES = Rules(risk=0.05, gain=0.01)
RUNS, BLOCKS, SCENE_MAX = 150, 150, 12


def simulate(
    seed: int,
    challengers: int,
    ahead: Mapping[str, float],
    *,
    rules: Rules = RULES,
    blocks: int = BLOCKS,
    blind_to_scenes: bool = False,
) -> int | None:
    """The block at whose start another head served; None where that never came.

    Within a scene every head is right throughout or wrong throughout: samples of a scene are as
    alike as can be. ``blind_to_scenes`` is the sabotage of counting each sample for itself.
    """
    chance = Random(seed)
    heads = ["champion", *(f"c{number}" for number in range(challengers))]
    contest, samples = begin("champion", heads), 0
    for block in range(blocks):
        answers = {
            name: "apple" if chance.random() < 0.6 + ahead.get(name, 0.0) else "pear"
            for name in heads
        }
        for _ in range(chance.randint(1, SCENE_MAX)):
            samples += 1
            scene = f"sample {samples}" if blind_to_scenes else f"scene {block}"
            contest = contest.after(scene, "apple", answers, rules)
        if contest.champion != "champion":
            return block
    return None


def switches(challengers: int, **options: object) -> float:
    """Share of runs with a switch where every challenger is ahead by the gain and no more."""
    ahead = {f"c{number}": RULES.gain for number in range(challengers)}
    found = [simulate(seed, challengers, ahead, **options) for seed in range(RUNS)]  # type: ignore[arg-type]  # one of the keywords
    return sum(block is not None for block in found) / RUNS


@pytest.mark.parametrize("challengers", [1, 3, 10])
def test_a_challenger_that_is_no_better_by_the_gain_hardly_ever_takes_over(
    challengers: int,
) -> None:
    assert switches(challengers) <= RULES.risk


def test_the_simulation_tells_a_contest_that_counts_samples_for_blocks() -> None:
    assert switches(3, blind_to_scenes=True) > 0.5


def test_the_simulation_tells_a_contest_without_correction_for_many_challengers() -> None:
    uncorrected = Rules(risk=RULES.risk * 10, gain=RULES.gain)
    assert switches(10, rules=uncorrected) > RULES.risk


def test_the_simulation_tells_a_contest_without_a_minimum_gain() -> None:
    """Small leads are real, and given time a test without a gain acts on them."""
    greedy = Rules(risk=RULES.risk, gain=0.0)
    ahead = {"c0": 0.15}
    patient = Rules(risk=RULES.risk, gain=0.15)
    found = [
        sum(simulate(seed, 1, ahead, rules=rules, blocks=600) is not None for seed in range(20))
        for rules in (greedy, patient)
    ]
    assert found[0] >= 15
    assert found[1] <= 2


@pytest.mark.parametrize(("lead", "median_max"), [(0.4, 40), (0.3, 70), (0.2, 160)])
def test_power_a_better_head_takes_over_within_these_blocks(lead: float, median_max: int) -> None:
    """Heads err independently here, which makes it harder than among real ones."""
    found = [simulate(seed, 3, {"c1": lead}, blocks=400) for seed in range(41)]
    assert sorted(400 if block is None else block for block in found)[20] <= median_max


def test_a_long_losing_past_does_not_keep_a_challenger_down() -> None:
    challenger = Challenger()
    for _ in range(1000):
        challenger = challenger.after(-0.3, RULES.gain)
    assert challenger.evidence < 0.01
    blocks = 0
    while challenger.evidence < 3 / RULES.risk and blocks < 1000:
        challenger = challenger.after(0.5, RULES.gain)
        blocks += 1
    assert blocks < 100


def test_one_scene_is_one_block_however_long_and_the_open_one_does_not_count_yet() -> None:
    contest = begin("a", ["a", "b"])
    for _ in range(5000):
        contest = contest.after("s", "x", {"a": "y", "b": "x"}, RULES)
    assert contest.challengers["b"].blocks == 0
    contest = contest.after("t", "x", {"a": "x", "b": "x"}, RULES)
    assert contest.challengers["b"] == Challenger().after(1.0, RULES.gain)
    assert contest.champion == "a"


def test_after_a_switch_everybody_begins_anew() -> None:
    contest = begin("a", ["a", "b", "c"])
    block = 0
    while contest.champion == "a" and block < 100:
        contest = contest.after(f"s{block}", "x", {"a": "y", "b": "x", "c": "y"}, RULES)
        block += 1
    assert contest.champion == "b"
    assert contest.challengers == {"a": Challenger(), "c": Challenger()}


def test_heads_may_come_and_go() -> None:
    contest = begin("a", ["a", "b"])
    for block in range(9):
        contest = contest.after(f"s{block}", "x", {"a": "x", "b": "x"}, RULES)
    widened = contest.after("t", "x", {"a": "x", "b": "x", "c": "x"}, RULES)
    assert widened.challengers["b"].blocks == 9
    assert widened.challengers["c"].blocks == 0
    without = widened.after("u", "x", {"b": "x", "c": "x"}, RULES)
    assert without.champion == "b"
    assert without.challengers == {"c": Challenger()}


def test_an_interrupted_contest_goes_on_as_if_nothing_had_happened() -> None:
    chance = Random(5)
    whole = resumed = begin("a", ["a", "b", "c"])
    for sample in range(200):
        answers = {name: chance.choice("xy") for name in "abc"}
        whole = whole.after(f"s{sample // 3}", "x", answers, RULES)
        resumed = decode(encode(resumed)).after(f"s{sample // 3}", "x", answers, RULES)
    assert resumed == whole
    assert len(encode(whole)) < 350


def test_scenes_that_are_taught_in_turn_are_bet_on_once() -> None:
    """Each head is right or wrong of a whole scene; frames come from two scenes alternately."""
    switches = 0
    for seed in range(50):
        chance, contest = Random(seed), begin("a", ["a", "b"])
        for pair in range(40):
            said = {f"{pair} {side}": {name: chance.choice("xy") for name in "ab"} for side in "lr"}
            for _ in range(20):
                for scene, answers in said.items():
                    contest = contest.after(scene, "x", answers, RULES)
        switches += contest.champion != "a"
    assert switches <= 50 * RULES.risk


def test_alone_there_is_nothing_to_decide() -> None:
    contest = begin("a", ["a"])
    for block in range(50):
        contest = contest.after(f"s{block}", "x", {"a": "y"}, RULES)
    assert contest.champion == "a"


def test_a_purse_never_overflows() -> None:
    challenger = Challenger()
    for _ in range(5000):
        challenger = challenger.after(1.0, 0.0)
    assert challenger.evidence < float("inf")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"rubbish",
        encode(begin("a", ["a", "b"]))[:-3],
        encode(Contest("a", {"b": Challenger(1, (1.0,))})),
    ],
)
def test_rubbish_is_no_contest(content: bytes) -> None:
    with pytest.raises(FieldwiseError) as caught:
        decode(content)
    assert caught.value.fault is Fault.STATE_DAMAGED
