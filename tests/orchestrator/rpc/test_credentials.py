"""What gRPC is handed at a new connection: a certificate where it is another one, else nothing."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from fieldwise import identity
from orchestrator.enrolment.authority import found_authority
from orchestrator.rpc.credentials import ServerCertificate
from tests.fleet_records import NOW, SetClock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """The question of every port."""
    questions: list[Callable[[], object]] = []

    def dynamic(_first: object, ask: Callable[[], object], **_: Any) -> None:
        questions.append(ask)

    monkeypatch.setattr(grpc, "dynamic_ssl_server_credentials", dynamic)
    return questions


@pytest.mark.parametrize("devices_only", [True, False])
def test_a_certificate_is_handed_over_once_and_again_when_it_was_renewed(
    asked: list[Callable[[], object]], devices_only: bool
) -> None:
    """Handing it over while others shake hands ends the process (gRPC 1.85)."""
    clock = SetClock(NOW)
    authority = found_authority("plant-7", identity.generate_key(), NOW)
    own = ServerCertificate(authority, ("127.0.0.1",), clock)
    own.credentials(devices_only=devices_only)
    assert [asked[0]() for _ in range(20)] == [None] * 20
    before = own.pair()
    while own.pair() == before:
        clock.pass_by(86_400)
    given = [asked[0]() for _ in range(20)]
    assert isinstance(given[0], grpc.ServerCertificateConfiguration)
    assert given[1:] == [None] * 19


def test_each_port_is_handed_a_renewed_certificate(asked: list[Callable[[], object]]) -> None:
    clock = SetClock(NOW)
    authority = found_authority("plant-7", identity.generate_key(), NOW)
    own = ServerCertificate(authority, ("127.0.0.1",), clock)
    for devices_only in (True, False):
        own.credentials(devices_only=devices_only)
    before = own.pair()
    while own.pair() == before:
        clock.pass_by(86_400)
    assert all(ask() is not None for ask in asked)
