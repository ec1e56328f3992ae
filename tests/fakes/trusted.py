"""A publisher's metadata on a device, in memory; and a device that has no publisher."""

from agent.trust_ports import FetchMetadata
from agent.update.vouched import Signed, Trusted
from fieldwise.bundle import Manifest, encode_manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed, Role

FAR = "2099-01-01T00:00:00Z"


def listed_of(digest: str, manifest: Manifest, length: int | None = None) -> Listed:
    """The entry that a publisher makes for a bundle."""
    size = len(encode_manifest(manifest)) if length is None else length
    return Listed(digest, size, manifest.name, manifest.version, manifest.epoch)


def trusted_list(*listed: Listed, floor: int = 0, version: int = 1, expires: str = FAR) -> Trusted:
    """What a device trusts that has a list."""
    signed = {role: Signed(version, expires) for role in Role}
    return Trusted(signed, floor, {each.digest: each for each in listed})


class NoPublisher:
    """Nobody vouches, and nobody has to: outside a fleet."""

    async def vouched(self, digest: str) -> Listed | None:
        return None

    def check(self, digest: str, manifest: Manifest) -> None:
        """Nothing is wrong with any."""


class MemoryPublisher:
    """The publisher port in memory, which believes what comes next.

    Attributes:
        now: What is trusted.
        coming: What refreshes bring, one after the other; the last one stays.
        begun: Roots that it was to begin from.
        names: What a refresh asks for; nothing where it asks nobody.
    """

    def __init__(self, now: Trusted | None = None, *coming: Trusted | FieldwiseError) -> None:
        self.now = now or Trusted()
        self.coming = list(coming)
        self.begun: list[bytes] = []
        self.names: tuple[str, ...] = ()
        self.refreshed = 0

    def trusted(self) -> Trusted:
        return self.now

    def begin(self, root: bytes) -> None:
        if root == b"rubbish":
            raise FieldwiseError(Fault.METADATA_INVALID, "this is no root")
        self.begun.append(root)
        self.now = Trusted({Role.ROOT: Signed(1, FAR)}) if root else Trusted()

    def refresh(self, fetch: FetchMetadata) -> None:
        self.refreshed += 1
        for name in self.names:
            fetch(name)
        if self.coming:
            found = self.coming.pop(0) if len(self.coming) > 1 else self.coming[0]
            if isinstance(found, FieldwiseError):
                raise found
            self.now = found
