"""A real ``fieldwise serve`` from an empty folder: joining, calling, publishing."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fieldwise import identity
from fieldwise.v1alpha1 import device_pb2
from orchestrator.enrolment.authority import found_authority
from orchestrator.rpc.discretion import SENTENCE
from tests.bundles import Spoiled, spoiled_bundle, tiny_bundle
from tests.orchestrators import Member, Orchestrator, join, serving, status_of


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    with serving(tmp_path_factory.mktemp("fleet") / "data", "--metrics-seconds=1") as running:
        yield running


@pytest.fixture
def member(orchestrator: Orchestrator) -> Member:
    return join(orchestrator.json("ticket", "create")["token"])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "tiny.bundle"
    tiny_bundle(path)
    return path


def test_a_first_start_makes_a_folder_that_only_its_owner_reads(
    orchestrator: Orchestrator,
) -> None:
    assert stat.S_IMODE(orchestrator.folder.stat().st_mode) == 0o700
    for name in ("authority.json", "operator/token", "operator/connection.json"):
        assert stat.S_IMODE((orchestrator.folder / name).stat().st_mode) == 0o600


def test_a_ticket_is_created_listed_and_revoked(orchestrator: Orchestrator) -> None:
    created = orchestrator.json("ticket", "create", "--uses=2", "--tag=site=berlin")
    known = created["ticket"]["id"]
    listed = {each["id"]: each for each in orchestrator.json("ticket", "list")}
    assert listed[known]["tags"] == {"site": "berlin"}
    assert orchestrator.json("ticket", "revoke", known)["revoked"]
    with pytest.raises(grpc.RpcError) as refused:
        join(created["token"])
    assert status_of(refused.value) == (grpc.StatusCode.UNAUTHENTICATED, "ticket-invalid")


def test_joining_again_with_the_same_key_gives_the_same_device_and_uses_no_more(
    orchestrator: Orchestrator,
) -> None:
    created = orchestrator.json("ticket", "create", "--tag=line=3")
    key = identity.generate_key()
    first, second = join(created["token"], key), join(created["token"], key)
    assert first.device_id == second.device_id
    assert orchestrator.json("device", "show", first.device_id)["tags"] == {"line": "3"}
    with pytest.raises(grpc.RpcError) as refused:
        join(created["token"])
    assert status_of(refused.value)[1] == "ticket-invalid"


def test_a_check_in_is_seen_by_the_operator_at_once(
    orchestrator: Orchestrator, member: Member
) -> None:
    answer = member.check_in()
    assert 1 <= answer.next_seconds <= 86_400
    assert not answer.HasField("target")
    assert orchestrator.json("device", "show", member.device_id)["state"] == "healthy"


def test_without_a_certificate_nobody_talks_to_the_device_port(
    orchestrator: Orchestrator, member: Member
) -> None:
    bare = Member(member.device_id, b"", b"", member.roots, member.address)
    credentials = grpc.ssl_channel_credentials(bare.roots)
    with grpc.secure_channel(bare.address, credentials) as opened:
        check_in = opened.unary_unary("/fieldwise.v1alpha1.Device/CheckIn")
        with pytest.raises(grpc.RpcError) as refused:
            check_in(b"", timeout=60)
    assert status_of(refused.value)[0] is grpc.StatusCode.UNAVAILABLE


def test_a_foreign_authority_s_certificate_is_refused(
    orchestrator: Orchestrator, member: Member
) -> None:
    key = identity.generate_key()
    now = datetime.now(UTC).timestamp()  # noqa: TID251 - a real certificate for a real server
    foreign = found_authority("elsewhere", identity.generate_key(), now)
    issued = foreign.sign_device(key.public_key(), member.device_id, now)
    stranger = Member(
        member.device_id,
        identity.key_pem(key),
        identity.certificate_pem(issued.certificate),
        member.roots,
        member.address,
    )
    with pytest.raises(grpc.RpcError) as refused:
        stranger.check_in()
    assert status_of(refused.value)[0] is grpc.StatusCode.UNAVAILABLE


def test_a_removed_device_is_refused_whatever_it_calls(
    orchestrator: Orchestrator, member: Member
) -> None:
    member.check_in()
    orchestrator.json("device", "remove", member.device_id, "--yes")
    with pytest.raises(grpc.RpcError) as refused:
        member.check_in(sequence=2)
    assert status_of(refused.value) == (grpc.StatusCode.PERMISSION_DENIED, "device-removed")
    with pytest.raises(grpc.RpcError) as refused:
        member.download("00" * 32)
    assert status_of(refused.value)[1] == "device-removed"


def test_a_device_that_leaves_is_gone(orchestrator: Orchestrator, member: Member) -> None:
    with member.calling() as stub:
        stub.Leave(device_pb2.LeaveRequest(), timeout=60)
    assert orchestrator.run("device", "show", member.device_id).status == 4


def test_a_renewed_certificate_works_and_is_another(
    orchestrator: Orchestrator, member: Member
) -> None:
    key = identity.generate_key()
    request = identity.certificate_request(key)
    with member.calling() as stub:
        renewed = stub.Renew(device_pb2.RenewRequest(certificate_request=request), timeout=60)
    certificate = identity.load_certificate(renewed.credentials.certificate)
    fresh = Member(
        member.device_id,
        identity.key_pem(key),
        identity.certificate_pem(certificate),
        member.roots,
        member.address,
    )
    assert identity.identity_of(certificate).device_id == member.device_id
    assert fresh.check_in().next_seconds
    assert fresh.certificate != member.certificate


def test_a_message_over_its_bounds_or_with_an_unknown_field_is_refused(member: Member) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        member.check_in(agent_version="9" * 33)
    assert status_of(refused.value) == (grpc.StatusCode.INVALID_ARGUMENT, "over-limit")
    with pytest.raises(grpc.RpcError) as refused:
        member.check_in(bundle_in_use=b"short")
    assert status_of(refused.value)[1] == "invalid-argument"
    smuggled = device_pb2.CheckInRequest.FromString(b"\xfa\x07\x03abc")
    with member.calling() as stub, pytest.raises(grpc.RpcError) as refused:
        stub.CheckIn(smuggled, timeout=60)
    assert status_of(refused.value)[1] == "unknown-field"


def test_a_pushed_bundle_is_listed_rolled_out_and_resumed_at_any_offset(
    orchestrator: Orchestrator, member: Member, bundle: Path
) -> None:
    member.check_in()
    pushed = orchestrator.json("backbone", "push", str(bundle))
    assert pushed["created"]
    assert not orchestrator.json("backbone", "push", str(bundle))["created"]
    title = f"{pushed['backbone']['name']}:{pushed['backbone']['version']}"
    rollout = orchestrator.json("rollout", "start", title)
    assert rollout["phase"] == "running"
    answer = member.check_in(sequence=2)
    digest = answer.target.bundle_digest.hex()
    assert digest == pushed["backbone"]["digest"]
    assert answer.permit.generation == answer.target.generation
    manifest = b"".join(each.content for each in member.download(digest))
    graph = json.loads(manifest)["variants"][0]["graphs"][0]
    whole = member.download(graph["digest"])
    content = b"".join(each.content for each in whole)
    assert len(content) == whole[0].total_bytes == graph["size"]
    for offset in (0, 1, len(content) // 2, len(content) - 1, len(content)):
        pieces = member.download(graph["digest"], offset)
        assert b"".join(each.content for each in pieces) == content[offset:]
    with pytest.raises(grpc.RpcError) as refused:
        member.download(graph["digest"], len(content) + 1)
    assert status_of(refused.value)[0] is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as missing:
        member.download("00" * 32)
    assert status_of(missing.value)[0] is grpc.StatusCode.NOT_FOUND
    kept = orchestrator.folder / "bundles" / "sha256" / graph["digest"]
    kept.rename(kept.with_suffix(".lost"))
    with pytest.raises(grpc.RpcError) as lost:
        member.download(graph["digest"])
    assert status_of(lost.value) == (grpc.StatusCode.UNAVAILABLE, "unavailable")
    assert SENTENCE in str(lost.value)
    assert f"the bundle store lacks {graph['digest'][:12]}" in orchestrator.log.read_text()
    kept.with_suffix(".lost").rename(kept)
    assert len(b"".join(each.content for each in member.download(graph["digest"]))) == graph["size"]


def test_a_bundle_that_breaks_a_rule_leaves_no_trace(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    before = orchestrator.json("backbone", "list")
    spoiled_bundle(tmp_path / "wide.bundle", Spoiled.WIDTH)
    (tmp_path / "noise.bundle").write_bytes(b"noise" * 1000)
    for name in ("wide", "noise"):
        finished = orchestrator.run("backbone", "push", str(tmp_path / f"{name}.bundle"), "--json")
        assert finished.status == 2
        assert json.loads(finished.stderr)["error"]["fault"] == "bundle-invalid"
    assert orchestrator.json("backbone", "list") == before
    assert list((orchestrator.folder / "uploads").iterdir()) == []


def test_device_settings_reach_the_device_and_consent_is_not_among_them(
    orchestrator: Orchestrator, member: Member
) -> None:
    member.check_in()
    orchestrator.json("device", "tag", member.device_id, "line=9", "dropped-")
    applied = orchestrator.json("settings", "apply", "--cohort=line=9", "shrinkage=0.5")
    assert applied["devices"] == 1
    assert member.check_in(sequence=2).settings.settings.shrinkage == 0.5
    assert orchestrator.run("settings", "apply", "consent=weights").status == 2


def test_the_wrong_token_and_no_token_are_refused(orchestrator: Orchestrator) -> None:
    finished = orchestrator.run("status", "--token=wrong", "--json")
    assert finished.status == 3
    assert json.loads(finished.stderr)["error"]["fault"] == "unauthenticated"


def test_health_and_readiness_are_told_on_both_ports(orchestrator: Orchestrator) -> None:
    connection = json.loads((orchestrator.folder / "operator/connection.json").read_text())
    credentials = grpc.ssl_channel_credentials(connection["authority"].encode())
    with grpc.secure_channel(connection["address"], credentials) as opened:
        health = health_pb2_grpc.HealthStub(opened)
        request = health_pb2.HealthCheckRequest(service="fieldwise.v1alpha1.Device")
        assert health.Check(request, timeout=60).status == health_pb2.HealthCheckResponse.SERVING
    base = f"http://{orchestrator.told['metrics_address']}"
    assert urlopen(f"{base}/readyz", timeout=60).status == 200
    assert urlopen(f"{base}/healthz", timeout=60).status == 200
    with pytest.raises(HTTPError) as missing:
        urlopen(f"{base}/other", timeout=60)
    missing.value.close()
    assert missing.value.code == 404
