"""Test before training: every head is asked before a sample is learned, and the best one serves.

What comes of it: the test-then-train window with the guess "same as the last label" beside it, and
the contest of heads (``agent.learning.heads.contest``). A contest that cannot be read begins anew,
since it decides over no sample. Of the scene that is under way only a digest is kept.

Heads are compared on labels only that came about independently of any head. People correct what the
champion got wrong, and the agent asks where heads disagree: on such labels the champion would lose
to any challenger that merely errs elsewhere. They count in the window, as they always did.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

import structlog

from agent.learning.heads import contest
from agent.learning.heads.contest import Contest, Rules
from agent.learning.measures.prequential import Total, Window
from agent.learning.pair import Pair
from agent.learning.samples import Counters, Origin, Sample
from agent.learning.settings import LearningSettings
from fieldwise.errors import FieldwiseError

SCENE_DIGEST_BYTES = 8  # two scenes that follow each other are told apart

_log = structlog.get_logger()


class Examiner:
    """Compares what heads say with what samples are.

    Args:
        counters: As last written.
        pair: Whose heads are compared; its champion is the contest's from now on.
    """

    def __init__(self, counters: Counters, pair: Pair) -> None:
        total = Total(counters.tested, counters.tested_correct, counters.tested_last_label_correct)
        self.window = Window(counters.window, counters.last_label, total)
        self._contest = _resumed(counters.contest, pair)
        self._trouble = ""
        self.succeed(pair)

    @property
    def contest(self) -> Contest:
        """The champion, its challengers, and the evidence for each."""
        return self._contest

    def observe(
        self, pair: Pair, sample: Sample, answers: Mapping[str, str], settings: LearningSettings
    ) -> None:
        """Take note of what every head said of a sample; a better head serves from now on."""
        said, wanted = answers[pair.champion], sample.class_name
        self.window = self.window.after(wanted, said, settings.window_samples)
        if sample.origin is Origin.TAUGHT:
            self._compare(sample, answers, settings)
        self.enthrone(pair)
        if pair.trouble and pair.trouble != self._trouble:
            _log.warning("a head did not learn", reason=pair.trouble)
        self._trouble = pair.trouble

    def counted(self, counters: Counters) -> Counters:
        """The counters with what was observed so far."""
        return replace(
            counters,
            last_label=self.window.last_label,
            window=self.window.outcomes,
            tested=self.window.total.samples,
            tested_correct=self.window.total.correct,
            tested_last_label_correct=self.window.total.last_label_correct,
            contest=contest.encode(self._contest),
        )

    def enthrone(self, pair: Pair) -> None:
        """Let the champion serve, where a pair keeps that head."""
        champion = self._contest.champion
        if champion != pair.champion and champion in pair.heads:
            pair.serve(champion)

    def succeed(self, pair: Pair) -> None:
        """Let the champion serve, or the first other head where it knows nothing and others do.

        A head that lets the past fade is emptied when something is taken back. The contest begins
        anew then, for what was won was won by what it knew.
        """
        able = [name for name, head in pair.heads.items() if head.classes]
        if able and self._contest.champion not in able:
            self._contest = contest.begin(able[0], tuple(pair.heads))
        self.enthrone(pair)

    def _compare(
        self, sample: Sample, answers: Mapping[str, str], settings: LearningSettings
    ) -> None:
        rules = Rules(settings.heads.switch_risk, settings.heads.switch_gain)
        scene = blake2b(sample.burst.encode(), digest_size=SCENE_DIGEST_BYTES).hexdigest()
        before = self._contest
        self._contest = before.after(scene, sample.class_name, answers, rules)
        if self._contest.champion != before.champion:
            _log.info(
                "another head serves", head=self._contest.champion, instead_of=before.champion
            )


def _resumed(content: bytes, pair: Pair) -> Contest:
    if content:
        try:
            return contest.decode(content)
        except FieldwiseError as error:
            _log.warning("the contest of heads begins anew", reason=error.sentence)
    return contest.begin(pair.champion, tuple(pair.heads))
