import asyncio
import random
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from agent.checkins import JITTER, REFUSED_SECONDS, CheckIns, Contact
from agent.fleet import Fleet
from agent.reporting import (
    DiagnosisRequest,
    Orders,
    Permit,
    Report,
    Steering,
    SteeringRevision,
    Target,
)
from agent.update.events import Targeted, UpdateState
from agent.update.installer import Permit as Received
from fieldwise.answers import LearningCounters, VitalSigns
from fieldwise.errors import Fault, FieldwiseError
from tests.fakes.agent import PlayedOrchestrator, TurnedClock
from tests.fakes.membership import BEGIN, MemoryIdentity, Revival, member
from tests.fakes.trusted import MemoryPublisher

QUIET = Orders(None, None, None, "", 60, 1_800_000_000)
NEW = "b" * 64


@dataclass
class Heard:
    """What became of the orders, in order."""

    events: list[object] = field(default_factory=list)
    fault: Fault | None = None

    async def tell(self, event: Targeted) -> bool:
        if self.fault is not None:
            raise FieldwiseError(self.fault, "it cannot be written")
        self.events.append(event)
        return True

    def permit(self, permit: Received) -> None:
        self.events.append(permit)

    async def steer(self, revision: SteeringRevision) -> None:
        self.events.append(revision)

    async def diagnose(self, request: DiagnosisRequest | None) -> None:
        if request is not None:
            self.events.append(request)


@dataclass
class World:
    check_ins: CheckIns
    orchestrator: PlayedOrchestrator
    heard: Heard
    clock: TurnedClock
    fleet: Fleet
    revival: Revival


def world(*answers: Orders | FieldwiseError, joined: bool = True) -> World:
    orchestrator, heard, clock = PlayedOrchestrator(list(answers)), Heard(), TurnedClock()
    identity = MemoryIdentity(member() if joined else None)

    async def no_enrolment(*_: object) -> None:
        raise AssertionError

    revival, publisher = Revival(), MemoryPublisher()
    fleet = Fleet(identity, lambda _: orchestrator, no_enrolment, publisher, revival)  # type: ignore[arg-type]  # unused

    async def report(sequence: int) -> Report:
        return Report(
            1, sequence, UpdateState(), VitalSigns(), LearningCounters(), "0.1.0", 0, "cpu"
        )

    check_ins = CheckIns(fleet, report, heard, heard.steer, clock, random.Random(1), heard.diagnose)
    return World(check_ins, orchestrator, heard, clock, fleet, revival)


async def test_every_report_of_a_start_has_a_number_of_its_own() -> None:
    here = world(QUIET)
    for _ in range(3):
        await here.check_ins.once()
    assert [report.sequence for report in here.orchestrator.reports] == [1, 2, 3]


async def test_the_pace_is_the_orchestrators_within_a_tenth() -> None:
    here = world(QUIET)
    waits = [await here.check_ins.once() for _ in range(50)]
    assert all(
        wait is not None and 60 * (1 - JITTER) <= wait <= 60 * (1 + JITTER) for wait in waits
    )
    assert len(set(waits)) > 40


async def test_settings_target_and_permit_are_obeyed_in_that_order() -> None:
    steering = SteeringRevision(2, Steering(learning_paused=True))
    orders = replace(
        QUIET, target=Target(4, NEW, "int8", back=True), permit=Permit(4, 90, 7), steering=steering
    )
    here = world(orders)
    await here.check_ins.once()
    assert here.heard.events == [
        steering,
        Targeted(4, NEW, "int8", back=True),
        Received(4, here.clock.seconds + 90, 7),
    ]


async def test_a_request_for_a_diagnosis_is_heard_even_where_orders_cannot_be_obeyed() -> None:
    asked = DiagnosisRequest("ab" * 16, 60)
    here = world(replace(QUIET, target=Target(4, NEW), diagnosis=asked))
    here.heard.fault = Fault.DISK_FULL
    await here.check_ins.once()
    assert here.heard.events == [asked]


async def test_a_revision_is_applied_once() -> None:
    here = world(replace(QUIET, steering=SteeringRevision(2)))
    await here.check_ins.once()
    await here.check_ins.once()
    assert here.heard.events == [SteeringRevision(2)]


async def test_refused_settings_do_not_spoil_the_rest() -> None:
    here = world(replace(QUIET, steering_refusal="too small", target=Target(4, NEW)))
    await here.check_ins.once()
    assert here.heard.events == [Targeted(4, NEW)]


async def test_a_permit_never_lasts_longer_than_ten_minutes() -> None:
    here = world(replace(QUIET, permit=Permit(4, 10**6)))
    await here.check_ins.once()
    assert here.heard.events == [Received(4, here.clock.seconds + 600)]


async def test_an_outage_is_waited_out_ever_longer_and_then_forgotten() -> None:
    down = FieldwiseError(Fault.UNREACHABLE, "nobody answers")
    here = world(*[down] * 12, QUIET)
    waits = [await here.check_ins.once() for _ in range(12)]
    assert here.check_ins.contact.error == "nobody answers"
    assert max(wait for wait in waits if wait is not None) <= 300
    await here.check_ins.once()
    assert here.check_ins.contact.error == ""
    assert here.check_ins.contact.answered == here.clock.wall()


async def test_a_removed_device_asks_seldom() -> None:
    here = world(FieldwiseError(Fault.DEVICE_REMOVED, "removed"))
    assert await here.check_ins.once() == REFUSED_SECONDS


async def test_a_clock_that_is_off_is_noticed_and_changes_no_pace() -> None:
    here = world(QUIET)
    here.clock.wall_seconds += 3600
    wait = await here.check_ins.once()
    assert here.check_ins.contact.clock_ahead_seconds == 3600
    here.clock.wall_seconds -= 7200
    assert wait is not None
    assert wait <= 66
    assert await here.check_ins.once() is not None
    assert here.check_ins.contact.clock_ahead_seconds == -3600


async def test_orders_that_cannot_be_obeyed_are_heard_again() -> None:
    here = world(replace(QUIET, target=Target(4, NEW)))
    here.heard.fault = Fault.DISK_FULL
    await here.check_ins.once()
    here.heard.fault = None
    await here.check_ins.once()
    assert here.heard.events == [Targeted(4, NEW)]


async def test_outside_a_fleet_nothing_is_sent_and_joining_wakes_it() -> None:
    here = world(QUIET, joined=False)
    running = asyncio.create_task(here.check_ins.run())
    await asyncio.sleep(0.01)
    assert here.orchestrator.reports == []
    here.fleet.membership = member()
    here.fleet.changed.set()
    async with asyncio.timeout(60):
        while not here.orchestrator.reports:  # noqa: ASYNC110 - the loop is to be seen idle
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_a_fleet_said_is_forgotten_on_leaving_it() -> None:
    here = world(FieldwiseError(Fault.UNREACHABLE, "nobody answers"))
    running = asyncio.create_task(here.check_ins.run())
    async with asyncio.timeout(60):
        while here.check_ins.contact.error != "nobody answers":  # noqa: ASYNC110 - the loop sets nothing
            await asyncio.sleep(0)
        here.fleet.membership = None
        here.fleet.changed.set()
        while here.check_ins.contact != Contact():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_is_worth_saying_is_said_at_once() -> None:
    here = world(QUIET)
    running = asyncio.create_task(here.check_ins.run())
    async with asyncio.timeout(60):
        while len(here.orchestrator.reports) < 3:
            here.check_ins.hurry.set()
            await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


OVER = (BEGIN + timedelta(days=91)).timestamp()  # a day after the end of the certificate
UNREACHABLE = FieldwiseError(Fault.UNREACHABLE, "nobody is there")


async def test_a_device_that_slept_past_its_certificate_revives_before_it_calls() -> None:
    here = world(QUIET)
    here.clock.wall_seconds = OVER
    before = here.fleet.membership
    await here.check_ins.once()
    assert here.revival.asked == [before]
    assert here.fleet.membership != before
    assert len(here.orchestrator.reports) == 1


async def test_without_a_certificate_there_is_no_call_and_the_reason_is_told() -> None:
    here = world(QUIET)
    here.clock.wall_seconds = OVER
    here.revival.refuses = FieldwiseError(Fault.DEVICE_REMOVED, "the device was taken out")
    assert await here.check_ins.once() == REFUSED_SECONDS
    assert here.check_ins.contact.error == "the device was taken out"
    assert here.orchestrator.reports == []


async def test_a_certificate_that_only_looks_over_by_a_wrong_clock_is_used() -> None:
    here = world(QUIET)
    here.clock.wall_seconds = OVER
    here.revival.refuses = FieldwiseError(Fault.ILLEGAL_COMMAND, "the certificate is good")
    await here.check_ins.once()
    assert len(here.orchestrator.reports) == 1


async def test_a_device_that_reaches_nobody_asks_now_and_then_for_another_certificate() -> None:
    here = world(UNREACHABLE)
    here.revival.refuses = FieldwiseError(Fault.UNREACHABLE, "nor there")
    for _ in range(10):
        await here.check_ins.once()
    assert len(here.revival.asked) == 1
    assert here.check_ins.contact.error == "nobody is there"
    here.clock.seconds += 61  # nobody heard: the network may be there by now
    here.revival.refuses = FieldwiseError(Fault.ILLEGAL_COMMAND, "the certificate is good")
    await here.check_ins.once()
    assert len(here.revival.asked) == 2
    here.clock.seconds += 3500
    await here.check_ins.once()
    assert len(here.revival.asked) == 2
    here.clock.seconds += 101
    here.revival.refuses = None
    here.orchestrator.answers = [QUIET]
    await here.check_ins.once()
    assert len(here.revival.asked) == 3
    assert here.check_ins.contact.error == ""


async def test_a_device_that_is_refused_for_its_certificate_asks_for_another_soon() -> None:
    here = world(FieldwiseError(Fault.CERTIFICATE_INVALID, "of another authority"), QUIET)
    wait = await here.check_ins.once()
    assert wait is not None
    assert wait < REFUSED_SECONDS
    await here.check_ins.once()
    assert len(here.revival.asked) == 1
    assert here.check_ins.contact.error == ""
