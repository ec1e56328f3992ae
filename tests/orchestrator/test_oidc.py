"""A real issuer over https: what it signed is let in, and every way around that is not."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.warnings import InsecureKeyLengthWarning

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.https import HttpsDocuments
from orchestrator.oidc import (
    _header,
)
from orchestrator.people.account import RESERVED
from orchestrator.people.roles import DeniedError
from orchestrator.rights import Login, Operator
from tests.doors import ALICE, Door
from tests.issuers import AUDIENCE, KEYS, Issuer, pem, published, unsigned


@pytest.mark.parametrize("algorithm", KEYS)
async def test_who_has_a_token_of_the_issuer_is_let_in_by_name(door: Door, algorithm: str) -> None:
    assert await door.admit(door.issuer.token(algorithm)) == ALICE
    assert await door.admit(door.issuer.token(algorithm, preferred_username=None)) == Operator(
        "0815", Login.OIDC, "0815"
    )


async def test_a_role_opens_what_it_has_and_no_more(door: Door) -> None:
    error = await door.refused(door.issuer.token(), "DeleteDevice")
    assert isinstance(error, DeniedError)
    assert error.operator == ALICE
    assert await door.admit(door.issuer.token(roles=["x", "fleet-admins"]), "DeleteDevice")


@pytest.mark.parametrize("roles", [None, [], "", ["others"], {"fleet-admins": 1}, 7, [["x"]]])
async def test_who_has_no_role_here_is_told_so_by_name(door: Door, roles: Any) -> None:
    error = await door.refused(door.issuer.token(roles=roles), "GetFleetStatus")
    assert error.fault is Fault.PERMISSION_DENIED
    assert "alice has no role here" in error.sentence


NOT_TAKEN: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://elsewhere.example"},
    "of no issuer": {"iss": None},
    "for another audience": {"aud": "another"},
    "for no audience": {"aud": None},
    "for an audience that begins so": {"aud": "fieldwise2"},
    "for several without a program": {"aud": [AUDIENCE, "account"]},
    "given to another program": {"azp": "shop"},
    "given to what is no program": {"azp": 7},
    "of nobody": {"sub": None},
    "of an endless name": {"sub": "x" * 256},
    "expired": {"exp": 1},
    "without an end": {"exp": None},
    "with an end that is no number": {"exp": "9999999999"},
    "with an end that is true": {"exp": True},
    "with an end beyond all numbers": {"exp": 10**400},
    "of tomorrow": {"iat": 10**11, "exp": 10**12},
    "without a beginning": {"iat": None},
    "that does not hold yet": {"nbf": 10**11},
    "with a beginning that is none": {"nbf": "now"},
}


@pytest.mark.parametrize("name", ["root", "orchestrator", "restore", " "])
async def test_nobody_passes_for_root_by_a_name_that_he_gave_himself(door: Door, name: str) -> None:
    operator = await door.admit(door.issuer.token(preferred_username=name))
    assert operator.name.strip()
    assert operator.name not in RESERVED
    operator = await door.admit(door.issuer.token(preferred_username=None, sub=name))
    assert operator.name not in RESERVED


@pytest.mark.parametrize("what", NOT_TAKEN)
async def test_a_token_that_is_signed_well_is_not_taken_where_it_is(door: Door, what: str) -> None:
    error = await door.refused(door.issuer.token(**NOT_TAKEN[what]))
    assert error.fault is Fault.UNAUTHENTICATED


async def test_clocks_may_differ_by_the_leeway_and_no_more(door: Door) -> None:
    token = door.issuer.token(nbf=int(door.clock.now()))
    for beside in (329.0, -30.0):
        door.clock.pass_by(beside)
        assert await door.admit(token)
        door.clock.pass_by(-beside)
    for beside in (330.0, -31.0):
        door.clock.pass_by(beside)
        assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED
        door.clock.pass_by(-beside)


async def test_a_token_for_several_is_taken_from_a_program_that_may(
    issuer: Issuer, tmp_path: Path
) -> None:
    token = issuer.token(aud=[AUDIENCE, "account"], azp="cli")
    assert await Door(issuer, issuer.ca(tmp_path), clients=frozenset({"cli"})).admit(token)
    assert await Door(issuer, issuer.ca(tmp_path)).refused(token)
    own = issuer.token(aud=[AUDIENCE, "account"], azp=AUDIENCE)
    assert await Door(issuer, issuer.ca(tmp_path)).admit(own)
    named = Door(issuer, issuer.ca(tmp_path), clients=frozenset({"cli"}))
    assert await named.refused(issuer.token())  # it does not say to whom it was given


async def test_roles_lie_where_the_settings_say(issuer: Issuer, tmp_path: Path) -> None:
    token = issuer.token(roles=None, realm_access={"roles": ["fleet-admins"]})
    deep = Door(issuer, issuer.ca(tmp_path), roles_claim=("realm_access", "roles"))
    assert await deep.admit(token, "DeleteDevice")
    deeper = Door(issuer, issuer.ca(tmp_path), roles_claim=("realm_access", "roles", "0"))
    assert (await deeper.refused(token)).fault is Fault.PERMISSION_DENIED


class TestForging:
    async def test_a_token_without_a_signature_is_none(self, door: Door) -> None:
        claims = door.issuer.claims()
        for algorithm in ("none", "None", "NONE", "", "nOnE"):
            for kid in ("rs256", ""):
                token = unsigned(claims, alg=algorithm, kid=kid)
                assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED
        assert door.issuer.asked == []

    async def test_the_public_key_as_a_password_opens_nothing(self, door: Door) -> None:
        """HS256 with the text of the RSA key that everybody may read."""
        for kid in ("rs256", "es256", ""):
            for secret in (pem("RS256"), json.dumps(published("RS256", "rs256")).encode()):
                begun = unsigned(door.issuer.claims(), alg="HS256", kid=kid).rstrip(".")
                mac = hmac.new(secret, begun.encode(), hashlib.sha256).digest()
                token = f"{begun}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
                assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED

    async def test_another_s_key_opens_nothing_whatever_it_is_called(self, door: Door) -> None:
        other = rsa.generate_private_key(65537, 2048)
        for header in (
            {"kid": "rs256"},
            {"kid": "es256"},
            {"kid": "rs256", "jwk": published("RS256", "rs256", other)},
            {"kid": "rs256", "jku": "https://127.0.0.1/keys"},
            {"kid": "unheard"},
            {},
        ):
            token = jwt.encode(door.issuer.claims(), other, "RS256", header)
            assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED
        assert set(door.issuer.asked) <= {"/.well-known/openid-configuration", "/keys"}

    async def test_a_key_is_good_for_its_own_algorithm_alone(self, door: Door) -> None:
        token = jwt.encode(door.issuer.claims(), KEYS["RS256"], "PS256", {"kid": "rs256"})
        assert "another way" in (await door.refused(token)).sentence
        token = jwt.encode(door.issuer.claims(), KEYS["ES256"], "ES256", {"kid": "rs256"})
        assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED

    async def test_what_was_changed_after_signing_is_none(self, door: Door) -> None:
        head, _, signature = door.issuer.token().split(".")
        body = unsigned(door.issuer.claims(roles=["fleet-admins"])).split(".")[1]
        assert (await door.refused(f"{head}.{body}.{signature}")).fault is Fault.UNAUTHENTICATED

    @pytest.mark.parametrize(
        "header",
        [
            {"typ": "logout+jwt"},
            {"typ": 7},
            {"crit": ["b64"], "b64": False},
            {"crit": ["exp"]},
            {"kid": "x" * 300},
        ],
        ids=str,
    )
    async def test_a_token_for_something_else_is_none(
        self, door: Door, header: dict[str, Any]
    ) -> None:
        token = unsigned(door.issuer.claims(), **{"alg": "RS256", "kid": "rs256", **header})
        assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED

    async def test_weak_private_symmetric_and_foreign_keys_of_a_set_are_not_used(
        self, door: Door
    ) -> None:
        weak = rsa.generate_private_key(65537, 1024)
        secret = base64.urlsafe_b64encode(b"s" * 32).decode()
        shaped = jwt.get_algorithm_by_name("RS256").to_jwk(KEYS["RS256"], as_dict=True)
        door.issuer.keys = [
            published("RS256", "weak", weak),
            {"kty": "oct", "k": secret, "kid": "oct", "alg": "HS256"},
            {**published("RS256", "enc"), "use": "enc"},
            {**published("RS256", "ops"), "key_ops": ["encrypt"]},
            {**shaped, "kid": "private"},
            {"kty": "RSA", "kid": "rubbish", "n": "!", "e": 5},
        ]
        with pytest.warns(InsecureKeyLengthWarning):
            tokens = [jwt.encode(door.issuer.claims(), weak, "RS256", {"kid": "weak"})]
        names = ("enc", "ops", "private", "rubbish")
        tokens += [
            jwt.encode(door.issuer.claims(), KEYS["RS256"], "RS256", {"kid": name})
            for name in names
        ]
        for token in tokens:
            assert (await door.refused(token)).fault is Fault.UNAUTHENTICATED


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]{0,80}(\.[A-Za-z0-9_-]{0,80}){0,4}")))
def test_rubbish_is_no_token_and_no_other_error(text: str) -> None:
    with pytest.raises(FieldwiseError) as raised:
        _header(text)
    assert raised.value.fault is Fault.UNAUTHENTICATED


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.integers(), st.text())))
def test_any_header_is_read_or_refused(header: dict[str, Any]) -> None:
    token = unsigned({}, **header)
    try:
        algorithm, _ = _header(token)
    except FieldwiseError as error:
        refusal = error.fault
    else:
        refusal = None
        assert algorithm in KEYS or algorithm.startswith(("RS", "PS", "ES"))
    assert refusal in {None, Fault.UNAUTHENTICATED}


def test_a_file_of_authorities_that_is_none_is_a_setting_s_mistake(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("rubbish")
    with pytest.raises(FieldwiseError) as raised:
        HttpsDocuments(tmp_path / "ca.pem", "oidc_ca", 5.0)
    assert raised.value.fault is Fault.SETTING_INVALID
