"""Names of folders are on the disk before anything relies on what is in them."""

from pathlib import Path

import pytest

from fieldwise.durable import make_folder


def test_the_names_of_new_folders_are_brought_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("fieldwise.durable.sync_folder", synced.append)
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
        assert set(synced) == {tmp_path, tmp_path / "a"}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
