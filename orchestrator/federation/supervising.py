"""Keeping one aggregator going for each campaign that runs, at the replica that leads.

A look compares the campaigns that run with the workers that there are, and sets right what differs.
Nothing of it is remembered in the database but the digest of each worker's token: whoever leads
next looks the same way. A campaign whose worker cannot be started costs the others nothing.

A worker that runs and gets nowhere is as good as ended. What it has to do by itself is making a
head of a round that is closed: one that has not done so for hours is replaced, and its token is
worth nothing from then on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from fieldwise.errors import FieldwiseError
from orchestrator.federation.campaign import Campaign, campaign_number
from orchestrator.federation.phases import RoundPhase
from orchestrator.federation.restarting import Trials, after_end, after_start, may_start
from orchestrator.federation.worker_token import SECRET_BYTES, token_digest, worker_token
from orchestrator.ports import Entropy
from orchestrator.worker_ports import Workers, WorkerState

STUCK_SECONDS = 7200.0  # rounds of a thousand devices take seconds, and the largest an hour

_log = structlog.get_logger(__name__)


class WorkedCampaigns(Protocol):
    """The part of the store of campaigns that supervising needs."""

    async def working(self) -> Sequence[str]:
        """Return the ids of the campaigns that run."""
        ...

    async def get(self, number: int) -> Campaign:
        """Return a campaign.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        ...

    async def keep_worker_token(self, campaign: str, digest: str, term: int) -> None:
        """Let one token of a campaign be in force, and no other.

        Raises:
            FieldwiseError: ``CONFLICT`` where a leader's ``term`` is not the newest.
        """
        ...


class Supervising:
    """One replica's part in it.

    Args:
        campaigns: Where it is kept what runs.
        workers: What runs the aggregators.
        entropy: What secrets are made of.
        monotonic: Seconds of a clock that never goes back.
        ended: Told of each worker that ended while its campaign runs, or could not be started.
    """

    def __init__(
        self,
        campaigns: WorkedCampaigns,
        workers: Workers,
        entropy: Entropy,
        monotonic: Callable[[], float],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._campaigns = campaigns
        self._workers = workers
        self._entropy = entropy
        self._monotonic = monotonic
        self._ended = ended
        self._trials: dict[str, Trials] = {}
        self._closed: dict[str, tuple[int, float]] = {}

    async def look(self, term: int | None) -> None:
        """Set right what differs from what should be; without a term let everything go.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` without the store, or the cluster that runs workers.
        """
        if term is None:
            await self.let_go()
            return
        running = await self._campaigns.working()
        seen = await self._workers.look()
        for campaign in seen.keys() - set(running):
            await self._workers.stop(campaign)
            self._forget(campaign)
        for campaign in running:
            await self._keep_going(campaign, seen, term)

    async def let_go(self) -> None:
        self._trials.clear()
        self._closed.clear()
        await self._workers.let_go()

    async def _keep_going(self, campaign: str, seen: Mapping[str, WorkerState], term: int) -> None:
        now = self._monotonic()
        trials = self._trials.get(campaign, Trials())
        state = seen.get(campaign)
        if state is WorkerState.RUNS:
            if trials.started_at is None:  # another replica started it
                trials = self._trials[campaign] = after_start(trials, now)
            if not await self._is_stuck(campaign, now):
                return
            trials = self._failed(campaign, trials, "its worker makes no head of a closed round")
            await self._workers.stop(campaign)
        elif state is WorkerState.ENDED or trials.started_at is not None:
            trials = self._failed(campaign, trials, "its worker has ended")
            await self._workers.stop(campaign)
        if may_start(trials, now):
            await self._start(campaign, trials, term)

    async def _is_stuck(self, campaign: str, now: float) -> bool:
        """Tell whether a round has been closed for too long for the worker that there is."""
        newest = (await self._campaigns.get(campaign_number(campaign))).round
        if newest is None or newest.phase is not RoundPhase.CLOSED:
            self._closed.pop(campaign, None)
            return False
        number, since = self._closed.get(campaign, (0, now))
        is_same = number == newest.number
        if is_same and now - since >= STUCK_SECONDS:
            del self._closed[campaign]
            return True
        self._closed[campaign] = (newest.number, since if is_same else now)
        return False

    def _forget(self, campaign: str) -> None:
        self._trials.pop(campaign, None)
        self._closed.pop(campaign, None)

    async def _start(self, campaign: str, trials: Trials, term: int) -> None:
        token = worker_token(campaign, self._entropy.token(SECRET_BYTES))
        await self._campaigns.keep_worker_token(campaign, token_digest(token), term)
        try:
            await self._workers.start(campaign, token)
        except FieldwiseError as error:
            self._failed(campaign, trials, error.sentence)
            return
        self._trials[campaign] = after_start(trials, self._monotonic())
        _log.info("aggregator started", campaign=campaign)

    def _failed(self, campaign: str, trials: Trials, reason: str) -> Trials:
        now = self._monotonic()
        after = after_end(trials, now)
        self._trials[campaign] = after
        self._ended()
        pause = round(after.due_at - now, 1)
        _log.warning("no aggregator", campaign=campaign, reason=reason, again_in_seconds=pause)
        return after
