"""What whoever keeps a device's part in federation promises."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.device.database import Database
from agent.device.federation import DatabaseFederation
from agent.device.folder import StateFolder
from agent.device.heads import HeadFolder
from agent.device.room import Room
from agent.federation.sharing import Departure
from agent.federation.standing import ConsentNote, Judged, Mix, Standing
from agent.federation_ports import FederationNotes, HeadFiles
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, HeadOutcome, RoundStep
from fieldwise.verdict import PairedCounts
from tests.fakes.federation import MemoryFederation, MemoryHeads

ONE, OTHER = "a" * 64, "b" * 64
LEFT = Departure(12, 15, 400, "c" * 64, "c7")
JUDGED = Judged(
    "c7",
    3,
    "d" * 64,
    ONE,
    HeadOutcome.ADOPTED,
    PairedCounts(5, 1, 3, 2, 4, 1, 2),
    Mix(0.25, 0.75, foreign=True, temperatures={"average": 1.5}),
    40,
    2,
    PairedCounts(6, 2, 0, 3, 4, 1, 0),
)
STANDING = Standing(
    "device-1", "c7", 4, RoundStep.ANSWERED, JUDGED, JUDGED, ("e" * 64, "f" * 64), 5, 6, 7
)

Opens = Callable[[], FederationNotes]


@pytest.fixture(params=["memory", "sqlite"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Opens:
    """Opens the notes, each time as after a restart."""
    memory = MemoryFederation()
    if request.param == "memory":
        return lambda: memory
    path, before = tmp_path / "state.sqlite", list[Database]()

    def opened() -> FederationNotes:
        if before:
            before.pop().close()
        before.append(Database(path))
        return DatabaseFederation(before[0])

    return opened


class TestFederationNotes:
    def test_a_device_begins_without_consent_and_without_a_past(self, opens: Opens) -> None:
        notes = opens()
        assert (notes.consent(), notes.standing()) == (ConsentNote(), Standing())
        assert notes.consent().at(0.0) is Consent.OFF
        assert (notes.departures(ONE), notes.bare()) == ({}, frozenset())

    def test_all_of_it_outlives_a_restart(self, opens: Opens) -> None:
        notes = opens()
        notes.write_consent(ConsentNote(Consent.STATISTICS, 1.5e9))
        notes.write_standing(STANDING)
        notes.note_departures(ONE, {"mark": LEFT})
        notes.add_bare(frozenset({"one"}))
        notes.add_bare(frozenset({"two", "one"}))
        again = opens()
        assert again.consent() == ConsentNote(Consent.STATISTICS, 1.5e9)
        assert again.standing() == STANDING
        assert again.departures(ONE) == {"mark": LEFT}
        assert again.bare() == {"one", "two"}

    def test_departures_are_of_one_bundle_and_the_newest_stands(self, opens: Opens) -> None:
        notes = opens()
        newer = Departure(30, 30, 900, "d" * 64)
        notes.note_departures(ONE, {"mark": LEFT, "else": LEFT})
        notes.note_departures(OTHER, {"mark": LEFT})
        notes.note_departures(ONE, {"mark": newer})
        assert notes.departures(ONE) == {"mark": newer, "else": LEFT}
        assert notes.departures(OTHER) == {"mark": LEFT}

    def test_deliveries_can_be_forgotten_and_departures_cannot(self, opens: Opens) -> None:
        notes = opens()
        notes.note_departures(ONE, {"mark": LEFT})
        notes.forget_deliveries()
        notes.forget_deliveries()
        assert opens().departures(ONE) == {"mark": Departure(12, 15, 400, "c" * 64)}


def folder(path: Path) -> HeadFiles:
    return HeadFolder(path / "heads", Room(StateFolder(path), 0))


@pytest.fixture(params=["memory", "folder"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> HeadFiles:
    return MemoryHeads() if request.param == "memory" else folder(tmp_path)


class TestHeadFiles:
    def test_a_file_is_read_as_it_was_written(self, files: HeadFiles) -> None:
        digest = digest_of(b"a head")
        assert files.read(digest) is None
        for _ in range(2):
            files.write(digest, b"a head")
        assert files.read(digest) == b"a head"

    def test_another_file_is_not_kept(self, files: HeadFiles) -> None:
        with pytest.raises(FieldwiseError) as raised:
            files.write(ONE, b"a head")
        assert raised.value.fault is Fault.DIGEST_MISMATCH
        assert files.read(ONE) is None

    def test_what_is_not_wanted_goes(self, files: HeadFiles) -> None:
        files.keep(frozenset())
        digests = [digest_of(content) for content in (b"one", b"two", b"three")]
        for digest, content in zip(digests, (b"one", b"two", b"three"), strict=True):
            files.write(digest, content)
        files.keep(frozenset({digests[1], ONE}))
        assert [files.read(digest) for digest in digests] == [None, b"two", None]


def test_a_head_that_was_altered_on_disk_is_not_read(tmp_path: Path) -> None:
    files, digest = folder(tmp_path), digest_of(b"a head")
    files.write(digest, b"a head")
    (tmp_path / "heads" / digest).write_bytes(b"another")
    assert files.read(digest) is None


def test_a_head_for_which_there_is_no_room_is_refused(tmp_path: Path) -> None:
    files = HeadFolder(tmp_path / "heads", Room(StateFolder(tmp_path), 10, 0, 0))
    with pytest.raises(FieldwiseError) as raised:
        files.write(digest_of(bytes(20)), bytes(20))
    assert raised.value.fault is Fault.DISK_FULL
