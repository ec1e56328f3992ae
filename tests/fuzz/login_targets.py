"""Targets of logins by an issuer: documents that it publishes, tokens that callers bring."""

import asyncio
import json
from collections.abc import Sequence
from functools import cache
from http.client import HTTPException
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from fieldwise.errors import Fault, FieldwiseError
from orchestrator import https, oidc
from orchestrator.oidc import IssuerKeys, OidcTokens
from orchestrator.people import claims
from orchestrator.people.claims import Role
from tests.fuzz.choices import Choices
from tests.fuzz.spoiling import patched, spoiled_json
from tests.fuzz.target import JSON, Target
from tests.fuzz.text_targets import text_of

ISSUER = "https://issuer.example"
OK = b"HTTP/1.1 200 OK\r\n"
SAID = {"iss": ISSUER, "aud": "fieldwise", "sub": "x", "exp": 4_000_000_000, "iat": 1}


@cache
def keys() -> dict[str, Any]:
    """Signing keys by the names under which they are published."""
    return {"e": ec.generate_private_key(ec.SECP256R1()), "d": ed25519.Ed25519PrivateKey.generate()}


@cache
def published() -> bytes:
    ecdsa = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(keys()["e"].public_key()))
    eddsa = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(keys()["d"].public_key()))
    named = [{**ecdsa, "kid": "e", "alg": "ES256", "use": "sig"}, {**eddsa, "kid": "d"}]
    return json.dumps({"keys": named}).encode()


EXPECTED = claims.Expected(
    issuer=ISSUER,
    audience="fieldwise",
    clients=frozenset(),
    leeway_seconds=60.0,
    roles_claim=("realm", "roles"),
    roles={"ops": Role.OPERATOR},
    name_claim="name",
)


class Published:
    """An issuer that publishes any set of keys."""

    def __init__(self, key_set: bytes, discovery: bytes = b"") -> None:
        told = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
        self._found = (discovery or json.dumps(told).encode(), key_set)

    async def get(self, url: str, bytes_max: int) -> bytes:
        content = self._found[url.endswith("/keys")]
        if len(content) > bytes_max:
            raise FieldwiseError(Fault.UNAVAILABLE, "too long")
        return content


def tokens_of(documents: Published) -> OidcTokens:
    return OidcTokens(IssuerKeys(ISSUER, documents, 3600, lambda: 1000.0))


def signed(name: str) -> bytes:
    algorithm = {"e": "ES256", "d": "EdDSA"}[name]
    return jwt.encode(SAID, keys()[name], algorithm, headers={"kid": name}).encode()


def tokens() -> Sequence[bytes]:
    return [signed("e"), signed("d")]


def resigned(_seed: bytes, choices: Choices) -> bytes:
    """A token whose header and content are anything, under a right signature or none."""
    header = {"kid": "e", **({choices.text(): choices.value()} if choices.below(2) else {})}
    if choices.below(2):
        header[choices.one_of(("kid", "crit", "jwk", "jku", "typ", "b64"))] = choices.value()
    said = spoiled_json(json.dumps(SAID).encode(), choices)
    try:
        return jwt.api_jws.encode(said, keys()["e"], "ES256", headers=header).encode()
    except Exception:  # noqa: BLE001 - the library's own writer refuses it
        return b""


def read_token(content: bytes) -> None:
    asyncio.run(tokens_of(Published(published())).claims(text_of(content)))


def read_keys(content: bytes) -> None:
    for name in ("e", "d"):
        asyncio.run(tokens_of(Published(content)).claims(signed(name).decode()))


def read_discovery(content: bytes) -> None:
    asyncio.run(tokens_of(Published(published(), content)).claims(signed("e").decode()))


def claimed(content: bytes) -> None:
    """Judge what an issuer signed, whatever it is."""
    try:
        told = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # ``OidcTokens`` refuses that
    claims.check(told, EXPECTED, 1_000_000_000.0)
    who = claims.operator_of(told, EXPECTED)
    assert who.name.isprintable()
    assert len(who.name) <= claims.NAME_CHARACTERS_MAX
    claims.role_of(told, EXPECTED)


def read_answer(content: bytes, bytes_max: int = 1000) -> bytes:
    async def answered() -> bytes:
        reader = asyncio.StreamReader(limit=https.HEAD_BYTES_MAX)
        reader.feed_data(content)
        reader.feed_eof()
        try:
            return await https._answer(reader, bytes_max)
        except (EOFError, asyncio.LimitOverrunError, HTTPException, https._RefusedError) as error:
            # As ``get`` and ``post`` do.
            raise FieldwiseError(Fault.UNAVAILABLE, type(error).__name__) from error

    return asyncio.run(answered())


def answers() -> Sequence[bytes]:
    body = b'{"keys":[]}'
    chunked = f"Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode()
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    return [OK + length + body, OK + chunked + body + b"\r\n0\r\n\r\n", OK + b"\r\n" + body]


TARGETS = (
    Target("login-token", read_token, tokens, (oidc.__name__,), (resigned,)),
    Target("login-keys", read_keys, lambda: [published()], (oidc.__name__,), JSON),
    Target(
        "login-discovery",
        read_discovery,
        lambda: [json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}).encode()],
        (oidc.__name__,),
        JSON,
    ),
    Target(
        "login-claims",
        claimed,
        lambda: [json.dumps({**SAID, "name": "Ada", "realm": {"roles": ["ops"]}}).encode()],
        ("orchestrator.people.claims",),
        JSON,
    ),
    Target("https-answer", read_answer, answers, (https.__name__,), (patched,)),
)
