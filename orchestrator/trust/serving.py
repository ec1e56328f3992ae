"""Metadata as devices and their credentials get it.

Metadata with a version in its name never changes, so it is remembered. The newest timestamp is
not: a device that is told to begin a backbone asks for it then, and an older one, even by a second,
would lead it to a list that lacks what was listed meanwhile. Only the hint that there is a newer
one may be late. Nothing is decided here: devices check what they get.
"""

from collections import OrderedDict

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Role, parse_name
from orchestrator.ports import Clock
from orchestrator.trust_ports import Kept, TrustStore

REMEMBERED_SECONDS = 5.0  # how late a device hears of new metadata, a tenth of the usual pace
REMEMBERED_MAX = 16  # of one MiB at most; a fleet asks for the newest three and for few roots


class Serving:
    """The use case, with the metadata that it remembers.

    Args:
        store: Where metadata is kept.
        clock: What time it is.
    """

    def __init__(self, store: TrustStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._remembered: OrderedDict[tuple[Role, int], Kept] = OrderedDict()
        self._newest: dict[Role, tuple[float, Kept | None]] = {}

    async def get(self, name: str) -> bytes:
        """Return metadata by its file name.

        Raises:
            FieldwiseError: ``INVALID_ARGUMENT`` for what can be no name, ``NOT_FOUND``.
        """
        role, version = parse_name(name)
        found = await (self._of(role, version) if version else self._read(role))
        if found is None:
            raise FieldwiseError(Fault.NOT_FOUND, f"there is no metadata {name}")
        return found.content

    async def root(self) -> bytes:
        """Return the newest root, nothing where there is none."""
        found = await self._newest_of(Role.ROOT)
        return found.content if found else b""

    async def hint(self) -> int:
        """Return the version of the newest timestamp, or 0 where it cannot be told now."""
        try:
            found = await self._newest_of(Role.TIMESTAMP)
        except FieldwiseError as error:
            if error.fault is not Fault.UNAVAILABLE:
                raise
            return 0
        return found.version if found else 0

    def forget_newest(self) -> None:
        """Look again at the next question: there is something newer."""
        self._newest.clear()

    async def _of(self, role: Role, version: int) -> Kept | None:
        known = self._remembered.get((role, version)) or await self._store.get(role, version)
        if known is not None:
            self._remembered[role, version] = known
            self._remembered.move_to_end((role, version))
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return known

    async def _newest_of(self, role: Role) -> Kept | None:
        now = self._clock.now()
        asked_at, known = self._newest.get(role, (float("-inf"), None))
        if not 0 <= now - asked_at < REMEMBERED_SECONDS:
            return await self._read(role)
        return known

    async def _read(self, role: Role) -> Kept | None:
        known = (await self._store.newest((role,))).get(role)
        self._newest[role] = (self._clock.now(), known)
        return known
