import stat
from pathlib import Path

import pytest

from agent.device.folder import StateFolder
from fieldwise.errors import Fault, FieldwiseError


def test_nobody_but_the_owner_enters(tmp_path: Path) -> None:
    StateFolder(tmp_path / "deep" / "state")
    assert stat.S_IMODE((tmp_path / "deep" / "state").stat().st_mode) == 0o700


def test_a_second_agent_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    with StateFolder(tmp_path / "state"):
        with pytest.raises(FieldwiseError) as caught:
            StateFolder(tmp_path / "state").lock()
        assert caught.value.fault is Fault.STATE_LOCKED
    with StateFolder(tmp_path / "state"):
        pass


def test_a_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(FieldwiseError, match="state cannot be used"):
        StateFolder(tmp_path / "state")


def test_wiping_leaves_nothing(tmp_path: Path) -> None:
    with StateFolder(tmp_path / "state") as folder:
        (folder.path / "identity").mkdir()
        (folder.path / "identity" / "key").write_text("secret")
        assert folder.size_bytes() == 6
        folder.wipe()
    assert list(tmp_path.iterdir()) == []
