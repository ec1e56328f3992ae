"""The header of files of tensors: what is read of it, and what is refused before anything else."""

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save

from fieldwise.tensor_file import KEY, LENGTH_BYTES, RUBBISH, metadata_of


class About(msgspec.Struct, forbid_unknown_fields=True):
    of: str


def file_of(metadata: str = '{"of": "x"}', key: str = KEY) -> bytes:
    return save({"a": np.zeros(2, np.float32)}, {key: metadata})


def test_what_a_file_says_of_itself_is_read() -> None:
    content = file_of()
    length = len(content) - LENGTH_BYTES - 8
    assert metadata_of(content, About, len(content), length) == About("x")


def test_a_file_or_a_header_that_is_too_large_is_refused_by_its_length() -> None:
    content = file_of()
    with pytest.raises(ValueError, match=f"the limit is {len(content) - 1:,}"):
        metadata_of(content, About, len(content) - 1, 1024)
    with pytest.raises(ValueError, match="a header of"):
        metadata_of(content, About, 1024, 8)
    with pytest.raises(ValueError, match="a header of"):
        metadata_of(b"\xff" * 64, About, 1024, 2**64)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x02" + bytes(7) + b"{}",
        b"\x08" + bytes(7) + b"rubbish!",
        file_of("{}"),
        file_of('{"of": 7}'),
        file_of('{"of": "x", "more": 1}'),
        file_of("[" * 100_000),
        file_of(key="another"),
    ],
)
def test_what_is_no_such_file_is_rubbish(content: bytes) -> None:
    with pytest.raises(RUBBISH):
        metadata_of(content, About, 1 << 20, 1 << 20)
