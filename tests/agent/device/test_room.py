"""The bound of the state folder, to the byte, on real files."""

from pathlib import Path
from random import Random

import numpy as np
import pytest

from agent.device.bundles import ROOM_LEFT_BYTES, BundleFolder
from agent.device.clock import SystemClock
from agent.device.database import FRAME_BYTES, KEPT_BACK_BYTES, PAGE_BYTES, Database
from agent.device.folder import StateFolder
from agent.device.journal import DatabaseJournal
from agent.device.ledger import LedgerFile
from agent.device.predictions import DatabasePredictions
from agent.device.room import Room
from agent.device.samples import DatabaseSamples
from agent.learning.forgetting import Forgetting, Selection
from agent.learning.kept import Changes, Kept
from agent.learning.samples import Counters, Group, Sample, Share, Snapshot
from fieldwise.errors import Fault, FieldwiseError

MIB = 1024**2
WIDTH = 200


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "s")


def sample(number: int, image_bytes: int, dice: Random) -> Sample:
    return Sample(
        id=f"{dice.getrandbits(96):024x}",
        sequence=number,
        time=float(number),
        class_name=f"class {dice.randrange(20)}",
        burst=f"scene {number}",
        share=dice.choice(list(Share)),
        bundle="b" * 64,
        grid=np.full(WIDTH, number, np.int16),
        image=dice.randbytes(image_bytes) if image_bytes else None,
    )


def refused_for_room(error: FieldwiseError) -> bool:
    if error.fault is not Fault.DISK_FULL or "disk_bytes_max" not in error.sentence:
        raise error
    return False


class Life:
    """A store that learns by dice in a bounded folder, and what it was told so far.

    After every deed the folder is measured: SQLite's journal is only ever cut off before one, so
    what is measured is the most that there was.
    """

    def __init__(self, folder: StateFolder, bytes_max: int, seed: int) -> None:
        self.folder = folder
        self.bytes_max = bytes_max
        self.dice = Random(seed)
        room = Room(folder, bytes_max, ledger_bytes=0, small_bytes=0)
        self.database = Database(folder.database, room)
        self.store = DatabaseSamples(self.database)
        self.number = self.refused = self.taken = 0
        self.highest = 0

    def measure(self) -> None:
        taken = self.folder.size_bytes()
        self.highest = max(self.highest, taken)
        assert taken <= self.bytes_max

    def teach(self, count: int = 8) -> bool:
        sizes = [self.dice.choice((0, 900, 5000, 40_000)) for _ in range(count)]
        group = tuple(
            sample(self.number + place + 1, size, self.dice) for place, size in enumerate(sizes)
        )
        held = [image.id for image in self.store.remembered()]
        gone = self.dice.sample(held, min(len(held), self.dice.randrange(4)))
        taken = self._try(Group(group, tuple(gone), Counters(learned=self.number)))
        self.number += count * taken
        return taken

    def let_go(self, share: float) -> bool:
        held = [image.id for image in self.store.remembered()]
        gone = self.dice.sample(held, int(len(held) * share))
        return self._try(Group((), tuple(gone), Counters(learned=self.number)))

    def snapshot(self, log_bytes_max: int) -> bool:
        content = self.dice.randbytes(200_000 + self.dice.randrange(50_000))
        try:
            self.store.save_snapshot(Snapshot("b" * 64, self.number, content), log_bytes_max)
        except FieldwiseError as error:
            return refused_for_room(error)
        finally:
            self.measure()
        return True

    def _try(self, group: Group) -> bool:
        try:
            self.store.commit(group)
        except FieldwiseError as error:
            self.refused += 1
            return refused_for_room(error)
        finally:
            self.measure()
        self.taken += 1
        return True


@pytest.mark.parametrize("seed", range(3))
def test_no_byte_is_ever_over_the_bound_and_room_that_was_made_is_used(
    seed: int, folder: StateFolder
) -> None:
    life = Life(folder, 8 * MIB, seed)
    for turn in range(90):
        if not life.teach():
            assert life.let_go(0.5), "what goes must never be refused for want of room"
        if turn % 20 == 19:
            life.snapshot(100 * 2 * WIDTH)
    assert life.refused
    assert life.taken > 60
    assert life.highest > 8 * MIB - KEPT_BACK_BYTES - MIB  # one group may come to nearly as much
    life.database.close()
    assert folder.size_bytes() <= life.bytes_max


def test_what_is_refused_has_changed_nothing_and_is_there_after_a_restart(
    folder: StateFolder,
) -> None:
    life = Life(folder, 8 * MIB, 7)
    while life.teach():
        pass
    before = (life.store.remembered(), life.store.last_sequence(), life.store.counters())
    life.database.close()
    again = DatabaseSamples(Database(folder.database))
    assert (again.remembered(), again.last_sequence(), again.counters()) == before
    assert before[1] == life.number


def test_an_owner_s_word_to_forget_is_obeyed_in_a_full_folder(folder: StateFolder) -> None:
    life = Life(folder, 8 * MIB, 5)
    while life.teach():
        pass
    snapshot = Snapshot("b" * 64, life.number, bytes(100_000))
    for number in range(20):
        one = Selection(class_name=f"class {number}")
        life.store.forget(
            Forgetting(one, (), Counters(), snapshot, predictions=(), absent=frozenset())
        )
        life.measure()
    assert not life.store.remembered()
    assert life.teach()


@pytest.mark.parametrize("seed", range(2))
def test_no_transaction_writes_more_than_it_said(
    seed: int, folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is cut off before each one, so its size is what the transaction wrote."""
    said: list[int] = []
    wrote: list[int] = []
    log = folder.path / "state.sqlite-wal"

    def require(database: Database, room: Room, pages: int, *, vital: bool) -> None:
        if said:
            wrote.append(log.stat().st_size if log.exists() else 0)
        database.empty_log()
        said.append(pages * FRAME_BYTES + 32)

    monkeypatch.setattr(Database, "_require_room", require)
    life = Life(folder, 1024 * MIB, seed)
    for turn in range(60):
        life.teach(life.dice.choice((1, 8, 32)))
        if turn % 5 == 4:
            life.let_go(0.3)
            life.snapshot(life.dice.choice((0, 10_000, 100_000)))
    wrote.append(log.stat().st_size)
    assert len(said) == len(wrote) > 100
    assert all(one <= most for one, most in zip(wrote, said, strict=True))
    assert sum(wrote) > sum(said) / 20  # and what is said is not beyond all measure


@pytest.mark.parametrize("seed", range(2))
def test_kept_predictions_come_and_go_within_the_bound(seed: int, folder: StateFolder) -> None:
    life = Life(folder, 8 * MIB, seed)
    predictions, dice = DatabasePredictions(life.database), life.dice
    taken = refused = 0
    for turn in range(60):
        new = tuple(
            Kept(f"{turn}-{place}", 1.0, "b" * 64, np.ones(WIDTH, np.int16), dice.randbytes(45_000))
            for place in range(6)
        )
        held = [entry.id for entry in predictions.entries()]
        gone = dice.sample(held, min(len(held), dice.randrange(30)))
        imageless = dice.sample(held, min(len(held), dice.randrange(4)))
        changes = Changes(new=new, gone=tuple(gone), imageless=tuple(imageless))
        try:
            predictions.apply(changes)
            taken += 1
        except FieldwiseError as error:
            refused += not refused_for_room(error)
            predictions.apply(Changes(gone=tuple(held[:8])))
        life.measure()
    assert taken > 10
    assert refused > 0


def test_a_bundle_that_would_not_fit_is_refused_before_it_begins(folder: StateFolder) -> None:
    room = Room(folder, 1 * MIB, ledger_bytes=0, small_bytes=0)
    bundles = BundleFolder(folder.bundles, room)
    taken = folder.size_bytes()
    bundles.check_room(MIB - taken)
    with pytest.raises(FieldwiseError) as caught:
        bundles.check_room(MIB - taken + 1)
    assert caught.value.fault is Fault.DISK_FULL
    bundles.append("d" * 64, bytes(MIB - taken))
    with pytest.raises(FieldwiseError):
        bundles.append("d" * 64, b"1")
    assert folder.size_bytes() == MIB
    assert ROOM_LEFT_BYTES > 0


def test_the_ledger_and_the_journal_go_on_when_everything_else_is_full(
    folder: StateFolder,
) -> None:
    bytes_max = 8 * MIB
    room = Room(folder, bytes_max, ledger_bytes=80 * 1024, small_bytes=64 * 1024)
    database = Database(folder.database, room)
    ledger = LedgerFile(
        folder.ledger, DatabaseJournal(database), SystemClock(), file_bytes_max=30_000
    )
    with (folder.path / "bundle").open("ab") as file:
        file.write(bytes(bytes_max - room.taken() - KEPT_BACK_BYTES))
    with pytest.raises(FieldwiseError):
        DatabaseSamples(database).commit(Group((), (), Counters()))
    for number in range(100):
        ledger.append("check-in", 100, "x" * 900, float(number))
        assert folder.size_bytes() <= bytes_max
    assert len(ledger.newest(1000)) > 30


def test_without_a_bound_nothing_is_asked(folder: StateFolder) -> None:
    room = Room(folder, 0)
    assert not room.is_bounded
    assert room.has(1 << 60)
    room.require(1 << 60)
    assert not Database(folder.database, room).is_bounded


def test_pages_are_of_the_size_that_the_bound_reckons_with(folder: StateFolder) -> None:
    database = Database(folder.database)
    with database.reading() as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)
