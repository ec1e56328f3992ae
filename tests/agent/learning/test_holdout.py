from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from agent.learning.holdout import Placement, place, share_of
from agent.learning.samples import Burst, Origin, Share
from agent.learning.settings import HoldoutSettings

KEY = b"secret"
SETTINGS = HoldoutSettings()


def placed(
    sample: str = "s1",
    time: float = 100.0,
    name: str = "",
    newest: Burst | None = None,
    learned: int = 50,
    origin: Origin = Origin.TAUGHT,
) -> Placement:
    return place(sample, "apple", time, name, newest, learned, KEY, SETTINGS, origin=origin)


def test_shares_come_out_as_stated() -> None:
    shares = Counter(share_of(f"scene:{place}", KEY, SETTINGS) for place in range(20_000))
    assert abs(shares[Share.SELECT] - 2000) < 200
    assert abs(shares[Share.JUDGE] - 2000) < 200


def test_minutes_of_one_scene_are_one_share() -> None:
    for scene in range(20):
        newest, shares = None, set()
        for frame in range(400):
            found = placed(f"{scene} {frame}", 100.0 + frame, newest=newest)
            newest = found.burst
            shares.add(found.share)
        assert len(shares) == 1


def test_no_share_means_nothing_is_set_aside() -> None:
    nothing = HoldoutSettings(select_share=0, judge_share=0)
    assert {share_of(f"scene:{place}", KEY, nothing) for place in range(500)} == {Share.LEARN}


def test_another_secret_gives_other_shares() -> None:
    names = [f"scene:{place}" for place in range(200)]
    one = [share_of(name, KEY, SETTINGS) for name in names]
    assert one == [share_of(name, KEY, SETTINGS) for name in names]
    assert one != [share_of(name, b"other", SETTINGS) for name in names]


def test_samples_close_in_time_are_one_scene_with_one_share() -> None:
    first = placed()
    second = placed("s2", 104.0, newest=first.burst)
    assert second.burst == Burst("apple", first.burst.id, 104.0, 2)
    assert second.share is first.share


def test_a_pause_begins_a_new_scene() -> None:
    first = placed()
    assert placed("s2", 105.1, newest=first.burst).burst.id != first.burst.id


def test_an_endless_scene_is_divided() -> None:
    burst = placed("s0").burst
    seen = {burst.id}
    for number in range(1, 3 * SETTINGS.burst_samples_max + 1):
        burst = placed(f"s{number}", 100 + number, newest=burst).burst
        seen.add(burst.id)
    assert len(seen) == 4


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60))
def test_a_clock_that_jumps_breaks_nothing(times: list[float]) -> None:
    burst: Burst | None = None
    for number, time in enumerate(times):
        found = placed(f"s{number}", time, newest=burst)
        continued = burst is not None and found.burst.id == burst.id
        assert not continued or (burst is not None and abs(time - burst.time) <= 5)
        assert found.burst.samples <= SETTINGS.burst_samples_max
        burst = found.burst


def test_a_named_scene_has_one_share_in_every_class_and_at_every_time() -> None:
    for number in range(50):
        name = f"shelf {number}"
        early = place("s1", "apple", 0, name, None, 0, KEY, SETTINGS)
        late = place("s2", "pear", 1e9, name, early.burst, 99, KEY, SETTINGS)
        assert early.burst.id == late.burst.id
        assert early.share is late.share


def test_an_unnamed_sample_never_joins_a_named_scene() -> None:
    named = placed(name="shelf")
    assert placed("s2", newest=named.burst).burst.id != named.burst.id


def test_a_name_cannot_pass_for_an_unnamed_scene() -> None:
    shares = {placed(name=f"first:{number}").share for number in range(200)}
    assert shares == set(Share)


def test_the_first_samples_of_a_class_are_always_learned() -> None:
    shares = {placed(f"s{number}", learned=4).share for number in range(500)}
    assert shares == {Share.LEARN}
    assert {placed(f"s{number}", learned=5).share for number in range(500)} == set(Share)


def test_a_scene_that_began_among_the_first_is_learned_to_its_end() -> None:
    first = placed("s7", learned=0)
    later = placed("s8", 101, newest=first.burst, learned=60)
    assert later.burst.id == first.burst.id
    assert later.share is Share.LEARN


def test_a_correction_is_never_held_out() -> None:
    for number in range(200):
        plain = placed(f"s{number}", origin=Origin.CORRECTED)
        assert plain.share is Share.LEARN
        named = placed(name=f"shelf {number}", origin=Origin.CORRECTED)
        assert named.share in {Share.LEARN, None}


def test_what_is_taught_right_after_a_correction_is_of_its_scene_and_learned() -> None:
    for number in range(50):
        corrected = placed(f"c{number}", origin=Origin.CORRECTED)
        taught = placed(f"s{number}", 104.0, newest=corrected.burst)
        assert (taught.burst.id, taught.share) == (corrected.burst.id, Share.LEARN)


def test_a_correction_of_a_scene_follows_it_where_it_is_learned_and_else_has_no_use() -> None:
    wanted = {Share.LEARN: Share.LEARN, Share.SELECT: None, Share.JUDGE: None}
    seen = set()
    for number in range(200):
        for name in ("", f"shelf {number}"):
            scene = placed(f"s{number}", name=name)
            corrected = placed("c", 103, name, scene.burst, origin=Origin.CORRECTED)
            assert corrected.burst.id == scene.burst.id
            assert scene.share is not None
            assert corrected.share is wanted[scene.share]
            seen.add((bool(name), scene.share))
    assert len(seen) == 6


def test_a_correction_after_a_pause_does_not_belong_to_the_held_out_scene() -> None:
    for number in range(50):
        scene = placed(f"s{number}")
        assert placed("c", 106, newest=scene.burst, origin=Origin.CORRECTED).share is Share.LEARN
