import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.device.identity import IdentityFolder
from agent.fleet import Fleet
from agent.ports import Identity
from agent.reporting import Credentials, DeviceFacts, Membership
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import public_key_der, requested_key
from fieldwise.ticket import Ticket, encode_ticket
from tests.fakes.agent import PlayedOrchestrator
from tests.fakes.membership import BEGIN, MemoryIdentity, Revival, credentials, member
from tests.fakes.trusted import MemoryPublisher

FACTS = DeviceFacts("0.1.0", "x86_64", 1 << 30, 2)
TICKET = encode_ticket(Ticket("localhost:8444", b"authority", "fleet", "t1", b"s" * 32))


class Enrolling:
    """An orchestrator that answers enrolment, unless ``lost`` swallows its answer.

    ``removed`` holds keys of removed devices; None takes every key for one.
    """

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.removed: set[bytes] | None = set()
        self.lost = False

    async def __call__(self, ticket: Ticket, request: bytes, facts: DeviceFacts) -> Credentials:
        self.keys.append(public_key_der(requested_key(request)))
        if self.lost:
            raise FieldwiseError(Fault.UNREACHABLE, "the answer was lost")
        if self.removed is None or self.keys[-1] in self.removed:
            raise FieldwiseError(Fault.DEVICE_REMOVED, "the device was taken out of the fleet")
        return credentials()


@pytest.fixture(params=["memory", "folder"])
def identity(request: pytest.FixtureRequest, tmp_path: Path) -> Identity:
    return MemoryIdentity() if request.param == "memory" else IdentityFolder(tmp_path / "identity")


@pytest.fixture
def enrolling() -> Enrolling:
    return Enrolling()


def fleet(identity: Identity, enrolling: Enrolling, orchestrator: PlayedOrchestrator) -> Fleet:
    return Fleet(identity, lambda _: orchestrator, enrolling, MemoryPublisher(), Revival())


async def test_a_device_joins_and_is_a_member_after_a_restart(
    identity: Identity, enrolling: Enrolling
) -> None:
    joined = await fleet(identity, enrolling, PlayedOrchestrator()).join(TICKET, FACTS)
    assert (joined.device_id, joined.fleet) == ("device-1", "fleet")
    assert fleet(identity, enrolling, PlayedOrchestrator()).membership == joined


async def lose_an_answer(identity: Identity, enrolling: Enrolling) -> None:
    enrolling.lost = True
    with pytest.raises(FieldwiseError):
        await fleet(identity, enrolling, PlayedOrchestrator()).join(TICKET, FACTS)
    enrolling.lost = False


async def test_a_join_that_lost_its_answer_asks_again_with_the_same_key(
    identity: Identity, enrolling: Enrolling
) -> None:
    await lose_an_answer(identity, enrolling)
    again = fleet(identity, enrolling, PlayedOrchestrator())
    assert again.membership is None
    await again.join(TICKET, FACTS)
    assert len(set(enrolling.keys)) == 1


async def test_a_key_whose_device_was_removed_meanwhile_gives_way_to_a_fresh_one(
    identity: Identity, enrolling: Enrolling
) -> None:
    await lose_an_answer(identity, enrolling)
    enrolling.removed = set(enrolling.keys)
    here = fleet(identity, enrolling, PlayedOrchestrator())
    joined = await here.join(TICKET, FACTS)
    assert fleet(identity, enrolling, PlayedOrchestrator()).membership == joined
    first, again, fresh = enrolling.keys
    assert first == again != fresh


async def test_a_device_that_is_removed_whatever_its_key_joins_no_more(
    identity: Identity, enrolling: Enrolling
) -> None:
    enrolling.removed = None
    with pytest.raises(FieldwiseError) as caught:
        await fleet(identity, enrolling, PlayedOrchestrator()).join(TICKET, FACTS)
    assert caught.value.fault is Fault.DEVICE_REMOVED
    assert len(set(enrolling.keys)) == 2


async def test_a_member_does_not_join_again(enrolling: Enrolling) -> None:
    here = fleet(MemoryIdentity(member()), enrolling, PlayedOrchestrator())
    with pytest.raises(FieldwiseError) as caught:
        await here.join(TICKET, FACTS)
    assert caught.value.fault is Fault.ALREADY_JOINED
    assert enrolling.keys == []


async def test_a_device_leaves_and_may_come_back_as_another(
    identity: Identity, enrolling: Enrolling
) -> None:
    orchestrator = PlayedOrchestrator()
    here = fleet(identity, enrolling, orchestrator)
    await here.join(TICKET, FACTS)
    assert await here.leave() is True
    assert orchestrator.left
    assert identity.read() is None
    await here.join(TICKET, FACTS)
    assert len(set(enrolling.keys)) == 2


async def test_leaving_works_while_nobody_can_be_told(enrolling: Enrolling) -> None:
    class Unreachable(PlayedOrchestrator):
        async def leave(self) -> None:
            raise FieldwiseError(Fault.UNREACHABLE, "nobody answers")

    identity = MemoryIdentity(member())
    here = fleet(identity, enrolling, Unreachable())
    assert await here.leave() is False
    assert identity.membership is None


async def test_outside_a_fleet_there_is_nothing_to_leave(enrolling: Enrolling) -> None:
    with pytest.raises(FieldwiseError) as caught:
        await fleet(MemoryIdentity(), enrolling, PlayedOrchestrator()).leave()
    assert caught.value.fault is Fault.NOT_JOINED


async def test_a_renewal_replaces_key_and_certificate_and_the_connection(
    enrolling: Enrolling,
) -> None:
    identity = MemoryIdentity(member())
    before = identity.membership
    orchestrator = PlayedOrchestrator(credentials=credentials())
    here = fleet(identity, enrolling, orchestrator)
    await here.renew()
    assert before is not None
    assert identity.membership is not None
    assert identity.membership.key != before.key
    assert identity.membership.certificate != before.certificate
    assert orchestrator.closed


def renewed_at(found: Membership, enrolling: Enrolling) -> float:
    """The first share of its certificate's life, in hundredths, at which a device renews it."""
    here = fleet(MemoryIdentity(found), enrolling, PlayedOrchestrator())
    moments = [(BEGIN + timedelta(days=90) * share / 100).timestamp() for share in range(101)]
    return [here.renewal_due(moment) for moment in moments].index(True)


def test_certificates_are_renewed_at_70_to_90_percent_of_their_life_each_at_its_own_moment(
    enrolling: Enrolling,
) -> None:
    shares = [renewed_at(member(), enrolling) for _ in range(40)]
    assert 70 < min(shares) <= max(shares) <= 90
    assert len(set(shares)) > 5


def test_the_moment_of_a_renewal_outlasts_the_process(enrolling: Enrolling) -> None:
    found = member()
    assert renewed_at(found, enrolling) == renewed_at(found, enrolling)


def test_what_is_forgotten_and_the_folder_itself_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    for module in ("agent.device.identity", "fieldwise.durable"):
        monkeypatch.setattr(f"{module}.sync_folder", synced.append)
    folder = IdentityFolder(tmp_path / "identity")
    folder.pending_key(lambda: b"key")
    assert synced == [tmp_path]
    for forget in (folder.forget_key, folder.remove, lambda: folder.apply(None)):
        synced.clear()
        forget()
        assert synced == [tmp_path / "identity"]


def test_the_key_is_the_owners_alone(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path / "identity")
    folder.write(member())
    assert (tmp_path / "identity").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "identity" / "membership.json").stat().st_mode & 0o777 == 0o600


def test_an_identity_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path / "identity")
    folder.write(member())
    (tmp_path / "identity" / "membership.json").write_bytes(b"{rubbish")
    with pytest.raises(FieldwiseError, match=r"membership\.json cannot be read"):
        folder.read()


async def test_a_revival_replaces_key_and_certificate_and_keeps_the_way_back(
    enrolling: Enrolling,
) -> None:
    identity = MemoryIdentity()
    here = fleet(identity, enrolling, PlayedOrchestrator())
    joined = await here.join(TICKET, FACTS)
    assert isinstance(joined, Membership)
    assert joined.enrolment_address == "localhost:8444"
    await here.revive()
    revived = identity.membership
    assert revived is not None
    assert (revived.device_id, revived.enrolment_address) == (joined.device_id, "localhost:8444")
    assert revived.key != joined.key


async def test_what_an_older_agent_wrote_is_still_a_membership(tmp_path: Path) -> None:
    folder = IdentityFolder(tmp_path / "identity")
    folder.write(member())
    path = tmp_path / "identity" / "membership.json"
    told = json.loads(path.read_bytes())
    del told["enrolment_address"]
    path.write_text(json.dumps(told))
    found = folder.read()
    assert found is not None
    assert found.enrolment_address == ""


class Publishing(Enrolling):
    """An orchestrator whose credentials bring a publisher's root."""

    root = b"root"

    async def __call__(self, ticket: Ticket, request: bytes, facts: DeviceFacts) -> Credentials:
        return replace(await super().__call__(ticket, request, facts), publisher_root=self.root)


def member_of(identity: Identity, roots: MemoryPublisher, given: Credentials) -> Fleet:
    orchestrator = PlayedOrchestrator(credentials=given)
    return Fleet(identity, lambda _: orchestrator, Publishing(), roots, Revival())


async def test_joining_begins_from_the_root_of_the_fleet_and_leaving_forgets_it(
    identity: Identity,
) -> None:
    roots = MemoryPublisher()
    joined = member_of(identity, roots, credentials())
    await joined.join(TICKET, FACTS)
    assert roots.begun == [b"root"]
    await joined.leave()
    assert roots.begun == [b"root", b""]
    assert not roots.trusted().is_pinned


async def test_outside_a_fleet_no_publisher_is_trusted_after_a_restart(
    identity: Identity,
) -> None:
    """Wherever joining or leaving ended between its two writes."""
    roots = MemoryPublisher()
    roots.begin(b"root")
    member_of(identity, roots, credentials())
    assert not roots.trusted().is_pinned
    await member_of(identity, roots, credentials()).join(TICKET, FACTS)
    member_of(identity, roots, credentials())
    assert roots.trusted().is_pinned


async def test_a_publisher_that_cannot_be_forgotten_keeps_no_device_from_starting(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = MemoryPublisher()
    roots.begin(b"root")

    def begin(_root: bytes) -> None:
        raise FieldwiseError(Fault.DISK_FULL, "there is no room left")

    monkeypatch.setattr(roots, "begin", begin)
    outside = member_of(identity, roots, credentials())
    assert outside.membership is None


async def test_a_renewal_brings_a_root_only_to_a_member_that_has_none(identity: Identity) -> None:
    roots = MemoryPublisher()
    given = replace(credentials(), publisher_root=b"later")
    joined = member_of(identity, roots, given)
    await joined.join(TICKET, FACTS)
    await joined.renew()
    assert roots.begun == [b"root"]
    roots.begin(b"")
    await joined.renew()
    assert roots.begun == [b"root", b"", b"later"]


async def test_a_root_that_is_none_lets_no_device_join(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Publishing, "root", b"rubbish")
    outside = member_of(identity, MemoryPublisher(), credentials())
    with pytest.raises(FieldwiseError) as raised:
        await outside.join(TICKET, FACTS)
    assert raised.value.fault is Fault.METADATA_INVALID
    assert outside.membership is None
