"""The publisher's metadata on the device, verified by python-tuf and kept through loss of power."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.device.database import Database
from agent.device.publisher import ROTATIONS_MAX
from agent.device.trust import DatabasePublisher
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import Listed, Role, name_of
from tests.fakes.agent import TurnedClock
from tests.publishing import Repository, in_days

ONE = Listed("a" * 64, 700, "tiny", "1.0.0", 1)
TWO = Listed("b" * 64, 710, "tiny", "2.0.0", 2)


class Device:
    """A publisher's metadata on a device, before and after restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = Repository()
        self.clock = TurnedClock(wall_seconds=in_days(0).timestamp())
        self.asked: list[str] = []
        self.begin_anew()

    def begin_anew(self) -> None:
        """As after a restart, or a loss of power."""
        self.database = Database(self.folder / "state.sqlite")
        self.publisher = DatabasePublisher(self.database, self.folder / "metadata", self.clock)

    def restart(self) -> None:
        self.database.close()
        self.begin_anew()

    def fetch(self, name: str) -> bytes:
        self.asked.append(name)
        if name not in self.repository.files:
            raise FieldwiseError(Fault.NOT_FOUND, f"there is no {name}")
        return self.repository.files[name]

    def refresh(self) -> None:
        self.publisher.refresh(self.fetch)

    def refused(self) -> FieldwiseError:
        with pytest.raises(FieldwiseError) as raised:
            self.refresh()
        assert not (self.folder / "metadata").exists()
        return raised.value


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    made = Device(tmp_path)
    made.publisher.begin(made.repository.root)
    yield made
    made.database.close()


def test_a_device_trusts_nothing_before_it_has_a_root(tmp_path: Path) -> None:
    made = Device(tmp_path)
    assert not made.publisher.trusted().is_pinned
    made.publisher.begin(b"")
    assert not made.publisher.trusted().is_pinned
    made.database.close()


def test_the_list_and_its_floor_are_there_after_a_restart(device: Device) -> None:
    device.repository.publish(ONE, TWO, floor=1)
    device.refresh()
    for _ in range(2):
        trusted = device.publisher.trusted()
        assert trusted.listed == {ONE.digest: ONE, TWO.digest: TWO}
        assert trusted.floor_epoch == 1
        assert [trusted.version(role) for role in Role] == [1, 1, 1, 1]
        device.restart()


def test_what_is_fresh_is_not_fetched_again(device: Device) -> None:
    device.repository.publish(ONE)
    device.refresh()
    device.asked.clear()
    device.refresh()
    assert device.asked == ["2.root.json", "timestamp.json"]


def test_a_floor_never_sinks(device: Device) -> None:
    device.repository.publish(TWO, floor=2)
    device.refresh()
    device.repository.publish(ONE, TWO, floor=0)
    device.refresh()
    device.restart()
    assert device.publisher.trusted().floor_epoch == 2


def test_a_new_root_is_followed_through_its_chain_and_only_the_newest_is_kept(
    device: Device,
) -> None:
    for _ in range(3):
        device.repository.rotate(Role.ROOT, Role.TARGETS)
    device.repository.publish(ONE)
    device.refresh()
    device.restart()
    assert device.publisher.trusted().version(Role.ROOT) == 4
    device.asked.clear()
    device.refresh()
    assert device.asked[0] == "5.root.json"


def test_a_chain_of_roots_is_followed_no_further_than_a_bound_at_a_time(device: Device) -> None:
    for _ in range(ROTATIONS_MAX + 2):
        device.repository.rotate(Role.TIMESTAMP)
    device.repository.publish(ONE)
    # The timestamp is of newer keys than the root that was reached.
    assert device.refused().fault is Fault.METADATA_INVALID
    assert device.publisher.trusted().version(Role.ROOT) == ROTATIONS_MAX + 1
    device.refresh()
    assert device.publisher.trusted().version(Role.ROOT) == ROTATIONS_MAX + 3


def test_a_new_root_is_kept_although_what_comes_after_it_is_not_there(device: Device) -> None:
    device.repository.rotate(Role.ROOT)
    assert device.refused().fault is Fault.UNAVAILABLE
    device.restart()
    assert device.publisher.trusted().version(Role.ROOT) == 2


def test_a_network_that_goes_away_leaves_what_was_trusted(device: Device) -> None:
    device.repository.publish(ONE)
    device.refresh()
    device.repository.publish(TWO)

    def cut(name: str) -> bytes:
        if name.endswith("snapshot.json"):
            raise FieldwiseError(Fault.UNREACHABLE, "the connection broke")
        return device.fetch(name)

    with pytest.raises(FieldwiseError) as raised:
        device.publisher.refresh(cut)
    assert raised.value.fault is Fault.UNREACHABLE
    assert device.publisher.trusted().listed == {ONE.digest: ONE}
    device.refresh()
    assert device.publisher.trusted().listed == {TWO.digest: TWO}


@pytest.mark.parametrize("role", [Role.TIMESTAMP, Role.SNAPSHOT, Role.TARGETS, Role.ROOT])
def test_what_expired_is_refused_with_the_clock_that_says_so(role: Role, device: Device) -> None:
    device.repository.publish(ONE)
    device.refresh()
    signs: dict[Role, Callable[..., bytes]] = {
        Role.ROOT: device.repository.sign_root,
        Role.TARGETS: device.repository.sign_targets,
        Role.SNAPSHOT: device.repository.sign_snapshot,
        Role.TIMESTAMP: device.repository.sign_timestamp,
    }
    signs[role](days=-1)
    if role is Role.TARGETS:
        device.repository.sign_snapshot()
    if role is not Role.TIMESTAMP:
        device.repository.sign_timestamp()
    error = device.refused()
    assert error.fault is Fault.METADATA_EXPIRED
    assert f"{role} metadata expired at {in_days(-1):%Y-%m-%dT}" in error.sentence
    assert f"this device's clock, which says {in_days(0):%Y-%m-%dT}" in error.sentence
    assert device.publisher.trusted().listed == {ONE.digest: ONE}


def test_a_list_that_breaks_our_rules_is_not_kept_although_it_is_signed(device: Device) -> None:
    device.repository.publish(ONE, floor=1)
    device.refresh()
    device.repository.publish(TWO, floor="high")
    assert device.refused().fault is Fault.METADATA_INVALID
    trusted = device.publisher.trusted()
    assert (trusted.listed, trusted.floor_epoch) == ({ONE.digest: ONE}, 1)
    device.repository.publish(TWO, floor=1)
    device.refresh()
    assert device.publisher.trusted().listed == {TWO.digest: TWO}


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
@pytest.mark.parametrize(
    "rubbish",
    [b"", b"{}", b"\x00\xff", b"[" * 15_000, b'{"signatures": [], "signed": {"_type": "root"}}'],
)
def test_rubbish_is_refused_and_said_in_a_line(name: str, rubbish: bytes, device: Device) -> None:
    device.repository.publish(ONE)
    device.repository.files[name] = rubbish
    error = device.refused()
    assert error.fault is Fault.METADATA_INVALID
    assert error.sentence.isprintable()
    assert not device.publisher.trusted().listed


@pytest.mark.parametrize("root", [b"rubbish", b"{}", b"[" * 100_000])
def test_what_is_no_root_is_not_begun_from(root: bytes, device: Device) -> None:
    with pytest.raises(FieldwiseError) as raised:
        device.publisher.begin(root)
    assert raised.value.fault is Fault.METADATA_INVALID
    assert device.publisher.trusted().is_pinned


def test_other_metadata_or_a_root_that_does_not_sign_itself_is_no_root(device: Device) -> None:
    device.repository.publish(ONE)
    stranger = Repository()
    forged = device.repository.sign_root(signers=stranger.keys[Role.ROOT])
    for content in (forged, device.repository.files["1.targets.json"]):
        with pytest.raises(FieldwiseError) as raised:
            device.publisher.begin(content)
        assert raised.value.fault is Fault.METADATA_INVALID


def test_beginning_anew_forgets_list_and_floor(device: Device) -> None:
    device.repository.publish(TWO, floor=2)
    device.refresh()
    device.publisher.begin(Repository().root)
    assert device.publisher.trusted().floor_epoch == 0
    assert not device.publisher.trusted().listed
    device.publisher.begin(b"")
    device.restart()
    assert not device.publisher.trusted().is_pinned


def test_damaged_metadata_is_named_and_not_trusted(device: Device) -> None:
    device.repository.publish(ONE)
    device.refresh()
    with device.database.writing() as connection:
        connection.execute("UPDATE record SET content = x'7b' WHERE name = 'publisher-targets'")
    device.restart()
    with pytest.raises(FieldwiseError, match=r"state\.sqlite") as raised:
        device.publisher.trusted()
    assert raised.value.fault is Fault.STATE_DAMAGED


def test_on_a_full_disk_nothing_new_is_trusted(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.repository.publish(ONE)
    device.refresh()
    device.repository.publish(TWO, floor=2)

    def full(*_: object, **__: object) -> None:
        raise FieldwiseError(Fault.DISK_FULL, "no room")

    monkeypatch.setattr(device.database, "writing", full)
    assert device.refused().fault is Fault.DISK_FULL
    assert device.publisher.trusted().listed == {ONE.digest: ONE}
    assert device.publisher.trusted().floor_epoch == 0


def test_a_refresh_that_was_killed_leaves_nothing_that_the_next_one_minds(device: Device) -> None:
    device.repository.publish(ONE)
    folder = device.folder / "metadata"
    (folder / "root_history").mkdir(parents=True)
    (folder / "root_history" / "2.root.json").write_bytes(Repository().root)
    (folder / "timestamp.json").write_bytes(b"half a ti")
    device.refresh()
    assert device.publisher.trusted().version(Role.ROOT) == 1
    assert name_of(Role.ROOT, 2) in device.asked
