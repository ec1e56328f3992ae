"""What devices and orchestrator exchange where owners agree: parts of heads, class by class.

A head's part for one class is a row. Of heads that are solved from sums it is the mean of the
class's features, in units of the transform's grid; of heads that learn by gradient, what training
changed in the class's weights and bias since the version of the global head that it started from.
Rows are keyed by the ids of a campaign's own list of classes, which the operator names: a device
sends no name. They mean something only within one space, that is for one bundle, one transform and
one list of views.

With ``Consent.STATISTICS`` rows are exact sums, and the scatter of the same samples comes with
them: merging those is learning on all devices at once (``fieldwise.head``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from fieldwise.bundle import Digest, Manifest, Transform

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


def content_digest(rows: Sequence[Row], scatter: Sequence[NDArray[np.float64]]) -> bytes:
    """SHA-256, 32 bytes, over classes, counts and numbers in the order in which they are sent.

    Of each row its class id as uint32 and its samples as uint64, then its values; then the scatter
    of each view. All little-endian.
    """
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.class_id.to_bytes(4, "little"))
        digest.update(row.samples.to_bytes(8, "little"))
        digest.update(row.values.astype(row.values.dtype.newbyteorder("<")).tobytes())
    for triangle in scatter:
        digest.update(triangle.astype("<f8").tobytes())
    return digest.digest()
