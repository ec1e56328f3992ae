"""A bucket of tokens for each caller, and whose a connection is."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.rates import DEVICE_RATES, UNKNOWN, Buckets, Rate, address_of


def test_a_burst_passes_and_then_as_many_as_are_allowed_a_second() -> None:
    buckets = Buckets(Rate(5, 2.0))
    assert [buckets.take("a", 100.0) for _ in range(5)] == [0] * 5
    assert buckets.take("a", 100.0) == pytest.approx(0.5)
    assert buckets.take("a", 100.4) == pytest.approx(0.1)
    assert buckets.take("a", 100.5) == 0
    assert buckets.take("a", 100.5) == pytest.approx(0.5)


def test_who_is_refused_loses_nothing_by_asking() -> None:
    buckets = Buckets(Rate(1, 1.0))
    assert buckets.take("a", 0.0) == 0
    for _ in range(100):
        assert buckets.take("a", 0.5) > 0
    assert buckets.take("a", 1.0) == 0


def test_one_caller_takes_nothing_from_another() -> None:
    buckets = Buckets(Rate(1, 0.001))
    assert buckets.take("a", 0.0) == 0
    assert buckets.take("a", 0.0) > 0
    assert buckets.take("b", 0.0) == 0


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 20), st.floats(0.1, 50))
def test_never_more_than_the_burst_and_the_rate_pass(
    pauses: list[float], burst: int, per_second: float
) -> None:
    buckets, now, passed = Buckets(Rate(burst, per_second)), 0.0, 0
    for pause in pauses:
        now += pause
        passed += buckets.take("a", now) == 0
    assert passed <= burst + now * per_second + 1e-3


def test_nothing_is_kept_of_those_who_have_not_called_lately() -> None:
    buckets = Buckets(Rate(10, 10.0))
    for number in range(1000):
        buckets.take(f"device {number}", float(number))
    assert len(buckets) <= 2


def test_memory_is_bounded_however_many_names_a_caller_has() -> None:
    buckets = Buckets(Rate(10, 0.001), keys_max=50)
    chance = random.Random(7)
    for _ in range(5000):
        buckets.take(str(chance.getrandbits(64)), 0.0)
    assert len(buckets) <= 50


def test_a_rate_reads_like_a_sentence() -> None:
    assert str(Rate(120, 2.0)) == "120 at once and 2 a second"
    assert str(DEVICE_RATES["Renew"]) == "10 at once and one in 60 s"


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("ipv4:192.0.2.1:4711", "192.0.2.1"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::/64"),
        ("ipv6:%5B2001:db8:1:2::9%5D:4711", "2001:db8:1:2::/64"),
        ("ipv6:[::ffff:192.0.2.1]:4711", "192.0.2.1"),
        ("ipv6:[fe80::1%25eth0]:4711", "fe80::/64"),
        ("unix:/run/socket", UNKNOWN),
        ("ipv4:nonsense:1", UNKNOWN),
        ("ipv6:[::g]:1", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_connection_s_other_end_is_read_from_what_grpc_says(peer: str, expected: str) -> None:
    assert address_of(peer) == expected


@given(st.text(max_size=80))
def test_any_text_for_an_address_is_read_or_unknown(text: str) -> None:
    for kind in ("", "ipv4:", "ipv6:"):
        assert len(address_of(kind + text)) <= 43
