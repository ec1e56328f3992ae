"""What a start does with the pair that the journal names, however often it is killed doing so."""

import pytest

from agent.update.events import Pair, UpdateState, Wish
from agent.update.recovery import recover
from agent.update.signs import RESTARTS_MAX
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from tests.fakes.agent import MemoryJournal

OLD, NEW = Pair("a" * 64, "fp32"), Pair("b" * 64, "int8")
PROBATION = UpdateState(
    generation=4,
    wish=Wish(NEW.digest),
    variant="int8",
    phase=UpdatePhase.PROBATION,
    work=8,
    in_use=NEW,
    before=OLD,
)


class Killed(BaseException):
    """Opening killed the process."""


class Opening:
    """Opens pairs, but for those that a test spoiled."""

    def __init__(self, spoiled: dict[Pair, BaseException] | None = None) -> None:
        self.spoiled = spoiled or {}

    def __call__(self, pair: Pair) -> str:
        if pair in self.spoiled:
            raise self.spoiled[pair]
        return pair.digest


def damaged(fault: Fault = Fault.GRAPH_FAILED) -> FieldwiseError:
    return FieldwiseError(fault, "it cannot be opened")


def test_a_sound_start_leaves_the_journal_as_it_was() -> None:
    journal = MemoryJournal([PROBATION])
    assert recover(journal, Opening()) == NEW.digest
    assert journal.update() == PROBATION


def test_a_pair_on_probation_that_kills_whoever_opens_it_is_found_out() -> None:
    journal = MemoryJournal([PROBATION])
    deadly = Opening({NEW: Killed()})
    for _ in range(RESTARTS_MAX):
        with pytest.raises(Killed):
            recover(journal, deadly)
    assert recover(journal, deadly) == OLD.digest
    state = journal.update()
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, UpdateFailure.CRASHED)
    assert state.in_use == OLD


def test_sound_starts_between_are_not_held_against_a_pair() -> None:
    journal = MemoryJournal([PROBATION])
    for _ in range(3 * RESTARTS_MAX):
        assert recover(journal, Opening()) == NEW.digest
    assert journal.update() == PROBATION


def test_a_pair_on_probation_that_cannot_be_opened_makes_way() -> None:
    journal = MemoryJournal([PROBATION])
    assert recover(journal, Opening({NEW: damaged()})) == OLD.digest
    state = journal.update()
    assert (state.phase, state.failure) == (UpdatePhase.REVERTED, UpdateFailure.LOAD_FAILED)


def test_where_no_pair_can_be_opened_the_journal_names_none() -> None:
    journal = MemoryJournal([PROBATION])
    assert recover(journal, Opening({NEW: damaged(), OLD: damaged(Fault.NOT_FOUND)})) is None
    assert journal.update().in_use is None


def test_a_damaged_disk_says_nothing_against_a_pair() -> None:
    journal = MemoryJournal([PROBATION])
    with pytest.raises(FieldwiseError):
        recover(journal, Opening({NEW: damaged(Fault.STATE_DAMAGED)}))
    assert journal.update().in_use == NEW


def test_a_full_disk_keeps_no_pair_from_serving() -> None:
    journal = MemoryJournal([PROBATION])
    journal.full = True
    assert recover(journal, Opening()) == NEW.digest
    assert journal.update() == PROBATION


def test_a_device_without_a_backbone_opens_nothing() -> None:
    assert recover(MemoryJournal(), Opening()) is None
