"""Asking for diagnoses: what operators see of a request as time and device go on."""

from dataclasses import dataclass, field, replace

import pytest

from fieldwise.diagnosis import DiagnosisRule, DiagnosisStep
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.check_in import CheckIns, DiagnosisAsked
from orchestrator.fleet.diagnosing import Diagnosing
from orchestrator.fleet.diagnosis import LIFETIME_SECONDS, Answer, DiagnosisState
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from tests.diagnoses import DIAGNOSIS, OTHER
from tests.fleet_records import CountedEntropy, SetClock, caller, join, report

HOUR = 3600
ASK = DiagnosisRule.ASK
GIVEN = Answer(DiagnosisStep.GIVEN, DIAGNOSIS)


@dataclass
class Fleet:
    stores: Stores = field(default_factory=memory_stores)
    clock: SetClock = field(default_factory=SetClock)
    reports: int = 0

    def __post_init__(self) -> None:
        self.entropy = CountedEntropy()
        self.diagnosing = Diagnosing(
            self.stores.diagnoses, self.stores.devices, self.clock, self.entropy
        )
        self.check_ins = CheckIns(self.stores.check_ins, self.clock)

    async def ask(self, *, again: bool = False) -> tuple[str, DiagnosisState]:
        seen = await self.diagnosing.ask("d1", HOUR, again=again)
        return seen.request.id, seen.state

    async def state(self) -> DiagnosisState:
        return (await self.diagnosing.list("d1"))[0].state

    async def call(self, rule: DiagnosisRule | None = ASK) -> DiagnosisAsked | None:
        self.reports += 1
        told = replace(report(self.reports), diagnosis_rule=rule)
        return (await self.check_ins.check_in(caller("d1"), told)).diagnosis


@pytest.fixture
async def fleet() -> Fleet:
    made = Fleet()
    await join(made.stores, "d1")
    return made


async def test_a_device_is_asked_at_every_check_in_until_it_has_answered(fleet: Fleet) -> None:
    assert await fleet.call() is None
    request, state = await fleet.ask()
    assert state is DiagnosisState.ASKED
    assert await fleet.call() == DiagnosisAsked(request, HOUR)
    fleet.clock.pass_by(60)
    assert await fleet.call() == DiagnosisAsked(request, HOUR - 60)
    await fleet.diagnosing.answer("d1", request, Answer(DiagnosisStep.WAITING))
    assert await fleet.state() is DiagnosisState.WAITING
    assert await fleet.call() == DiagnosisAsked(request, HOUR - 60)
    await fleet.diagnosing.answer("d1", request, GIVEN)
    assert await fleet.call() is None
    (seen,) = await fleet.diagnosing.list("d1")
    assert (seen.state, seen.request.diagnosis) == (DiagnosisState.GIVEN, DIAGNOSIS)


async def test_asking_again_without_meaning_it_tells_how_the_request_stands(fleet: Fleet) -> None:
    request, _ = await fleet.ask()
    assert await fleet.ask() == (request, DiagnosisState.ASKED)
    assert await fleet.ask(again=True) == (request, DiagnosisState.ASKED)
    await fleet.diagnosing.answer("d1", request, Answer(DiagnosisStep.REFUSED))
    assert await fleet.ask() == (request, DiagnosisState.REFUSED)
    anew, state = await fleet.ask(again=True)
    assert (anew != request, state) == (True, DiagnosisState.ASKED)


async def test_a_request_ends_with_its_time(fleet: Fleet) -> None:
    request, _ = await fleet.ask()
    fleet.clock.pass_by(HOUR - 1)
    assert await fleet.call() == DiagnosisAsked(request, 1)
    fleet.clock.pass_by(1)
    assert await fleet.call() is None
    assert await fleet.state() is DiagnosisState.EXPIRED
    anew, _ = await fleet.ask(again=True)
    assert anew != request


async def test_an_agent_that_knows_no_diagnoses_is_not_asked_and_told_as_such(
    fleet: Fleet,
) -> None:
    await fleet.call(None)
    await fleet.check_ins.flush()
    request, state = await fleet.ask()
    assert state is DiagnosisState.UNSUPPORTED
    assert await fleet.call(None) is None
    assert await fleet.call(ASK) == DiagnosisAsked(request, HOUR)  # it was updated


async def test_what_comes_for_a_request_that_is_none_is_let_go_or_refused(fleet: Fleet) -> None:
    await fleet.diagnosing.answer("d1", OTHER, GIVEN)
    assert list(await fleet.diagnosing.list("d1")) == []
    with pytest.raises(FieldwiseError) as caught:
        await fleet.diagnosing.answer("d1", "r1", GIVEN)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


async def test_a_stranger_is_not_asked(fleet: Fleet) -> None:
    for wanted in (fleet.diagnosing.ask("d2", HOUR, again=False), fleet.diagnosing.list("d2")):
        with pytest.raises(FieldwiseError) as caught:
            await wanted
        assert caught.value.fault is Fault.NOT_FOUND


@pytest.mark.parametrize("seconds", [LIFETIME_SECONDS[0] - 1, LIFETIME_SECONDS[1] + 1])
async def test_a_lifetime_has_bounds(fleet: Fleet, seconds: int) -> None:
    with pytest.raises(FieldwiseError) as caught:
        await fleet.diagnosing.ask("d1", seconds, again=False)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("step", DiagnosisStep)
def test_a_diagnosis_comes_where_it_was_allowed_and_only_there(step: DiagnosisStep) -> None:
    contradiction = None if step is DiagnosisStep.GIVEN else DIAGNOSIS
    with pytest.raises(FieldwiseError) as caught:
        Answer(step, contradiction)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
