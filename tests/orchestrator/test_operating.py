"""A server whose operators an issuer knows: its tokens operate, and no other token does."""

import time
from pathlib import Path

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.app import running
from orchestrator.connection import read_connection
from orchestrator.people.roles import Role
from orchestrator.rights import OperatorLogin
from orchestrator.rpc.client import connect
from tests.founded import Make
from tests.issuers import issuing


async def test_a_server_lets_in_whom_the_issuer_knows_and_makes_no_token(
    make: Make, tmp_path: Path
) -> None:
    async with issuing() as issuer:
        settings = make(
            "data",
            operator_login=OperatorLogin.OIDC,
            oidc_issuer=issuer.url,
            oidc_ca=issuer.ca(tmp_path),
            oidc_roles=("fleet-operators=operator", "fleet-admins=admin"),
        )
        now = int(time.time())
        held = {"iat": now, "exp": now + 300}
        async with running(settings) as started:
            near = read_connection(settings.folder)
            assert near is not None
            assert near.token == ""
            assert not (settings.folder / "operator" / "token").exists()
            address, authority = started.near_address, near.authority.encode()
            async with connect(address, authority, issuer.token(**held)) as alice:
                await alice.create_ticket(1, 3600, {})
                with pytest.raises(FieldwiseError) as raised:
                    await alice.audit.list()
                assert raised.value.fault is Fault.PERMISSION_DENIED
            admins = issuer.token("ES256", roles=["fleet-admins"], **held)
            async with connect(address, authority, admins) as admin:
                entries = (await admin.audit.list()).items
                assert '"login":"oidc"' in entries[-1].content
                assert '"subject":"0815"' in entries[-1].content
                with pytest.raises(FieldwiseError) as raised:
                    await admin.accounts.create("eve", Role.ADMIN, 0)
                assert raised.value.fault is Fault.ILLEGAL_COMMAND
            for token in ("a-token-of-somebody", issuer.token(iat=now - 900, exp=now - 600)):
                async with connect(address, authority, token) as eve:
                    with pytest.raises(FieldwiseError) as raised:
                        await eve.fleet()
                    assert raised.value.fault is Fault.UNAUTHENTICATED


async def test_a_server_starts_and_serves_while_its_issuer_is_away(
    make: Make, tmp_path: Path
) -> None:
    async with issuing() as issuer:
        url, ca, token = issuer.url, issuer.ca(tmp_path), issuer.token()
    settings = make(
        "data",
        operator_login=OperatorLogin.OIDC,
        oidc_issuer=url,
        oidc_ca=ca,
        oidc_roles=("fleet-operators=operator",),
    )
    async with running(settings) as started:
        near = read_connection(settings.folder)
        assert near is not None
        async with connect(started.near_address, near.authority.encode(), token) as alice:
            with pytest.raises(FieldwiseError) as raised:
                await alice.fleet()
            assert raised.value.fault is Fault.UNAVAILABLE
