"""Bytes that objects hold."""

from dataclasses import dataclass

import numpy as np

from benchmarks.footprint import held_bytes


@dataclass(frozen=True, slots=True)
class Slotted:
    array: np.ndarray


class Plain:
    def __init__(self, inside: object) -> None:
        self.inside = inside


def test_arrays_are_found_through_objects_and_containers() -> None:
    nested = Plain({"a": [Slotted(np.zeros(10)), (np.zeros(5, np.int16), b"12345")]})
    assert held_bytes(nested) == 80 + 10 + 5 + len("a")


def test_an_array_and_its_views_count_once_and_whole() -> None:
    whole = np.zeros(100)
    assert held_bytes([whole[:10], whole[5:], whole]) == 800
    assert held_bytes([whole[:1]]) == 800


def test_circles_end() -> None:
    one, other = Plain(None), Plain(np.zeros(2))
    one.inside, other.circle = other, one
    assert held_bytes(one) == 16


def test_what_is_left_out_is_not_followed() -> None:
    apart = Plain(np.zeros(1000))
    assert held_bytes([apart, np.zeros(1)], without=[apart]) == 8
