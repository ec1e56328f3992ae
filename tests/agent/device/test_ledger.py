from pathlib import Path

import pytest

from agent.device.ledger import LedgerFile
from agent.reporting import Total
from fieldwise.errors import Fault, FieldwiseError


def filled(path: Path, count: int = 3) -> LedgerFile:
    ledger = LedgerFile(path)
    for number in range(count):
        ledger.append("check-in", 100 + number, f"report {number}", 1000.0 + number)
    return ledger


def test_entries_come_back_in_order_with_totals(tmp_path: Path) -> None:
    ledger = filled(tmp_path / "ledger")
    ledger.append("leave", 2, "leaves the fleet", 2000.0)
    assert [each.number for each in ledger.newest(10)] == [1, 2, 3, 4]
    assert [each.summary for each in ledger.newest(2)] == ["report 2", "leaves the fleet"]
    assert ledger.totals() == {"check-in": Total(3, 303), "leave": Total(1, 2)}


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    filled(tmp_path / "ledger")
    again = filled(tmp_path / "ledger", 1)
    assert [each.number for each in again.newest(10)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("old", "new"),
    [("report 1", "report 7"), ('"bytes":101', '"bytes":1'), ('"number":2', '"number":3')],
)
def test_a_changed_line_is_found(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "ledger"
    filled(path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(FieldwiseError) as caught:
        LedgerFile(path)
    assert caught.value.fault is Fault.STATE_DAMAGED
    assert f"{path} was altered at line 3" in caught.value.sentence


def test_a_removed_line_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    filled(path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], lines[3]]))
    with pytest.raises(FieldwiseError, match="altered at line 3"):
        LedgerFile(path)


@pytest.mark.parametrize("rubbish", [b"", b"\n", b"\x00\xff\n", b"[]\n", b"{}\n"])
def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(rubbish)
    with pytest.raises(FieldwiseError) as caught:
        LedgerFile(path)
    assert caught.value.fault is Fault.STATE_DAMAGED


def test_half_a_line_of_a_power_cut_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    filled(path)
    with path.open("ab") as file:
        file.write(b'{"number":4,"time":1003.0,"ki')
    ledger = LedgerFile(path)
    assert [each.number for each in ledger.newest(10)] == [1, 2, 3]
    ledger.append("check-in", 5, "goes on", 1.0)
    assert LedgerFile(path).newest(1)[0].number == 4


def test_totals_outlive_the_files(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path / "ledger", file_bytes_max=1000)
    for number in range(40):
        ledger.append("check-in", 10, f"report {number}", float(number))
    again = LedgerFile(tmp_path / "ledger", file_bytes_max=1000)
    assert again.totals() == {"check-in": Total(40, 400)}
    assert again.newest(1)[0].number == 40
    assert len(again.newest(1000)) < 40
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ledger", "ledger.old"]


def test_a_long_summary_is_cut_between_characters(tmp_path: Path) -> None:
    ledger = LedgerFile(tmp_path / "ledger")
    ledger.append("check-in", 1, "ä" * 2000, 1.0)
    assert ledger.newest(1)[0].summary == "ä" * 512
    LedgerFile(tmp_path / "ledger")
