"""What every file of tensors has here, whatever it holds: a header that is looked at first.

safetensors begins with the length of its header, which is JSON. One entry of the header's metadata,
``fieldwise``, is a JSON object of ours that says what the tensors belong to. So a file is refused
by its length and its header, before anything of it is taken apart.
"""

from typing import NoReturn, TypeVar

import msgspec
from safetensors import SafetensorError

KEY = "fieldwise"
LENGTH_BYTES = 8  # safetensors starts with the length of its JSON header

# What reading a file raises that is none.
RUBBISH = (IndexError, KeyError, RecursionError, SafetensorError, TypeError, ValueError)

MetadataT = TypeVar("MetadataT")


class _Header(msgspec.Struct):
    metadata: dict[str, str] = msgspec.field(name="__metadata__")


def metadata_of(
    content: bytes, kind: type[MetadataT], bytes_max: int, header_bytes_max: int
) -> MetadataT:
    """Read what a file of tensors says of itself.

    Args:
        content: The file's bytes.
        kind: What its metadata is read as.
        bytes_max: Of the whole file.
        header_bytes_max: Of its header.

    Raises:
        ValueError: For a file or a header that is too large; one of ``RUBBISH`` for what is none.
    """
    if len(content) > bytes_max:
        refuse(f"{len(content):,} bytes; the limit is {bytes_max:,}")
    length = int.from_bytes(content[:LENGTH_BYTES], "little")
    if length > min(len(content), header_bytes_max):
        refuse(f"a header of {length:,} bytes")
    header = msgspec.json.decode(content[LENGTH_BYTES : LENGTH_BYTES + length], type=_Header)
    return msgspec.json.decode(header.metadata[KEY], type=kind)


def refuse(sentence: str) -> NoReturn:
    """Say why a file is none; whoever reads it tells that as his own fault."""
    raise ValueError(sentence)
