"""Rounds: nothing leaves without the owner's word, and each is answered once."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from agent.config import AgentSettings
from agent.federation import federating
from agent.federation.standing import ConsentNote, Task
from agent.reporting import Orders
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, RoundStep, UpdateReceipt
from tests.fakes.membership import member
from tests.fakes.taught import Device
from tests.federated import World, offer_to, task_for

AWAY = FieldwiseError(Fault.UNREACHABLE, "nobody there")


@pytest.fixture
def world() -> World:
    device = Device()
    device.teach(0, 60)
    return World(device)


def sent(world: World) -> list[int]:
    """The rounds of the updates that left."""
    return [update.round for update, _ in world.fleet.updates]


async def test_nothing_leaves_before_the_owner_agrees(world: World) -> None:
    offer = offer_to(world.device)
    standing = await world.offered(offer)
    assert (standing.step, sent(world), world.ledger.entries) == (RoundStep.NOT_AGREED, [], [])
    assert world.federating.report() is not None
    await world.agree()
    standing = await world.offered(offer)
    assert (standing.step, sent(world)) == (RoundStep.ANSWERED, [1])
    assert (standing.updates, standing.bytes) == (1, 6 * 24 * 4)
    assert world.ledger.entries[0][:2] == ("consent", 0)


async def test_a_device_that_never_took_part_tells_nothing(world: World) -> None:
    assert world.federating.report() is None
    await world.agree()
    report = world.federating.report()
    assert report is not None
    assert (report.consent, report.step, report.outcome) == (Consent.WEIGHTS, None, None)


async def test_agreeing_to_weights_is_not_agreeing_to_statistics(world: World) -> None:
    offer = offer_to(world.device, Consent.STATISTICS)
    world.fleet.task = task_for(world.device, Consent.STATISTICS)
    await world.agree(Consent.WEIGHTS)
    assert (await world.offered(offer)).step is RoundStep.NOT_AGREED
    await world.agree(Consent.STATISTICS)
    assert (await world.offered(offer)).step is RoundStep.ANSWERED
    assert (await world.offered(offer_to(world.device, number=2))).campaign == "c7"


async def test_an_orchestrator_cannot_ask_for_more_than_it_offered(world: World) -> None:
    await world.agree(Consent.WEIGHTS)
    world.fleet.task = task_for(world.device, Consent.STATISTICS)
    assert (await world.offered(offer_to(world.device))).step is RoundStep.UNSUITABLE
    assert sent(world) == []


async def test_a_round_is_answered_once_however_often_it_is_offered(world: World) -> None:
    await world.agree()
    for _ in range(3):
        await world.offered(offer_to(world.device))
        world.restart()
    assert sent(world) == [1]


async def test_an_answer_that_was_lost_is_given_again_as_it_was(world: World) -> None:
    await world.agree()
    world.fleet.refuses = AWAY
    with pytest.raises(FieldwiseError):
        await world.offered(offer_to(world.device))
    world.fleet.refuses = None
    world.restart()
    await world.offered(offer_to(world.device))
    ((update, words),) = world.fleet.updates
    assert [row.samples for row in update.rows] == [10] * 6
    assert "campaign c7 for round 1" in words
    assert "60 samples of 6 classes" in words


async def test_what_came_late_leaves_for_the_next_round(world: World) -> None:
    await world.agree()
    world.fleet.receipts = [UpdateReceipt.LATE, UpdateReceipt.TAKEN]
    assert (await world.offered(offer_to(world.device))).step is RoundStep.REFUSED
    world.fleet.task = task_for(world.device, number=2)
    assert (await world.offered(offer_to(world.device, number=2))).step is RoundStep.ANSWERED
    world.fleet.task = task_for(world.device, number=3)
    assert (await world.offered(offer_to(world.device, number=3))).step is RoundStep.TOO_FEW
    assert sent(world) == [1, 2]


async def test_what_leaves_is_written_down_before(world: World) -> None:
    await world.agree()
    world.notes.full = True
    with pytest.raises(FieldwiseError):
        await world.offered(offer_to(world.device))
    assert sent(world) == []


async def test_a_consent_ends_by_itself_and_stays_over(world: World) -> None:
    await world.agree(until=world.clock.wall() + 100)
    world.clock.wall_seconds += 101
    assert (await world.offered(offer_to(world.device))).step is RoundStep.NOT_AGREED
    assert world.notes.note == ConsentNote()
    world.clock.wall_seconds -= 1000
    world.restart()
    assert (await world.offered(offer_to(world.device))).step is RoundStep.NOT_AGREED
    assert sent(world) == []


async def test_a_clock_that_is_set_back_while_nothing_runs_brings_no_consent_to_life(
    world: World,
) -> None:
    """Nobody was there to see it end; but something left after that."""
    await world.agree(until=world.clock.wall() + 100)
    world.ledger.append("check-in", 10, "says that it is there", world.clock.wall() + 101)
    world.restart()
    assert (await world.offered(offer_to(world.device))).step is RoundStep.NOT_AGREED
    assert (world.notes.note, sent(world)) == (ConsentNote(), [])


async def test_a_clock_that_was_far_ahead_once_keeps_nobody_from_agreeing_until_a_date(
    world: World,
) -> None:
    await world.agree(until=world.clock.wall() + 100)
    world.clock.wall_seconds += 1e9
    await world.offered(offer_to(world.device))
    world.clock.wall_seconds -= 1e9
    await world.agree(until=world.clock.wall() + 100)
    for _ in range(2):
        assert world.consents.now() is Consent.WEIGHTS
        world.restart(fresh=False)
    assert (await world.offered(offer_to(world.device))).step is RoundStep.ANSWERED


async def test_an_end_that_has_passed_or_of_nothing_is_refused(world: World) -> None:
    for consent, until in ((Consent.WEIGHTS, world.clock.wall()), (Consent.OFF, 2e9)):
        with pytest.raises(FieldwiseError) as raised:
            await world.agree(consent, until)
        assert raised.value.fault is Fault.INVALID_ARGUMENT
    assert world.notes.note == ConsentNote()


async def test_who_withdraws_and_agrees_again_gives_everything_again(world: World) -> None:
    await world.agree()
    await world.offered(offer_to(world.device))
    await world.agree(Consent.OFF)
    await world.agree()
    world.fleet.task = task_for(world.device, number=2)
    assert (await world.offered(offer_to(world.device, number=2))).step is RoundStep.ANSWERED


async def test_who_agrees_again_after_an_end_that_nobody_noted_gives_everything_again(
    world: World,
) -> None:
    await world.agree(until=world.clock.wall() + 100)
    await world.offered(offer_to(world.device))
    world.clock.wall_seconds += 101
    await world.agree()
    world.fleet.task = task_for(world.device, number=2)
    assert (await world.offered(offer_to(world.device, number=2))).step is RoundStep.ANSWERED


async def test_a_consent_with_another_end_makes_nothing_leave_again(world: World) -> None:
    await world.agree()
    await world.offered(offer_to(world.device))
    await world.agree(until=world.clock.wall() + 100)
    world.fleet.task = task_for(world.device, number=2)
    assert (await world.offered(offer_to(world.device, number=2))).step is RoundStep.TOO_FEW


@pytest.mark.parametrize("lower", [Consent.OFF, Consent.WEIGHTS])
async def test_a_full_ledger_keeps_nobody_from_agreeing_to_less(
    world: World, lower: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.agree(Consent.STATISTICS)

    def refuse(*_: object) -> None:
        raise FieldwiseError(Fault.DISK_FULL, "no room")

    monkeypatch.setattr(world.ledger, "append", refuse)
    for consent in (lower, Consent.STATISTICS):
        with pytest.raises(FieldwiseError):
            await world.agree(consent)
        assert world.notes.note.consent is lower


async def test_an_update_is_broken_off_by_who_withdraws_or_forgets_meanwhile(
    world: World,
) -> None:
    async def withdraw() -> None:
        await world.agree(Consent.OFF)

    async def lapse() -> None:
        world.clock.wall_seconds += 101

    async def forget() -> None:
        world.device.forget(class_name="class 1")

    await world.agree()
    world.fleet.meanwhile = forget
    assert (await world.offered(offer_to(world.device))).step is RoundStep.WAITING
    world.fleet.meanwhile = withdraw
    assert (await world.offered(offer_to(world.device))).step is RoundStep.NOT_AGREED
    await world.agree(until=world.clock.wall() + 100)
    world.fleet.meanwhile = lapse
    standing = await world.offered(offer_to(world.device))
    assert (standing.step, standing.updates, sent(world)) == (RoundStep.NOT_AGREED, 0, [])
    await world.agree()
    world.fleet.meanwhile = forget_nothing
    assert (await world.offered(offer_to(world.device))).step is RoundStep.ANSWERED
    ((update, _),) = world.fleet.updates
    assert len(update.rows) == 5  # not the one that was forgotten


async def forget_nothing() -> None:
    """Nothing happens while an update is on its way."""


async def test_another_fleet_has_neither_the_consent_nor_what_left_before(world: World) -> None:
    await world.agree()
    await world.offered(offer_to(world.device))
    world.fleet.membership = msgspec.structs.replace(member(), device_id="another")
    assert world.federating.report() is None  # also before anything is noticed
    assert (await world.offered(offer_to(world.device))).step is RoundStep.NOT_AGREED
    await world.agree()
    assert (await world.offered(offer_to(world.device))).step is RoundStep.ANSWERED
    assert sent(world) == [1, 1]


async def test_a_round_for_idle_devices_waits_for_silence(world: World) -> None:
    await world.agree()
    offer = replace(offer_to(world.device), only_idle=True)
    world.fleet.task = replace(task_for(world.device), offer=offer)
    world.silent = 1.0
    assert (await world.offered(offer)).step is RoundStep.WAITING
    world.silent, world.busy = 1000.0, True
    assert (await world.offered(offer)).step is RoundStep.WAITING
    world.busy = False
    assert (await world.offered(offer)).step is RoundStep.ANSWERED


async def test_a_round_on_conditions_waits_for_the_owners_hook(world: World) -> None:
    await world.agree()
    offer = replace(offer_to(world.device), only_on_conditions=True)
    world.fleet.task = replace(task_for(world.device), offer=offer)
    standing = await world.offered(offer)
    assert (standing.step, sent(world), world.hurried) == (RoundStep.NO_HOOK, [], 2)
    world.notes.stands = msgspec.structs.replace(standing, step=None)
    for met, step in ((False, RoundStep.WAITING), (True, RoundStep.ANSWERED)):
        world.conditions = met
        world.restart(fresh=False)
        assert (await world.offered(offer)).step is step


async def test_a_round_that_is_over_is_left_alone(world: World) -> None:
    await world.agree()
    world.fleet.task = None
    assert (await world.offered(offer_to(world.device))).step is RoundStep.REFUSED
    offer = replace(offer_to(world.device, number=2), seconds=0)
    await world.offered(offer)
    assert (world.notes.stands.round, sent(world)) == (1, [])


async def test_a_round_about_another_backbone_is_unsuitable(world: World) -> None:
    await world.agree()
    space = replace(offer_to(world.device).space, bundle="ef" * 32)
    standing = await world.offered(replace(offer_to(world.device), space=space))
    assert (standing.step, world.hurried > 1) == (RoundStep.UNSUITABLE, True)


async def test_what_went_wrong_is_not_tried_again_with_every_check_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, again = 0, asyncio.Event()

    async def away(campaign: str, round_number: int) -> Task:
        nonlocal tried
        tried += 1
        again.set()
        raise AWAY

    def hear(number: int, seconds: int) -> None:
        offer = replace(offer_to(world.device, number=number), seconds=seconds)
        world.federating.hear(Orders(None, None, None, "", 60, 0, round=offer))

    monkeypatch.setattr(world.fleet, "fetch_task", away)
    monkeypatch.setattr(federating, "FAILED_SECONDS", (1e6, 1e6))
    await world.agree()
    running = asyncio.create_task(world.federating.run())
    for number in (1, 2):
        hear(number, 600)
        await again.wait()
        again.clear()
        for seconds in range(30):
            hear(number, seconds + 100)
            await asyncio.sleep(0.01)
        assert tried == number
    running.cancel()
    await asyncio.wait({running})


async def test_outside_a_fleet_nothing_happens(world: World) -> None:
    await world.agree()
    world.fleet.membership = None
    await world.offered(offer_to(world.device))
    assert (sent(world), world.notes.stands.step) == ([], None)


async def test_the_owner_sees_what_may_leave(world: World) -> None:
    await world.agree()
    state = world.federating.state()
    assert [(each.name, each.samples, each.changed, each.ready) for each in state.classes] == [
        (f"class {number}", 10, 10, True) for number in range(6)
    ]
    await world.offered(offer_to(world.device))
    world.device.forget(sample_id="s3")
    after = {each.name: each for each in world.federating.state().classes}
    assert (after["class 3"].samples, after["class 3"].changed, after["class 3"].ready) == (
        9,
        1,
        False,
    )
    assert world.federating.state().updates == 1


async def test_names_are_shared_however_they_are_composed(world: World) -> None:
    image = world.device.images[0]
    for number in range(10):
        world.learner.teach(f"e{number}", image, "\u00e9tau", "", 1e6 + number)
    world.settings = AgentSettings(shared_classes=("e\u0301tau",))
    world.restart(fresh=False)
    (found,) = world.federating.state().classes
    assert (found.name, found.samples, found.ready) == ("\u00e9tau", 10, True)
