"""Campaign lifecycle: pure rules that lead a federated effort round by round.

Nothing here reads a clock, a database or a socket. The aggregator asks for a round (``opened``),
devices answer, and a look at how many did closes it or ends it (``reconcile``); the aggregator
makes a version of the head of a closed one (``committed``). An operator, or an aggregator that
cannot go on, ends the campaign (``turned``), and an operator may offer an earlier head again
(``taken_back``). Phases change by the tables of ``phases.py`` alone.

``reconcile`` looks at what is, never at what happened: it may be called at any time, any number of
times, by anyone. A round is closed with the updates that it wanted, or once everybody who was asked
has answered, or at its deadline; without its quorum it is missed at the latter two. A round that is
missed ends as such: the next one may be opened after the pause, and nothing else follows from it.
Rounds that end without a version do not count for those that the plan wants.

The quorum is of news: of devices of which something is in no head yet, whether they gave it to this
round or to one before that came to nothing. So two heads always differ by as many devices, and
nobody's part can be read off their difference. A round that enough devices have answered, most of
them with nothing new, is not missed but leaves the head unchanged. Where devices withdraw between a
round's closing and its commit, and too few remain, it is missed after all (``reconcile``); and so
where the aggregator finds that fewer gave what is usable (``missed``).

A round begins with the head that is offered then. Where that head is taken back, the round is
dropped, since what comes of it would lead there again.

Versions rise with every round that is committed and every taking back. So a device that compares
versions for being the same, and nothing else, always ends with what is offered.
"""

import math
from dataclasses import replace

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.federation.campaign import Campaign, HeadVersion, Round, RoundResult, Tally
from orchestrator.federation.phases import (
    CAMPAIGN_TURNS,
    ROUND_TURNS,
    CampaignTurn,
    RoundPhase,
    RoundTurn,
)

RESTORED = "the orchestrator's database came out of a backup; start it anew"


def turned(campaign: Campaign, turn: CampaignTurn, now: float, reason: str = "") -> Campaign:
    """Return the campaign as an operator's or its aggregator's word leaves it.

    A round that is under way is dropped where the campaign ends by it. An end is final: whoever
    says it again, or another one later, changes nothing.
    """
    phase = CAMPAIGN_TURNS[campaign.phase][turn]
    if phase is campaign.phase:
        return campaign
    return replace(_dropped(campaign, now), phase=phase, reason=reason, ended_at=now)


def pause_left(campaign: Campaign, now: float) -> int:
    """Return the seconds after which the next round may be opened, 0 for at once."""
    last = campaign.round
    if last is None or last.ended_at is None:
        return 0
    left = last.ended_at + campaign.plan.pause_seconds - now
    # A clock that was put back must not make the pause longer than it is.
    return min(max(0, math.ceil(left)), campaign.plan.pause_seconds)


def opened(campaign: Campaign, asked: int, now: float) -> Campaign:
    """Open the next round; it asks so many devices.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` where the campaign does not run, a round is under way,
            the pause is not over, or fewer devices are asked than the quorum wants.
    """
    plan = campaign.plan
    number = campaign.round.number + 1 if campaign.round else 1
    if not campaign.runs:
        raise _illegal(campaign, number, f"the campaign is {campaign.phase}")
    if campaign.under_way is not None:
        raise _illegal(campaign, number, f"round {campaign.under_way.number} is under way")
    if pause_left(campaign, now) > 0 or asked < plan.quorum:
        raise _illegal(campaign, number, "it is too early, or too few devices can be asked")
    fresh = Round(
        number=number,
        opened_at=now,
        deadline=now + plan.deadline_seconds,
        wanted=min(plan.participants or asked, asked),
        base_version=campaign.head.version if campaign.head else 0,
        tally=Tally(asked=asked),
    )
    return replace(campaign, round=fresh)


def reconcile(campaign: Campaign, tally: Tally, now: float) -> Campaign:
    """Return the campaign as the answers to its newest round show it."""
    current = campaign.under_way
    if current is None:
        return campaign
    seen = replace(current, tally=tally)
    turn = _turn(campaign, seen, now) if campaign.open_round else _thinned(campaign, seen)
    if turn is None:
        return replace(campaign, round=seen) if campaign.open_round else campaign
    phase = ROUND_TURNS[seen.phase][turn]
    if phase is RoundPhase.CLOSED:
        return replace(campaign, round=replace(seen, phase=phase))
    ended = replace(campaign, round=replace(seen, phase=phase, ended_at=now))
    if phase is RoundPhase.UNCHANGED:
        return replace(ended, unchanged=campaign.unchanged + 1)
    return replace(ended, missed=campaign.missed + 1)


def committed(
    campaign: Campaign, result: RoundResult, now: float
) -> tuple[Campaign, HeadVersion | None]:
    """Return the campaign with what came of its closed round, and the version that is new.

    None is new where the round was committed before, whatever came of it this time.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` where the round is not closed.
    """
    current = campaign.round
    phase = None
    if current is not None and current.number == result.round:
        phase = ROUND_TURNS[current.phase].get(RoundTurn.COMMIT)
    if current is None or phase is None:
        raise _not_closed(campaign, result)
    if phase is current.phase:
        return campaign, None
    head = HeadVersion(
        version=campaign.version + 1,
        digest=result.head_digest,
        bytes=result.head_bytes,
        created_at=now,
        round=result.round,
        state_digest=result.state_digest,
        state_bytes=result.state_bytes,
    )
    ended = replace(
        current,
        phase=phase,
        ended_at=now,
        version=head.version,
        classes=result.classes,
        classes_held_back=result.classes_held_back,
        rows_left_out=result.rows_left_out,
    )
    count = campaign.committed + 1
    after = replace(_offering(campaign, head), round=ended, committed=count, made_in=ended.number)
    if after.committed == campaign.plan.rounds:
        after = turned(after, CampaignTurn.LAST_ROUND, now)
    return after, head


def missed(campaign: Campaign, result: RoundResult, now: float) -> Campaign:
    """Return the campaign whose closed round comes to no head, as too little of it is usable.

    Raises:
        FieldwiseError: ``ILLEGAL_COMMAND`` where the round is not closed.
    """
    current = campaign.round
    if current is None or current.number != result.round or current.phase is not RoundPhase.CLOSED:
        raise _not_closed(campaign, result)
    ended = replace(
        current,
        phase=ROUND_TURNS[current.phase][RoundTurn.TOO_FEW],
        ended_at=now,
        classes_held_back=result.classes_held_back,
        rows_left_out=result.rows_left_out,
    )
    return replace(campaign, round=ended, missed=campaign.missed + 1)


def taken_back(
    campaign: Campaign, to: HeadVersion, now: float, request: str = ""
) -> tuple[Campaign, HeadVersion | None]:
    """Return the campaign offering an earlier head again, and the version that is new.

    None is new where that head is offered already.
    """
    offered = campaign.head
    if offered is not None and to.version in (offered.version, offered.back_to):
        return campaign, None
    again = replace(
        to,
        version=campaign.version + 1,
        created_at=now,
        round=0,
        back_to=to.back_to or to.version,
        request=request,
    )
    return _offering(_dropped(campaign, now), again), again


def halted(campaign: Campaign, now: float) -> Campaign:
    """Return the campaign as it comes out of a backup.

    What devices gave since is not known. Versions that were given since are not given again: those
    to come, of heads that are taken back, are above the seconds since 1970.
    """
    stopped = turned(campaign, CampaignTurn.STOP, now, RESTORED)
    version = max(campaign.version, int(now))
    return replace(stopped, version=version, revision=campaign.revision + 1)


def _turn(campaign: Campaign, seen: Round, now: float) -> RoundTurn | None:
    tally, quorum = seen.tally, campaign.plan.quorum
    enough = tally.news >= quorum
    if enough and tally.taken >= seen.wanted:
        return RoundTurn.ENOUGH
    if tally.answered < tally.asked and now < seen.deadline:
        return None
    if enough:
        return RoundTurn.ENOUGH
    return RoundTurn.NOTHING_NEW if tally.taken + tally.unchanged >= quorum else RoundTurn.TOO_FEW


def _thinned(campaign: Campaign, seen: Round) -> RoundTurn | None:
    """Return the turn of a closed round, of which devices may have withdrawn what they gave."""
    return RoundTurn.TOO_FEW if seen.tally.news < campaign.plan.quorum else None


def _dropped(campaign: Campaign, now: float) -> Campaign:
    current = campaign.under_way
    if current is None:
        return campaign
    phase = ROUND_TURNS[current.phase][RoundTurn.DROP]
    ended = replace(current, phase=phase, ended_at=now)
    return replace(campaign, round=ended, dropped=campaign.dropped + 1)


def _offering(campaign: Campaign, head: HeadVersion) -> Campaign:
    return replace(campaign, head=head, version=head.version)


def _not_closed(campaign: Campaign, result: RoundResult) -> FieldwiseError:
    return FieldwiseError(
        Fault.ILLEGAL_COMMAND, f"round {result.round} of {campaign.id} is not closed"
    )


def _illegal(campaign: Campaign, number: int, reason: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.ILLEGAL_COMMAND, f"cannot open round {number} of {campaign.id}: {reason}"
    )
