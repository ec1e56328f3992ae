import asyncio

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import (
    certificate_request,
    generate_key,
    identity_of,
    load_certificate,
)
from orchestrator.enrolment.applying import Admission, Applications
from orchestrator.enrolment.authority import fingerprint_of, found_authority
from orchestrator.enrolment.service import Credentials, Enrolment, Minted
from orchestrator.fleet.device import Caller
from orchestrator.paging import PageRequest
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import FACTS, NOW, CountedEntropy, SetClock

KEY, OTHER_KEY = generate_key(), generate_key()
REQUEST, OTHER_REQUEST = certificate_request(KEY), certificate_request(OTHER_KEY)
FINGERPRINT = fingerprint_of(KEY.public_key())
OTHER_FINGERPRINT = fingerprint_of(OTHER_KEY.public_key())

NAME = "0f" * 16


class Fleet:
    def __init__(self) -> None:
        self.clock = SetClock()
        self.stores = memory_stores()
        self.enrolment = Enrolment(
            self.stores.tickets,
            self.stores.members,
            found_authority("bakery", generate_key(), NOW),
            self.clock,
            CountedEntropy(),
            Applications(self.stores.applicants, self.clock, Admission()),
        )

    async def mint(self, uses: int = 1) -> Minted:
        return await self.enrolment.create_ticket(uses, 3600, {"site": "berlin"})

    async def enrol(self, minted: Minted, request: bytes = REQUEST) -> Credentials:
        return await self.enrolment.enrol(minted.ticket.id, minted.secret, request, FACTS)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def refused(fleet: Fleet, minted: Minted, request: bytes = REQUEST) -> Fault:
    with pytest.raises(FieldwiseError) as caught:
        await fleet.enrol(minted, request)
    return caught.value.fault


async def shut_out(fleet: Fleet, device_id: str, fingerprint: str) -> Fault:
    with pytest.raises(FieldwiseError) as caught:
        await fleet.stores.members.admit(Caller(device_id, fingerprint))
    return caught.value.fault


async def test_a_ticket_makes_a_member_with_its_tags(fleet: Fleet) -> None:
    credentials = await fleet.enrol(await fleet.mint())
    identity = identity_of(load_certificate(credentials.certificate))
    assert (identity.fleet, identity.device_id) == ("bakery", credentials.device_id)
    device = await fleet.stores.devices.get(credentials.device_id)
    assert (device.tags, device.facts) == ({"site": "berlin"}, FACTS)
    await fleet.stores.members.admit(Caller(credentials.device_id, FINGERPRINT))
    root = load_certificate(credentials.trust_roots[0])
    load_certificate(credentials.certificate).verify_directly_issued_by(root)


async def test_a_request_that_is_repeated_makes_one_ticket_with_one_secret(fleet: Fleet) -> None:
    first, again = [
        await fleet.enrolment.create_ticket(2, 3600, {"line": "3"}, NAME) for _ in range(2)
    ]
    assert first == again
    assert len((await fleet.enrolment.list_tickets(PageRequest())).items) == 1
    assert (await fleet.enrol(first)).device_id == (await fleet.enrol(again)).device_id
    assert NAME not in repr(first.ticket)


@pytest.mark.parametrize(
    ("uses", "seconds", "tags", "name"),
    [
        (3, 3600, {"line": "3"}, NAME),
        (2, 7200, {"line": "3"}, NAME),
        (2, 3600, {"line": "4"}, NAME),
        (2, 3600, {"line": "3"}, "deploy-7"),
        (2, 3600, {"line": "3"}, NAME.upper()),
    ],
)
async def test_a_request_has_one_meaning_and_a_name_that_nobody_guesses(
    fleet: Fleet, uses: int, seconds: int, tags: dict[str, str], name: str
) -> None:
    await fleet.enrolment.create_ticket(2, 3600, {"line": "3"}, NAME)
    with pytest.raises(FieldwiseError) as caught:
        await fleet.enrolment.create_ticket(uses, seconds, tags, name)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


async def test_asking_again_gives_the_same_device_without_a_second_use(fleet: Fleet) -> None:
    minted = await fleet.mint(uses=1)
    first = await fleet.enrol(minted)
    fleet.clock.pass_by(60)
    second = await fleet.enrol(minted)
    assert first.device_id == second.device_id
    assert first.certificate != second.certificate
    assert await refused(fleet, minted, OTHER_REQUEST) is Fault.TICKET_INVALID


async def test_asking_twice_at_once_makes_one_device(fleet: Fleet) -> None:
    minted = await fleet.mint(uses=5)
    found = await asyncio.gather(*(fleet.enrol(minted) for _ in range(4)))
    assert len({each.device_id for each in found}) == 1
    kept = await fleet.stores.tickets.get(minted.ticket.id)
    assert kept is not None
    assert kept.uses == 1


async def test_a_ticket_that_stands_no_more_makes_no_member(fleet: Fleet) -> None:
    revoked, expired = await fleet.mint(), await fleet.mint()
    await fleet.enrolment.revoke_ticket(revoked.ticket.id)
    assert await refused(fleet, revoked) is Fault.TICKET_INVALID
    fleet.clock.pass_by(3600)
    assert await refused(fleet, expired) is Fault.TICKET_INVALID
    assert await fleet.stores.tickets.count_open(fleet.clock.now()) == 0


@pytest.mark.parametrize("revoked", [True, False])
async def test_a_lost_answer_is_made_up_for_with_any_ticket_that_stands(
    fleet: Fleet, revoked: bool
) -> None:
    minted = await fleet.mint()
    first = await fleet.enrol(minted)
    if revoked:
        await fleet.enrolment.revoke_ticket(minted.ticket.id)
    fleet.clock.pass_by(7200)
    assert await refused(fleet, minted) is Fault.TICKET_INVALID
    another = await fleet.mint()
    assert (await fleet.enrol(another)).device_id == first.device_id
    device = await fleet.stores.devices.get(first.device_id)
    assert device.key.ticket == minted.ticket.id
    kept = await fleet.stores.tickets.get(another.ticket.id)
    assert kept is not None
    assert kept.uses == 0


@pytest.mark.parametrize("request_bytes", [b"", b"\x30\x00", REQUEST[:-1], bytes(3000)])
async def test_rubbish_for_a_request_uses_no_ticket(fleet: Fleet, request_bytes: bytes) -> None:
    minted = await fleet.mint()
    assert await refused(fleet, minted, request_bytes) is Fault.INVALID_ARGUMENT
    assert (await fleet.enrol(minted)).device_id


async def test_after_a_renewal_both_keys_are_good(fleet: Fleet) -> None:
    device_id = (await fleet.enrol(await fleet.mint())).device_id
    fleet.clock.pass_by(20 * 86_400)
    renewed = await fleet.enrolment.renew(Caller(device_id, FINGERPRINT), OTHER_REQUEST)
    assert renewed.device_id == device_id
    await fleet.stores.members.admit(Caller(device_id, FINGERPRINT))
    await fleet.stores.members.admit(Caller(device_id, OTHER_FINGERPRINT))


async def test_a_removed_device_is_refused_with_every_key_and_call(fleet: Fleet) -> None:
    minted = await fleet.mint(uses=3)
    device_id = (await fleet.enrol(minted)).device_id
    await fleet.enrolment.renew(Caller(device_id, FINGERPRINT), OTHER_REQUEST)
    await fleet.enrolment.leave(device_id)
    for fingerprint in (FINGERPRINT, OTHER_FINGERPRINT):
        assert await shut_out(fleet, device_id, fingerprint) is Fault.DEVICE_REMOVED
    with pytest.raises(FieldwiseError) as caught:
        await fleet.enrolment.renew(
            Caller(device_id, FINGERPRINT), certificate_request(generate_key())
        )
    assert caught.value.fault is Fault.DEVICE_REMOVED
    assert await refused(fleet, minted) is Fault.DEVICE_REMOVED


async def test_a_key_that_was_replaced_and_a_ticket_do_not_bring_its_device_back(
    fleet: Fleet,
) -> None:
    minted = await fleet.mint(uses=2)
    device = (await fleet.enrol(minted)).device_id
    await fleet.stores.members.admit(Caller(device, FINGERPRINT))
    await fleet.enrolment.renew(Caller(device, FINGERPRINT), OTHER_REQUEST)
    assert (await fleet.enrol(minted)).device_id == device  # the answer may have been lost
    await fleet.enrolment.renew(Caller(device, FINGERPRINT), OTHER_REQUEST)
    await fleet.stores.members.admit(Caller(device, OTHER_FINGERPRINT))
    assert (await fleet.enrol(minted)).device_id != device
    await fleet.stores.members.admit(Caller(device, OTHER_FINGERPRINT))


async def test_a_renewal_is_for_a_fresh_key(fleet: Fleet) -> None:
    device = (await fleet.enrol(await fleet.mint())).device_id
    with pytest.raises(FieldwiseError) as caught:
        await fleet.enrolment.renew(Caller(device, FINGERPRINT), REQUEST)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


async def test_a_key_speaks_only_for_its_own_device(fleet: Fleet) -> None:
    minted = await fleet.mint(uses=2)
    first, second = await fleet.enrol(minted), await fleet.enrol(minted, OTHER_REQUEST)
    assert await shut_out(fleet, first.device_id, OTHER_FINGERPRINT) is Fault.CERTIFICATE_INVALID
    assert await shut_out(fleet, second.device_id, "0" * 64) is Fault.CERTIFICATE_INVALID
    with pytest.raises(FieldwiseError) as caught:
        await fleet.enrolment.renew(Caller(first.device_id, FINGERPRINT), OTHER_REQUEST)
    assert caught.value.fault is Fault.ALREADY_EXISTS
