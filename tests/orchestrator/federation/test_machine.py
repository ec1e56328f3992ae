from dataclasses import replace

import pytest

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.federation.campaign import Campaign, HeadVersion, Tally
from orchestrator.federation.machine import (
    committed,
    halted,
    opened,
    pause_left,
    reconcile,
    taken_back,
    turned,
)
from orchestrator.federation.phases import (
    CAMPAIGN_TURNS,
    ROUND_TURNS,
    UNDER_WAY,
    CampaignPhase,
    CampaignTurn,
    RoundPhase,
    RoundTurn,
)
from tests.campaigns import campaign, result
from tests.fleet_records import NOW

LATER = NOW + 3600


def at_work(asked: int = 4, **changes: object) -> Campaign:
    return opened(campaign(7, **changes), asked, NOW)


def closed(**changes: object) -> Campaign:
    found = reconcile(at_work(2, **changes), Tally(2, taken=2), NOW)
    assert found.round is not None
    assert found.round.phase is RoundPhase.CLOSED
    return found


def with_head(**changes: object) -> Campaign:
    return committed(closed(**{"rounds": 0, **changes}), result(1), NOW)[0]


def phase_of(found: Campaign) -> RoundPhase:
    assert found.round is not None
    return found.round.phase


def test_the_tables_have_a_row_for_every_phase() -> None:
    assert set(CAMPAIGN_TURNS) == set(CampaignPhase)
    assert set(ROUND_TURNS) == set(RoundPhase)
    assert {phase for phase, turns in ROUND_TURNS.items() if RoundTurn.DROP in turns} == UNDER_WAY
    for turns in CAMPAIGN_TURNS.values():
        assert {CampaignTurn.STOP, CampaignTurn.GIVE_UP} <= set(turns)


@pytest.mark.parametrize(
    ("tally", "at", "phase"),
    [
        (Tally(4), NOW, RoundPhase.OPEN),
        (Tally(4, taken=3), NOW, RoundPhase.OPEN),
        (Tally(4, taken=4), NOW, RoundPhase.CLOSED),
        (Tally(4, taken=2, declined=1, refused=1), NOW, RoundPhase.CLOSED),
        (Tally(4, taken=1, declined=2, refused=1), NOW, RoundPhase.MISSED),
        (Tally(4, declined=4), NOW, RoundPhase.MISSED),
        (Tally(4, taken=2), LATER - 1, RoundPhase.OPEN),
        (Tally(4, taken=2), LATER, RoundPhase.CLOSED),
        (Tally(4, taken=1), LATER, RoundPhase.MISSED),
        (Tally(4), LATER, RoundPhase.MISSED),
        (Tally(4, taken=1, waiting=1), NOW, RoundPhase.OPEN),
        (Tally(4, taken=1, unchanged=3, waiting=1), NOW, RoundPhase.CLOSED),
        (Tally(4, taken=1, waiting=1), LATER, RoundPhase.CLOSED),
        (Tally(4, taken=1, unchanged=2), NOW, RoundPhase.OPEN),
        (Tally(4, taken=1, unchanged=3), NOW, RoundPhase.UNCHANGED),
        (Tally(4, unchanged=4), NOW, RoundPhase.UNCHANGED),
        (Tally(4, unchanged=2, declined=1), LATER, RoundPhase.UNCHANGED),
        (Tally(4, unchanged=1, declined=3), NOW, RoundPhase.MISSED),
    ],
)
def test_a_round_ends_as_its_answers_say(tally: Tally, at: float, phase: RoundPhase) -> None:
    found = reconcile(at_work(), tally, at)
    assert found.round is not None
    assert (found.round.phase, found.round.tally) == (phase, tally)
    assert found.missed == (phase is RoundPhase.MISSED)
    assert found.unchanged == (phase is RoundPhase.UNCHANGED)
    assert found.rounds_ended == found.missed + found.unchanged
    assert (found.round.ended_at is None) == (phase in UNDER_WAY)
    assert found.runs
    assert reconcile(found, tally, at) == found


def test_a_round_is_closed_with_the_updates_that_it_wanted() -> None:
    found = at_work(4, participants=3)
    assert phase_of(reconcile(found, Tally(4, taken=2), NOW)) is RoundPhase.OPEN
    assert phase_of(reconcile(found, Tally(4, taken=3), NOW)) is RoundPhase.CLOSED


def test_a_round_that_is_missed_blocks_nothing() -> None:
    missed = reconcile(at_work(rounds=1), Tally(4), LATER)
    assert missed.runs
    assert pause_left(missed, LATER) == 300
    assert pause_left(missed, LATER + 299.5) == 1
    assert pause_left(missed, LATER + 300) == 0
    assert pause_left(missed, LATER - 9999) == 300  # the clock was put back
    again = opened(missed, 3, LATER + 300)
    assert again.round is not None
    assert (again.round.number, again.round.phase) == (2, RoundPhase.OPEN)
    assert again.round.deadline == LATER + 300 + 3600


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        (campaign(7), 1),
        (at_work(), 4),
        (closed(), 4),
        (reconcile(at_work(), Tally(4), LATER), 4),
        (turned(campaign(7), CampaignTurn.STOP, NOW), 4),
    ],
    ids=["too few", "open", "closed", "paused", "stopped"],
)
def test_no_round_is_opened_out_of_turn(found: Campaign, asked: int) -> None:
    with pytest.raises(FieldwiseError) as caught:
        opened(found, asked, LATER)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


def test_a_closed_round_waits_for_its_aggregator() -> None:
    found = closed()
    assert reconcile(found, Tally(2, taken=2), LATER + 1e6) == found
    assert reconcile(found, Tally(2, taken=1, waiting=1), NOW) == found


def test_a_closed_round_is_missed_where_too_many_withdraw_before_its_head_is_made() -> None:
    found = reconcile(closed(), Tally(2, taken=1, declined=1), NOW + 5)
    assert (phase_of(found), found.missed, found.runs) == (RoundPhase.MISSED, 1, True)
    with pytest.raises(FieldwiseError) as caught:
        committed(found, result(1), NOW + 6)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


def test_a_committed_round_gives_a_version_and_the_next_begins_with_it() -> None:
    found, head = committed(closed(rounds=0), result(1), NOW + 5)
    assert head == HeadVersion(1, digest_of(b"head"), 1000, NOW + 5, 1)
    assert (found.head, found.version, found.committed, found.runs) == (head, 1, 1, True)
    assert found.made_in == 1
    assert found.round is not None
    assert (found.round.version, found.round.classes, found.round.ended_at) == (1, 2, NOW + 5)
    following = opened(found, 2, LATER).round
    assert following is not None
    assert following.base_version == 1


def test_a_round_committed_twice_gives_one_version() -> None:
    found, _ = committed(closed(rounds=0), result(1), NOW)
    assert committed(found, result(1), NOW + 9) == (found, None)
    assert committed(found, result(1, "another"), NOW + 9) == (found, None)


@pytest.mark.parametrize(
    ("found", "number"),
    [
        (campaign(7), 1),
        (at_work(), 1),
        (closed(), 2),
        (reconcile(at_work(), Tally(4), LATER), 1),
        (turned(closed(), CampaignTurn.STOP, NOW), 1),
        (opened(with_head(), 2, LATER), 1),
    ],
    ids=["none", "open", "another", "missed", "dropped", "past"],
)
def test_only_a_closed_round_is_committed(found: Campaign, number: int) -> None:
    with pytest.raises(FieldwiseError) as caught:
        committed(found, result(number), NOW)
    assert caught.value.fault is Fault.ILLEGAL_COMMAND


def test_a_campaign_is_complete_once_its_rounds_came_to_versions() -> None:
    found, _ = committed(closed(rounds=2), result(1), NOW)
    assert found.runs
    found = reconcile(opened(found, 2, LATER), Tally(2), LATER + 3600)
    assert (found.missed, found.runs) == (1, True)
    found = reconcile(opened(found, 2, LATER + 9999), Tally(2, taken=2), LATER + 9999)
    found, _ = committed(found, result(3), LATER + 9999)
    assert found.phase is CampaignPhase.COMPLETE
    assert (found.committed, found.missed, found.rounds_ended) == (2, 1, 3)
    assert found.ended_at == LATER + 9999
    assert phase_of(found) is RoundPhase.COMMITTED


@pytest.mark.parametrize("found", [at_work(), closed()], ids=["open", "closed"])
def test_an_end_drops_the_round_and_is_final(found: Campaign) -> None:
    stopped = turned(found, CampaignTurn.STOP, NOW + 9)
    assert stopped.phase is CampaignPhase.STOPPED
    assert (phase_of(stopped), stopped.dropped) == (RoundPhase.DROPPED, 1)
    assert turned(stopped, CampaignTurn.STOP, NOW + 99) is stopped
    assert turned(stopped, CampaignTurn.GIVE_UP, NOW + 99, "no memory") is stopped
    assert reconcile(stopped, Tally(4, taken=4), NOW) is stopped


def test_an_aggregator_that_gives_up_says_why() -> None:
    failed = turned(closed(), CampaignTurn.GIVE_UP, NOW, "no such strategy")
    assert (failed.phase, failed.reason) == (CampaignPhase.FAILED, "no such strategy")
    assert turned(failed, CampaignTurn.STOP, NOW) is failed


def test_an_earlier_head_is_offered_again_under_a_new_version() -> None:
    first = with_head()
    assert first.head is not None
    second = reconcile(opened(first, 2, LATER), Tally(2, taken=2), LATER)
    second, _ = committed(second, result(2, "worse"), LATER)
    back, head = taken_back(second, first.head, LATER + 1)
    assert head is not None
    assert (head.version, head.back_to, head.digest) == (3, 1, first.head.digest)
    assert (head.round, head.created_at) == (0, LATER + 1)
    assert (back.head, back.version) == (head, 3)
    assert taken_back(back, first.head, LATER + 2) == (back, None)
    assert taken_back(back, head, LATER + 2) == (back, None)
    assert second.head is not None
    forth, head = taken_back(back, second.head, LATER + 3)
    assert head is not None
    assert (head.version, head.back_to) == (4, 2)
    again, head = taken_back(forth, back.head or head, LATER + 4)
    assert head is not None
    assert (head.version, head.back_to, again.version) == (5, 1, 5)


@pytest.mark.parametrize("taken", [0, 2], ids=["open", "closed"])
def test_a_head_taken_back_drops_the_round_that_began_with_it(taken: int) -> None:
    first = with_head()
    assert first.head is not None
    second = committed(
        reconcile(opened(first, 2, LATER), Tally(2, taken=2), LATER), result(2, "b"), LATER
    )[0]
    begun = reconcile(opened(second, 2, LATER + 999), Tally(2, taken=taken), LATER + 999)
    back, _ = taken_back(begun, first.head, LATER + 1000)
    assert (phase_of(back), back.dropped, back.runs) == (RoundPhase.DROPPED, 1, True)
    with pytest.raises(FieldwiseError):
        committed(back, result(3), LATER + 1000)


def test_heads_of_a_campaign_that_has_ended_can_be_taken_back() -> None:
    first = with_head()
    assert first.head is not None
    second, _ = committed(
        reconcile(opened(first, 2, LATER), Tally(2, taken=2), LATER), result(2, "b"), LATER
    )
    ended = turned(second, CampaignTurn.STOP, LATER)
    back, head = taken_back(ended, first.head, LATER)
    assert head is not None
    assert (back.phase, back.version) == (CampaignPhase.STOPPED, 3)


def test_what_comes_out_of_a_backup_stands_still() -> None:
    stopped = halted(at_work(), NOW)
    assert (stopped.phase, phase_of(stopped)) == (CampaignPhase.STOPPED, RoundPhase.DROPPED)
    assert "backup" in stopped.reason
    assert stopped.revision == 1


def test_versions_of_after_a_backup_are_none_that_were_given_since() -> None:
    done, first = committed(closed(rounds=1), result(1), NOW)
    assert first is not None
    restored = halted(done, NOW + 60)
    assert (restored.phase, restored.head, restored.reason) == (CampaignPhase.COMPLETE, first, "")
    later, again = taken_back(replace(restored, head=None), first, NOW + 90)
    assert again is not None
    assert (later.version, again.version, again.back_to) == (NOW + 61, NOW + 61, 1)
    assert halted(later, NOW + 120).version == NOW + 120
