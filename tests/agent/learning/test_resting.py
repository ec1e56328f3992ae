import pytest

from agent.learning.embedder import Embedder
from agent.learning.resting import RestingEmbedder
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.embedder import ProjectionEmbedder
from tests.fakes.scenes import Scenes


class Loading:
    """Loads an embedder, and counts how often."""

    def __init__(self) -> None:
        self.times = 0
        self.gone = False

    def __call__(self) -> Embedder:
        if self.gone:
            raise FieldwiseError(Fault.NOT_FOUND, "its file is gone")
        self.times += 1
        return ProjectionEmbedder()


def test_what_is_used_stays_and_what_is_not_rests_until_it_is_used_again() -> None:
    load, image = Loading(), Scenes(0).image(0)
    embedder = RestingEmbedder(load)
    plain = ProjectionEmbedder()
    embedder.rest()
    assert not embedder.rests
    embedder.embed([embedder.fit(image)])
    embedder.rest()
    assert not embedder.rests
    embedder.rest()
    assert embedder.rests
    found = embedder.embed([embedder.fit(image)])
    assert (found == plain.embed([plain.fit(image)])).all()
    assert (embedder.rests, load.times) == (False, 2)
    assert (embedder.bundle, embedder.views) == (plain.bundle, plain.views)


def test_an_engine_that_does_not_come_back_says_so() -> None:
    load = Loading()
    embedder = RestingEmbedder(load)
    embedder.rest()
    embedder.rest()
    load.gone = True
    with pytest.raises(FieldwiseError) as caught:
        embedder.fit(Scenes(0).image(0))
    assert caught.value.fault is Fault.NOT_FOUND
