import os
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.regular import open_regular


def test_a_file_and_a_link_to_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name, Fault.NOT_FOUND) as stream:
            assert stream.read() == b"content"


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(FieldwiseError, match="no regular file") as caught:
            open_regular(path, Fault.IMAGE_INVALID)
        assert caught.value.fault is Fault.IMAGE_INVALID


@pytest.mark.parametrize("name", ["none", "nul\0", "\ud800", "bad\udcff", "n" * 300])
def test_a_name_without_a_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError) as caught:
        open_regular(tmp_path / name, Fault.NOT_FOUND)
    assert caught.value.fault is Fault.NOT_FOUND
