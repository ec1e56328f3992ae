"""One campaign from its first round to its last: ask, wait, combine, commit, and again.

Nothing is remembered between rounds but what the orchestrator holds: the newest head and what the
strategy kept with it. So a round begins with looking at what is to be done, and a process that was
killed at any step, or whose answer was lost, begins there too. The orchestrator names the round
that is under way instead of opening another, the same round gives the same bytes, and a round that
was committed is committed again to the same version.

What passes is tried again, for ever and ever more slowly: whoever started this process decides when
it is to end. What does not pass ends the campaign with a reason that its operator can read.
"""

import random
from collections import Counter

import structlog

from aggregator import keeping
from aggregator.combining import combine
from aggregator.ports import Clock, Orchestrator, Strategies
from aggregator.work import Campaign, Kept, RoundPhase
from fieldwise import retry
from fieldwise.bundle import Digest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.global_head import GlobalHead, decode

AWAIT_SECONDS = 60  # as long as the wire allows
WAIT_SECONDS_MIN = 0.5
PASSING = frozenset(
    {
        Fault.UNREACHABLE,
        Fault.UNAVAILABLE,
        Fault.BUSY,
        Fault.TOO_SLOW,
        Fault.CONFLICT,
        Fault.DIGEST_MISMATCH,
    }
)
# Nothing that trying again would mend, though all that is the matter is this one campaign.
HOPELESS = frozenset({Fault.INVALID_ARGUMENT, Fault.OVER_LIMIT, Fault.STATE_DAMAGED})
# A round that was dropped or missed meanwhile, or a head that was taken back.
OVERTAKEN = frozenset({Fault.ILLEGAL_COMMAND, Fault.NOT_FOUND})
# What is asked for is a file that the orchestrator has named; at first it may be only on its way.
LOST = frozenset({Fault.NOT_FOUND, Fault.DIGEST_MISMATCH})
LOST_MAX = 10
REASON_BYTES_MAX = 512

_log = structlog.get_logger(__name__)


class Campaigning:
    """Works on one campaign until it is over.

    Args:
        orchestrator: What is asked for work and given results.
        strategies: What makes one row of many.
        clock: To wait by.
        chance: For spreading what is tried again.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        strategies: Strategies,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._orchestrator = orchestrator
        self._strategies = strategies
        self._clock = clock
        self._chance = chance
        self._delays = retry.delays(chance)
        self._lost: Counter[Digest] = Counter()

    def run(self) -> None:
        """Work until the campaign is over.

        Raises:
            FieldwiseError: What does not pass and is not the campaign's fault, such as
                ``UNAUTHENTICATED`` where another aggregator took over.
        """
        while True:
            try:
                if not self._step():
                    return
            except FieldwiseError as error:
                if error.fault not in PASSING:
                    raise
                self._wait_after("what failed is tried again", error)

    def _wait_after(self, event: str, error: FieldwiseError) -> None:
        wait = max(next(self._delays), WAIT_SECONDS_MIN)
        _log.warning(event, why=error.sentence, seconds=round(wait, 1))
        self._clock.sleep(wait)

    def _step(self) -> bool:
        """Do the next thing; returns whether there may be another."""
        campaign = self._orchestrator.campaign()
        if not campaign.runs:
            _log.info("the campaign is over", campaign=campaign.id)
            return False
        try:
            self._strategies.check(campaign.strategy, campaign.options)
            return self._round(campaign)
        except FieldwiseError as error:
            if error.fault in OVERTAKEN:
                self._wait_after("the round was ended meanwhile", error)
                return True
            if error.fault not in HOPELESS:
                raise
            _log.exception("the campaign cannot go on", campaign=campaign.id)
            self._orchestrator.give_up(_one_line(error.sentence))
            return False

    def _round(self, campaign: Campaign) -> bool:
        opening = self._orchestrator.open_round()
        if not opening.round:
            self._clock.sleep(max(opening.wait_seconds, WAIT_SECONDS_MIN))
            return True
        phase = self._orchestrator.await_round(opening.round, AWAIT_SECONDS)
        if phase is RoundPhase.CLOSED:
            self._work_on(campaign, opening.round)
        elif phase is not RoundPhase.OPEN:
            _log.info("a round came to nothing", round=opening.round, phase=phase.value)
            self._clock.sleep(WAIT_SECONDS_MIN)
        self._delays = retry.delays(self._chance)
        return True

    def _work_on(self, campaign: Campaign, number: int) -> None:
        before = self._head(campaign)
        kept = self._kept(campaign)
        updates = self._orchestrator.updates(number)
        result = combine(campaign, number, updates, before, kept, self._strategies)
        version = self._orchestrator.commit(result)
        _log.info(
            "a round was committed"
            if result.head
            else "too little of a round is usable for a head",
            round=number,
            version=version,
            classes=result.tally.classes,
            held_back=result.tally.held_back,
            left_out=result.tally.left_out,
            bytes=len(result.head),
        )

    def _head(self, campaign: Campaign) -> GlobalHead | None:
        if not campaign.head:
            return None
        head = decode(self._fetched(campaign.head, "the newest head"))
        said = (head.campaign, head.kind, head.level, head.space)
        if said != (campaign.id, campaign.kind, campaign.level, campaign.space):
            raise FieldwiseError(Fault.STATE_DAMAGED, "the newest head is of another campaign")
        return head

    def _kept(self, campaign: Campaign) -> dict[int, Kept]:
        if not campaign.state:
            return {}
        content = self._fetched(campaign.state, "what the strategy kept")
        return keeping.decode(content, campaign.strategy)

    def _fetched(self, digest: Digest, what: str) -> bytes:
        """Fetch a file; one that is lost or damaged again and again ends the campaign."""
        try:
            return self._orchestrator.fetch(digest)
        except FieldwiseError as error:
            if error.fault not in LOST:
                raise
            self._lost[digest] += 1
            if self._lost[digest] < LOST_MAX:
                raise
            sentence = f"{what} is lost or damaged where the orchestrator keeps it"
            raise FieldwiseError(Fault.STATE_DAMAGED, sentence) from error


def _one_line(sentence: str) -> str:
    """As much of a sentence as the wire takes for a reason."""
    printable = "".join(each if each.isprintable() else " " for each in sentence)
    return printable.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
