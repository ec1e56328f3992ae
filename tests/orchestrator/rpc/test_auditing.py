"""Every change over the wire is in the audit log with who, what, before, after and outcome."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from structlog.testing import capture_logs

from fieldwise import channel, identity
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import device_pb2, enrolment_pb2, enrolment_pb2_grpc
from orchestrator.audit.entry import Deed, Entry, Head, Kept, Kind, read
from orchestrator.audit_ports import Extent
from orchestrator.enrolment.service import Minted
from orchestrator.people.roles import Role
from orchestrator.rights import RIGHTS, Login, Verb
from orchestrator.rpc import auditing
from orchestrator.rpc.auditing import LOOKS, OF_DEVICES, RECORDED
from orchestrator.rpc.interceptors import OPERATOR_SERVICES
from orchestrator.storage.memory_audit import MemoryAudit
from tests.audits import deed, judged, pruned
from tests.bundles import tiny_bundle
from tests.sites import Site

METHODS = {
    method.name: method
    for name in sorted(OPERATOR_SERVICES)
    for method in Default().FindServiceByName(name).methods
}
# Fields of requests that never stand in the log, however they are meant.
SECRET = {"request", "request_id", "token", "ticket_secret", "secret", "content", "page_token"}
KEY = identity.generate_key()
MEMBERSHIP = {"Enrol", "Leave", "Revive"}


def entries(site: Site) -> list[Entry]:
    found = [read(each.content) for each in log_of(site).kept]
    return [each for each in found if each is not None]


def log_of(site: Site) -> MemoryAudit:
    assert isinstance(site.stores.audit, MemoryAudit)
    return site.stores.audit


def test_every_method_that_changes_something_is_in_the_log_and_no_other() -> None:
    changing = {name for name, right in RIGHTS.items() if right.verb not in {Verb.GET, Verb.LIST}}
    assert set(RECORDED) == changing - LOOKS
    assert set(RECORDED) <= set(METHODS)


def test_every_change_of_membership_by_devices_is_in_the_log() -> None:
    names = ("fieldwise.v1alpha1.Enrolment", "fieldwise.v1alpha1.Device")
    services = [Default().FindServiceByName(name) for name in names]
    there = {method.name for service in services for method in service.methods}
    assert set(OF_DEVICES) == MEMBERSHIP & there


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_kept_of_a_request_is_there_and_no_secret(name: str) -> None:
    fields = {field.name for field in METHODS[name].input_type.fields}
    assert set(RECORDED[name].fields) <= fields
    assert not set(RECORDED[name].fields) & SECRET


@pytest.mark.parametrize("name", RECORDED)
def test_an_empty_request_and_answer_can_be_told_of(name: str) -> None:
    recorded, method = RECORDED[name], METHODS[name]
    asked, given = GetMessageClass(method.input_type)(), GetMessageClass(method.output_type)()
    recorded.changes(asked)
    json.dumps([str(recorded.thing(asked)), str(recorded.made(given)), recorded.told(given)])


async def test_a_change_stands_there_with_who_what_before_and_after(site: Site) -> None:
    async with site.operator() as root:
        device = await joined(site)
        await root.update_tags(device, {"site": "berlin"}, [])
        await root.update_tags(device, {"site": "paris"}, [])
    begun, ended = entries(site)[-2:]
    assert (begun.who, begun.login, begun.method) == ("root", Login.ROOT, "UpdateDeviceTags")
    assert (begun.thing, begun.asked) == (f"device {device}", {"set": {"site": "paris"}})
    assert begun.before is not None
    assert begun.before["tags"] == {"site": "berlin"}
    assert ended.after is not None
    assert (ended.of, ended.outcome) == (begun.number, "ok")
    assert ended.after["tags"] == {"site": "paris"}
    assert judged(log_of(site).kept).is_whole


async def test_no_secret_of_a_ticket_or_an_account_is_in_the_log(site: Site) -> None:
    async with site.operator() as root:
        request = "0123456789abcdef" * 2
        await root.create_ticket(1, 3600, {}, request)
        opened = await root.accounts.create("alice", Role.ADMIN, 0)
    whole = "".join(each.content for each in log_of(site).kept)
    assert request not in whole
    assert opened.token.rpartition(".")[2] not in whole
    assert '"method":"CreateTicket"' in whole
    assert '"role":"admin"' in whole


async def test_an_account_is_told_by_name_way_and_id(site: Site) -> None:
    async with site.operator() as root:
        opened = await root.accounts.create("alice", Role.OPERATOR, 0)
    async with site.operator(opened.token) as alice:
        await alice.create_ticket(1, 3600, {})
    last = entries(site)[-1]
    assert (last.who, last.login, last.subject) == ("alice", "account", opened.account.id)
    assert last.after is not None
    assert last.after["made"].startswith("ticket ")


async def test_what_fails_is_told_with_the_fault(site: Site) -> None:
    async with site.operator() as root:
        with pytest.raises(FieldwiseError):
            await root.remove_device("d-nobody")
    begun, ended = entries(site)[-2:]
    assert (begun.before, ended.outcome) == (None, "not-found")
    assert "d-nobody" in ended.told


async def test_who_is_known_and_may_not_is_told_and_who_is_not_known_is_not(site: Site) -> None:
    async with site.operator() as root:
        opened = await root.accounts.create("bob", Role.VIEWER, 0)
    before = len(entries(site))
    async with site.operator(opened.token) as bob, site.operator("a-wrong-token-of-nobody") as eve:
        for caller in (bob, eve):
            with pytest.raises(FieldwiseError):
                await caller.remove_device("d-1")
    told = entries(site)[before:]
    assert [(each.who, each.outcome, each.kind) for each in told] == [
        ("bob", "permission-denied", Kind.HAPPENED)
    ]


async def test_looks_and_trials_are_not_told(site: Site) -> None:
    async with site.operator() as root:
        await root.list_tickets()
        await root.fleet()
        with suppress(FieldwiseError):
            await root.preview_rollout(plan())
    assert entries(site) == []


def plan() -> Any:
    from orchestrator.rollout.plan import Plan

    return Plan(backbone="nothing")


async def test_devices_that_join_and_leave_are_told_once(site: Site) -> None:
    key = identity.generate_key()
    minted = await site.enrolment.create_ticket(1, 3600, {})
    first = await enrolled(site, minted, key)
    second = await enrolled(site, minted, key)
    assert first.device_id == second.device_id
    told = [each for each in entries(site) if each.method == "Enrol"]
    assert [(each.who, each.login, each.thing) for each in told] == [
        (minted.ticket.id, "ticket", f"device {first.device_id}")
    ]
    async with site.device(key, channel.pem_of(second.certificate)) as stub:
        await stub.Leave(device_pb2.LeaveRequest())
    last = entries(site)[-1]
    assert (last.method, last.who, last.login) == ("Leave", first.device_id, "device")


async def test_a_device_that_cannot_be_told_of_is_not_let_in(site: Site, monkeypatch: Any) -> None:
    minted = await site.enrolment.create_ticket(1, 3600, {})
    with monkeypatch.context() as closed:
        closed.setattr(MemoryAudit, "append", Closed.append)
        with pytest.raises(grpc.aio.AioRpcError):
            await enrolled(site, minted, KEY)
    await enrolled(site, minted, KEY)  # it asks again, as devices do
    assert [each.method for each in entries(site)] == ["Enrol"]


async def enrolled(
    site: Site, minted: Minted, key: identity.PrivateKey
) -> enrolment_pb2.Credentials:
    request = enrolment_pb2.EnrolRequest(
        ticket_id=minted.ticket.id,
        ticket_secret=minted.secret,
        certificate_request=identity.certificate_request(key),
    )
    async with channel.pinned_channel(site.operator_address, roots=site.roots) as opened:
        answer = await enrolment_pb2_grpc.EnrolmentStub(opened).Enrol(request)
    return answer.credentials


async def test_a_pushed_backbone_is_told_by_its_digest_and_without_its_content(
    site: Site, tmp_path: Path
) -> None:
    manifest = tiny_bundle(tmp_path / "tiny.bundle")

    async def pieces() -> AsyncIterator[bytes]:
        yield (tmp_path / "tiny.bundle").read_bytes()

    async with site.operator() as root:
        pushed = await root.push_backbone(pieces())
    assert manifest
    begun, ended = entries(site)[-2:]
    assert begun.asked == {}
    assert ended.after is not None
    assert ended.after["digest"] == pushed.backbone.digest
    assert ended.after["new"] is True


class Closed(MemoryAudit):
    async def append(self, deed: Deed) -> Kept:
        raise FieldwiseError(Fault.DISK_FULL, "the database has no room left")


async def test_without_an_entry_nothing_is_changed(site: Site, monkeypatch: Any) -> None:
    device = await joined(site)
    monkeypatch.setattr(MemoryAudit, "append", Closed.append)
    async with site.operator() as root:
        deeds = (
            root.update_tags(device, {"a": "b"}, []),
            root.remove_device(device),
            root.create_ticket(1, 3600, {}),
            root.accounts.create("eve", Role.ADMIN, 0),
        )
        for deed in deeds:
            with pytest.raises(FieldwiseError) as raised:
                await deed
            assert raised.value.fault is Fault.DISK_FULL
        assert (await root.get_device(device)).tags == {}
        assert (await root.list_tickets()).items[1:] == ()
        assert (await root.accounts.list()).items == ()


async def test_a_caller_who_goes_away_leaves_an_end_that_says_so(site: Site) -> None:
    held, ended = asyncio.Event(), asyncio.Event()
    append = site.stores.audit.append

    async def appended(deed: Deed) -> Kept:
        kept = await append(deed)
        if deed.kind is Kind.ENDED:
            ended.set()
        return kept

    async def revoke(_id: str) -> None:
        held.set()
        await asyncio.Event().wait()

    site.stores.audit.append = appended
    site.stores.tickets.revoke = revoke
    async with site.operator() as root:
        call = asyncio.create_task(root.revoke_ticket("t1"))
        await held.wait()
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        async with asyncio.timeout(30):
            await ended.wait()
    assert entries(site)[-1].outcome == "cancelled"


class Held(MemoryAudit):
    """A log that takes one kind of entry only once it is let."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind, self.let = kind, asyncio.Event()
        self.reached, self.written = asyncio.Event(), asyncio.Event()

    async def append(self, deed: Deed) -> Kept:
        if deed.kind is self.kind:
            self.reached.set()
            await self.let.wait()
        kept = await super().append(deed)
        if deed.kind is not Kind.BEGUN:
            self.written.set()
        return kept


def held(site: Site, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> Held:
    log = Held(kind)
    for name in ("append", "kept", "head", "cut"):
        monkeypatch.setattr(site.stores.audit, name, getattr(log, name))
    return log


async def left_alone(log: Held, call: Awaitable[Any]) -> None:
    """Call, and go away while the log is written."""
    calling = asyncio.ensure_future(call)
    await log.reached.wait()
    calling.cancel()
    with suppress(asyncio.CancelledError):
        await calling
    await asyncio.sleep(0.05)  # the server hears of it, and would break off what it is at
    log.let.set()
    async with asyncio.timeout(30):
        await log.written.wait()


@pytest.mark.parametrize(("kind", "outcome"), [(Kind.BEGUN, "cancelled"), (Kind.ENDED, "ok")])
async def test_a_caller_who_goes_away_while_it_is_written_leaves_no_open_end(
    site: Site, monkeypatch: pytest.MonkeyPatch, kind: Kind, outcome: str
) -> None:
    device = await joined(site)
    log = held(site, monkeypatch, kind)
    async with site.operator() as root:
        await left_alone(log, root.update_tags(device, {"a": "b"}, []))
        tags = (await root.get_device(device)).tags
    told = [read(each.content) for each in log.kept]
    assert [each.outcome for each in told if each is not None] == ["", outcome]
    assert judged(log.kept).open_deeds == ()
    assert tags == ({"a": "b"} if outcome == "ok" else {})


async def test_an_end_that_cannot_be_written_in_time_is_no_error_to_the_caller(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await joined(site)
    monkeypatch.setattr(auditing, "END_SECONDS", 0.05)
    log = held(site, monkeypatch, Kind.ENDED)
    with capture_logs() as told:
        async with site.operator() as root:
            assert (await root.update_tags(device, {"a": "b"}, [])).tags == {"a": "b"}
    lost = [each for each in told if "not in the audit log" in each["event"]]
    assert [(each["method"], each["outcome"]) for each in lost] == [("UpdateDeviceTags", "ok")]
    assert judged(log.kept).open_deeds == (1,)


@pytest.mark.parametrize("when", ["it is done", "it is written"])
async def test_a_device_that_leaves_and_goes_away_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    key = identity.generate_key()
    certificate = await site.join(key)
    log = held(site, monkeypatch, Kind.HAPPENED)
    if when == "it is done":
        remove = site.stores.members.remove

        async def removed(device: str, now: float) -> None:
            await remove(device, now)
            log.reached.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(site.stores.members, "remove", removed)
        log.let.set()
    async with site.device(key, certificate) as stub:
        await left_alone(log, stub.Leave(device_pb2.LeaveRequest()))
    (last,) = (read(each.content) for each in log.kept)
    assert last is not None
    assert (last.method, last.outcome) == ("Leave", "cancelled" if when == "it is done" else "ok")


async def joined(site: Site) -> str:
    key = identity.generate_key()
    certificate = await site.join(key)
    return identity.identity_of(identity.load_pem_certificate(certificate)).device_id


async def test_a_log_that_is_pruned_while_it_is_read_is_not_called_broken(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(site)
    for number in range(4):
        await log.append(deed(number))
    looked = log.extent

    async def pruned_behind() -> Extent:
        monkeypatch.setattr(log, "extent", looked)
        extent = await looked()
        await log.prune(3, pruned(Head()))
        return extent

    monkeypatch.setattr(log, "extent", pruned_behind)
    async with site.operator() as root:
        with pytest.raises(FieldwiseError) as raised:
            assert [piece async for piece in root.audit.export()] == []
        whole = [piece async for piece in root.audit.export()]
    assert raised.value.fault is Fault.CONFLICT
    assert whole[0].cut is not None
    assert whole[0].cut.number == 3
