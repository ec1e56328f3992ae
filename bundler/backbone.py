"""A backbone on its way into a bundle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fieldwise.bundle import Preprocessing, View


@dataclass(frozen=True, slots=True)
class Backbone:
    """A feature extractor as float32 ONNX files, and what is known of it.

    Attributes:
        name: What it is called.
        views: How it looks at a sample.
        graphs: The ONNX file of each view; the same bytes where views share one.
        licence: Of the weights.
        source: Of the weights.
    """

    name: str
    views: tuple[View, ...]
    graphs: tuple[bytes, ...]
    licence: str
    source: str

    @property
    def side(self) -> int:
        """The side of the largest view's image in pixels; 0 where readings are the input."""
        sizes = [each.input.size for each in self.views if isinstance(each.input, Preprocessing)]
        return max(sizes, default=0)

    def each_graph(self) -> Iterator[tuple[bytes, list[View]]]:
        """Every graph once, with the views that it computes."""
        for graph in dict.fromkeys(self.graphs):
            looks = zip(self.graphs, self.views, strict=True)
            yield graph, [view for other, view in looks if other == graph]


def joined(backbones: Sequence[Backbone]) -> Backbone:
    """Several backbones as one that has the views of all."""
    return Backbone(
        name="-".join(dict.fromkeys(each.name for each in backbones))[:64],
        views=tuple(view for each in backbones for view in each.views),
        graphs=tuple(graph for each in backbones for graph in each.graphs),
        licence=" and ".join(dict.fromkeys(each.licence for each in backbones)),
        source=" and ".join(dict.fromkeys(each.source for each in backbones)),
    )
