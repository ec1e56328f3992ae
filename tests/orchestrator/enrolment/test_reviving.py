"""Revival, by whoever is entitled to it and by whoever is not; the clock is the test's."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import (
    DeviceIdentity,
    PrivateKey,
    certificate_der,
    certificate_request,
    generate_key,
    identity_of,
    load_certificate,
)
from fieldwise.revival import signed
from orchestrator.enrolment.authority import Authority, fingerprint_of, found_authority, issued_at
from orchestrator.enrolment.reviving import NONCE_BYTES, NONCE_SECONDS, Reviving
from orchestrator.enrolment.service import Credentials, record_of
from orchestrator.fleet.device import Caller
from orchestrator.metric_names import Result
from orchestrator.ports import Newcomer
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.stores import Stores
from tests.fleet_records import FACTS, NOW, CountedEntropy, SetClock, ticket

DAY = 86_400.0
LIFE = 14 * DAY


@dataclass
class Sleeper:
    """A device with its newest key and certificate."""

    key: PrivateKey
    certificate: bytes

    @property
    def identity(self) -> DeviceIdentity:
        return identity_of(load_certificate(self.certificate))

    @property
    def caller(self) -> Caller:
        read = load_certificate(self.certificate)
        return Caller(
            self.identity.device_id, fingerprint_of(self.key.public_key()), issued_at(read)
        )


@dataclass
class Fleet:
    """A fleet with its revival."""

    fleet: str = "bakery"
    authority: Authority = field(init=False)
    stores: Stores = field(default_factory=memory_stores)
    clock: SetClock = field(default_factory=SetClock)
    results: list[Result] = field(default_factory=list)
    reviving: Reviving = field(init=False)

    def __post_init__(self) -> None:
        self.authority = found_authority(self.fleet, generate_key(), NOW)
        self.reviving = self.replica()

    def replica(self, ahead: float = 0.0) -> Reviving:
        """Another process of the same fleet, by a clock of its own."""
        clock = SetClock(self.clock.now() + ahead)
        return Reviving(
            self.stores.members,
            self.stores.revivals,
            self.authority,
            clock if ahead else self.clock,
            CountedEntropy(),
            LIFE,
            self.results.append,
        )

    async def join(self, device: str = "d-1") -> Sleeper:
        key = generate_key()
        issued = self.authority.sign_device(key.public_key(), device, self.clock.now(), LIFE)
        if await self.stores.tickets.get("open") is None:
            await self.stores.tickets.add(ticket("open"))
        record = record_of(issued, device, "open")
        await self.stores.members.enrol(Newcomer(device, {}, FACTS, NOW, record), "open")
        return Sleeper(key, certificate_der(issued.certificate))

    async def renew(self, device: Sleeper) -> Sleeper:
        key = generate_key()
        name = device.identity.device_id
        issued = self.authority.sign_device(key.public_key(), name, self.clock.now(), LIFE)
        used = fingerprint_of(device.key.public_key())
        await self.stores.members.keep_key(record_of(issued, name), self.clock.now(), used)
        return Sleeper(key, certificate_der(issued.certificate))

    async def revive(self, device: Sleeper, key: PrivateKey | None = None) -> Credentials:
        request = certificate_request(key or generate_key())
        nonce = self.reviving.challenge(device.certificate, request)
        proof = signed(device.key, device.identity, nonce, request)
        return await self.reviving.revive(device.certificate, request, nonce, proof)

    async def refused(self, device: Sleeper) -> Fault:
        with pytest.raises(FieldwiseError) as caught:
            await self.revive(device)
        return caught.value.fault


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
async def sleeper(fleet: Fleet) -> Sleeper:
    """A device that called last before its certificate was over."""
    device = await fleet.join()
    await fleet.stores.members.admit(device.caller)
    fleet.clock.pass_by(LIFE + DAY)
    return device


async def test_a_device_that_slept_past_its_certificate_gets_one_for_a_fresh_key(
    fleet: Fleet, sleeper: Sleeper
) -> None:
    key = generate_key()
    given = await fleet.revive(sleeper, key)
    read = load_certificate(given.certificate)
    assert identity_of(read) == sleeper.identity
    assert read.public_key() == key.public_key()
    assert read.not_valid_after_utc == datetime.fromtimestamp(fleet.clock.now(), UTC) + timedelta(
        days=14
    )
    assert fleet.results == [Result.OK]
    await fleet.stores.members.admit(Sleeper(key, given.certificate).caller)


async def test_a_revival_whose_answer_was_lost_is_asked_for_again(
    fleet: Fleet, sleeper: Sleeper
) -> None:
    await fleet.revive(sleeper)
    fleet.clock.pass_by(1)
    again = generate_key()
    given = await fleet.revive(sleeper, again)
    await fleet.stores.members.admit(Sleeper(again, given.certificate).caller)


async def test_an_old_key_of_a_device_that_renewed_since_does_not_revive(fleet: Fleet) -> None:
    old = await fleet.join()
    await fleet.stores.members.admit(old.caller)
    new = await fleet.renew(old)
    await fleet.stores.members.admit(new.caller)
    fleet.clock.pass_by(LIFE + DAY)
    assert await fleet.refused(old) is Fault.CERTIFICATE_INVALID
    assert (await fleet.revive(new)).device_id == "d-1"
    assert fleet.results == [Result.REFUSED, Result.OK]


async def test_a_device_whose_renewal_was_never_answered_revives_with_the_key_it_has(
    fleet: Fleet,
) -> None:
    old = await fleet.join()
    await fleet.stores.members.admit(old.caller)
    await fleet.renew(old)
    fleet.clock.pass_by(LIFE + DAY)
    assert (await fleet.revive(old)).device_id == "d-1"


async def test_a_key_from_before_a_revival_is_good_for_nothing_once_the_new_one_is_used(
    fleet: Fleet, sleeper: Sleeper
) -> None:
    key = generate_key()
    given = await fleet.revive(sleeper, key)
    await fleet.stores.check_ins.visitor(Sleeper(key, given.certificate).caller)
    fleet.clock.pass_by(LIFE + DAY)
    assert await fleet.refused(sleeper) is Fault.CERTIFICATE_INVALID


async def test_a_certificate_that_is_good_has_no_need_of_it(fleet: Fleet) -> None:
    device = await fleet.join()
    assert await fleet.refused(device) is Fault.ILLEGAL_COMMAND
    fleet.clock.pass_by(LIFE)
    assert await fleet.refused(device) is Fault.ILLEGAL_COMMAND
    fleet.clock.pass_by(1)
    assert (await fleet.revive(device)).device_id == "d-1"


async def test_removed_and_denied_devices_are_not_revived(fleet: Fleet, sleeper: Sleeper) -> None:
    await fleet.stores.denials.deny("d-1", NOW)
    assert await fleet.refused(sleeper) is Fault.DEVICE_DENIED
    await fleet.stores.denials.allow("d-1")
    await fleet.stores.members.remove("d-1", NOW)
    assert await fleet.refused(sleeper) is Fault.DEVICE_REMOVED


@pytest.mark.parametrize("name", ["bakery", "brewery"])
async def test_a_certificate_of_another_fleet_is_worthless_even_of_the_same_name(
    fleet: Fleet, name: str
) -> None:
    other = Fleet(name)
    device = await other.join()
    for each in (fleet, other):
        each.clock.pass_by(LIFE + DAY)
    assert await fleet.refused(device) is Fault.CERTIFICATE_INVALID
    assert (await other.revive(device)).fleet == name


async def test_a_key_that_no_device_here_has_is_refused_though_the_authority_signed_it(
    fleet: Fleet, sleeper: Sleeper
) -> None:
    key = generate_key()
    issued = fleet.authority.sign_device(key.public_key(), "d-1", NOW, LIFE)
    assert await fleet.refused(Sleeper(key, certificate_der(issued.certificate))) is (
        Fault.CERTIFICATE_INVALID
    )


async def test_the_key_of_one_device_does_not_revive_another(
    fleet: Fleet, sleeper: Sleeper
) -> None:
    fleet.clock.seconds = NOW
    other = await fleet.join("d-2")
    issued = fleet.authority.sign_device(other.key.public_key(), "d-1", NOW, LIFE)
    fleet.clock.pass_by(LIFE + DAY)
    posing = Sleeper(other.key, certificate_der(issued.certificate))
    assert await fleet.refused(posing) is Fault.CERTIFICATE_INVALID


@dataclass
class Attempt:
    """A right attempt, to be made wrong."""

    certificate: bytes
    request: bytes
    nonce: bytes
    signature: bytes


def other_request(attempt: Attempt) -> None:
    attempt.request = certificate_request(generate_key())


def no_signature(attempt: Attempt) -> None:
    attempt.signature = b""


def rubbish_signature(attempt: Attempt) -> None:
    attempt.signature = random.Random(3).randbytes(72)


def flipped_nonce(attempt: Attempt) -> None:
    attempt.nonce = bytes([attempt.nonce[0] ^ 1]) + attempt.nonce[1:]


def short_nonce(attempt: Attempt) -> None:
    attempt.nonce = attempt.nonce[-32:]


def made_up_nonce(attempt: Attempt) -> None:
    attempt.nonce = bytes(NONCE_BYTES)


@pytest.mark.parametrize(
    "spoil",
    [other_request, no_signature, rubbish_signature, flipped_nonce, short_nonce, made_up_nonce],
)
async def test_what_is_not_signed_for_this_nonce_and_this_request_is_refused(
    fleet: Fleet, sleeper: Sleeper, spoil: Callable[[Attempt], None]
) -> None:
    request = certificate_request(generate_key())
    nonce = fleet.reviving.challenge(sleeper.certificate, request)
    proof = signed(sleeper.key, sleeper.identity, nonce, request)
    attempt = Attempt(sleeper.certificate, request, nonce, proof)
    spoil(attempt)
    with pytest.raises(FieldwiseError) as caught:
        await fleet.reviving.revive(
            attempt.certificate, attempt.request, attempt.nonce, attempt.signature
        )
    assert caught.value.fault is Fault.UNAUTHENTICATED


async def test_a_thief_of_the_certificate_without_the_key_gets_nothing(
    fleet: Fleet, sleeper: Sleeper
) -> None:
    thief = Sleeper(generate_key(), sleeper.certificate)
    assert await fleet.refused(thief) is Fault.UNAUTHENTICATED


async def test_a_nonce_is_good_once_and_for_minutes_on_every_replica(
    fleet: Fleet, sleeper: Sleeper
) -> None:
    request = certificate_request(generate_key())
    nonce = fleet.reviving.challenge(sleeper.certificate, request)
    proof = signed(sleeper.key, sleeper.identity, nonce, request)
    asked = (sleeper.certificate, request, nonce, proof)
    with pytest.raises(FieldwiseError) as caught:
        await fleet.replica(NONCE_SECONDS + 1).revive(*asked)
    assert caught.value.fault is Fault.UNAUTHENTICATED
    there = fleet.replica(NONCE_SECONDS - 1)
    assert (await there.revive(*asked)).device_id == "d-1"
    for replica in (fleet.reviving, there):
        with pytest.raises(FieldwiseError) as caught:
            await replica.revive(*asked)
        assert caught.value.fault is Fault.CONFLICT


async def test_a_signature_for_one_fleet_or_device_says_nothing_in_another(
    fleet: Fleet, sleeper: Sleeper
) -> None:
    request = certificate_request(generate_key())
    nonce = fleet.reviving.challenge(sleeper.certificate, request)
    for wrong in (DeviceIdentity("bakery", "d-2"), DeviceIdentity("brewery", "d-1")):
        proof = signed(sleeper.key, wrong, nonce, request)
        with pytest.raises(FieldwiseError) as caught:
            await fleet.reviving.revive(sleeper.certificate, request, nonce, proof)
        assert caught.value.fault is Fault.UNAUTHENTICATED


async def test_the_key_that_is_over_is_not_certified_again(fleet: Fleet, sleeper: Sleeper) -> None:
    with pytest.raises(FieldwiseError) as caught:
        await fleet.revive(sleeper, sleeper.key)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


async def test_rubbish_is_refused(fleet: Fleet, sleeper: Sleeper) -> None:
    chance = random.Random(5)
    good = certificate_request(generate_key())
    for size in (0, 1, 40, 500, 4096):
        rubbish = chance.randbytes(size)
        for certificate, request in ((rubbish, good), (sleeper.certificate, rubbish)):
            with pytest.raises(FieldwiseError) as caught:
                fleet.reviving.challenge(certificate, request)
            assert caught.value.fault in {Fault.CERTIFICATE_INVALID, Fault.INVALID_ARGUMENT}
            with pytest.raises(FieldwiseError):
                await fleet.reviving.revive(certificate, request, rubbish[:64], rubbish[:80])
