"""Ledgers and exports looked at from outside: whole ones, altered ones, and rubbish."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.device import ledger_reading
from agent.device.clock import SystemClock
from agent.device.ledger import LedgerFile
from agent.device.ledger_chain import LINE_BYTES_MAX, Tail
from agent.device.ledger_reading import (
    Examined,
    examine_file,
    examine_folder,
    exported,
    require_head,
    require_tail,
)
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.ledger import NOTHING_WRITTEN, LedgerHead
from tests.agent.device.test_ledger import ALTERING, FILE_BYTES_MAX, MemoryKeeper, filled, grown


@pytest.fixture
def keeper() -> MemoryKeeper:
    return MemoryKeeper()


@pytest.fixture
def ledger(tmp_path: Path, keeper: MemoryKeeper) -> LedgerFile:
    return filled(tmp_path / "ledger", keeper, 13)


@pytest.fixture
def export(ledger: LedgerFile, tmp_path: Path) -> Path:
    path = tmp_path / "export"
    path.write_bytes(exported(tmp_path / "ledger", "d-1", "berlin", 5000.0))
    return path


def seen(path: Path, *numbers: int) -> Examined:
    found = examine_folder(path, numbers)
    assert found is not None
    return found


def fault_of(work: Callable[[], object]) -> tuple[Fault, str]:
    with pytest.raises(FieldwiseError) as caught:
        work()
    return caught.value.fault, caught.value.sentence


def test_a_whole_ledger_is_found_whole_in_both_its_files(
    ledger: LedgerFile, tmp_path: Path
) -> None:
    found = seen(tmp_path / "ledger")
    held = ledger.newest(1000)
    assert (found.first, found.entries, found.head) == (held[0].number, len(held), ledger.head())
    assert (found.since, found.until) == (held[0].time, held[-1].time)
    assert (tmp_path / "ledger.old").exists()


def test_an_export_stands_for_itself(export: Path, ledger: LedgerFile, tmp_path: Path) -> None:
    found = examine_file(export)
    assert found.head == ledger.head()
    assert found == seen(tmp_path / "ledger")


@pytest.mark.parametrize("alter", [each for each, _ in ALTERING.values()], ids=ALTERING.keys())
def test_what_was_altered_shows_without_a_daemon(
    alter: Callable[[Path], None], tmp_path: Path, keeper: MemoryKeeper
) -> None:
    path = tmp_path / "ledger"
    filled(path, keeper)
    alter(path)

    def look() -> None:
        require_tail(examine_folder(path), keeper.tail, path)

    assert fault_of(look)[0] is Fault.LEDGER_ALTERED


def test_every_line_of_an_export_is_held_by_the_others(export: Path) -> None:
    """One byte changed, a line left out, doubled or moved: none of it passes."""
    lines = export.read_bytes().splitlines(keepends=True)
    for place in range(1, len(lines)):
        line = lines[place]
        changed = line.replace(b"1", b"2", 1) if b"1" in line else line[:-3] + b"x" + line[-2:]
        for others in ([], [changed], [line, line], [line[:-1]], [line[:-1] + b" \n"]):
            if others == [line]:
                continue
            export.write_bytes(b"".join([*lines[:place], *others, *lines[place + 1 :]]))
            assert fault_of(lambda: examine_file(export))[0] is Fault.LEDGER_ALTERED
    for place in range(1, len(lines) - 1):
        moved = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
        export.write_bytes(b"".join(moved))
        assert fault_of(lambda: examine_file(export))[0] is Fault.LEDGER_ALTERED


def test_the_first_broken_line_is_named(export: Path) -> None:
    lines = export.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b"report", b"rapport")
    export.write_bytes(b"".join(lines))
    assert "from line 5 on" in fault_of(lambda: examine_file(export))[1]


def test_a_shortened_export_with_an_end_of_its_own_fails_by_the_head_that_was_told(
    export: Path, ledger: LedgerFile, keeper: MemoryKeeper, tmp_path: Path
) -> None:
    """Whoever writes the whole file anew makes a whole chain; an older head gives him away."""
    told = ledger.head()
    other = tmp_path / "other"
    other.mkdir()
    forged = filled(other / "ledger", MemoryKeeper(), 12)
    forged.append("check-in", 111, "something else", 2000.0)
    export.write_bytes(exported(other / "ledger", "d-1", "berlin", 5000.0))
    found = examine_file(export, {told.number})
    assert found.head.number == told.number
    assert fault_of(lambda: require_head(found, told, export))[0] is Fault.LEDGER_ALTERED


def test_each_head_that_was_told_is_found_again(ledger: LedgerFile, tmp_path: Path) -> None:
    held = ledger.newest(1000)
    before = LedgerHead(held[0].number - 1, _before(tmp_path))
    heads = [before, *(LedgerHead(each.number, each.digest) for each in held)]
    found = seen(tmp_path / "ledger", *(head.number for head in heads))
    for head in heads:
        require_head(found, head, tmp_path)
        wrong = LedgerHead(head.number, "f" * 64)
        assert (
            fault_of(lambda wrong=wrong: require_head(found, wrong, tmp_path))[0]
            is Fault.LEDGER_ALTERED
        )
    require_head(found, LedgerHead(0, NOTHING_WRITTEN), tmp_path)
    later, gone = LedgerHead(99, "a" * 64), LedgerHead(1, "a" * 64)
    assert fault_of(lambda: require_head(found, later, tmp_path))[0] is Fault.LEDGER_ALTERED
    assert fault_of(lambda: require_head(found, gone, tmp_path))[0] is Fault.NOT_FOUND


def _before(folder: Path) -> str:
    """The digest that the older file goes on from."""
    first = (folder / "ledger.old").read_text().splitlines()[0]
    return first.partition('"digest":"')[2][:64]


def test_the_end_may_be_one_entry_ahead_of_what_was_kept_and_no_more(
    ledger: LedgerFile, keeper: MemoryKeeper, tmp_path: Path
) -> None:
    path, kept = tmp_path / "ledger", keeper.tail
    require_tail(seen(path), kept, path)
    ledger.append("check-in", 1, "one more", 3000.0)
    require_tail(seen(path), kept, path)
    ledger.append("check-in", 1, "and another", 3000.0)
    assert fault_of(lambda: require_tail(seen(path), kept, path))[0] is Fault.LEDGER_ALTERED
    assert fault_of(lambda: require_tail(None, kept, path))[0] is Fault.LEDGER_ALTERED
    assert fault_of(lambda: require_tail(seen(path), None, path))[0] is Fault.LEDGER_ALTERED
    require_tail(None, None, path)


def test_a_ledger_without_entries_is_whole(tmp_path: Path, keeper: MemoryKeeper) -> None:
    path = tmp_path / "ledger"
    assert examine_folder(path) is None
    LedgerFile(path, keeper, SystemClock())
    require_tail(seen(path), keeper.tail, path)
    assert (seen(path).entries, seen(path).head.number) == (0, 0)


def test_half_a_line_of_a_power_cut_is_told_and_left_out(
    ledger: LedgerFile, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    with path.open("ab") as file:
        file.write(b'{"number":13,"ti')
    assert (seen(path).torn, seen(path).head) == (True, ledger.head())
    (tmp_path / "export").write_bytes(exported(path, "", "", 1.0))
    assert examine_file(tmp_path / "export").torn is False


def test_what_the_device_found_altered_is_told_with_the_rest(
    tmp_path: Path, keeper: MemoryKeeper
) -> None:
    path = tmp_path / "ledger"
    filled(path, keeper)
    path.write_text(path.read_text().replace("report 1", "report 7"))
    again = LedgerFile(path, keeper, SystemClock(), FILE_BYTES_MAX)
    (found,) = seen(path).alterations
    assert "altered at line 3" in found.summary
    assert (seen(path).head.alterations, again.head().alterations) == (1, 1)


def test_an_older_file_that_is_gone_is_said(ledger: LedgerFile, tmp_path: Path) -> None:
    (tmp_path / "ledger.old").unlink()
    fault, sentence = fault_of(lambda: examine_folder(tmp_path / "ledger"))
    assert (fault, "ledger.old is gone" in sentence) == (Fault.LEDGER_ALTERED, True)


@pytest.mark.parametrize("name", ["ledger", "ledger.old"])
def test_a_file_that_is_larger_than_any_is_not_read_into_memory(
    name: str, ledger: LedgerFile, tmp_path: Path
) -> None:
    grown(tmp_path / name)
    for look in (
        lambda: examine_folder(tmp_path / "ledger"),
        lambda: exported(tmp_path / "ledger", "d-1", "berlin", 1.0),
    ):
        fault, sentence = fault_of(look)
        assert fault is Fault.LEDGER_ALTERED
        assert f"{name} has more than 16,777,216 bytes" in sentence


DEEP = b'{"a":' * 20_000
HEADER = b'{"fieldwise_ledger":1,"device_id":"","fleet":"","exported_at":1.0}\n'
OPENING = b'{"tail":{"number":-1,"digest":"zz","totals":{}},"fresh":true}\n'
ENTRY = b'{"number":0,"time":1.0,"kind":"","bytes":0,"summary":"","digest":""}\n'
RUBBISH = [
    b"",
    b"\n",
    b"\x00\xff\n",
    b"[]\n",
    b"{}\n",
    DEEP + b"\n",
    b'{"tail":' + DEEP + b"\n",
    b'{"tail":{"number":0,"digest":"x","totals":{}},"fresh":true}\n{"number":1}\n',
    OPENING + ENTRY,
    HEADER.replace(b"1", b"2", 1),
    HEADER,
    HEADER + b'{"number":1}\n',
    HEADER + b'{"head":{"number":0,"digest":"x","alterations":0}}\n',
    b'{"tail":' + b"1" * LINE_BYTES_MAX + b"\n",
]


@pytest.mark.parametrize("content", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert fault_of(lambda: examine_file(path))[0] is Fault.LEDGER_ALTERED


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
@example(place=0, byte=0)
def test_no_byte_of_an_export_but_the_first_line_s_can_change(
    place: int, byte: int, export: Path, tmp_path: Path
) -> None:
    content = bytearray(export.read_bytes())
    place = content.index(b"\n") + place % (len(content) - content.index(b"\n"))
    if content[place] == byte:
        return
    content[place] = byte
    changed = tmp_path / "changed"
    changed.write_bytes(content)
    assert fault_of(lambda: examine_file(changed))[0] is Fault.LEDGER_ALTERED


def test_a_file_without_an_end_is_not_read_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_reading, "EXPORT_BYTES_MAX", 1000)
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1001)
    assert fault_of(lambda: examine_file(path))[0] is Fault.INVALID_ARGUMENT
    assert fault_of(lambda: examine_file(tmp_path / "none"))[0] is Fault.INVALID_ARGUMENT
    assert fault_of(lambda: examine_file(tmp_path))[0] is Fault.INVALID_ARGUMENT


def test_no_kept_end_means_the_beginning(tmp_path: Path, keeper: MemoryKeeper) -> None:
    path = tmp_path / "ledger"
    filled(path, keeper, 1)
    require_tail(seen(path), Tail(), path)
