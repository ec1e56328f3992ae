"""Which head serves: a champion, its challengers, and a test that may be looked at at any time.

Every enabled head answers every labelled sample before it learns from it. What is compared are
*blocks*: consecutive samples of one scene. Samples of a scene are alike, so counting each for
itself would count one piece of luck many times; a block gives one number for each challenger, the
mean over its samples of (challenger right) - (champion right), in [-1, 1]. A scene has one block:
where scenes are taught in turn, what comes of one after its block was closed does not count, or the
same luck would be bet on again and again.

The null hypothesis for a challenger is that, whatever came before, a block's difference d is on
average no more than the stated gain g. Against it the contest bets (Waudby-Smith and Ramdas, 2023,
"Estimating means of bounded random variables by betting"): with x = (d + 1) / 2 and
m = (g + 1) / 2, a purse that stakes the share lambda is multiplied by 1 + lambda (x - m) after each
block, 0 <= lambda < 1 / m. Under the null no stake gains on average, so by Ville's inequality the
purse ever reaches 1 / a with chance at most a: one may look after every block and stop whenever one
likes. With c challengers the bar is c / alpha for each, so that all together are wrong with chance
at most alpha (as long as one champion reigns; each reign has a test of its own).

How much to stake is not known beforehand. The purse is divided evenly over ``STAKES``, and each
part over times to begin: 1 / (t (t + 1)) of it enters at block t, the rest waits. Both keep it a
fair bet, and cost a factor only. The second is what lets a challenger win that was worse for a
thousand blocks before the world changed: that has cost it what was staked then, not what waits.

What it finds, with three challengers whose errors are independent of the champion's (which is the
hardest case: real heads mostly err together): a lead of 40 points in some 25 blocks, of 20 in 110,
of 10 in 540; a lead of 5 points is rarely found in 1,500. Where none is ahead by more than the gain
a switch came in less than one of a hundred runs.

State: for each challenger the blocks so far and a purse for each stake, the open block's counts,
and the newest ``SCENES_KNOWN`` scenes; encoded it is a hundred bytes a challenger and half a KiB.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from fieldwise.errors import Fault, FieldwiseError

STAKES = (0.9, 0.45, 0.2, 0.1, 0.05)  # shares of the largest allowed; each within 2 of the best
SCENES_KNOWN = 32  # more than anybody teaches in turn; 20 bytes each
PURSE_MAX = 1e100  # far beyond any bar; keeps the product finite

Count = Annotated[int, Meta(ge=0)]


class Challenger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Evidence that a head is better than the champion.

    Attributes:
        blocks: Blocks compared so far.
        purses: What the bets of each stake have come to, what still waits left out.
    """

    blocks: Count = 0
    purses: tuple[Annotated[float, Meta(ge=0)], ...] = (0.0,) * len(STAKES)

    @property
    def evidence(self) -> float:
        """The purse: by how much the data speak against "no better by the gain"."""
        return sum(self.purses) / len(STAKES) + 1 / (self.blocks + 1)

    def after(self, difference: float, gain: float) -> "Challenger":
        """The evidence after one more block.

        Args:
            difference: The block's, in [-1, 1].
            gain: By which a challenger has to be better.
        """
        null = (gain + 1) / 2
        surplus = (difference + 1) / 2 - null
        entering = 1 / ((self.blocks + 1) * (self.blocks + 2))
        purses = tuple(
            min((purse + entering) * (1 + stake / null * surplus), PURSE_MAX)
            for purse, stake in zip(self.purses, STAKES, strict=True)
        )
        return Challenger(self.blocks + 1, purses)


class Contest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A champion, its challengers, and the block under way.

    Attributes:
        champion: The head that serves.
        challengers: By name.
        burst: The scene of the block under way; empty for none.
        samples: Its samples so far.
        right: How many of them each head had right.
        counted: The newest scenes that had their block.
    """

    champion: str
    challengers: dict[str, Challenger]
    burst: str = ""
    samples: Count = 0
    right: dict[str, Count] = {}
    counted: tuple[str, ...] = ()

    def after(
        self,
        burst: str,
        class_name: str,
        answers: Mapping[str, str],
        rules: "Rules",
    ) -> "Contest":
        """The contest after one more labelled sample.

        Args:
            burst: The scene that the sample belongs to.
            class_name: What it is.
            answers: What each head said before it learned of the sample.
            rules: Risk and gain.

        Returns:
            A contest that may have another champion: what it says from the next sample on.
        """
        contest = self
        if burst != self.burst or answers.keys() != self.right.keys():
            contest = _opened(self._closed(rules), burst, answers)
        if burst in contest.counted:
            return contest
        right = {name: contest.right[name] + (said == class_name) for name, said in answers.items()}
        return msgspec.structs.replace(contest, samples=contest.samples + 1, right=right)

    def _closed(self, rules: "Rules") -> "Contest":
        if not self.samples:
            return self
        champion = self.right[self.champion]
        challengers = {
            name: challenger.after((self.right[name] - champion) / self.samples, rules.gain)
            for name, challenger in self.challengers.items()
            if name in self.right
        }
        counted = (*self.counted, self.burst)[-SCENES_KNOWN:]
        bar = len(challengers) / rules.risk
        best = max(challengers, key=lambda name: challengers[name].evidence, default="")
        if best and challengers[best].evidence >= bar:
            return msgspec.structs.replace(begin(best, tuple(self.right)), counted=counted)
        return Contest(self.champion, challengers, counted=counted)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a switch takes.

    Attributes:
        risk: Chance, at most, that a reign ends with a challenger that is no better by the gain.
        gain: Share of answers by which one has to be better.
    """

    risk: float
    gain: float


def begin(champion: str, heads: Sequence[str]) -> Contest:
    """A contest in which nothing is known yet."""
    return Contest(champion, {name: Challenger() for name in heads if name != champion})


def encode(contest: Contest) -> bytes:
    """A contest as bytes."""
    return msgspec.msgpack.encode(contest, order="deterministic")


def decode(content: bytes) -> Contest:
    """A contest from its bytes.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` for anything else.
    """
    try:
        contest = msgspec.msgpack.decode(content, type=Contest)
    except ValueError as error:
        raise FieldwiseError(
            Fault.STATE_DAMAGED, f"the contest of heads is damaged: {error}"
        ) from error
    purses = [each.purses for each in contest.challengers.values()]
    if any(len(each) != len(STAKES) for each in purses):
        raise FieldwiseError(Fault.STATE_DAMAGED, "the contest of heads has other stakes")
    return contest


def _opened(contest: Contest, burst: str, answers: Mapping[str, str]) -> Contest:
    """A new block among the heads that answer; a champion no longer among them is succeeded."""
    champion, known = contest.champion, contest.challengers
    if champion not in answers:
        champion, known = next(iter(answers)), {}
    challengers = {name: known.get(name, Challenger()) for name in answers if name != champion}
    right = dict.fromkeys(answers, 0)
    return Contest(champion, challengers, burst, 0, right, contest.counted)
