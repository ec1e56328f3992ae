"""A device that has to wait for a fleet's word keeps asking, with one key, until there is one."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.applying import RETRY_SECONDS, SLOWER_MAX, SPREAD, Applying
from agent.device.identity import IdentityFolder
from agent.fleet import Fleet
from agent.ports import Identity
from agent.reporting import Application, Credentials, DeviceFacts, Membership, Pending
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import requested_key
from fieldwise.ticket import Ticket, encode_ticket
from orchestrator.enrolment.authority import fingerprint_of
from tests.fakes.agent import PlayedOrchestrator
from tests.fakes.membership import MemoryIdentity, credentials, no_revival
from tests.fakes.trusted import MemoryPublisher

FACTS = DeviceFacts("0.1.0", "x86_64", 1 << 30, 2)
TICKET = encode_ticket(Ticket("localhost:8444", b"authority", "fleet", "t1", b"s" * 32))
OTHER = encode_ticket(Ticket("localhost:8444", b"authority", "fleet", "t2", b"s" * 32))


class Undecided:
    """A fleet that makes devices wait until it is told what to say."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.says: FieldwiseError | Credentials | None = None
        self.retry_seconds = 60
        self.lies = False

    async def __call__(
        self, ticket: Ticket, request: bytes, facts: DeviceFacts
    ) -> Credentials | Pending:
        key = fingerprint_of(requested_key(request))
        self.asked.append((ticket.ticket_id, key))
        if isinstance(self.says, FieldwiseError):
            raise self.says
        return self.says or Pending("0" * 64 if self.lies else key, self.retry_seconds)

    @property
    def keys(self) -> set[str]:
        return {key for _, key in self.asked}


@pytest.fixture(params=["memory", "folder"])
def identity(request: pytest.FixtureRequest, tmp_path: Path) -> Identity:
    return MemoryIdentity() if request.param == "memory" else IdentityFolder(tmp_path / "identity")


@pytest.fixture
def undecided() -> Undecided:
    return Undecided()


def fleet(identity: Identity, undecided: Undecided) -> Fleet:
    publisher = MemoryPublisher()
    return Fleet(identity, lambda _: PlayedOrchestrator(), undecided, publisher, no_revival)


async def waiting(identity: Identity, undecided: Undecided) -> Fleet:
    here = fleet(identity, undecided)
    given = await here.join(TICKET, FACTS)
    assert isinstance(given, Application)
    return here


async def until(seen: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if seen():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it was never so")


async def test_a_device_waits_and_joins_with_the_key_that_it_showed(
    identity: Identity, undecided: Undecided
) -> None:
    here = await waiting(identity, undecided)
    assert here.application is not None
    shown = here.application.fingerprint
    await here.ask_again(FACTS)
    undecided.says = credentials()
    await here.ask_again(FACTS)
    assert undecided.keys == {shown}
    assert here.membership is not None
    assert here.application is None
    assert isinstance(fleet(identity, undecided).membership, Membership)
    assert fleet(identity, undecided).application is None


async def test_a_device_that_waits_still_does_after_a_restart(
    identity: Identity, undecided: Undecided
) -> None:
    before = await waiting(identity, undecided)
    after = fleet(identity, undecided)
    assert after.application == before.application
    undecided.says = credentials()
    await after.ask_again(FACTS)
    assert after.membership is not None
    assert len(undecided.keys) == 1


async def test_whoever_is_rejected_waits_no_more_and_begins_anew_with_another_key(
    identity: Identity, undecided: Undecided
) -> None:
    here = await waiting(identity, undecided)
    undecided.says = FieldwiseError(Fault.ADMISSION_REFUSED, "not ours")
    with pytest.raises(FieldwiseError):
        await here.ask_again(FACTS)
    assert (here.application, here.complaint) == (None, "not ours")
    assert fleet(identity, undecided).application is None
    await here.ask_again(FACTS)
    assert len(undecided.asked) == 2, "nobody is asked any more"
    undecided.says = None
    await here.join(TICKET, FACTS)
    assert len(undecided.keys) == 2
    assert here.complaint == ""


async def test_a_ticket_that_was_revoked_ends_the_wait_and_keeps_the_key(
    identity: Identity, undecided: Undecided
) -> None:
    here = await waiting(identity, undecided)
    undecided.says = FieldwiseError(Fault.TICKET_INVALID, "the ticket t1 was revoked")
    with pytest.raises(FieldwiseError):
        await here.ask_again(FACTS)
    assert fleet(identity, undecided).application is None
    undecided.says = credentials()
    await here.join(OTHER, FACTS)
    assert len(undecided.keys) == 1


async def test_a_device_that_was_removed_while_it_waited_still_waits_after_a_restart(
    identity: Identity, undecided: Undecided
) -> None:
    here = await waiting(identity, undecided)
    undecided.says = FieldwiseError(Fault.DEVICE_REMOVED, "the device was taken out of the fleet")
    with pytest.raises(FieldwiseError):
        await here.ask_again(FACTS)
    undecided.says = None
    again = fleet(identity, undecided)
    assert again.application is not None
    await again.ask_again(FACTS)
    assert again.application.fingerprint == undecided.asked[-1][1]
    assert fleet(identity, undecided).application == again.application
    assert len(undecided.keys) == 2


async def test_another_ticket_that_is_none_does_not_end_the_wait(
    identity: Identity, undecided: Undecided
) -> None:
    here = await waiting(identity, undecided)
    undecided.says = FieldwiseError(Fault.TICKET_INVALID, "the ticket is not known here")
    with pytest.raises(FieldwiseError):
        await here.join(OTHER, FACTS)
    assert here.application is not None
    assert here.application.ticket == TICKET


async def test_another_ticket_takes_the_place_of_the_first(
    identity: Identity, undecided: Undecided
) -> None:
    here = await waiting(identity, undecided)
    await here.join(OTHER, FACTS)
    await here.ask_again(FACTS)
    assert [ticket for ticket, _ in undecided.asked] == ["t1", "t2", "t2"]


@pytest.mark.parametrize("fault", [Fault.UNREACHABLE, Fault.BUSY, Fault.UNAVAILABLE])
async def test_a_fleet_that_says_nothing_is_waited_for(fault: Fault, undecided: Undecided) -> None:
    here = await waiting(MemoryIdentity(), undecided)
    undecided.says = FieldwiseError(fault, "nobody answers")
    with pytest.raises(FieldwiseError):
        await here.ask_again(FACTS)
    assert here.application is not None
    assert here.complaint == "nobody answers"
    undecided.says = None
    await here.ask_again(FACTS)
    assert here.complaint == ""


async def test_a_device_may_leave_while_it_waits(identity: Identity, undecided: Undecided) -> None:
    here = await waiting(identity, undecided)
    assert await here.leave() is False
    assert here.application is None
    assert fleet(identity, undecided).application is None
    with pytest.raises(FieldwiseError) as caught:
        await here.leave()
    assert caught.value.fault is Fault.NOT_JOINED


async def test_an_answer_about_another_key_is_none(undecided: Undecided) -> None:
    undecided.lies = True
    here = fleet(MemoryIdentity(), undecided)
    with pytest.raises(FieldwiseError):
        await here.join(TICKET, FACTS)
    assert here.application is None


async def test_the_daemon_asks_until_there_is_an_answer(undecided: Undecided) -> None:
    here = fleet(MemoryIdentity(), undecided)
    applying = Applying(here, lambda: FACTS)
    applying.pause_seconds = lambda waiting: 0.0  # type: ignore[method-assign]  # no waits in tests
    running = asyncio.create_task(applying.run())
    await asyncio.sleep(0)
    assert undecided.asked == []
    await here.join(TICKET, FACTS)
    await until(lambda: len(undecided.asked) > 2)
    undecided.says = FieldwiseError(Fault.UNREACHABLE, "nobody answers")
    await until(lambda: bool(here.complaint))
    undecided.says = credentials()
    await until(lambda: here.membership is not None)
    known = len(undecided.asked)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(undecided.asked) == known
    running.cancel()


def waits(retry_seconds: int, tries: int = 200) -> list[float]:
    applying = Applying(fleet(MemoryIdentity(), Undecided()), lambda: FACTS)
    found = []
    for _ in range(tries):
        found.append(applying.pause_seconds(Application(TICKET, "fleet", "f1", retry_seconds)))
        applying._tries += 1
    return found


def test_devices_that_were_told_the_same_do_not_come_at_the_same_time() -> None:
    found = waits(60)
    assert 60 * (1 - SPREAD) <= min(found) < 55
    assert 65 < max(found) <= 60 * (1 + SPREAD)


@pytest.mark.parametrize("told", [0, 2**32 - 1])
def test_no_fleet_makes_a_device_ask_all_the_time_or_never(told: int) -> None:
    lowest, highest = RETRY_SECONDS
    assert all(lowest * (1 - SPREAD) <= each <= highest * (1 + SPREAD) for each in waits(told))


async def test_a_fleet_that_cannot_be_reached_is_asked_less_often(undecided: Undecided) -> None:
    here = await waiting(MemoryIdentity(), undecided)
    applying = Applying(here, lambda: FACTS)
    undecided.says = FieldwiseError(Fault.UNREACHABLE, "nobody answers")
    for _ in range(SLOWER_MAX + 5):
        await applying.once()
    assert here.application is not None
    assert applying.pause_seconds(here.application) >= 60 * SLOWER_MAX * (1 - SPREAD)
    undecided.says = None
    await applying.once()
    assert applying.pause_seconds(here.application) <= 60 * (1 + SPREAD)


async def test_the_ticket_is_the_owners_alone_and_told_to_nobody(
    tmp_path: Path, undecided: Undecided
) -> None:
    here = await waiting(IdentityFolder(tmp_path / "identity"), undecided)
    kept = tmp_path / "identity" / "application.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert TICKET not in repr(here.application)


def test_an_application_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "application.json").write_bytes(b"{rubbish")
    with pytest.raises(FieldwiseError, match=r"application\.json cannot be read"):
        IdentityFolder(tmp_path / "identity").application()
