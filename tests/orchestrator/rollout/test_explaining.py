"""Every device has an explanation, whatever it reported and wherever its rollout stands."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from fieldwise.trust import PublisherTrouble
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from orchestrator.fleet.device import Permit, Standing, Target
from orchestrator.fleet.report import UpdateReport
from orchestrator.rollout.evidence import Finding, Outcome
from orchestrator.rollout.evidence import Reason as GateReason
from orchestrator.rollout.explaining import EXCLUSIONS, FAILURES, HOLDS, PLACES, Known, explain
from orchestrator.rollout.orders import wave_in
from orchestrator.rollout.phases import Phase, Reason
from orchestrator.rollout.places import Exclusion, Place
from orchestrator.rollout.placing import place_of
from orchestrator.rollout.plan import DeviceClass, Limits, Plan, Wave, Window
from orchestrator.rollout.rollout import Kind, Needs, Rollout
from orchestrator.rollout.telling import UNTRUSTED, why

NOW = 1_000_000.0
OLD, NEW = "0" * 64, "1" * 64
TITLES = {OLD: "lite0:1.0.0", NEW: "lite1:1.0.0"}
PLAN = Plan("lite1", "site=berlin", waves=(Wave(devices=5), Wave()))
HOME = Rollout(
    7,
    NEW,
    "lite1:1.0.0",
    "site=berlin",
    NOW - 9000,
    PLAN,
    thresholds=(0.5, 1.0),
    wave=1,
    wave_started_at=NOW - 9000,
)
DEVICE = Standing(
    "d-1",
    NOW - 90_000,
    target=Target(3, NEW),
    rollout=7,
    before=(OLD,),
    ordered_at=NOW - 600,
    seen_at=NOW - 20,
    generation=3,
    bundle_in_use=OLD,
    update=UpdateReport(2, OLD, UpdatePhase.ACTIVE),
    agent_version="0.2.0",
    memory_bytes=2**30,
)
# What the sentence of a place says in any case.
SAYS = {
    Place.EXCLUDED: "It is excluded",
    Place.WAITING: "",
    Place.PERMITTED: "It may start now",
    Place.FETCHING: "It downloads",
    Place.VERIFYING: "It checks the bundle",
    Place.MIGRATING: "It rebuilds its head",
    Place.JUDGING: "It compares",
    Place.PROBATION: "on probation",
    Place.HEALTHY: "That is done",
    Place.DECLINED: "It declined",
    Place.FAILED: "It failed",
    Place.OVERDUE: "It is overdue",
    Place.OFFLINE: "It is offline",
    Place.SUPERSEDED: "A newer rollout",
}


def told(standing: Standing, home: Rollout | None = HOME, coming: Rollout | None = None) -> str:
    return " ".join(explain(Known(standing, NOW, home, coming, TITLES)))


def working(phase: UpdatePhase, **fields: object) -> Standing:
    return replace(DEVICE, update=UpdateReport(3, NEW, phase, **fields))  # type: ignore[arg-type]  # fields of a report


@pytest.mark.parametrize("trouble", [None, *PublisherTrouble])
def test_who_waits_for_metadata_that_it_trusts_is_told_of(trouble: PublisherTrouble | None) -> None:
    update = UpdateReport(3, NEW, UpdatePhase.FETCHING)
    fetching = replace(DEVICE, update=update, permit=Permit(3, NOW + 60, NOW))
    told = explain(Known(fetching, NOW, HOME, titles=TITLES, trouble=trouble))
    waits = [each for each in told if each.startswith("It waits: ")]
    words = UNTRUSTED.get(trouble) if trouble else None
    assert waits == ([f"It waits: {words}."] if words else [])
    done = replace(fetching, update=replace(update, phase=UpdatePhase.ACTIVE), bundle_in_use=NEW)
    assert "waits" not in " ".join(explain(Known(done, NOW, HOME, titles=TITLES, trouble=trouble)))


def test_every_trouble_that_keeps_a_device_waiting_has_a_sentence() -> None:
    assert set(UNTRUSTED) == set(PublisherTrouble) - {PublisherTrouble.NO_ROOT}


def test_every_place_hold_failure_and_exclusion_has_a_sentence() -> None:
    assert set(PLACES) == set(Place) == set(SAYS)
    assert set(HOLDS) == set(UpdateHold)
    assert set(FAILURES) == set(UpdateFailure)
    assert set(EXCLUSIONS) == set(Exclusion)


def every_state() -> Iterator[tuple[Standing, Rollout]]:
    """Standings and rollouts by every way in which decisions tell them apart."""
    targets = (Target(3, NEW), Target(3, OLD, back=True))
    permits = (None, Permit(3, NOW + 60, NOW - 60), Permit(3, NOW - 60, NOW - 200_000))
    held = ((UpdatePhase.IDLE, 2, UpdateHold.PINNED), (UpdatePhase.JUDGING, 3, UpdateHold.WINDOW))
    reported = (*product(UpdatePhase, (2, 3), (None,)), *held)
    seen_at, kinds = (None, NOW - 20, NOW - 9000), (Kind.FORWARD, Kind.RECALL)
    for update, target, permit, seen, generation, phase, kind in product(
        reported, targets, permits, seen_at, (2, 3, 4), Phase, kinds
    ):
        report = UpdateReport(update[1], target.digest, update[0], None, update[2])
        standing = replace(
            DEVICE,
            target=target,
            permit=permit,
            seen_at=seen,
            generation=generation,
            update=report,
            bundle_in_use=NEW if update[0] in {UpdatePhase.ACTIVE, UpdatePhase.PROBATION} else OLD,
        )
        yield standing, replace(HOME, phase=phase, kind=kind)


def test_whatever_a_device_reports_it_is_told_where_it_stands() -> None:
    reached = set()
    for standing, home in every_state():
        place = place_of(home, standing, NOW)
        sentences = explain(Known(standing, NOW, home, None, TITLES))
        reached.add(place)
        assert SAYS[place] in " ".join(sentences)
        assert len(sentences) >= 3
        assert all(each[0].isupper() and each.endswith(".") for each in sentences)
    assert reached == set(Place) - {Place.SUPERSEDED}
    assert SAYS[Place.SUPERSEDED] in told(replace(DEVICE, rollout=8))


@pytest.mark.parametrize("hold", UpdateHold)
def test_a_device_that_waits_for_its_owner_says_for_what(hold: UpdateHold) -> None:
    waiting = replace(DEVICE, update=replace(DEVICE.update, hold=hold))
    judging = working(UpdatePhase.JUDGING, hold=hold)
    if hold is UpdateHold.PINNED:
        assert "its owner pinned the backbone" in told(waiting)
    else:
        assert HOLDS[hold] in told(waiting)
    assert HOLDS[hold] in told(judging)


@pytest.mark.parametrize("failure", UpdateFailure)
def test_a_failure_and_a_refusal_say_why(failure: UpdateFailure) -> None:
    assert FAILURES[failure] in told(working(UpdatePhase.REVERTED, failure=failure))
    assert FAILURES[failure] in told(working(UpdatePhase.DECLINED, failure=failure))


def test_a_device_that_declined_shows_its_counts() -> None:
    counts = PairedCounts(90, 20, 3, 7, 30, 9, 2)
    verdict = Verdict(3, Judgement.DECLINED, Basis.LABELLED, counts)
    declined = replace(working(UpdatePhase.DECLINED, failure=UpdateFailure.HARM), verdict=verdict)
    assert (
        "Of 120 held-out samples both pairs had 90 right, only the old one 20, only the new one 3."
    ) in told(declined)
    few = replace(declined, verdict=replace(verdict, basis=Basis.TOO_FEW))
    assert "too few to show even a great harm" in told(few)
    unlabelled = replace(verdict, basis=Basis.UNLABELLED, compared=50, agreed=41)
    assert "the same answer to 41 of 50 samples" in told(replace(declined, verdict=unlabelled))
    stale = replace(declined, verdict=replace(verdict, generation=2))
    assert "held-out samples both" not in told(stale)


def test_a_device_in_its_place_says_what_it_should_run_and_by_what() -> None:
    sentence = told(replace(DEVICE, target=Target(3, NEW, "int8")))
    wave = wave_in(HOME, "d-1") + 1
    assert sentence.startswith(
        "It serves lite0:1.0.0. It should run lite1:1.0.0 as int8: rollout r7 brings that for the "
        f"cohort site=berlin, and this device is in wave {wave} of 2."
    )
    everyone = told(DEVICE, replace(HOME, cohort=""))
    assert "for the whole fleet" in everyone


def test_a_device_waits_for_window_turn_permit_or_its_next_check_in() -> None:
    opens = int(NOW % 86_400 // 60) + 121
    shut = replace(HOME, plan=replace(PLAN, window=Window(opens, opens + 60)))
    assert "waits for the window of the rollout, which opens in 2 h" in told(DEVICE, shut)
    limited = replace(
        HOME, plan=replace(PLAN, limits=Limits(in_flight=2)), tally=({}, {Place.FETCHING: 2})
    )
    assert "waits for its turn: 2 of 2 devices" in told(DEVICE, limited)
    paced = replace(HOME, plan=replace(PLAN, limits=Limits(starts_per_minute=4)))
    assert "which it gets at a check-in, where 4 start in a minute" in told(DEVICE, paced)
    assert "has not heard of that yet: it checks in every 60 s" in told(
        replace(DEVICE, generation=2)
    )


def test_a_device_of_a_rollout_that_does_not_go_on_says_so() -> None:
    paused = replace(HOME, phase=Phase.PAUSED, reason=Reason.UNDECIDED)
    assert "r7 is paused: nobody starts" in told(DEVICE, paused)
    assert "the evidence is in and decides nothing" in told(DEVICE, paused)
    aborted = replace(HOME, phase=Phase.REVERTING, reason=Reason.HARM)
    assert "It is ordered back within seconds." in told(DEVICE, aborted)
    back = replace(DEVICE, target=Target(4, OLD, back=True), generation=4)
    assert "should go back to lite0:1.0.0: rollout r7 was aborted" in told(back, aborted)
    assert "harm was shown" in told(back, aborted)


def test_a_recalled_backbone_and_an_undone_one_are_said_so() -> None:
    recall = replace(HOME, kind=Kind.RECALL)
    back = replace(DEVICE, target=Target(4, OLD, back=True), generation=4, bundle_in_use=NEW)
    assert "lite1:1.0.0 was recalled (rollout r7)" in told(back, recall)
    known = Known(back, NOW, recall, None, TITLES, recalled=(NEW,))
    assert "That backbone was recalled." in explain(known)
    undo = replace(HOME, kind=Kind.UNDO, digest=OLD, title="lite0:1.0.0")
    forward = replace(DEVICE, target=Target(3, OLD, back=True), bundle_in_use=NEW)
    assert "rollout r7 goes back to that" in told(forward, undo)


def test_a_device_that_waits_for_its_wave_says_which_is_open_and_what_the_gate_waits_for() -> None:
    finding = Finding(Outcome.WAITING, (GateReason.UNSETTLED,))
    coming = replace(HOME, number=9, thresholds=(0.0, 1.0), wave=0, finding=finding)
    told_of = told(DEVICE, None, coming)
    assert "It is in wave 2 of 2 there, and wave 1 is the newest that is open" in told_of
    assert "its gate is waiting: devices have not settled" in told_of
    assert "is ordered within seconds" in told(DEVICE, None, replace(coming, wave=1))
    paused = replace(coming, phase=Phase.PAUSED, reason=Reason.OPERATOR)
    assert "an operator said so" in told(DEVICE, None, paused)
    shut_out = replace(coming, needs=Needs(agent_version="0.3.0"))
    assert "excluded there: its agent is 0.2.0, and 0.3.0 is the oldest" in told(
        DEVICE, None, shut_out
    )


@pytest.mark.parametrize(
    ("home", "standing", "said"),
    [
        (replace(HOME, needs=Needs(memory_mib=4096)), DEVICE, "1,024 MiB of memory"),
        (
            replace(
                HOME,
                plan=replace(PLAN, classes=(DeviceClass("int8"),)),
                needs=Needs(variants=("fp32",)),
            ),
            DEVICE,
            "the variant int8, which the bundle does not have",
        ),
        (
            replace(HOME, phase=Phase.REVERTING),
            replace(DEVICE, before=(), bundle_in_use=None, target=None, rollout=0),
            "",
        ),
        (
            replace(HOME, phase=Phase.REVERTING),
            replace(DEVICE, before=()),
            "nothing to go back to that is allowed",
        ),
    ],
)
def test_an_excluded_device_says_why(home: Rollout, standing: Standing, said: str) -> None:
    assert said in told(standing, home)


def test_a_device_without_a_rollout_keeps_what_it_has() -> None:
    lone = replace(DEVICE, target=None, rollout=0, generation=0)
    assert "it keeps what it has" in told(lone, None)
    assert "No rollout that runs or is complete" in told(lone, None)
    silent = replace(lone, seen_at=None)
    assert "has not been heard from since" in told(silent, None)
    assert "It is offline" in told(silent, None)
    assert "The rollout that ordered it is not known" in told(DEVICE, None)


def test_a_device_ahead_of_a_restored_database_is_said_so() -> None:
    ahead = replace(DEVICE, generation=9)
    assert "as after a restored database; it is ordered again from there" in told(ahead)
    for phase, does in (
        (Phase.HELD, "keeps what it runs until a newer rollout takes it"),
        (Phase.SUPERSEDED, "keeps what it runs until a newer rollout takes it"),
        (Phase.PAUSED, f"is ordered again from there once {HOME.id} goes on"),
    ):
        assert f"as after a restored database; it {does}." in told(
            ahead, replace(HOME, phase=phase)
        )


@pytest.mark.parametrize("reason", [None, *Reason])
@pytest.mark.parametrize("phase", Phase)
def test_every_phase_and_reason_is_a_sentence(phase: Phase, reason: Reason | None) -> None:
    assert why(phase, reason)
