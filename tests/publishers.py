"""Keys and metadata of publishers for tests: real keys, real signatures."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from fieldwise.bundle import digest_of
from fieldwise.trust import Listed, Role
from orchestrator.publisher_file import fresh_key
from orchestrator.trust.documents import Document
from orchestrator.trust.drafting import Holders, new_list, new_root, signed
from orchestrator.trust.signing_keys import SigningKey, by_id, signing_key
from orchestrator.trust.upkeep import DAY, PublisherKeys
from tests.fleet_records import NOW

ROOT_DAYS, LIST_DAYS = 365, 90


def key() -> SigningKey:
    return signing_key(fresh_key())


def all_online() -> PublisherKeys:
    """The keys of a server that is its own publisher."""
    root, targets, online = (by_id([key()]) for _ in range(3))
    return PublisherKeys(root=root, targets=targets, online=online)


def listed(version: str = "1", epoch: int = 1) -> Listed:
    return Listed(digest_of(version.encode()), 400, "lite0", version, epoch)


class Publisher:
    """A publisher who keeps keys apart from the server; ``online`` is the server's key."""

    def __init__(self, roots: int = 1, lists: int = 1, threshold: int = 1) -> None:
        self.roots = [key() for _ in range(roots)]
        self.lists = [key() for _ in range(lists)]
        self.online = key()
        self.threshold = threshold

    @property
    def holders(self) -> dict[Role, Holders]:
        online = Holders((self.online.public,))
        return {
            Role.ROOT: Holders(tuple(each.public for each in self.roots), self.threshold),
            Role.TARGETS: Holders(
                tuple(each.public for each in self.lists), min(self.threshold, len(self.lists))
            ),
            Role.SNAPSHOT: online,
            Role.TIMESTAMP: online,
        }

    @property
    def server_keys(self) -> PublisherKeys:
        return PublisherKeys(online=by_id([self.online]))

    def root(self, version: int = 1, *also: SigningKey, now: float = NOW) -> Document:
        fresh = new_root(version, now + ROOT_DAYS * DAY, self.holders)
        return signed(fresh, [*self.roots, *also])

    def list(self, version: int = 1, *items: Listed, floor: int = 0, now: float = NOW) -> Document:
        fresh = new_list(version, now + LIST_DAYS * DAY, items, floor)
        return signed(fresh, self.lists)

    def founding(self, *items: Listed) -> PublisherKeys:
        return replace(self.server_keys, founding=(self.root(), self.list(1, *items)))


def trusted(state: Mapping[Role, Document], root: Document, now: float) -> TrustedMetadataSet:
    """Take metadata as a device would that begins from a root, all of it at one moment.

    Raises:
        RepositoryError: As python-tuf refuses it.
    """
    known = TrustedMetadataSet(root.content, EnvelopeType.METADATA)
    known.reference_time = datetime.fromtimestamp(now, UTC)
    if state[Role.ROOT].version > root.version:
        known.update_root(state[Role.ROOT].content)
    known.update_timestamp(state[Role.TIMESTAMP].content)
    known.update_snapshot(state[Role.SNAPSHOT].content)
    known.update_targets(state[Role.TARGETS].content)
    return known
