"""What a device says of its publisher, between values and messages, both ways."""

from collections.abc import Mapping

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import EPOCH_MAX, VERSION_MAX, PublisherReport, PublisherTrouble
from fieldwise.v1alpha1 import device_pb2

TROUBLES: Mapping[PublisherTrouble, device_pb2.PublisherTrouble] = {
    each: getattr(device_pb2, f"PUBLISHER_TROUBLE_{each.name}") for each in PublisherTrouble
}


def report_from(message: device_pb2.PublisherReport) -> PublisherReport:
    """Read a report.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a trouble without a meaning, ``OVER_LIMIT`` for a
            number that nobody can have signed.
    """
    numbers = (message.root_version, message.targets_version, message.floor_epoch)
    if max(numbers[:2]) > VERSION_MAX or numbers[2] > EPOCH_MAX:
        raise FieldwiseError(Fault.OVER_LIMIT, f"publisher counts to {max(numbers):,}")
    return PublisherReport(*numbers, _trouble_from(message.trouble))


def report_to(report: PublisherReport) -> device_pb2.PublisherReport:
    return device_pb2.PublisherReport(
        root_version=report.root_version,
        targets_version=report.targets_version,
        floor_epoch=report.floor_epoch,
        trouble=TROUBLES[report.trouble] if report.trouble else None,
    )


def _trouble_from(number: int) -> PublisherTrouble | None:
    if number == device_pb2.PUBLISHER_TROUBLE_UNSPECIFIED:
        return None
    for word, known in TROUBLES.items():
        if known == number:
            return word
    raise FieldwiseError(Fault.INVALID_ARGUMENT, f"no trouble with a publisher is {number}")
