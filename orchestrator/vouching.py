"""Signed backbones, put together: metadata, the keys of this server, and who keeps them fresh."""

from dataclasses import dataclass
from functools import partial

from fieldwise.trust import Role
from orchestrator.config import OrchestratorSettings
from orchestrator.leading import Leading
from orchestrator.ports import Clock
from orchestrator.publisher_file import open_publisher, without_offline
from orchestrator.rpc.trust import TrustServicer
from orchestrator.storage.stores import Stores
from orchestrator.trust.accepting import Accepting
from orchestrator.trust.keeping import Keeping
from orchestrator.trust.serving import Serving
from orchestrator.trust.upkeep import DAY, Lifetimes

HOURS_A_DAY, SNAPSHOT_LIVES = 24, 7


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
    lives = lifetimes(settings)
    serving = Serving(stores.trust, clock)
    keeping = Keeping(
        stores.trust, stores.backbones, keys, clock, leading.term, lives, serving.forget_newest
    )
    forget = partial(without_offline, settings.folder, settings.publisher_file)
    accepting = Accepting(stores.trust, stores.backbones, keeping, clock, forget)
    return Trust(keeping, serving, accepting)


def lifetimes(settings: OrchestratorSettings) -> Lifetimes:
    seconds = settings.timestamp_hours * DAY / HOURS_A_DAY
    return Lifetimes(timestamp=seconds, snapshot=SNAPSHOT_LIVES * seconds)
