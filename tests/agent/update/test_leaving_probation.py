"""A probation that is cut short: the pair that was proven last serves, if it can be opened."""

import asyncio
import threading
from dataclasses import replace

import pytest

from agent.update.events import Event, Installed, Pair, Restarted, Targeted
from agent.update.signs import RESTARTS_MAX
from fieldwise.errors import Fault
from fieldwise.update import UpdatePhase
from tests.fakes.installing import (
    NEW,
    NEW_PAIR,
    OLD,
    OLD_PAIR,
    OTHER,
    Hands,
    begin,
    installer_of,
    journal,
    reach,
)


async def test_a_file_installed_on_probation_is_tried_while_the_proven_pair_serves() -> None:
    hands, book = Hands(still_watching=asyncio.Event()), journal()
    installer = await begin(hands, book)
    await reach(installer, UpdatePhase.PROBATION)
    hands.on_trial = threading.Event()
    await installer.tell(Installed(OTHER))
    assert (installer.state.phase, installer.state.in_use) == (UpdatePhase.VERIFYING, OLD_PAIR)
    assert (hands.serving, book.update()) == (OLD, installer.state)
    hands.on_trial.set()
    state = await reach(installer, UpdatePhase.PROBATION)
    assert (state.in_use, state.before) == (Pair(OTHER, "fp32"), OLD_PAIR)
    await installer.stop()


@pytest.mark.parametrize(
    "word",
    [Installed(OTHER), Targeted(5, OLD, back=True), Restarted()],
    ids=["install", "back", "restart"],
)
async def test_nobody_is_kept_from_leaving_probation_by_a_pair_that_cannot_be_opened(
    word: Event,
) -> None:
    book = journal()
    first = await begin(Hands(still_watching=asyncio.Event()), book)
    await reach(first, UpdatePhase.PROBATION)
    await first.stop()
    book.write_update(replace(book.update(), restarts=RESTARTS_MAX))
    hands = Hands(serving=NEW, faults={"open": Fault.GRAPH_FAILED}, missing_bytes=1)
    hands.on_trial = threading.Event()
    again = installer_of(book, hands)
    assert await again.tell(word)
    assert again.state.phase is not UpdatePhase.PROBATION
    assert (again.state.in_use, again.state.before, hands.serving) == (NEW_PAIR, None, NEW)
    await again.stop()
