"""Federation's ports in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agent.federation.sharing import Departure
from agent.federation.standing import ConsentNote, Standing
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError


@dataclass(slots=True)
class MemoryFederation:
    """Notes that outlive whoever writes them; ``full`` refuses every write."""

    note: ConsentNote = field(default_factory=ConsentNote)
    stands: Standing = field(default_factory=Standing)
    left: dict[str, dict[str, Departure]] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    full: bool = False

    def consent(self) -> ConsentNote:
        return self.note

    def write_consent(self, note: ConsentNote) -> None:
        self._require_room()
        self.note = note

    def standing(self) -> Standing:
        return self.stands

    def write_standing(self, standing: Standing) -> None:
        self._require_room()
        self.stands = standing

    def departures(self, bundle: str) -> dict[str, Departure]:
        return dict(self.left.get(bundle, {}))

    def note_departures(self, bundle: str, departures: Mapping[str, Departure]) -> None:
        self._require_room()
        self.left.setdefault(bundle, {}).update(departures)

    def forget_deliveries(self) -> None:
        for marks in self.left.values():
            marks.update({mark: replace(each, delivered="") for mark, each in marks.items()})

    def bare(self) -> frozenset[str]:
        return self.marks

    def add_bare(self, marks: frozenset[str]) -> None:
        self._require_room()
        self.marks |= marks

    def _require_room(self) -> None:
        if self.full:
            raise FieldwiseError(Fault.DISK_FULL, "no room")


@dataclass(slots=True)
class MemoryHeads:
    """Files by digest; a ``broken`` disk reads none."""

    files: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False

    def write(self, digest: str, content: bytes) -> None:
        if digest_of(content) != digest:
            raise FieldwiseError(Fault.DIGEST_MISMATCH, "another file")
        self.files[digest] = content

    def read(self, digest: str) -> bytes | None:
        if self.broken:
            raise FieldwiseError(Fault.STATE_UNUSABLE, f"{digest} cannot be read")
        return self.files.get(digest)

    def keep(self, digests: frozenset[str]) -> None:
        self.files = {digest: each for digest, each in self.files.items() if digest in digests}
