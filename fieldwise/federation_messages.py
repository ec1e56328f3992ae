"""Updates and what belongs to them between values and messages, both ways.

An update travels in parts: a header, rows, and at the level of statistics the scatter. Whoever
receives them feeds them to an ``UpdateReader``, which holds no more than the header allows for and
refuses whatever is no update: another order, shape, count or digest, numbers that are not finite,
sums that no samples have.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import FEATURES_MAX, VIEWS_MAX
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import (
    Consent,
    FederationReport,
    HeadOutcome,
    HeadSpace,
    RoundStep,
    Row,
    RowKind,
    Update,
    UpdateReceipt,
    content_digest,
)
from fieldwise.v1alpha1 import device_pb2, federation_pb2
from fieldwise.verdict_messages import counts_from, counts_to

WordT = TypeVar("WordT", bound=StrEnum)
Part = federation_pb2.UpdateHeader | federation_pb2.ClassRows | federation_pb2.ScatterPiece

CONSENTS: Mapping[Consent, federation_pb2.Consent] = {
    each: getattr(federation_pb2, f"CONSENT_{each.name}") for each in Consent
}
KINDS: Mapping[RowKind, federation_pb2.RowKind] = {
    each: getattr(federation_pb2, f"ROW_KIND_{each.name}") for each in RowKind
}
ROUND_STEPS: Mapping[RoundStep, device_pb2.RoundStep] = {
    each: getattr(device_pb2, f"ROUND_STEP_{each.name}") for each in RoundStep
}
OUTCOMES: Mapping[HeadOutcome, device_pb2.HeadOutcome] = {
    each: getattr(device_pb2, f"HEAD_OUTCOME_{each.name}") for each in HeadOutcome
}
RECEIPTS: Mapping[UpdateReceipt, device_pb2.UpdateReceipt] = {
    each: getattr(device_pb2, f"UPDATE_RECEIPT_{each.name}") for each in UpdateReceipt
}

CLASSES_MAX = 10_000
ROWS_TOGETHER = 64  # as many as one message may have
ROWS_BYTES = 2_000_000  # of numbers in one message, whose limit is a little higher
PIECE_VALUES = 32_768  # of a scatter in one message
DIGEST_BYTES = 32
FLOAT, DOUBLE = np.dtype("<f4"), np.dtype("<f8")


def word_of(table: Mapping[WordT, Any], number: int) -> WordT:
    """The word that a number of the wire stands for.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a number without a meaning.
    """
    for word, known in table.items():
        if known == number:
            return word
    raise _no(f"nothing about federation has the number {number}")


def space_to(space: HeadSpace) -> federation_pb2.HeadSpace:
    return federation_pb2.HeadSpace(
        bundle_digest=bytes.fromhex(space.bundle),
        transform_digest=bytes.fromhex(space.transform),
        widths=space.widths,
    )


def space_from(message: federation_pb2.HeadSpace) -> HeadSpace:
    """Read what rows belong to.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for digests or widths that no bundle has.
    """
    digests = (message.bundle_digest, message.transform_digest)
    if any(len(each) != DIGEST_BYTES for each in digests):
        raise _no("a digest of a space of heads has another length than 32 bytes")
    widths = tuple(message.widths)
    possible = 1 <= len(widths) <= VIEWS_MAX and min(widths, default=0) > 0
    if not possible or sum(widths) > FEATURES_MAX:
        raise _no(f"no bundle has views of {', '.join(map(str, widths)) or 'no'} features")
    return HeadSpace(digests[0].hex(), digests[1].hex(), widths)


def report_to(report: FederationReport) -> device_pb2.FederationReport:
    message = device_pb2.FederationReport(
        consent=CONSENTS[report.consent],
        campaign_id=report.campaign,
        round=report.round,
        step=ROUND_STEPS[report.step] if report.step else None,
        head_campaign_id=report.head_campaign,
        head_version=report.head_version,
        outcome=OUTCOMES[report.outcome] if report.outcome else None,
        blend_permille=report.blend_permille,
    )
    if report.judged is not None:
        message.judged.CopyFrom(counts_to(report.judged))
    return message


def report_from(message: device_pb2.FederationReport) -> FederationReport:
    """Read how a device stands.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``, ``OVER_LIMIT`` for what no device says.
    """
    return FederationReport(
        consent=word_of(CONSENTS, message.consent),
        campaign=message.campaign_id,
        round=message.round,
        step=word_of(ROUND_STEPS, message.step) if message.step else None,
        head_campaign=message.head_campaign_id,
        head_version=message.head_version,
        outcome=word_of(OUTCOMES, message.outcome) if message.outcome else None,
        judged=counts_from(message.judged) if message.HasField("judged") else None,
        blend_permille=message.blend_permille,
    )


def parts_of(update: Update) -> Iterator[Part]:
    """An update as the messages that it travels in, in their order."""
    yield federation_pb2.UpdateHeader(
        campaign_id=update.campaign,
        round=update.round,
        kind=KINDS[update.kind],
        level=CONSENTS[update.level],
        space=space_to(update.space),
        rows=len(update.rows),
        content_digest=content_digest(update.rows, update.scatter),
        base_version=update.base_version,
    )
    yield from _rows_of(update)
    for view, triangle in enumerate(update.scatter):
        for offset in range(0, len(triangle), PIECE_VALUES):
            values = triangle[offset : offset + PIECE_VALUES].astype(DOUBLE).tobytes()
            yield federation_pb2.ScatterPiece(view=view, offset=offset, values=values)


def _rows_of(update: Update) -> Iterator[federation_pb2.ClassRows]:
    exact = update.level is Consent.STATISTICS
    row_bytes = (DOUBLE if exact else FLOAT).itemsize * (update.space.width + 1)
    together = max(1, min(ROWS_TOGETHER, ROWS_BYTES // row_bytes))
    for start in range(0, len(update.rows), together):
        chosen = update.rows[start : start + together]
        yield federation_pb2.ClassRows(rows=[_row_to(row, exact=exact) for row in chosen])


def _row_to(row: Row, *, exact: bool) -> federation_pb2.ClassRow:
    if exact:
        sums = row.values.astype(DOUBLE).tobytes()
        return federation_pb2.ClassRow(class_id=row.class_id, samples=row.samples, sums=sums)
    values = row.values.astype(FLOAT).tobytes()
    return federation_pb2.ClassRow(class_id=row.class_id, samples=row.samples, values=values)


class UpdateReader:
    """Puts an update together from its parts.

    Args:
        header: The first part.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a header that no update has.

    Attributes:
        space: What the update says that its rows belong to.
        kind: Of its rows.
        level: What is in it.
    """

    def __init__(self, header: federation_pb2.UpdateHeader) -> None:
        self._header = header
        self.space = space_from(header.space)
        self.kind, self.level = word_of(KINDS, header.kind), word_of(CONSENTS, header.level)
        if not 1 <= header.rows <= CLASSES_MAX:
            raise _no(f"an update of {header.rows:,} classes")
        if len(header.content_digest) != DIGEST_BYTES:
            raise _no("the digest of an update has another length than 32 bytes")
        self._exact = self.level is Consent.STATISTICS
        if self.level is Consent.OFF or (self._exact and self.kind is RowKind.WEIGHTS):
            raise _no(f"an update of {self.kind} at the level {self.level}")
        self._width = self.space.width + (self.kind is RowKind.WEIGHTS)
        self._rows: list[Row] = []
        self._scatter: list[NDArray[np.float64]] = []
        self._lengths = [width * (width + 1) // 2 for width in self.space.widths]
        self._filled = 0

    def rows(self, message: federation_pb2.ClassRows) -> None:
        """Take the next rows.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT``.
        """
        for each in message.rows:
            if len(self._rows) >= self._header.rows:
                raise _no(f"more than the {self._header.rows:,} rows that were announced")
            if each.class_id <= (self._rows[-1].class_id if self._rows else 0):
                raise _no(f"class {each.class_id} out of order")
            if not each.samples:
                raise _no(f"class {each.class_id} without a sample")
            self._rows.append(Row(each.class_id, each.samples, self._values(each)))

    def scatter(self, message: federation_pb2.ScatterPiece) -> None:
        """Take the next piece of the scatter.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT``.
        """
        if not self._exact or len(self._rows) != self._header.rows:
            raise _no("a scatter before all rows, or where none belongs")
        if self._is_full() and len(self._scatter) < len(self._lengths):
            self._scatter.append(np.zeros(self._lengths[len(self._scatter)]))
            self._filled = 0
        values = _numbers(message.values, DOUBLE)
        place = (len(self._scatter) - 1, self._filled)
        room = len(self._scatter[-1]) - self._filled
        if (message.view, message.offset) != place or not 0 < len(values) <= room:
            raise _no(f"a piece of the scatter of view {message.view} out of order")
        if (values != np.rint(values)).any():
            raise _no("a scatter that no samples have")
        self._scatter[-1][self._filled : self._filled + len(values)] = values
        self._filled += len(values)

    def finish(self) -> Update:
        """The update.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` where something is missing, or is not what its
                header's digest is of.
        """
        header = self._header
        views = len(self._lengths) if self._exact else 0
        if len(self._rows) != header.rows or len(self._scatter) != views or not self._is_full():
            raise _no("an update that ends before it is whole")
        rows, scatter = tuple(self._rows), tuple(self._scatter)
        if content_digest(rows, scatter) != header.content_digest:
            raise _no("an update of another content than its digest says")
        return Update(
            campaign=header.campaign_id,
            round=header.round,
            kind=self.kind,
            level=self.level,
            space=self.space,
            rows=rows,
            scatter=scatter,
            base_version=header.base_version,
        )

    def _is_full(self) -> bool:
        return not self._scatter or self._filled == len(self._scatter[-1])

    def _values(self, row: federation_pb2.ClassRow) -> NDArray[Any]:
        if bool(row.sums) != self._exact or bool(row.values) == self._exact:
            raise _no(f"numbers of class {row.class_id} of another level than announced")
        values = _numbers(row.sums, DOUBLE) if self._exact else _numbers(row.values, FLOAT)
        if len(values) != self._width:
            raise _no(f"{len(values):,} numbers of class {row.class_id} for {self._width:,}")
        if self._exact and (values != np.rint(values)).any():
            raise _no(f"sums of class {row.class_id} that no samples have")
        return values


def _numbers(content: bytes, kind: np.dtype[Any]) -> NDArray[Any]:
    if len(content) % kind.itemsize:
        raise _no("half a number")
    found: NDArray[Any] = np.frombuffer(content, kind).copy()
    if not np.isfinite(found).all():
        raise _no("a number that is not finite")
    return found


def _no(what: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, what)
