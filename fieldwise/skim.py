"""How much of an ONNX file is structure, found without parsing it.

Parsing turns two bytes of an empty message into a hundred bytes of memory, so a small hostile file
could fill a server. A real graph is weights, which cost what they weigh, and a little structure.
This walks the outermost levels of the protobuf encoding in place and adds up what is not weights,
so that the file can be refused before anything is allocated for it.
"""

from collections.abc import Iterator

from fieldwise.errors import Fault, FieldwiseError

FIELDS_MAX = 200_000  # outer fields of a file; a graph of 10,000 nodes has about 30,000
_MODEL_GRAPH, _GRAPH_INITIALISER = 7, 5
_TENSOR_WEIGHTS = frozenset({4, 9})  # float_data and raw_data
_VARINT_BYTES_MAX = 10
_FIXED_BYTES = {1: 8, 5: 4}  # wire type -> length
_LENGTH_DELIMITED = 2


class _Walk:
    """Walks length-delimited fields and counts its steps."""

    def __init__(self) -> None:
        self._steps = 0

    def fields(self, content: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Yield number and payload of each field; the payload is empty for plain numbers."""
        place = 0
        while place < len(content):
            self._steps += 1
            if self._steps > FIELDS_MAX:
                raise FieldwiseError(
                    Fault.BUNDLE_INVALID, f"the graph has more than {FIELDS_MAX:,} parts"
                )
            tag, place = _varint(content, place)
            length, place = _length(content, place, tag & 7)
            if place + length > len(content):
                raise not_onnx()
            payload = content[place : place + length]
            yield tag >> 3, payload if tag & 7 == _LENGTH_DELIMITED else payload[:0]
            place += length


def structure_bytes(content: bytes) -> int:
    """Bytes of an ONNX file that are not weights of an initialiser.

    Raises:
        FieldwiseError: ``BUNDLE_INVALID`` when it is no protobuf message or has too many parts.
    """
    walk = _Walk()
    weights = 0
    with memoryview(content) as whole:
        for number, graph in walk.fields(whole):
            if number == _MODEL_GRAPH:
                weights += _weight_bytes(walk, graph)
    return len(content) - weights


def not_onnx() -> FieldwiseError:
    """The error for bytes that are no ONNX file at all."""
    return FieldwiseError(Fault.BUNDLE_INVALID, "the graph is not an ONNX file, or is damaged")


def _weight_bytes(walk: _Walk, graph: memoryview) -> int:
    return sum(
        len(values)
        for number, tensor in walk.fields(graph)
        if number == _GRAPH_INITIALISER
        for part, values in walk.fields(tensor)
        if part in _TENSOR_WEIGHTS
    )


def _length(content: memoryview, place: int, wire_type: int) -> tuple[int, int]:
    if wire_type == _LENGTH_DELIMITED:
        return _varint(content, place)
    if wire_type in _FIXED_BYTES:
        return _FIXED_BYTES[wire_type], place
    if wire_type == 0:
        return 0, _varint(content, place)[1]
    raise not_onnx()


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(content[place : place + _VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 -- the continuation bit
            return value, place + index + 1
    raise not_onnx()
