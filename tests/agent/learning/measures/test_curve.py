import pytest

from agent.learning.measures.curve import POINTS_MAX, Curve, Point


def drawn(samples: int) -> Curve:
    curve = Curve()
    for number in range(1, samples + 1):
        if curve.is_due(number):
            curve = curve.after(Point(float(number), number, 1, 0.5, 0.1))
    return curve


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 513, 1023, 1024, 1025, 20_000])
def test_a_curve_is_evenly_spaced_and_bounded(samples: int) -> None:
    curve = drawn(samples)
    learned = [point.learned for point in curve.points]
    assert learned == list(range(curve.stride, samples + 1, curve.stride))
    assert len(learned) <= POINTS_MAX
    assert len(learned) >= min(samples, POINTS_MAX // 2)
