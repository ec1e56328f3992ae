import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from agent.device.database import Database
from agent.device.journal import DatabaseJournal
from agent.device.samples import DatabaseSamples
from agent.device.schema import MIGRATIONS
from agent.reporting import Steering, SteeringRevision
from agent.update.events import Pair, UpdateState, Wish
from agent.update.probation import Baseline, Probation, Seen
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "state.sqlite")
    yield made
    made.close()


def write(database: Database, name: str, content: bytes) -> None:
    with database.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO record VALUES (?, ?)", (name, content))


def read(database: Database, name: str) -> bytes | None:
    with database.reading() as connection:
        row = connection.execute("SELECT content FROM record WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def test_a_transaction_that_raises_leaves_no_trace(database: Database) -> None:
    write(database, "before", b"1")

    def fail_halfway() -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO record VALUES ('half', x'00')")
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert read(database, "half") is None
    assert read(database, "before") == b"1"


def test_only_the_owner_reads_the_file(database: Database, tmp_path: Path) -> None:
    assert (tmp_path / "state.sqlite").stat().st_mode & 0o777 == 0o600


def test_the_form_is_counted(database: Database) -> None:
    with database.reading() as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"rubbish" * 1000)
    with pytest.raises(FieldwiseError) as caught:
        Database(path)
    assert caught.value.fault is Fault.STATE_DAMAGED
    assert str(path) in caught.value.sentence


def test_a_damaged_page_is_found_on_opening(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    database = Database(path)
    for number in range(200):
        write(database, f"name {number}", bytes(500))
    database.close()
    content = bytearray(path.read_bytes())
    content[-40_000:] = b"\x5a" * 40_000
    path.write_bytes(content)
    with pytest.raises(FieldwiseError) as caught:
        Database(path)
    assert caught.value.fault is Fault.STATE_DAMAGED


def test_the_state_of_a_newer_agent_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(FieldwiseError, match="newer agent") as caught:
        Database(path)
    assert caught.value.fault is Fault.STATE_UNUSABLE


def test_the_journal_knows_again_what_was_written(tmp_path: Path) -> None:
    state = UpdateState(
        generation=7,
        wish=Wish("a" * 64, "int8", back=True),
        phase=UpdatePhase.FETCHING,
        in_use=Pair("b" * 64, "int8"),
        verdict=Verdict(6, Judgement.ACCEPTED, Basis.LABELLED, PairedCounts(both_right=4)),
    )
    steering = SteeringRevision(4, Steering(learning_paused=True))
    first = Database(tmp_path / "state.sqlite")
    journal = DatabaseJournal(first)
    assert journal.update() == UpdateState()
    assert journal.steering() == SteeringRevision()
    journal.write_update(state)
    journal.write_steering(steering)
    assert journal.probation() == Probation()
    probation = Probation("d" * 64, Baseline(100, 1, 9000), Seen(1.5, 20, 1, 2, 9, 4, 1, 5, 3, 1))
    journal.write_probation(probation)
    assert [journal.next_incarnation() for _ in range(2)] == [1, 2]
    first.close()
    again = Database(tmp_path / "state.sqlite")
    journal = DatabaseJournal(again)
    assert journal.update() == state
    assert journal.steering() == steering
    assert journal.probation() == probation
    assert journal.next_incarnation() == 3
    again.close()


def test_a_record_that_cannot_be_read_is_named(database: Database) -> None:
    write(database, "update", b'{"generation": "many"}')
    with pytest.raises(FieldwiseError, match="record update cannot be read"):
        DatabaseJournal(database).update()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB; only root can make one."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system takes root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(database: Database) -> int:
    """Write until the disk is full; returns how many writes succeeded."""
    number = 0
    with suppress(FieldwiseError):
        while number < 100:
            write(database, f"name {number}", bytes(50_000))
            number += 1
    with pytest.raises(FieldwiseError) as caught:
        write(database, "one more", bytes(500_000))
    assert caught.value.fault is Fault.DISK_FULL
    return number


def test_a_full_disk_loses_nothing_that_was_written(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(200_000))
    database = Database(small_disk / "state.sqlite")
    written = fill(database)
    assert 0 < written < 100
    assert read(database, f"name {written - 1}") == bytes(50_000)
    assert read(database, f"name {written}") is None
    ballast.unlink()
    write(database, "later", b"1")
    database.close()
    again = Database(small_disk / "state.sqlite")
    assert read(again, f"name {written - 1}") == bytes(50_000)
    assert read(again, "later") == b"1"
    again.close()


def test_sqlite_without_room_is_a_full_disk(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.sqlite")
    with database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 20")
    with pytest.raises(FieldwiseError) as caught:
        write(database, "large", bytes(1_000_000))
    assert caught.value.fault is Fault.DISK_FULL
    write(database, "small", b"1")
    assert read(database, "small") == b"1"
    database.close()


def test_a_stopped_agent_is_read_on_a_disk_without_a_free_byte(small_disk: Path) -> None:
    database = Database(small_disk / "state.sqlite")
    write(database, "before", b"1")
    DatabaseSamples(database)
    database.close()
    with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)):
            pass
    again = Database(small_disk / "state.sqlite")
    assert read(again, "before") == b"1"
    DatabaseSamples(again)
    with pytest.raises(FieldwiseError) as caught:
        DatabaseJournal(again).next_incarnation()
    assert caught.value.fault is Fault.DISK_FULL
    (small_disk / "ballast").unlink()
    assert DatabaseJournal(again).next_incarnation() == 1
    again.close()


@pytest.mark.parametrize(
    ("told", "failure"), [("none", None), ("load-failed", UpdateFailure.LOAD_FAILED)]
)
def test_a_journal_of_the_first_form_is_read_on(
    tmp_path: Path, told: str, failure: UpdateFailure | None
) -> None:
    path, digest = tmp_path / "state.sqlite", "d" * 64
    first = (
        f'{{"generation":3,"wanted":"{digest}","variant":"fp32","phase":"active",'
        f'"failure":"{told}","work":4,"restarts":0,'
        f'"in_use":{{"digest":"{digest}","variant":"fp32"}},"before":null}}'
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("INSERT INTO record VALUES ('update', ?)", (first.encode(),))
        connection.execute("PRAGMA user_version = 1")
    with closing(Database(path)) as database:
        assert DatabaseJournal(database).update() == UpdateState(
            generation=3,
            wish=Wish(digest),
            variant="fp32",
            phase=UpdatePhase.ACTIVE,
            failure=failure,
            work=4,
            in_use=Pair(digest, "fp32"),
        )
