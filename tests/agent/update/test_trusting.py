import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.trust_ports import FetchMetadata
from agent.update.trusting import Trusting
from agent.update.vouched import Signed, Trusted
from fieldwise.archive import unpack
from fieldwise.bundle import Manifest
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed, PublisherReport, PublisherTrouble, Role
from tests.bundles import tiny_bundle
from tests.fakes.agent import PlayedOrchestrator, TurnedClock
from tests.fakes.trusted import FAR, MemoryPublisher, listed_of, trusted_list

ONE = Listed("a" * 64, 700, "tiny", "1.0.0", 3)
EXPIRED = FieldwiseError(Fault.METADATA_EXPIRED, "the publisher's timestamp metadata expired")
REFUSED = FieldwiseError(Fault.METADATA_INVALID, "the publisher's metadata is refused")
CUT = FieldwiseError(Fault.UNREACHABLE, "the connection broke")


def no_delays() -> Iterator[float]:
    return itertools.repeat(0.0)


def trusting(
    publisher: MemoryPublisher, *, ahead: int = 0, orchestrator: PlayedOrchestrator | None = None
) -> Trusting:
    source = orchestrator or PlayedOrchestrator()
    return Trusting(publisher, source, TurnedClock(), lambda: ahead, no_delays)


@pytest.fixture
def bundle(tmp_path: Path) -> tuple[str, Manifest]:
    return unpack(tiny_bundle(tmp_path / "b"), tmp_path / "store")


async def test_where_there_is_no_publisher_nobody_is_asked_and_that_is_said() -> None:
    publisher = MemoryPublisher()
    made = trusting(publisher)
    assert await made.vouched(ONE.digest) is None
    assert publisher.refreshed == 0
    assert made.report() == PublisherReport(trouble=PublisherTrouble.NO_ROOT)


async def test_a_bundle_is_vouched_for_by_what_is_fresh_only() -> None:
    publisher = MemoryPublisher(trusted_list(ONE), trusted_list(version=2))
    made = trusting(publisher)
    with pytest.raises(FieldwiseError) as raised:
        await made.vouched(ONE.digest)
    assert raised.value.fault is Fault.NOT_VOUCHED
    publisher.coming = [trusted_list(ONE, version=3)]
    assert await made.vouched(ONE.digest) == ONE
    assert made.report() == PublisherReport(3, 3, 0)


@pytest.mark.parametrize("fault", [EXPIRED, REFUSED, CUT], ids=lambda each: each.fault)
async def test_without_fresh_metadata_nothing_is_vouched_for_whatever_was_trusted(
    fault: FieldwiseError,
) -> None:
    made = trusting(MemoryPublisher(trusted_list(ONE), fault))
    with pytest.raises(FieldwiseError) as raised:
        await made.vouched(ONE.digest)
    assert raised.value is fault


@pytest.mark.parametrize(
    ("fault", "ahead", "trouble"),
    [
        (EXPIRED, 0, PublisherTrouble.EXPIRED),
        (EXPIRED, 86_400, PublisherTrouble.CLOCK),
        (EXPIRED, -86_400, PublisherTrouble.CLOCK),
        (REFUSED, 86_400, PublisherTrouble.REFUSED),
        (FieldwiseError(Fault.DISK_FULL, "no room"), 0, PublisherTrouble.STATE),
        (CUT, 0, None),
    ],
)
async def test_what_is_wrong_is_told_until_it_is_mended(
    fault: FieldwiseError, ahead: int, trouble: PublisherTrouble | None
) -> None:
    publisher = MemoryPublisher(trusted_list(ONE), fault)
    made = trusting(publisher, ahead=ahead)
    with pytest.raises(FieldwiseError):
        await made.refresh()
    assert made.report().trouble is trouble
    assert (fault.sentence in made.complaint) == (trouble is not None)
    if trouble is PublisherTrouble.CLOCK:
        assert f"{ahead:,} s ahead of the fleet's" in made.status("").complaint
    publisher.coming = [trusted_list(ONE)]
    await made.refresh()
    assert made.report().trouble is None
    assert not made.complaint


async def test_metadata_that_cannot_be_read_here_is_told_and_vouches_for_nothing() -> None:
    class Damaged(MemoryPublisher):
        def trusted(self) -> Trusted:
            raise FieldwiseError(Fault.STATE_DAMAGED, "state.sqlite: it is not JSON")

    made = trusting(Damaged())
    assert made.report().trouble is PublisherTrouble.STATE
    assert "state.sqlite" in made.status("").complaint
    with pytest.raises(FieldwiseError) as raised:
        await made.vouched(ONE.digest)
    assert raised.value.fault is Fault.STATE_DAMAGED


async def test_metadata_is_asked_for_by_the_calls_of_the_fleet() -> None:
    orchestrator = PlayedOrchestrator(kept={"timestamp.json": b"new"})
    publisher = MemoryPublisher(trusted_list(ONE))
    publisher.names = ("timestamp.json",)
    await trusting(publisher, orchestrator=orchestrator).refresh()
    assert orchestrator.asked == ["timestamp.json"]


@pytest.mark.parametrize("fault", [Fault.NOT_VOUCHED, Fault.STATE_DAMAGED, Fault.BELOW_FLOOR])
async def test_what_the_other_side_calls_a_fault_of_this_device_is_none(fault: Fault) -> None:
    class Liar(PlayedOrchestrator):
        async def metadata(self, name: str) -> bytes:
            raise FieldwiseError(fault, f"{name} is all your fault")

    publisher = MemoryPublisher(trusted_list(ONE))
    publisher.names = ("timestamp.json",)
    made = trusting(publisher, orchestrator=Liar())
    with pytest.raises(FieldwiseError) as raised:
        await made.vouched(ONE.digest)
    assert raised.value.fault is Fault.UNAVAILABLE
    assert made.report().trouble is None


async def test_a_daemon_that_ends_does_not_wait_for_a_call_that_never_ends() -> None:
    ended = asyncio.Event()

    class Silent(PlayedOrchestrator):
        async def metadata(self, name: str) -> bytes:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return b""

    faults: list[Fault] = []

    class Watched(MemoryPublisher):
        def refresh(self, fetch: FetchMetadata) -> None:
            try:
                fetch("timestamp.json")
            except FieldwiseError as error:
                faults.append(error.fault)
                raise

    made = trusting(Watched(trusted_list(ONE)), orchestrator=Silent())
    refreshing = asyncio.create_task(made.refresh())
    while len(asyncio.all_tasks()) < 3:  # noqa: ASYNC110 - a thread makes it
        await asyncio.sleep(0.01)
    (call,) = asyncio.all_tasks() - {refreshing, asyncio.current_task()}
    call.cancel()  # as the end of the loop does
    with pytest.raises(FieldwiseError):
        await refreshing
    assert ended.is_set()
    assert faults == [Fault.UNREACHABLE]


async def heard(made: Trusting, publisher: MemoryPublisher, refreshes: int) -> None:
    """Wait until there were so many refreshes, and none follows by itself."""
    task = asyncio.create_task(made.run())
    async with asyncio.timeout(30):
        while publisher.refreshed < refreshes:  # noqa: ASYNC110 - in a thread
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    task.cancel()
    assert publisher.refreshed == refreshes


async def test_news_is_looked_at_once_and_again_only_while_it_fails() -> None:
    publisher = MemoryPublisher(trusted_list(ONE), CUT, REFUSED, trusted_list(ONE, version=7))
    made = trusting(publisher)
    made.hear(7)
    made.hear(7)
    await heard(made, publisher, 3)
    made.hear(7)
    await heard(made, publisher, 3)


async def test_a_hint_of_what_is_known_or_of_nothing_costs_no_call() -> None:
    publisher = MemoryPublisher(trusted_list(ONE, version=7))
    made = trusting(publisher)
    made.hear(7)
    made.hear(0)
    await heard(made, publisher, 0)


async def test_a_hint_before_there_is_a_root_is_not_lost() -> None:
    publisher = MemoryPublisher()
    made = trusting(publisher)
    made.hear(7)
    publisher.begin(b"root")
    publisher.coming = [trusted_list(ONE, version=7)]
    made.hear(7)
    await heard(made, publisher, 1)
    assert made.trusted().listed == {ONE.digest: ONE}


async def test_a_file_counts_by_the_last_list_where_there_is_no_network(
    bundle: tuple[str, Manifest],
) -> None:
    digest, manifest = bundle
    publisher = MemoryPublisher(trusted_list(listed_of(digest, manifest)), CUT)
    await trusting(publisher).check_file(digest, manifest)
    assert publisher.refreshed == 0
    await trusting(MemoryPublisher()).check_file(digest, manifest)


async def test_a_file_that_is_not_listed_yet_is_looked_up_once_and_then_refused(
    bundle: tuple[str, Manifest],
) -> None:
    digest, manifest = bundle
    found = trusted_list(listed_of(digest, manifest), version=2)
    await trusting(MemoryPublisher(trusted_list(ONE), found)).check_file(digest, manifest)
    publisher = MemoryPublisher(trusted_list(ONE), CUT)
    with pytest.raises(FieldwiseError) as raised:
        await trusting(publisher).check_file(digest, manifest)
    assert raised.value.fault is Fault.NOT_VOUCHED
    assert publisher.refreshed == 1


async def test_a_file_below_the_floor_is_refused_and_nobody_is_asked_twice(
    bundle: tuple[str, Manifest],
) -> None:
    digest, manifest = bundle
    floor = manifest.epoch + 1
    publisher = MemoryPublisher(trusted_list(listed_of(digest, manifest), floor=floor))
    with pytest.raises(FieldwiseError) as raised:
        await trusting(publisher).check_file(digest, manifest)
    assert raised.value.fault is Fault.BELOW_FLOOR


@pytest.mark.parametrize("role", [Role.ROOT, Role.TARGETS])
async def test_without_a_network_the_last_list_ends_when_its_publisher_said(
    role: Role, bundle: tuple[str, Manifest]
) -> None:
    digest, manifest = bundle
    found = trusted_list(listed_of(digest, manifest))
    over = Trusted({**found.signed, role: Signed(1, "2026-12-31T00:00:00Z")}, 0, found.listed)
    with pytest.raises(FieldwiseError, match=f"{role} .* by this device's clock") as raised:
        await trusting(MemoryPublisher(over, CUT)).check_file(digest, manifest)
    assert raised.value.fault is Fault.METADATA_EXPIRED
    await trusting(MemoryPublisher(over, found)).check_file(digest, manifest)


def test_the_owner_sees_who_vouches_for_what_is_in_use() -> None:
    status = trusting(MemoryPublisher(trusted_list(ONE, floor=2, version=5))).status(ONE.digest)
    assert (status.root_version, status.targets_version, status.floor_epoch) == (5, 5, 2)
    assert {status.root_expires, status.targets_expires, status.timestamp_expires} == {FAR}
    assert status.in_use_listed
    assert not trusting(MemoryPublisher(trusted_list(ONE))).status("b" * 64).in_use_listed
