"""Building the pair for another backbone while the one that serves goes on learning.

Most of the time goes into looking at what is remembered, and people teach and correct meanwhile. A
lesson that comes is learned at the end. A label that is taken back, because a later one took its
place, leaves the new pair as it entered it: its image is looked at once more. So nothing has to
begin anew while images are looked at, however many labels are corrected.

What is taken back later, while heads are solved and compared, was perhaps carried over or compared
already; the pair is then built a second time. By then the features are held ahead, and this time
teaching waits while heads are solved, which is seconds. What is forgotten, or taken back and cannot
be looked at again, begins it anew as well. The third time teaching waits throughout, and nothing
can come between: so there never is a fourth. Predictions wait for none of this.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from agent.learning.catch_up import Progress, Watch, bring_up_to_date
from agent.learning.embedder import Embedder
from agent.learning.lessons import WITHDRAWN_MAX, Lessons
from agent.learning.moving import NOTHING_ELSE, Means, Move
from agent.learning.pair import Pair, fresh_pair
from agent.learning.samples import Share
from agent.learning.stopping import ShouldStop
from fieldwise.head import Statistics

Changes = tuple[int, int, str]


class Rebuilding(Lessons):
    """The part of ``Learner`` that makes pairs."""

    def rebuild(
        self,
        embedder: Embedder,
        starters: Sequence[Statistics],
        progress: Callable[[Progress], None],
        should_stop: ShouldStop,
        means: Means = NOTHING_ELSE,
    ) -> Pair:
        """Build the pair for another backbone (``agent.learning.moving``); the old one serves on.

        A snapshot of it is written, so that it need not be built again after a restart.

        Args:
            embedder: The other backbone.
            starters: Its starter head for each view, if its bundle has them.
            progress: Told after every batch.
            should_stop: Asked after every batch.
            means: What may be used beside what is remembered.

        Raises:
            Stopped: When asked to.
            FieldwiseError: ``GRAPH_FAILED``, ``DISK_FULL``.
        """
        watch = Watch(0, progress, should_stop)
        try:
            for calm in (False, True):
                made = self._built(embedder, starters, watch, means, calm=calm)
                if made is not None:
                    return made
            with self._lock:
                alone = replace(means, passing=None)  # nobody is to wait for images that pass
                made = self._built(embedder, starters, watch, alone, calm=True)
            assert made is not None
            return made
        finally:
            self._withdrawn = None

    @property
    def changes(self) -> Changes:
        """Differs after what a pair that is being made or opened meanwhile cannot know of."""
        return self._forgotten_at, self._taken_back, self._pair.bundle

    def _built(
        self,
        embedder: Embedder,
        starters: Sequence[Statistics],
        watch: Watch,
        means: Means,
        *,
        calm: bool,
    ) -> Pair | None:
        """Build it once; None where it is of what was taken back meanwhile.

        Args:
            embedder: As for ``rebuild``, and so the next three.
            starters: Of the new backbone.
            watch: Who looks on.
            means: What else may be used.
            calm: Whether teaching is to wait while heads are solved.
        """
        with self._lock:
            self.flush()
            self._withdrawn = []
            images, began = self._recorder.images_of(Share.LEARN), self.changes
            new = fresh_pair(embedder, starters, self._settings)
            move = Move(self._pair, new, self._store, self._settings, means)
        move.embed(replace(watch, images=images))
        with ExitStack() as waiting:
            waiting.enter_context(self._lock)
            self.flush()
            bring_up_to_date(self._pair, self._store)
            self._backlog.clear()
            if not self._is_rid(move, began):
                return None
            began = self.changes
            move.close(self._starters(self._pair.bundle) if starters else ())
            self._followers.expect(new)
            if not calm:
                waiting.close()
            move.settle(watch.should_stop)
            with self._lock:
                return self._joined(new) if began == self.changes else None

    def _is_rid(self, move: Move, began: Changes) -> bool:
        """Rid a move of what was taken back since it began; tell whether that could be done."""
        forgotten, _, serving = self.changes
        withdrawn = self._withdrawn or []
        if (forgotten, serving) != (began[0], began[2]) or len(withdrawn) >= WITHDRAWN_MAX:
            return False
        return move.withdraw(withdrawn)

    def _joined(self, new: Pair) -> Pair:
        self._followers.join(new)
        new.covered = max(new.covered, self._forgotten_at)
        self.flush()
        bring_up_to_date(self._pair, self._store)
        self._backlog.clear()
        self._save(self._pair)  # what is taken back of the other is so of this one
        self._save(new)
        self._others.add(new)
        return new
