"""The owner's word: nothing is collected or sent without it, and each request is answered once."""

from dataclasses import dataclass, field

import msgspec
import pytest

from agent.diagnosing import Diagnosing
from agent.reporting import DiagnosisAnswer, DiagnosisRequest, Membership
from fieldwise.diagnosis import Diagnosis, DiagnosisRule, DiagnosisStep
from fieldwise.errors import Fault, FieldwiseError
from tests.diagnoses import DIAGNOSIS, OTHER, REQUEST
from tests.fakes.agent import MemoryJournal, PlayedOrchestrator, TurnedClock
from tests.fakes.membership import member

HOUR = 3600
ASKED = DiagnosisRequest(REQUEST, HOUR)
WAITING = DiagnosisAnswer(REQUEST, DiagnosisStep.WAITING)
REFUSED = DiagnosisAnswer(REQUEST, DiagnosisStep.REFUSED)
GIVEN = DiagnosisAnswer(REQUEST, DiagnosisStep.GIVEN, DIAGNOSIS)
AWAY = FieldwiseError(Fault.UNREACHABLE, "nobody there")


class Member(PlayedOrchestrator):
    membership: Membership | None = None


@dataclass
class World:
    """A device in a fleet; ``restart`` is the same device after its daemon was killed."""

    rule: DiagnosisRule = DiagnosisRule.ASK
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    member: Member = field(default_factory=Member)
    clock: TurnedClock = field(default_factory=TurnedClock)
    collected: int = 0

    def __post_init__(self) -> None:
        self.member.membership = member()
        self.restart()

    def restart(self) -> None:
        self.device = Diagnosing(self.rule, self.journal, self.member, self.collect, self.clock)

    def collect(self) -> Diagnosis:
        self.collected += 1
        return DIAGNOSIS

    @property
    def said(self) -> list[DiagnosisAnswer]:
        return self.member.diagnoses


async def test_nothing_is_collected_before_the_owner_says_yes() -> None:
    here = World()
    for _ in range(3):
        await here.device.obey(ASKED)
    assert (here.said, here.collected) == ([WAITING], 0)
    waiting = here.device.waiting()
    assert waiting is not None
    assert (waiting.id, waiting.seconds) == (REQUEST, HOUR)
    assert await here.device.decide(REQUEST, approved=True) == REQUEST
    assert here.collected == 0
    await here.device.obey(ASKED)
    assert (here.said, here.collected) == ([WAITING, GIVEN], 1)


async def test_a_request_is_answered_once_however_often_it_is_repeated() -> None:
    here = World()
    await here.device.obey(ASKED)
    await here.device.decide("", approved=True)
    for _ in range(3):
        await here.device.obey(ASKED)
        here.restart()
    assert here.said == [WAITING, GIVEN]
    assert here.device.waiting() is None


async def test_an_owner_who_says_no_is_told_of_and_nothing_is_collected() -> None:
    here = World()
    await here.device.obey(ASKED)
    await here.device.decide("", approved=False)
    await here.device.obey(ASKED)
    assert (here.said, here.collected) == ([WAITING, REFUSED], 0)
    with pytest.raises(FieldwiseError) as caught:
        await here.device.decide("", approved=True)
    assert caught.value.fault is Fault.NOT_FOUND


async def test_an_owner_may_settle_on_always_or_never() -> None:
    always, never = World(DiagnosisRule.ALWAYS), World(DiagnosisRule.NEVER)
    for here in (always, never):
        await here.device.obey(ASKED)
        await here.device.obey(ASKED)
    assert (always.said, never.said) == ([GIVEN], [REFUSED])
    assert never.collected == 0


async def test_the_owners_word_outlives_a_restart() -> None:
    here = World()
    await here.device.obey(ASKED)
    here.member.refuses = AWAY
    await here.device.decide("", approved=True)
    await here.device.obey(ASKED)
    here.restart()
    here.member.refuses = None
    await here.device.obey(None)
    assert here.said == [WAITING, GIVEN]


async def test_what_could_not_be_sent_is_sent_with_the_next_check_in() -> None:
    here = World()
    here.member.refuses = AWAY
    await here.device.obey(ASKED)
    here.member.refuses = None
    await here.device.obey(ASKED)
    assert here.said == [WAITING]


async def test_a_word_may_be_taken_back_until_it_is_sent() -> None:
    here = World()
    await here.device.obey(ASKED)
    await here.device.decide("", approved=True)
    await here.device.decide("", approved=False)
    await here.device.obey(ASKED)
    assert (here.said, here.collected) == ([WAITING, REFUSED], 0)


async def test_an_owner_who_settles_on_never_takes_his_yes_back() -> None:
    here = World()
    await here.device.obey(ASKED)
    await here.device.decide("", approved=True)
    here.rule = DiagnosisRule.NEVER
    here.restart()
    await here.device.obey(ASKED)
    assert (here.said, here.collected) == ([WAITING, REFUSED], 0)


async def test_a_yes_is_worth_nothing_once_the_time_is_over() -> None:
    here = World()
    await here.device.obey(ASKED)
    await here.device.decide("", approved=True)
    here.clock.seconds += HOUR
    await here.device.obey(None)
    assert (here.said, here.collected) == ([WAITING], 0)
    assert here.device.waiting() is None


async def test_the_time_is_not_the_wall_clocks_while_the_daemon_runs() -> None:
    here = World()
    here.clock.wall_seconds = 0.0
    await here.device.obey(ASKED)
    here.clock.wall_seconds = 1_800_000_000.0
    assert here.device.waiting() is not None


async def test_after_a_restart_the_wall_clocks_word_is_taken_until_it_is_asked_again() -> None:
    here = World()
    await here.device.obey(ASKED)
    here.clock.wall_seconds += HOUR - 60
    here.restart()
    waiting = here.device.waiting()
    assert waiting is not None
    assert waiting.seconds == 60
    here.clock.wall_seconds += 60
    assert here.device.waiting() is None
    await here.device.obey(DiagnosisRequest(REQUEST, 90))
    waiting = here.device.waiting()
    assert waiting is not None
    assert waiting.seconds == 90


async def test_another_fleet_hears_nothing_of_a_request_and_gets_no_answer() -> None:
    here = World()
    await here.device.obey(ASKED)
    await here.device.decide("", approved=True)
    here.member.membership = msgspec.structs.replace(member(), device_id="another")
    await here.device.obey(None)
    here.member.membership = None
    await here.device.obey(ASKED)
    assert (here.said, here.collected) == ([WAITING], 0)
    assert here.device.waiting() is None


async def test_a_newer_request_takes_the_place_of_an_older_one() -> None:
    here = World()
    await here.device.obey(ASKED)
    await here.device.obey(DiagnosisRequest(OTHER, HOUR))
    with pytest.raises(FieldwiseError) as caught:
        await here.device.decide(REQUEST, approved=True)
    assert caught.value.fault is Fault.NOT_FOUND
    await here.device.decide(OTHER, approved=False)
    await here.device.obey(None)
    assert [(each.id, each.step) for each in here.said] == [
        (REQUEST, DiagnosisStep.WAITING),
        (OTHER, DiagnosisStep.WAITING),
        (OTHER, DiagnosisStep.REFUSED),
    ]


async def test_a_word_that_cannot_be_kept_is_none() -> None:
    here = World()
    await here.device.obey(ASKED)
    here.journal.full = True
    with pytest.raises(FieldwiseError) as caught:
        await here.device.decide("", approved=True)
    assert caught.value.fault is Fault.DISK_FULL
    here.journal.full = False
    await here.device.obey(ASKED)
    assert (here.said, here.collected) == ([WAITING], 0)


async def test_the_next_check_in_comes_at_once_after_the_owners_word() -> None:
    here, hurried = World(), []
    here.device.hurry = lambda: hurried.append(1)
    await here.device.obey(ASKED)
    await here.device.decide("", approved=True)
    assert hurried == [1]
