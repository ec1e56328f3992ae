"""What a graph's signature must be for the views that it computes."""

import pytest

from bundler.random_features import draw
from fieldwise import graph
from fieldwise.bundle import Preprocessing, Readings, View
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import deep_model, tiny_model

SMALL, LARGE = (Preprocessing(size, (0.0,) * 3, (1.0,) * 3) for size in (16, 32))


def test_a_graph_of_several_views_has_an_output_for_each_depth_and_leaves_its_size_open() -> None:
    views = [View("a", SMALL, 32), View("b", LARGE, 32), View("c", SMALL, 16, "pooled")]
    content = deep_model().SerializeToString()
    assert graph.inspect(content, views).output_names == ("features", "pooled")
    for wrong, words in (
        (views[:2], "2 outputs"),
        ([views[0], views[2]], r"\[N, 3, S, S\] instead of \[N, 3, 16, 16\]"),
        ([views[0], views[1], View("c", SMALL, 17, "pooled")], r"\[N, 16\] instead of \[N, 17\]"),
        ([views[0], View("b", LARGE, 33), views[2]], r"\[N, 32\] instead of \[N, 33\]"),
    ):
        with pytest.raises(FieldwiseError, match=words) as caught:
            graph.inspect(content, wrong)
        assert caught.value.fault is Fault.BUNDLE_INVALID
    with pytest.raises(FieldwiseError, match=r"\[N, 3, 16, 16\] instead of \[N, 3, S, S\]"):
        graph.inspect(tiny_model().SerializeToString(), views[:2])


def test_a_graph_of_readings_takes_as_many_as_the_view_says() -> None:
    content = draw(5, 32, 0).SerializeToString()
    five, six = (View("a", Readings(n, (0.0,) * n, (1.0,) * n), 32) for n in (5, 6))
    assert graph.inspect(content, [five]).input_name == "readings"
    with pytest.raises(FieldwiseError, match=r"\[N, 5\] instead of \[N, 6\]"):
        graph.inspect(content, [six])
    with pytest.raises(FieldwiseError, match=r"\[N, 5\] instead of \[N, 3, 16, 16\]"):
        graph.inspect(content, [View("a", SMALL, 32)])
