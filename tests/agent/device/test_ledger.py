import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.device.clock import SystemClock
from agent.device.ledger import ALTERED, LedgerFile, Tail
from agent.device.ledger_chain import CHAIN_BYTES_MAX
from agent.reporting import LedgerEntry, Total
from fieldwise.errors import Fault, FieldwiseError

FILE_BYTES_MAX = 1000


class MemoryKeeper:
    """Keeps the tail as the database does; ``full`` makes it refuse."""

    def __init__(self) -> None:
        self.tail: Tail | None = None
        self.before: Tail | None = None
        self.full = False

    def ledger_tail(self) -> Tail | None:
        return self.tail

    def write_ledger_tail(self, tail: Tail) -> None:
        if self.full:
            raise FieldwiseError(Fault.DISK_FULL, "there is no room left")
        self.before, self.tail = self.tail, tail


@pytest.fixture
def keeper() -> MemoryKeeper:
    return MemoryKeeper()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def filled(path: Path, keeper: MemoryKeeper, count: int = 3) -> LedgerFile:
    ledger = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    for number in range(count):
        ledger.append("check-in", 100 + number, f"report {number}", 1000.0 + number)
    return ledger


def alterations(entries: list[LedgerEntry] | tuple[LedgerEntry, ...]) -> list[str]:
    return [each.summary for each in entries if each.kind == ALTERED]


def told(ledger: LedgerFile) -> list[str]:
    return alterations(list(ledger.newest(1000)))


def test_entries_come_back_in_order_with_totals(path: Path, keeper: MemoryKeeper) -> None:
    ledger = filled(path, keeper)
    ledger.append("leave", 2, "leaves the fleet", 2000.0)
    assert [each.number for each in ledger.newest(10)] == [1, 2, 3, 4]
    assert [each.summary for each in ledger.newest(2)] == ["report 2", "leaves the fleet"]
    assert ledger.totals() == {"check-in": Total(3, 303), "leave": Total(1, 2)}


def test_it_goes_on_where_it_ended(path: Path, keeper: MemoryKeeper) -> None:
    filled(path, keeper)
    again = filled(path, keeper, 1)
    assert [each.number for each in again.newest(10)] == [1, 2, 3, 4]
    assert told(again) == []


def replaced(old: str, new: str) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.write_text(path.read_text().replace(old, new, 1))

    return replace


def overwritten(content: bytes) -> Callable[[Path], None]:
    def overwrite(path: Path) -> None:
        path.write_bytes(content)

    return overwrite


def without_line(number: int) -> Callable[[Path], None]:
    def remove(path: Path) -> None:
        lines = path.read_text().splitlines(keepends=True)
        del lines[number]
        path.write_text("".join(lines))

    return remove


def grown(path: Path) -> None:
    os.truncate(path, CHAIN_BYTES_MAX + 1)


ALTERING: dict[str, tuple[Callable[[Path], None], str]] = {
    "summary": (replaced("report 1", "report 7"), "altered at line 3"),
    "bytes": (replaced('"bytes":101', '"bytes":1'), "altered at line 3"),
    "number": (replaced('"number":2', '"number":3'), "altered at line 3"),
    "opening": (replaced('"totals":{}', '"totals":{"x":{"messages":1,"bytes":1}}'), "line 2"),
    "line inside": (without_line(2), "altered at line 3"),
    "last line": (without_line(-1), "does not end where it did"),
    "deleted": (Path.unlink, "is gone"),
    "rubbish": (overwritten(b"\x00\xff"), "altered at line 1"),
    "empty": (overwritten(b""), "altered at line 1"),
    "huge": (grown, "more than any ledger"),
}


@pytest.mark.parametrize(("alter", "said"), ALTERING.values(), ids=ALTERING.keys())
@pytest.mark.parametrize("running", [True, False])
def test_what_was_altered_is_told_and_the_totals_stand(
    alter: Callable[[Path], None], said: str, running: bool, path: Path, keeper: MemoryKeeper
) -> None:
    ledger = filled(path, keeper)
    alter(path)
    if not running:
        ledger = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    (summary,) = told(ledger)
    assert said in summary
    ledger.append("check-in", 1, "goes on", 1.0)
    again = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    assert told(again) == [summary]
    assert [each.number for each in again.newest(9)] == [4, 5]
    assert again.totals()["check-in"] == Total(4, 304)
    assert path.with_name("ledger.altered").exists() is (alter is not Path.unlink)


@pytest.mark.parametrize("alter", [Path.unlink, without_line(-1)])
def test_before_the_next_message_a_lost_line_is_told(
    alter: Callable[[Path], None], path: Path, keeper: MemoryKeeper
) -> None:
    ledger = filled(path, keeper)
    alter(path)
    ledger.append("check-in", 1, "goes on", 1.0)
    assert len(told(ledger)) == 1
    assert ledger.newest(1)[0].summary == "goes on"


@pytest.mark.parametrize(
    "alter", [Path.unlink, without_line(-1), replaced("report", "rapport"), without_line(0), grown]
)
@pytest.mark.parametrize("running", [True, False])
def test_the_older_file_is_watched_as_well(
    alter: Callable[[Path], None], running: bool, path: Path, keeper: MemoryKeeper
) -> None:
    ledger = filled(path, keeper, 12)
    alter(path.with_name("ledger.old"))
    if not running:
        ledger = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    assert len(told(ledger)) == 1
    assert ledger.totals()["check-in"].messages == 12


@pytest.mark.parametrize("rubbish", [b"", b"\n", b"\x00\xff\n", b"[]\n", b"{}\n"])
def test_a_file_that_is_no_ledger_is_set_aside(
    rubbish: bytes, path: Path, keeper: MemoryKeeper
) -> None:
    path.write_bytes(rubbish)
    assert "altered at line 1" in told(LedgerFile(path, keeper, SystemClock()))[0]
    assert path.with_name("ledger.altered").read_bytes() == rubbish


def test_half_a_line_of_a_power_cut_is_cut_off(path: Path, keeper: MemoryKeeper) -> None:
    filled(path, keeper)
    with path.open("ab") as file:
        file.write(b'{"number":4,"time":1003.0,"ki')
    ledger = LedgerFile(path, keeper, SystemClock())
    assert [each.number for each in ledger.newest(10)] == [1, 2, 3]
    ledger.append("check-in", 5, "goes on", 1.0)
    assert LedgerFile(path, keeper, SystemClock()).newest(1)[0].number == 4


def test_a_kill_between_the_file_and_the_database_is_no_alteration(
    path: Path, keeper: MemoryKeeper
) -> None:
    for number in range(30):
        ledger = LedgerFile(path, keeper, SystemClock())
        ledger.append("check-in", 1, f"report {number}", 1000.0)
        keeper.tail = keeper.before
        ledger = LedgerFile(path, keeper, SystemClock())
        assert told(ledger) == []
        assert ledger.totals()["check-in"].messages == number + 1


def test_a_kill_within_a_rotation_is_no_alteration(path: Path, keeper: MemoryKeeper) -> None:
    old = path.with_name("ledger.old")
    filled(path, keeper, 4)
    old.unlink(missing_ok=True)
    old.hardlink_to(path)
    ledger = filled(path, keeper, 12)
    assert told(ledger) == []
    assert told(LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)) == []


def test_without_room_for_the_tail_nothing_is_noted_and_nothing_leaves(
    path: Path, keeper: MemoryKeeper
) -> None:
    ledger = filled(path, keeper)
    keeper.full = True
    for _ in range(3):
        with pytest.raises(FieldwiseError) as caught:
            ledger.append("check-in", 1, "no room", 1.0)
        assert caught.value.fault is Fault.DISK_FULL
    keeper.full = False
    ledger.append("check-in", 1, "room again", 1.0)
    again = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    assert [each.number for each in again.newest(9)] == [1, 2, 3, 4]
    assert told(again) == []


def test_totals_outlive_the_files(path: Path, keeper: MemoryKeeper) -> None:
    ledger = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    for number in range(40):
        ledger.append("check-in", 10, f"report {number}", float(number))
    again = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    assert again.totals() == {"check-in": Total(40, 400)}
    assert again.newest(1)[0].number == 40
    assert 1 < len(again.newest(1000)) < 40
    assert sorted(each.name for each in path.parent.iterdir()) == ["ledger", "ledger.old"]


def test_a_long_summary_is_cut_between_characters(path: Path, keeper: MemoryKeeper) -> None:
    ledger = LedgerFile(path, keeper, SystemClock())
    ledger.append("check-in", 1, "ä" * 2000, 1.0)
    assert ledger.newest(1)[0].summary == "ä" * 1024
    assert told(LedgerFile(path, keeper, SystemClock())) == []


def test_an_alteration_is_told_although_the_next_chain_was_not_kept_whole(
    path: Path, keeper: MemoryKeeper
) -> None:
    """As where the process or the room ends between the file and the database."""
    filled(path, keeper)
    without_line(-1)(path)
    keeper.full = True
    with pytest.raises(FieldwiseError):
        LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    keeper.full = False
    again = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    (summary,) = told(again)
    assert "does not end where it did" in summary
    again.append("check-in", 1, "goes on", 1.0)
    assert told(LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)) == [summary]
