"""Paired counts between values and messages, both ways."""

from dataclasses import asdict, fields

from fieldwise.v1alpha1 import device_pb2
from fieldwise.verdict import PairedCounts


def counts_to(counts: PairedCounts) -> device_pb2.PairedCounts:
    return device_pb2.PairedCounts(**asdict(counts))


def counts_from(message: device_pb2.PairedCounts) -> PairedCounts:
    """Read what two heads had right.

    Raises:
        FieldwiseError: ``OVER_LIMIT``, ``INVALID_ARGUMENT`` for counts that nothing has.
    """
    return PairedCounts(**{each.name: getattr(message, each.name) for each in fields(PairedCounts)})
