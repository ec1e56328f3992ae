"""Global heads: fetched, weighed beside the device's own, and used only where they do no harm.

What came of a head stands in the notes and is told with every check-in. It is weighed again when so
much more is held out that this may tell something else: a device of few samples gets its chance,
and what was good for few may have to go when the device knows better itself. One that was declined
changes nothing: what served before serves on, be it the device's own head or an earlier global one.
The files of the last declined ones are kept, so that an owner or whoever helps him can look at what
was declined.

What serves is the pair with others' rows mixed in (``agent.learning.blending``). It ends with the
backbone, with the owner's word, and when something is forgotten: held-out samples that chose it may
be among that, so it is weighed anew. It does not end with the consent, which is about what leaves.
"""

import asyncio
from functools import partial
from typing import Protocol

import numpy as np
import structlog
from msgspec.structs import replace

from agent.federation.downloading import downloaded
from agent.federation.others import HEAD_BYTES_MAX, read_others
from agent.federation.standing import Judged, Standing
from agent.federation.weighing import SolvedTrial, TrainedTrial, Trial, Weighed, weigh
from agent.federation_ports import Campaigns, HeadFiles
from agent.learning.blending import CLOSED, Blending, Others
from agent.learning.choosing import SELECT, select_samples
from agent.learning.heads.head import LinearHead
from agent.learning.learner import Learner
from agent.learning.names import stored_class_name
from agent.learning.pair import Pair
from agent.learning.samples import Share
from agent.learning.settings import HeadName
from agent.learning.trained_rows import TrainedRows
from agent.learning.tuning import is_due
from agent.ports import SampleStore
from agent.update.judging import JudgingRules
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import HeadOffer, HeadOutcome, space_of

FINAL = frozenset({HeadOutcome.UNSUITABLE, HeadOutcome.NOT_AGREED})
"""Outcomes that more held-out samples do not change."""
JUDGE = frozenset({Share.JUDGE})
ANY_LOSS = 0.0  # of accuracy counts as harm, once it is shown: nobody needs others' rows

_log = structlog.get_logger()


class Serving(Protocol):
    """What serves, and what is stored."""

    store: SampleStore

    @property
    def learner(self) -> Learner | None:
        """The learner; None before the first backbone."""
        ...


class Terms(Protocol):
    """What the owner has settled about global heads."""

    @property
    def foreign_classes(self) -> bool:
        """Whether classes may be answered that only others know."""
        ...

    @property
    def critical_classes(self) -> tuple[str, ...]:
        """Classes that must not get worse."""
        ...

    @property
    def judging_alpha(self) -> float:
        """Chance, at most, to refuse a head that is as good."""
        ...


class Heads:
    """Fetches, weighs and mixes in.

    Args:
        campaigns: Where files come from.
        files: Where they are kept.
        serving: What serves.
        terms: What the owner has settled.

    Attributes:
        stopping: Whether the agent ends, and nobody waits for what is being weighed.
    """

    def __init__(
        self, campaigns: Campaigns, files: HeadFiles, serving: Serving, terms: Terms
    ) -> None:
        self._campaigns = campaigns
        self._files = files
        self._serving = serving
        self._terms = terms
        self.stopping = False

    def restore(self, standing: Standing) -> Standing:
        """Let the head in use serve again after a restart; what cannot serve is in use no more."""
        standing = standing.with_foreign(wanted=self._terms.foreign_classes)
        used, learner = standing.in_use, self._serving.learner
        if used is None:
            return standing
        if learner is not None and learner.pair.bundle == used.bundle:
            pair = learner.pair
            try:
                others = self._others(_offer_of(used, pair), pair, foreign=used.mix.foreign)
                learner.blend(pair, Blending(others, used.mix))
            except (FieldwiseError, np.linalg.LinAlgError) as error:
                _log.warning("a global head serves no more", reason=str(error))
            else:
                return standing
        return replace(standing, in_use=None)

    async def weigh(self, offer: HeadOffer, standing: Standing) -> Standing:
        """Weigh a head that is offered, unless that was done.

        Raises:
            FieldwiseError: What another try may mend.
            Stopped: When asked to.
        """
        learner = self._serving.learner
        if learner is None or not self._is_news(offer, learner.pair, standing):
            return standing
        pair = learner.pair
        judged = await self._weighed(offer, learner, pair, standing.dropped)
        if judged is None:  # another pair serves by now
            return standing
        _log.info("a global head was weighed", version=offer.version, outcome=judged.outcome.value)
        is_held = await asyncio.to_thread(self._files.read, judged.digest) is not None
        after = standing.with_judged(judged, is_held=is_held)
        if after.in_use is None and pair.blending is not None:
            learner.blend(pair, None)
        await asyncio.to_thread(self._files.keep, after.files)
        return after

    def due(self, standing: Standing) -> HeadOffer | None:
        """The newest head, where so much more is held out by now that it is to be weighed anew."""
        judged, learner = standing.judged, self._serving.learner
        if judged is None or learner is None or judged.outcome in FINAL:
            return None
        held_out = learner.figures().select
        if judged.bundle != learner.pair.bundle or not is_due(held_out, judged.held_out):
            return None
        return _offer_of(judged, learner.pair)

    def leave(self, standing: Standing) -> Standing:
        """Let the device's own head serve, for as long as no other version is offered."""
        learner = self._serving.learner
        if learner is not None and learner.pair.blending is not None:
            learner.blend(learner.pair, None)
        return standing.without_head()

    def ended(self, standing: Standing) -> Standing:
        """Take note where what was in use ended with its pair."""
        learner, used = self._serving.learner, standing.in_use
        if used is None or (learner is not None and learner.pair.blending is not None):
            return standing
        same = learner is not None and learner.pair.bundle == used.bundle
        return standing.to_weigh_anew() if same else replace(standing, in_use=None)

    def _is_news(self, offer: HeadOffer, pair: Pair, standing: Standing) -> bool:
        judged = standing.judged
        if judged is None:
            return True
        known = (judged.campaign, judged.version, judged.digest, judged.bundle)
        if known != (offer.campaign, offer.version, offer.digest, pair.bundle):
            return True
        return self.due(standing) is not None

    async def _weighed(
        self, offer: HeadOffer, learner: Learner, pair: Pair, dropped: tuple[str, ...]
    ) -> Judged | None:
        if offer.digest in dropped:
            return _judged(offer, pair, Weighed(HeadOutcome.NOT_AGREED))
        if not _suits(offer, pair):
            return _judged(offer, pair, Weighed(HeadOutcome.UNSUITABLE))
        if await asyncio.to_thread(self._files.read, offer.digest) is None:
            content = await downloaded(self._campaigns, offer)
            await asyncio.to_thread(self._files.write, offer.digest, content)
        return await asyncio.to_thread(self._tried, offer, learner, pair)

    def _tried(self, offer: HeadOffer, learner: Learner, pair: Pair) -> Judged | None:
        """Weigh it, and mix it in where it does no harm; None where another pair serves by now."""
        try:
            others = self._others(offer, pair, foreign=self._terms.foreign_classes)
            held_out = learner.figures().select
            judged = _judged(offer, pair, self._answer(learner, pair, others), held_out)
            if judged.serves and not learner.blend(pair, Blending(others, judged.mix)):
                return None
        except np.linalg.LinAlgError as error:
            _log.warning("a global head is refused", reason=str(error))
        except FieldwiseError as error:
            if error.fault is not Fault.INVALID_ARGUMENT:
                raise
            _log.warning("a global head is refused", reason=error.sentence)
        else:
            return judged
        return _judged(offer, pair, Weighed(HeadOutcome.UNSUITABLE))

    def _answer(self, learner: Learner, pair: Pair, others: Others | TrainedRows) -> Weighed:
        store = self._serving.store

        def stop() -> bool:
            return self.stopping

        select = select_samples(pair, store, stop, SELECT)
        judge = select_samples(pair, store, stop, JUDGE)
        trial = _trial(learner, pair, others)
        critical = frozenset(map(stored_class_name, self._terms.critical_classes))
        rules = JudgingRules(self._terms.judging_alpha, ANY_LOSS, critical)
        foreign = self._terms.foreign_classes
        return weigh(trial, select, judge, rules, stop, foreign=foreign)

    def _others(self, offer: HeadOffer, pair: Pair, *, foreign: bool) -> Others | TrainedRows:
        content = self._files.read(offer.digest)
        if content is None:
            raise FieldwiseError(Fault.NOT_FOUND, "the file of a global head is not here any more")
        known = None if foreign else pair.heads[pair.champion].classes
        return read_others(content, offer, known, partial(self._once_more, offer))

    def _once_more(self, offer: HeadOffer) -> bytes | None:
        try:
            return self._files.read(offer.digest)
        except FieldwiseError as error:  # learning must not stand still for others' numbers
            _log.warning("the file of a global head cannot be read", reason=error.sentence)
            return None


def _suits(offer: HeadOffer, pair: Pair) -> bool:
    """Whether a head may be mixed with what serves, as far as its offer tells."""
    space = space_of(pair.bundle, pair.embedder.manifest)
    mixable = pair.champion in {*CLOSED, HeadName.GRADIENT}
    return offer.space == space and offer.bytes <= HEAD_BYTES_MAX and mixable


def _trial(learner: Learner, pair: Pair, others: Others | TrainedRows) -> Trial:
    """The head that serves beside the global one.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where the global one is of another kind.
    """
    own = pair.heads[pair.champion]
    if isinstance(others, TrainedRows):
        if pair.champion == HeadName.GRADIENT and isinstance(own, LinearHead):
            return TrainedTrial(own, others)
    elif pair.champion in CLOSED:
        return SolvedTrial(pair, others, learner.mixing(pair, others))
    raise FieldwiseError(
        Fault.INVALID_ARGUMENT,
        f"a global head of another kind than the head {pair.champion}, which serves",
    )


def _offer_of(judged: Judged, pair: Pair) -> HeadOffer:
    space = space_of(pair.bundle, pair.embedder.manifest)
    return HeadOffer(judged.campaign, judged.version, judged.digest, HEAD_BYTES_MAX, space)


def _judged(offer: HeadOffer, pair: Pair, found: Weighed, held_out: int = 0) -> Judged:
    return Judged(
        campaign=offer.campaign,
        version=offer.version,
        digest=offer.digest,
        bundle=pair.bundle,
        outcome=found.outcome,
        counts=found.counts,
        mix=found.mix,
        held_out=held_out,
        foreign=found.foreign,
        foreign_counts=found.foreign_counts,
    )
