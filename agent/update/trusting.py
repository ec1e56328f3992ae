"""Who vouches for a backbone: asked before one is fetched, and kept up to date meanwhile.

A device that is a member of a fleet has its publisher's root, and from it all that the publisher
signed. Nothing that the fleet orders is begun before that is fresh, so an order cannot outlive what
withdrew it. Metadata that does not come, has expired or is not signed as it has to be ends no
update: it is tried again for as long as the target stands, since anybody on the way could else
spoil an order for good. Only what is fresh and does not list a bundle refuses it.

A device without a root (outside a fleet, or in one whose orchestrator has no publisher yet) brings
into use what it is told to, and says that nobody vouches for it.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from datetime import UTC, datetime

import structlog

from agent.ports import Clock
from agent.trust_ports import MetadataSource, Publisher
from agent.update.vouched import Trusted, check_listed, check_manifest, ends_before
from fieldwise.answers import PublisherStatus
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed, PublisherReport, PublisherTrouble, Role

CALL_SECONDS = 60.0  # a call gives up by itself before
CLOCK_OFF_SECONDS = 300  # a clock that is off by more is worth a look when something expires
STATE_FAULTS = frozenset({Fault.DISK_FULL, Fault.STATE_DAMAGED, Fault.STATE_UNUSABLE})
# What a peer may say of a call that is believed; everything else only says that it did not work.
BELIEVED = frozenset(
    {
        Fault.NOT_FOUND,
        Fault.UNREACHABLE,
        Fault.UNAVAILABLE,
        Fault.BUSY,
        Fault.TOO_SLOW,
        Fault.NOT_JOINED,
    }
)

_log = structlog.get_logger()


def iso(seconds: float) -> str:
    """A time, seconds since 1970, as TUF writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Trusting:
    """Asks and remembers.

    Args:
        publisher: What is trusted.
        source: Where new metadata comes from.
        clock: For what expires while there is no network.
        ahead: Seconds by which this device's clock was ahead of the fleet's at the last check-in.
        delays: Makes the waits between tries, in seconds.
    """

    def __init__(
        self,
        publisher: Publisher,
        source: MetadataSource,
        clock: Clock,
        ahead: Callable[[], int],
        delays: Callable[[], Iterator[float]],
    ) -> None:
        self._publisher = publisher
        self._source = source
        self._clock = clock
        self.ahead = ahead
        self._delays = delays
        self._lock = asyncio.Lock()
        self._newest = 0  # version of the timestamp that the orchestrator told of
        self._told = asyncio.Event()
        self._trouble: tuple[PublisherTrouble, str] | None = None

    def trusted(self) -> Trusted:
        """What is trusted now; nothing where it cannot be read, which is said in ``complaint``."""
        try:
            return self._publisher.trusted()
        except FieldwiseError as error:
            self._trouble = (PublisherTrouble.STATE, error.sentence)
            return Trusted()

    @property
    def complaint(self) -> str:
        """Why what is trusted is not up to date, in words; empty where it is."""
        return self._trouble[1] if self._trouble else ""

    def report(self) -> PublisherReport:
        """What is trusted, for the orchestrator."""
        trusted = self.trusted()
        trouble = self._trouble[0] if self._trouble else None
        if trouble is None and not trusted.is_pinned:
            trouble = PublisherTrouble.NO_ROOT
        versions = trusted.version(Role.ROOT), trusted.version(Role.TARGETS)
        return PublisherReport(*versions, trusted.floor_epoch, trouble)

    def status(self, in_use: str) -> PublisherStatus:
        """What is trusted, for the owner; with the digest of the bundle in use."""
        trusted = self.trusted()
        return PublisherStatus(
            root_version=trusted.version(Role.ROOT),
            targets_version=trusted.version(Role.TARGETS),
            floor_epoch=trusted.floor_epoch,
            root_expires=trusted.expires(Role.ROOT),
            targets_expires=trusted.expires(Role.TARGETS),
            timestamp_expires=trusted.expires(Role.TIMESTAMP),
            in_use_listed=in_use in trusted.listed,
            complaint=self.complaint,
        )

    def hear(self, timestamp_version: int) -> None:
        """Hear which timestamp is the newest; a hint, which at worst costs a look."""
        if timestamp_version not in (0, self._newest) and self.trusted().is_pinned:
            self._newest = timestamp_version
            self._told.set()

    async def run(self) -> None:
        """Keep what is trusted up to date, for ever."""
        waits = self._delays()
        while True:
            await self._told.wait()
            self._told.clear()
            if self._is_fresh():
                continue
            try:
                await self.refresh()
            except FieldwiseError as error:
                if error.fault is Fault.NOT_JOINED:
                    continue
                await asyncio.sleep(next(waits))
                self._told.set()
            else:
                waits = self._delays()

    async def vouched(self, digest: str) -> Listed | None:
        """What the publisher says of a bundle, by metadata that is fresh; None where there is none.

        Raises:
            FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``; and as ``refresh``.
        """
        if not self._publisher.trusted().is_pinned:
            return None
        await self.refresh()
        return check_listed(self._publisher.trusted(), digest)

    def check(self, digest: str, manifest: Manifest) -> None:
        """Look again at a bundle whose manifest is here, without asking anybody.

        Raises:
            FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``.
        """
        trusted = self._publisher.trusted()
        if trusted.is_pinned:
            check_manifest(trusted, check_listed(trusted, digest), manifest)

    async def check_file(self, digest: str, manifest: Manifest) -> None:
        """Look whether the publisher vouches for a bundle that the owner brings.

        The newest list is asked for where it may help; without a network the last one counts, for
        as long as its publisher said that it may.

        Raises:
            FieldwiseError: ``NOT_VOUCHED``, ``BELOW_FLOOR``, ``METADATA_EXPIRED``.
        """
        try:
            self._check_offline(digest, manifest)
        except FieldwiseError as error:
            if error.fault not in (Fault.NOT_VOUCHED, Fault.METADATA_EXPIRED):
                raise
            try:
                await self.refresh()
            except FieldwiseError as unheard:
                _log.info("the publisher's list is the last one", reason=unheard.sentence)
            self._check_offline(digest, manifest)

    async def refresh(self) -> None:
        """Bring what is trusted up to date.

        Raises:
            FieldwiseError: As ``Publisher.refresh``.
        """
        async with self._lock:
            try:
                await asyncio.to_thread(self._publisher.refresh, self._caller())
            except FieldwiseError as error:
                self._note(error)
                raise
            self._trouble = None

    def _caller(self) -> Callable[[str], bytes]:
        loop = asyncio.get_running_loop()

        def call(name: str) -> bytes:
            """Call from a thread; the daemon may end meanwhile."""
            waiting = asyncio.run_coroutine_threadsafe(self._asked(name), loop)
            try:
                return waiting.result(CALL_SECONDS)
            except (TimeoutError, CancelledError) as error:
                waiting.cancel()
                raise FieldwiseError(Fault.UNREACHABLE, f"{name} did not come in time") from error

        return call

    async def _asked(self, name: str) -> bytes:
        try:
            return await self._source.metadata(name)
        except FieldwiseError as error:
            if error.fault in BELIEVED:
                raise
            raise FieldwiseError(Fault.UNAVAILABLE, error.sentence) from error

    def _is_fresh(self) -> bool:
        trusted = self.trusted()
        heard = trusted.version(Role.TIMESTAMP) == self._newest and self._trouble is None
        return heard or not trusted.is_pinned

    def _check_offline(self, digest: str, manifest: Manifest) -> None:
        self.check(digest, manifest)
        now = iso(self._clock.wall())
        trusted = self._publisher.trusted()
        if (over := ends_before(trusted, now)) is not None:
            raise FieldwiseError(
                Fault.METADATA_EXPIRED,
                f"the publisher's {over} metadata expired at {trusted.signed[over].expires}"
                f" by this device's clock, which says {now}",
            )

    def _note(self, error: FieldwiseError) -> None:
        trouble, sentence = self._meaning(error), error.sentence
        if trouble is None:
            return
        if trouble is PublisherTrouble.CLOCK:
            sentence += f"; it is {self.ahead():,} s ahead of the fleet's"
        if (trouble, sentence) != self._trouble:
            _log.error("the publisher's metadata is not trusted", reason=sentence)
        self._trouble = (trouble, sentence)

    def _meaning(self, error: FieldwiseError) -> PublisherTrouble | None:
        """What to call it; None for what says nothing of metadata: no network, for one."""
        if error.fault is Fault.METADATA_EXPIRED:
            off = abs(self.ahead()) > CLOCK_OFF_SECONDS
            return PublisherTrouble.CLOCK if off else PublisherTrouble.EXPIRED
        if error.fault is Fault.METADATA_INVALID:
            return PublisherTrouble.REFUSED
        return PublisherTrouble.STATE if error.fault in STATE_FAULTS else None
