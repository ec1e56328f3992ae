import os
from pathlib import Path

import pytest

from agent.device import meter
from agent.wear import WearMeter
from fieldwise.answers import Wear
from tests.fakes.agent import TurnedClock


def test_only_what_came_since_it_was_made_counts() -> None:
    clock, written, recorded = TurnedClock(), [5_000_000], [70]
    found = WearMeter(lambda: written[0], lambda: recorded[0], clock)
    assert found.wear() == Wear(0, 0, 0)
    written[0] += 123_000
    recorded[0] += 3
    clock.seconds += 90.9
    assert found.wear() == Wear(written_bytes=123_000, seconds=90, samples=3)


def test_where_nobody_counts_nothing_is_claimed() -> None:
    assert WearMeter(lambda: None, lambda: 0, TurnedClock()).wear() is None


def test_the_kernel_counts_whole_pages_of_what_is_written(tmp_path: Path) -> None:
    before = meter.written_bytes()
    if before is None:
        pytest.skip("this kernel does not count what a process writes")
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(1_000_000))
        file.flush()
        os.fsync(file.fileno())
    after = meter.written_bytes()
    assert after is not None
    if after == before:
        pytest.skip("this folder is in memory")
    assert 1_000_000 <= after - before <= 1_200_000


def test_a_kernel_that_does_not_count_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "SELF_IO", tmp_path / "none")
    assert meter.written_bytes() is None
    (tmp_path / "none").write_text("rchar: 1\n")
    assert meter.written_bytes() is None


def test_kept_predictions_are_counted_beside_samples() -> None:
    found = WearMeter(lambda: 0, lambda: 0, TurnedClock(), lambda: (3, 84_000)).wear()
    assert found == Wear(0, 0, 0, 3, 84_000)
