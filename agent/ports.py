"""What the agent's use cases need of the world: what each guarantees, and which errors it raises.

One contract test runs against every implementation. Ports are synchronous where work is short.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.federation_ports import Rounds
from agent.learning.forgetting import Forgetting, Selection
from agent.learning.kept import Asking, Changes, Entry, Kept
from agent.learning.samples import Burst, Counters, Group, Remembered, Sample, Share, Snapshot
from agent.reporting import (
    Application,
    Credentials,
    DiagnosisAnswer,
    Membership,
    Orders,
    Piece,
    Report,
    SteeringRevision,
)
from agent.trust_ports import MetadataSource
from agent.update.events import UpdateState
from agent.update.probation import Probation
from fieldwise.bundle import FileReference, Manifest

Needs = Callable[[Manifest, Iterable[FileReference]], int]


def files_alone(manifest: Manifest, missing: Iterable[FileReference]) -> int:  # noqa: ARG001 - as ``Needs``
    """What a bundle needs that is only to lie there."""
    return sum(file.size for file in missing)


class SampleStore(Protocol):
    """Labelled samples of a device and the statistics learned from them.

    Reading and writing are safe from several threads. A write is in effect as a whole when the
    method returns, also after a loss of power, or not at all. Every method raises
    ``FieldwiseError``: ``DISK_FULL`` where there is no room (nothing is changed then),
    ``STATE_DAMAGED`` where what is stored cannot be read.
    """

    def holdout_key(self) -> bytes:
        """A secret of 32 bytes, made by chance when the store is, the same for ever after."""
        ...

    def commit(self, group: Group) -> None:
        """Append samples, drop images and set all else of a group, in one transaction.

        Where the room is bounded, images of earlier groups may be dropped before it. A sample whose
        id is known is skipped, so a group may be committed again. Of a forgotten learned sample the
        image goes and the features stay; a forgotten held-out sample goes as a whole. Forgotten ids
        that are unknown, or hold no image, are ignored.
        """
        ...

    def feature_bytes(self) -> int:
        """Bytes of the features held of learned samples; this reads all records."""
        ...

    def last_sequence(self) -> int:
        """The highest sequence ever committed, also of samples dropped since; 0 if none."""
        ...

    def known(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of the ids that the store has a record of."""
        ...

    def samples_after(
        self, sequence: int, limit: int, bundle: str, shares: frozenset[Share]
    ) -> Sequence[Sample]:
        """The first samples above a sequence, ascending, with what a head on a bundle needs.

        ``grid`` is set where the features held are of this bundle; ``image`` only where they are
        not and the image is held. Samples of which neither can be given are left out.

        Args:
            sequence: Start above this one; 0 for the first.
            limit: At most so many.
            bundle: Digest of the bundle that the features should be of.
            shares: Only samples of these shares.
        """
        ...

    def chosen(self, selection: Selection, sequence: int, limit: int) -> Sequence[Sample]:
        """The first selected samples above a sequence, ascending, with all that is held of them.

        Samples of every share, also those of which neither features nor image are held; ``grid`` is
        of ``bundle``, whichever that is.
        """
        ...

    def forget(self, forgetting: Forgetting) -> None:
        """Drop what is to be forgotten and set what stands instead, in one transaction.

        Afterwards no file has a byte of it; where there is no room to see to that at once, from the
        next group or start on that there is.
        """
        ...

    def absent(self) -> frozenset[str]:
        """Marks of forgotten classes that a starter head must not bring back."""
        ...

    def set_absent(self, marks: frozenset[str]) -> None:
        """Replace these marks."""
        ...

    def remembered(self) -> Sequence[Remembered]:
        """Every sample whose image is held, ascending by sequence."""
        ...

    def bursts(self) -> Sequence[Burst]:
        """For each class the burst of its newest sample, with the number of its samples."""
        ...

    def counters(self) -> Counters:
        """The counters of the newest group; fresh ones before the first."""
        ...

    def track(self) -> bytes:
        """The track record of the newest group that had one; empty before the first."""
        ...

    def save_snapshot(self, snapshot: Snapshot, log_bytes_max: int) -> None:
        """Replace the snapshot of its bundle, and trim the feature log that it makes redundant.

        Right after it, features of learned samples up to the snapshot's sequence are dropped,
        oldest first, until those held take at most ``log_bytes_max`` bytes (2 D for each
        sample). Features of held-out samples and of later samples stay. Records left with neither
        features nor image go, except the newest of each class.
        """
        ...

    def keep_grids(self, bundle: str, grids: Mapping[str, NDArray[np.int16]]) -> None:
        """Replace the features of held-out samples, by id, with int16[D] of a bundle.

        Ids that are unknown or of learned samples are ignored.
        """
        ...

    def keep_ahead(self, bundle: str, grids: Mapping[int, NDArray[np.int16]]) -> None:
        """Keep features int16[D] of samples on a backbone to come, by sequence.

        ``samples_after`` gives them for that bundle, where it has no others. They go with their
        sample, with the next snapshot of that bundle, and when its snapshots are dropped. Sequences
        that are unknown are ignored, and where the room is bounded nothing is kept: it is images'.
        """
        ...

    def load_snapshot(self, bundle: str) -> Snapshot | None:
        """The snapshot of a bundle, if there is one."""
        ...

    def drop_snapshots(self, keep: frozenset[str]) -> None:
        """Drop the snapshots of all bundles but these, and features that are of no other.

        Samples whose features were of a dropped bundle are of no bundle then.
        """
        ...


class PredictionStore(Protocol):
    """Predictions that a label may still come for.

    Safe from several threads; a change is in effect as a whole when the method returns, or not at
    all. Changes may also come with a group of samples (``SampleStore.commit``). Every method raises
    ``FieldwiseError``: ``DISK_FULL``, ``STATE_DAMAGED``.
    """

    def entries(self) -> Sequence[Entry]:
        """All that are kept, in the order in which they came, without their contents."""
        ...

    def apply(self, changes: Changes) -> None:
        """Keep, drop and mark predictions. A known id is not kept again, unknown ones are ignored.

        What is kept and dropped by the same changes is dropped.
        """
        ...

    def find(self, prediction_id: str) -> Kept | None:
        """A prediction with all that is held of it."""
        ...

    def grids(self, ids: Sequence[str]) -> Sequence[NDArray[np.int16]]:
        """The features of predictions, in this order; none, int16[0], of those that are gone."""
        ...

    def asking(self) -> Asking:
        """The newest count of questions."""
        ...


class Clock(Protocol):
    """Time as an argument of everything that waits or records."""

    def monotonic(self) -> float:
        """Seconds since some instant; never jumps."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 as the machine has them; may jump either way."""
        ...

    def minute_of_day(self) -> int:
        """Minutes since midnight, 0 to 1,439, by that clock and the machine's time zone."""
        ...


class Orchestrator(Rounds, MetadataSource, Protocol):
    """The fleet's server as one member reaches it.

    Every method raises ``UNREACHABLE``, ``UNAVAILABLE`` or ``BUSY`` for what another try may mend.
    """

    async def check_in(self, report: Report) -> Orders:
        """Say what is; hear what should be."""
        ...

    def download(self, digest: str, offset: int) -> AsyncGenerator[Piece]:
        """Fetch a manifest or a file from a byte on.

        Raises:
            FieldwiseError: ``NOT_FOUND`` when the orchestrator does not have it.
        """
        ...

    async def renew(self, certificate_request: bytes) -> Credentials:
        """Get a certificate for a fresh key."""
        ...

    async def leave(self) -> None:
        """Leave the fleet."""
        ...

    async def answer_diagnosis(self, answer: DiagnosisAnswer) -> None:
        """Say how a request for a diagnosis stands; again is no error."""

    async def close(self) -> None:
        """End the connection."""


class Identity(Protocol):
    """Where the device's key and certificates are; each write is durable on return."""

    def read(self) -> Membership | None:
        """The membership; None outside a fleet."""
        ...

    def write(self, membership: Membership) -> None:
        """Keep a membership, whole or not at all."""
        ...

    def application(self) -> Application | None:
        """What waits for a fleet's word; None where nothing does."""
        ...

    def apply(self, application: Application | None) -> None:
        """Keep what waits, until there is a membership, or forget it."""
        ...

    def pending_key(self, make: Callable[[], bytes]) -> bytes:
        """The key, PEM, with which a membership is asked for: the same one until there is one."""
        ...

    def forget_key(self) -> None:
        """Forget that key; what waits still does, and asks with another one."""
        ...

    def remove(self) -> None:
        """Forget the membership, the key that one was asked for, and what waits."""
        ...


class Bundles(Protocol):
    """The bundles on the device; digests are hexadecimal."""

    def path(self, digest: str) -> Path:
        """Where the file of that digest is or would be."""
        ...

    def manifest(self, digest: str) -> Manifest | None:
        """The manifest of that digest; None while it is not here.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH`` when the file is not what it was; it is removed.
        """
        ...

    def titles(self) -> dict[str, str]:
        """NAME:VERSION by digest of every bundle whose manifest is here."""
        ...

    def check(self, digest: str) -> None:
        """Read a file again to see that it is what was stored.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH``; it is removed then, to be fetched again.
        """
        ...

    def install(self, path: Path, needs: Needs = files_alone) -> tuple[str, Manifest]:
        """Unpack a bundle file; returns digest and manifest.

        Args:
            path: The file.
            needs: Bytes that bringing a bundle into use adds to the state folder, from its manifest
                and the files that are missing: without that much room nothing is unpacked.

        Raises:
            FieldwiseError: ``BUNDLE_INVALID``, ``DIGEST_MISMATCH``, ``DISK_FULL``, ``NOT_FOUND``.
        """
        ...

    def has(self, file: FileReference) -> bool:
        """Whether a file is here as a whole."""
        ...

    def missing_room(self, wanted_bytes: int) -> int:
        """Bytes of room that are missing to write so many; 0 where they fit."""
        ...

    def partial_bytes(self, digest: str) -> int:
        """How much of a file has arrived."""
        ...

    def append(self, digest: str, content: bytes) -> None:
        """Add the next piece of a file.

        Raises:
            FieldwiseError: ``DISK_FULL``; what arrived before stays.
        """
        ...

    def finish(self, digest: str) -> None:
        """Give a fetched file its name, if it is what was asked for.

        Raises:
            FieldwiseError: ``DIGEST_MISMATCH``; then nothing of it is kept.
        """
        ...

    def drop(self, digest: str) -> None:
        """Forget what arrived of a file."""
        ...

    def collect(self, keep: Iterable[str]) -> None:
        """Remove every file that none of these bundles names, nor one that was just installed.

        A bundle from a file stays until it was among those to keep once.
        """
        ...


class Journal(Protocol):
    """What the daemon must know again after a power cut; each write is durable on return."""

    def update(self) -> UpdateState:
        """Where the update stands."""
        ...

    def write_update(self, state: UpdateState) -> None:
        """Replace it; the one step at which a pair comes into use."""
        ...

    def probation(self) -> Probation:
        """The probation under way, without a digest where there is none."""
        ...

    def write_probation(self, probation: Probation) -> None:
        """Replace it."""
        ...

    def next_incarnation(self) -> int:
        """A number that no start of the daemon on this state had before."""
        ...

    def steering(self) -> SteeringRevision:
        """The settings that an operator gave last."""
        ...

    def write_steering(self, revision: SteeringRevision) -> None:
        """Replace them."""
        ...
