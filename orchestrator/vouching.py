"""Signed backbones, put together: metadata, the keys of this server, and who keeps them fresh."""

from dataclasses import dataclass
from functools import partial

import structlog

from fieldwise.trust import Role
from orchestrator.config import OrchestratorSettings
from orchestrator.leading import Leading
from orchestrator.ports import Clock
from orchestrator.publisher_file import open_publisher, without_offline
from orchestrator.rpc.trust import TrustServicer
from orchestrator.storage.stores import Stores
from orchestrator.trust.accepting import Accepting
from orchestrator.trust.documents import Document, read
from orchestrator.trust.keeping import Keeping
from orchestrator.trust.serving import Serving
from orchestrator.trust.upkeep import DAY, Lifetimes, PublisherKeys, signs

HOURS_A_DAY, SNAPSHOT_LIVES = 24, 7

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trust:
    """The use cases of signed backbones."""

    keeping: Keeping
    serving: Serving
    accepting: Accepting

    @property
    def servicer(self) -> TrustServicer:
        return TrustServicer(self.accepting)


async def trust(
    settings: OrchestratorSettings, stores: Stores, clock: Clock, leading: Leading
) -> Trust:
    """Put them together.

    Raises:
        FieldwiseError: ``STATE_DAMAGED`` without usable keys, or as the store.
    """
    known = await stores.trust.newest((Role.ROOT,))
    keys = open_publisher(
        settings.folder, has_root=Role.ROOT in known, kept_in=settings.publisher_file
    )
    if (root := known.get(Role.ROOT)) is not None:
        _warn_of_other_keys(keys, read(Role.ROOT, root.content))
    lives = lifetimes(settings)
    serving = Serving(stores.trust, clock)
    keeping = Keeping(
        stores.trust, stores.backbones, keys, clock, leading.term, lives, serving.forget_newest
    )
    forget = partial(without_offline, settings.folder, settings.publisher_file)
    accepting = Accepting(stores.trust, stores.backbones, keeping, clock, forget)
    return Trust(keeping, serving, accepting)


def _warn_of_other_keys(keys: PublisherKeys, root: Document) -> None:
    """Say at once what would show when the timestamp has ended: this server cannot sign another."""
    if not signs(Role.TIMESTAMP, keys, root):
        _log.error(
            "this server lacks the online key that the root names, and can sign nothing: is it the "
            "right publisher.json?",
            root_version=root.version,
            names=root.key_ids(Role.TIMESTAMP),
            has=tuple(keys.online),
        )


def lifetimes(settings: OrchestratorSettings) -> Lifetimes:
    seconds = settings.timestamp_hours * DAY / HOURS_A_DAY
    return Lifetimes(timestamp=seconds, snapshot=SNAPSHOT_LIVES * seconds)
