"""The leader keeps metadata fresh, and puts on the list what is pushed where the keys are its own.

What is signed is kept in one transaction with the leader's term: of two replicas that sign at once,
one is refused, and what devices see has one history. A publisher's metadata may come in between by
any replica; then versions collide, and the next look signs for that.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from fieldwise.bundle import encode_manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import BYTES_MAX, Listed, Role
from orchestrator.paging import PAGE_SIZE_MAX, PageRequest
from orchestrator.ports import BackboneStore, Clock
from orchestrator.rollout.backbone import Backbone
from orchestrator.trust.documents import Document, describes, read
from orchestrator.trust.drafting import bytes_on_list
from orchestrator.trust.upkeep import (
    Lifetimes,
    PublisherKeys,
    Remaining,
    Wanted,
    remaining,
    signs,
    upkeep,
)
from orchestrator.trust_ports import Kept, TrustStore

LOOK_SECONDS = 5.0  # how late what a publisher sends to another replica reaches devices
WAITED_SECONDS = 15.0  # three looks of the leader, of whom one may fail
ASKED_SECONDS = 0.5
FRAME_BYTES = 4096  # of a list without any backbone, with its signatures
PASSING = frozenset({Fault.CONFLICT, Fault.UNAVAILABLE, Fault.DISK_FULL, Fault.NOT_VOUCHED})

_log = structlog.get_logger(__name__)


class Keeping:
    """The use case.

    Args:
        store: Where metadata is kept.
        backbones: What was published.
        keys: What this server has to sign with.
        clock: What time it is.
        term: In which this replica leads now; None while another does.
        lives: For how long what is signed holds.
        changed: Hears that there may be newer metadata than before.
    """

    def __init__(
        self,
        store: TrustStore,
        backbones: BackboneStore,
        keys: PublisherKeys,
        clock: Clock,
        term: Callable[[], int | None],
        lives: Lifetimes | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._backbones = backbones
        self.keys = keys
        self._clock = clock
        self._term = term
        self._lives = lives or Lifetimes()
        self._changed = changed
        self._turn = asyncio.Lock()
        self._read: tuple[float, Document | None] = (float("-inf"), None)

    async def look(self, term: int) -> None:
        """Sign what is due.

        Raises:
            FieldwiseError: ``CONFLICT`` where somebody was faster or leads now, ``NOT_VOUCHED``
                where the root names another online key, or as the stores.
        """
        async with self._turn:
            state = await self.state()
            wanted = Wanted(await self._published() if self._lists(state) else ())
            fresh = upkeep(state, self.keys, wanted, self._clock.now(), self._lives)
            if fresh:
                kept = [Kept(each.role, each.version, each.content) for each in fresh]
                await self._store.keep(kept, term)
                self._changed()
                versions = ", ".join(f"{each.role} {each.version}" for each in fresh)
                _log.info("metadata signed", versions=versions)

    async def refresh(self) -> None:
        """Sign what is due at once, where this replica leads; what fails is left to the next look.

        Raises:
            FieldwiseError: For a defect only.
        """
        term = self._term()
        if term is None:
            return
        try:
            await self.look(term)
        except FieldwiseError as error:
            if error.fault not in PASSING:
                raise
            _log.warning("metadata not signed", fault=error.fault, reason=error.sentence)

    async def check(self, backbone: Backbone) -> None:
        """Let a backbone be rolled out that devices will find on the list.

        Where it will be there in a moment, it is waited for.

        Raises:
            FieldwiseError: ``NOT_VOUCHED`` or ``BELOW_FLOOR``, ``UNAVAILABLE`` where the leader
                does not come to it.
        """
        await self.refresh()
        for _ in range(int(WAITED_SECONDS / ASKED_SECONDS)):
            state = await self.state()
            if not self._waits(state, backbone):
                break
            await asyncio.sleep(ASKED_SECONDS)
        else:
            raise FieldwiseError(
                Fault.UNAVAILABLE, f"{backbone.manifest.title} is not on the signed list yet"
            )
        refuse_unlisted(state.get(Role.TARGETS), backbone)
        self._changed()  # perhaps by another replica, whose list devices are to find here, too

    async def check_room(self, fresh: Listed) -> None:
        """Let a backbone be pushed that still fits on a list of this server's own.

        Raises:
            FieldwiseError: ``OVER_LIMIT``, or as ``state``.
        """
        if not await self.lists():
            return
        there = await self._published()
        size = sum(map(bytes_on_list, {each.digest: each for each in (*there, fresh)}.values()))
        if size > BYTES_MAX[Role.TARGETS] - FRAME_BYTES:
            raise FieldwiseError(
                Fault.OVER_LIMIT,
                f"the signed list has no room for {fresh.title} beside {len(there):,} backbones: "
                "recall those that nobody is to install any more",
            )

    async def check_still(self, backbone: Backbone) -> None:
        """Let a rollout go on whose backbone devices still take.

        Raises:
            FieldwiseError: ``NOT_VOUCHED`` or ``BELOW_FLOOR``, or as ``state``.
        """
        targets = (await self.state()).get(Role.TARGETS)
        if targets is not None:
            refuse_unlisted(targets, backbone)

    async def is_listed(self, digest: str) -> bool:
        """Tell whether devices take a backbone, by the newest list; a yes may be seconds late.

        Where there is no list, or none that can be read, nothing is known against it.

        Raises:
            FieldwiseError: As the store.
        """
        read_at, known = self._read
        is_old = not 0 <= self._clock.now() - read_at < LOOK_SECONDS
        if is_old or not _takes(known, digest):
            known = await self._list()
            self._read = self._clock.now(), known
        return _takes(known, digest)

    async def _list(self) -> Document | None:
        found, (_, known) = (await self._store.newest((Role.TARGETS,))), self._read
        kept = found.get(Role.TARGETS)
        if kept is None or (known is not None and known.content == kept.content):
            return None if kept is None else known
        try:
            return read(Role.TARGETS, kept.content)
        except FieldwiseError:  # of which every look at the metadata complains
            return None

    async def state(self) -> Mapping[Role, Document]:
        """Return the newest metadata.

        Raises:
            FieldwiseError: ``METADATA_INVALID`` for what was spoiled, or as the store.
        """
        newest = await self._store.newest(list(Role))
        return {role: read(role, each.content) for role, each in newest.items()}

    async def remaining(self) -> tuple[Remaining, ...]:
        """Return for how long each kind of metadata still holds.

        Raises:
            FieldwiseError: As ``state``.
        """
        return remaining(await self.state(), self.keys, self._clock.now(), self._lives)

    async def lists(self) -> bool:
        """Tell whether the list is this server's own, or will be once it has one.

        Raises:
            FieldwiseError: As ``state``.
        """
        return self._lists(await self.state())

    def _lists(self, state: Mapping[Role, Document]) -> bool:
        root = state.get(Role.ROOT)
        if root is None:
            return self.keys.can_found and not self.keys.founding
        return signs(Role.TARGETS, self.keys, root)

    def _waits(self, state: Mapping[Role, Document], backbone: Backbone) -> bool:
        """Tell whether the leader is about to sign something that a device would need for it."""
        if Role.TARGETS not in state:
            return self._lists(state)
        targets = state[Role.TARGETS]
        if self._lists(state) and backbone.digest not in targets.listed:
            return backbone.manifest.epoch >= targets.floor and backbone.recalled_at is None
        if not {Role.SNAPSHOT, Role.TIMESTAMP} <= set(state):
            return True
        snapshot = state[Role.SNAPSHOT]
        return not (describes(snapshot, targets) and describes(state[Role.TIMESTAMP], snapshot))

    async def _published(self) -> tuple[Listed, ...]:
        found = await published(self._backbones)
        return tuple(listed_of(each) for each in found if each.recalled_at is None)


def _takes(targets: Document | None, digest: str) -> bool:
    if targets is None:
        return True
    found = targets.listed.get(digest)
    return found is not None and found.epoch >= targets.floor


async def published(backbones: BackboneStore) -> list[Backbone]:
    """Return every backbone, those that were recalled among them, newest first."""
    found: list[Backbone] = []
    token = ""
    while True:
        page = await backbones.list(PageRequest(PAGE_SIZE_MAX, token))
        found += page.items
        token = page.next_token
        if not token:
            return found


def listed_of(backbone: Backbone) -> Listed:
    """Return a backbone as the list is to have it."""
    manifest = backbone.manifest
    length = len(encode_manifest(manifest))
    return Listed(backbone.digest, length, manifest.name, manifest.version, manifest.epoch)


def refuse_unlisted(targets: Document | None, backbone: Backbone) -> None:
    """Let a backbone pass that a list has, and whose epoch is not below its floor.

    Raises:
        FieldwiseError: ``NOT_VOUCHED`` or ``BELOW_FLOOR``.
    """
    title, epoch = backbone.manifest.title, backbone.manifest.epoch
    if targets is None or backbone.digest not in targets.listed:
        raise FieldwiseError(
            Fault.NOT_VOUCHED, f"{title} is not on the publisher's list: devices would refuse it"
        )
    if epoch < targets.floor:
        raise FieldwiseError(
            Fault.BELOW_FLOOR,
            f"{title} has the epoch {epoch}, and the publisher's floor is {targets.floor}",
        )
