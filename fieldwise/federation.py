"""What devices and orchestrator exchange where owners agree: parts of heads, class by class.

A head's part for one class is a row. Of heads that are solved from sums it is the mean of the
class's features, in units of the transform's grid; of heads that learn by gradient, the class's
weights and bias, less those of the version of the global head that the round starts from. Weights
are for features of unit length, and a device divides them by one number, so that its rows are 1
long on average: how long they are as trained tells how long was trained, and nothing to others.
Rows are keyed by the ids of a campaign's own list of classes, which the operator names: a device
sends no name. They mean something only within one space, that is for one bundle, one transform and
one list of views.

With ``Consent.STATISTICS`` rows are exact sums, and the scatter of the same samples comes with
them: merging those is learning on all devices at once (``fieldwise.head``).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import Digest, Manifest, Transform
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.verdict import PERMILLE, PairedCounts

ROUND_MAX = 2**32 - 1  # the wire's width
VERSION_MAX = 2**53  # nobody gets that far, and every database can count on from there
PIECE_VALUES = 32_768  # of a scatter in one piece
_ROW_HEAD = 12  # bytes of a row's id and samples
NORM_MAX, NOISE_MAX = 1e9, 100.0  # that a campaign can ask for
SAMPLES_MIN = 10  # a mean of fewer is close to a sample


class Consent(StrEnum):
    """What the owner of a device lets leave it; each includes the ones before."""

    OFF = "off"
    WEIGHTS = "weights"
    STATISTICS = "statistics"

    def covers(self, asked: "Consent") -> bool:
        """Whether an owner who agreed to this agreed to what is asked for."""
        order = list(Consent)
        return order.index(asked) <= order.index(self)


class RowKind(StrEnum):
    """What a row of a head is."""

    MEANS = "means"
    WEIGHTS = "weights"


class RoundStep(StrEnum):
    """How a device stands to the round that it was last offered."""

    WAITING = "waiting"
    ANSWERED = "answered"
    NOT_AGREED = "not-agreed"
    TOO_FEW = "too-few"
    UNSUITABLE = "unsuitable"
    REFUSED = "refused"
    NO_HOOK = "no-hook"


class HeadOutcome(StrEnum):
    """What a device made of a global head."""

    ADOPTED = "adopted"
    NOT_CHOSEN = "not-chosen"
    HARM = "harm"
    TOO_FEW = "too-few"
    UNSUITABLE = "unsuitable"
    NOT_AGREED = "not-agreed"


class UpdateReceipt(StrEnum):
    """What became of an update."""

    TAKEN = "taken"
    LATE = "late"
    NOT_ASKED = "not-asked"
    UNSUITABLE = "unsuitable"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class FederationReport:
    """Where a device stands in federation, as it says at every check-in.

    Attributes:
        consent: Of its owner, as it holds now.
        campaign: Of the round that it was last offered; empty before the first.
        round: That round's number.
        step: How it stands to it; None before the first.
        head_campaign: Of the newest global head that it judged; empty before the first.
        head_version: That head's version.
        outcome: What came of it.
        judged: The device's own head as old, the blend as new, on the classes that it knows.
        blend_permille: Share of the global head in what serves, thousandths.

    Raises:
        FieldwiseError: On creation ``OVER_LIMIT`` for a number out of its bounds.
    """

    consent: Consent
    campaign: str = ""
    round: int = 0
    step: RoundStep | None = None
    head_campaign: str = ""
    head_version: int = 0
    outcome: HeadOutcome | None = None
    judged: PairedCounts | None = None
    blend_permille: int = 0

    def __post_init__(self) -> None:
        for name, limit in (
            ("round", ROUND_MAX),
            ("head_version", VERSION_MAX),
            ("blend_permille", PERMILLE),
        ):
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise FieldwiseError(
                    Fault.OVER_LIMIT, f"{name} is {value:,}; the limit is {limit:,}"
                )


@dataclass(frozen=True, slots=True)
class HeadSpace:
    """What rows belong to.

    Attributes:
        bundle: Digest of the bundle.
        transform: Digest of its transform.
        widths: Features of each view, in the bundle's order.
    """

    bundle: Digest
    transform: Digest
    widths: tuple[int, ...]

    @property
    def width(self) -> int:
        """D, features of all views together: a row holds them one view after another."""
        return sum(self.widths)


@dataclass(frozen=True, slots=True)
class RoundOffer:
    """A round that a device may take part in, for so many seconds from its receipt."""

    campaign: str
    round: int
    level: Consent
    space: HeadSpace
    kind: RowKind
    seconds: int
    only_idle: bool = False
    only_on_conditions: bool = False


@dataclass(frozen=True, slots=True)
class HeadOffer:
    """A version of a global head that a device may fetch, by its digest."""

    campaign: str
    version: int
    digest: Digest
    bytes: int
    space: HeadSpace


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One class's part of a head.

    Attributes:
        class_id: Of the campaign's list.
        samples: How many are behind it.
        values: float32[D], or float32[D+1] of ``RowKind.WEIGHTS``, the bias last; float64[D], exact
            sums, of ``Consent.STATISTICS``.
    """

    class_id: int
    samples: int
    values: NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """A device's part of a round.

    Attributes:
        campaign: Id of the campaign.
        round: Its number, from 1 on.
        kind: Of its rows.
        level: What is in it: ``WEIGHTS`` or ``STATISTICS``.
        space: What its rows belong to.
        rows: Sorted by class.
        scatter: Of each view the upper triangle, row by row, float64[D(D+1)/2], of the rows'
            samples alone; empty at ``WEIGHTS``.
        base_version: The version of the global head that weights were trained from; 0 for none.
    """

    campaign: str
    round: int
    kind: RowKind
    level: Consent
    space: HeadSpace
    rows: tuple[Row, ...]
    scatter: tuple[NDArray[np.float64], ...] = ()
    base_version: int = 0


def space_of(bundle: Digest, manifest: Manifest) -> HeadSpace:
    """The space of heads on a bundle."""
    widths = tuple(view.width for view in manifest.views)
    return HeadSpace(bundle, transform_digest(manifest.transform), widths)


def transform_digest(transform: Transform) -> Digest:
    """SHA-256, hexadecimal, of a transform's canonical JSON."""
    return hashlib.sha256(msgspec.json.encode(transform, order="sorted")).hexdigest()


def content_of(rows: Iterable[Row], scatter: Iterable[NDArray[np.float64]] = ()) -> Iterator[bytes]:
    """What an update says, as bytes in the order in which it is sent.

    Of each row its class id as uint32 and its samples as uint64, then its values; then the scatter
    of each view. All little-endian.
    """
    for row in rows:
        numbers = row.values.astype(row.values.dtype.newbyteorder("<")).tobytes()
        yield row.class_id.to_bytes(4, "little") + row.samples.to_bytes(8, "little") + numbers
    for triangle in scatter:
        for start in range(0, len(triangle), PIECE_VALUES):
            yield triangle[start : start + PIECE_VALUES].astype("<f8").tobytes()


def content_digest(rows: Iterable[Row], scatter: Iterable[NDArray[np.float64]]) -> bytes:
    """SHA-256, 32 bytes, of ``content_of`` rows and scatter."""
    digest = hashlib.sha256()
    for piece in content_of(rows, scatter):
        digest.update(piece)
    return digest.digest()


def content_bytes(space: HeadSpace, kind: RowKind, level: Consent, rows: int) -> int:
    """How long the content of so many rows is, with the scatter that belongs to them."""
    exact = level is Consent.STATISTICS
    width = space.width + (kind is RowKind.WEIGHTS)
    triangles = sum(each * (each + 1) // 2 for each in space.widths) if exact else 0
    return rows * (_ROW_HEAD + width * (8 if exact else 4)) + 8 * triangles


def read_content(
    content: bytes, space: HeadSpace, kind: RowKind, level: Consent, rows: int
) -> tuple[tuple[Row, ...], tuple[NDArray[np.float64], ...]]:
    """Rows and scatter of a content that ``content_of`` made.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where it has another length.
    """
    if len(content) != content_bytes(space, kind, level, rows):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{len(content):,} bytes are no content of {rows:,} rows"
        )
    exact = level is Consent.STATISTICS
    width = space.width + (kind is RowKind.WEIGHTS)
    number = np.dtype("<f8" if exact else "<f4")
    row = np.dtype([("id", "<u4"), ("samples", "<u8"), ("values", number, (width,))])
    found = np.frombuffer(content, row, rows)
    taken = tuple(Row(int(each["id"]), int(each["samples"]), each["values"]) for each in found)
    offset, scatter = rows * row.itemsize, []
    for each in space.widths if exact else ():
        triangle = np.frombuffer(content, "<f8", each * (each + 1) // 2, offset)
        scatter.append(triangle)
        offset += triangle.nbytes
    return taken, tuple(scatter)
