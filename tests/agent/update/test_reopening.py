"""A pair that waits for its owner goes on waiting after a restart, opened and learning."""

import asyncio

import pytest

from agent.update.events import Confirmed
from agent.update.installer import Installer
from fieldwise.errors import Fault
from fieldwise.update import UpdateHold, UpdatePhase
from tests.fakes.installing import Hands, Rules, begin, installer_of, journal, settle


async def held_again(hands: Hands) -> Installer[str]:
    """One that waited for its owner when the agent ended, in its next life."""
    book = journal()
    await settle(await begin(Hands(), book, rules=Rules(confirmation=True)))
    again = installer_of(book, hands, rules=Rules(confirmation=True))
    await again.resume()
    return again


async def opened(installer: Installer[str]) -> None:
    assert installer._opening is not None
    await asyncio.wait([installer._opening])


async def test_what_waits_for_its_owner_is_there_again_after_a_restart_and_opened_once() -> None:
    hands = Hands()
    installer = await held_again(hands)
    await opened(installer)
    assert hands.done == ["migrate"]
    await installer.tell(Confirmed())
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE
    assert hands.done.count("migrate") == 1


async def test_the_owners_yes_does_not_wait_for_what_is_being_opened() -> None:
    hands = Hands()
    installer = await held_again(hands)
    await installer.tell(Confirmed())
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE
    assert installer._opening is None


@pytest.mark.parametrize("hands", [Hands(kept=False), Hands(faults={"migrate": Fault.DISK_FULL})])
async def test_what_cannot_be_opened_again_waits_on(hands: Hands) -> None:
    installer = await held_again(hands)
    await opened(installer)
    held = installer.state
    assert (held.phase, held.hold) == (UpdatePhase.JUDGING, UpdateHold.CONFIRMATION)
    assert installer._made is None
    hands.faults.clear()
    await installer.tell(Confirmed())
    assert (await settle(installer)).phase is UpdatePhase.ACTIVE


async def test_a_stop_ends_what_is_being_opened() -> None:
    installer = await held_again(Hands())
    opening = installer._opening
    await installer.stop()
    assert opening is not None
    await asyncio.wait([opening])
    assert opening.cancelled()
