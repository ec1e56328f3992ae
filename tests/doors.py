"""Admission by a real issuer of OpenID Connect, with clocks that stand."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from fieldwise.errors import FieldwiseError
from orchestrator.admission import OidcAdmission
from orchestrator.https import HttpsDocuments
from orchestrator.oidc import IssuerKeys, OidcTokens
from orchestrator.people.claims import Expected
from orchestrator.people.roles import Role
from orchestrator.rights import Login, Operator
from tests.fleet_records import SetClock
from tests.issuers import AUDIENCE, Issuer

HOLD_SECONDS = 3600.0
SECONDS = 60.0  # what a busy machine needs at most, and not what is tested
ALICE = Operator("alice", Login.OIDC, "0815")


class Door:
    """Admission by one issuer, with clocks that stand."""

    def __init__(
        self,
        issuer: Issuer,
        ca: Path,
        environment: Mapping[str, str] = MappingProxyType({}),
        **changed: Any,
    ) -> None:
        self.issuer, self.clock, self.monotonic = issuer, SetClock(), SetClock(1000)
        documents = HttpsDocuments(ca, "oidc_ca", SECONDS, environment)
        keys = IssuerKeys(issuer.url, documents, HOLD_SECONDS, self.monotonic.now)
        usual: dict[str, Any] = {
            "issuer": issuer.url,
            "audience": AUDIENCE,
            "clients": frozenset(),
            "leeway_seconds": 30.0,
            "roles_claim": ("roles",),
            "roles": {"fleet-operators": Role.OPERATOR, "fleet-admins": Role.ADMIN},
            "name_claim": "preferred_username",
        }
        expected = Expected(**{**usual, **changed})
        self.admission = OidcAdmission(OidcTokens(keys), expected, self.clock)

    async def admit(self, token: str, method: str = "StartRollout") -> Operator:
        return await self.admission.admit(token, method)

    async def refused(self, token: str, method: str = "StartRollout") -> FieldwiseError:
        with pytest.raises(FieldwiseError) as raised:
            await self.admit(token, method)
        assert token == "" or token not in raised.value.sentence
        return raised.value
