"""Pairs that were made to serve next, and learn meanwhile what the one that serves is taught.

Between the moment in which a pair is made and the one in which it serves lie its judging and, where
its owner wants to be asked, days. What is taught in that time is embedded by both backbones while
its image is at hand, which may be the only time: whether there is room to remember it is another
question. So what serves is what was judged, and the lessons since, whatever becomes of images.

The head that was judged stays as it is until the switch, when it is solved again. Lessons that come
while a pair is being settled wait, as rows. A pair whose backbone fails on a lesson follows no
more: it meets that image again at the switch, if it is remembered.

What is taken back meanwhile leaves such a pair as well (``agent.learning.correcting``). One that
cannot give it back is stale and follows no more. It must not serve, and nothing else that was not
judged may serve in its place: whoever made it makes it again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import structlog

from agent.learning.pair import Pair
from agent.learning.samples import Sample, Share
from fieldwise.errors import FieldwiseError

_log = structlog.get_logger()


@dataclass(slots=True)
class _Following:
    """How a pair follows: lessons that wait, and whether it is settled, has learned or failed."""

    waiting: list[Sample] = field(default_factory=list)
    settled: bool = False
    learned: bool = False
    failed: bool = False


class Followers:
    """Every pair that follows, for as long as somebody else holds it; one thread at a time."""

    def __init__(self) -> None:
        self._following: WeakKeyDictionary[Pair, _Following] = WeakKeyDictionary()

    def __contains__(self, pair: Pair) -> bool:
        return pair in self._following

    def __iter__(self) -> Iterator[Pair]:
        """Those that are settled and whole."""
        for pair, place in list(self._following.items()):
            if place.settled and not (place.failed or pair.stale):
                yield pair

    def expect(self, pair: Pair) -> None:
        """Let lessons wait for a pair that is up to date and about to be settled."""
        self._following[pair] = _Following()

    def join(self, pair: Pair) -> None:
        """Let a pair learn what waits for it, and from now on whatever comes."""
        place = self._following.setdefault(pair, _Following())
        place.settled, waiting, place.waiting = True, place.waiting, []
        for sample in waiting:
            self._learn(pair, place, sample)

    def learn(self, sample: Sample) -> None:
        """Hear of a sample that was just recorded, with its image if it has one."""
        for pair, place in list(self._following.items()):
            if place.failed or pair.stale:
                continue
            try:
                lesson = _seen(pair, sample)
            except FieldwiseError as error:
                _log.warning("a lesson has to wait for the switch", reason=error.sentence)
                place.failed = True
            else:
                self._learn(pair, place, lesson)

    def outdate(self) -> None:
        """Something was taken back that no pair here can be rid of for certain."""
        for pair in self._following:
            pair.stale = True

    def settle(self, pair: Pair) -> None:
        """Solve the heads of a pair that is about to serve, if it has learned since it was made."""
        place = self._following.get(pair)
        if place is not None and place.learned:
            pair.settle()
            place.learned = False

    def leave(self, pair: Pair) -> None:
        """A pair serves, and follows no more."""
        self._following.pop(pair, None)

    def _learn(self, pair: Pair, place: _Following, lesson: Sample) -> None:
        if not place.settled:
            place.waiting.append(lesson)
            return
        place.learned = bool(pair.absorb([lesson])) or place.learned


def _seen(pair: Pair, sample: Sample) -> Sample:
    """A sample with its features on a pair's backbone; with none where it cannot be seen."""
    blind = replace(sample, grid=None, image=None)
    if sample.share is not Share.LEARN or sample.image is None:
        return blind
    rows, _ = pair.features_of([replace(sample, grid=None)])
    return replace(blind, grid=rows[0], bundle=pair.bundle) if len(rows) else blind
