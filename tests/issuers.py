"""A real issuer of OpenID Connect: https on loopback, keys of its own, and tokens of every kind."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fleet_records import NOW

KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
AUDIENCE = "fieldwise"


def published(algorithm: str, name: str, key: Any = None, **more: Any) -> dict[str, Any]:
    """A key as a set of keys has it."""
    public = (key or KEYS[algorithm]).public_key()
    shaped = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    shaped.pop("key_ops", None)
    return {**shaped, "kid": name, "use": "sig", "alg": algorithm, **more}


def pem(algorithm: str) -> bytes:
    public = KEYS[algorithm].public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass
class Issuer:
    """An issuer; ``answer`` may be made anew by tests, and waits for ``held`` where that is one."""

    authority: trustme.CA
    url: str = ""
    asked: list[str] = field(default_factory=list)
    keys: list[dict[str, Any]] = field(
        default_factory=lambda: [published(each, each.lower()) for each in KEYS]
    )
    answer: Callable[["Issuer", str], bytes] | None = None
    held: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def claims(self, **changed: Any) -> dict[str, Any]:
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "0815",
            "preferred_username": "alice",
            "roles": ["fleet-operators"],
            "iat": int(NOW),
            "exp": int(NOW) + 300,
        }
        told = {**usual, **changed}
        return {name: value for name, value in told.items() if value is not None}

    def token(self, algorithm: str = "RS256", **changed: Any) -> str:
        """A token whose claims are the usual ones but for what is given; None takes one away."""
        headers = {"kid": algorithm.lower()}
        return jwt.encode(self.claims(**changed), KEYS[algorithm], algorithm, headers)

    def ca(self, folder: Path) -> Path:
        path = folder / "issuer-ca.pem"
        path.write_bytes(self.authority.cert_pem.bytes())
        return path

    def said(self, path: str) -> bytes:
        self.asked.append(path)
        if self.answer is not None:
            return self.answer(self, path)
        return self.usual(path)

    def usual(self, path: str) -> bytes:
        if path == "/.well-known/openid-configuration":
            return page({"issuer": self.url, "jwks_uri": f"{self.url}/keys", "more": [1]})
        return page({"keys": self.keys}) if path == "/keys" else status(404)


def unsigned(claims: dict[str, Any], **header: Any) -> str:
    """A token with a header of one's own, and nothing for a signature."""
    parts = ({"alg": "none", "typ": "JWT", **header}, claims)
    told = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in parts]
    return b".".join([*told, b""]).decode()


def page(content: Any) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def status(number: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {number} X", "Content-Length: 0", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@asynccontextmanager
async def issuing(host: str = "127.0.0.1") -> AsyncIterator[Issuer]:
    """Serve an issuer for as long as the context lasts."""
    issuer = Issuer(trustme.CA())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issuer.authority.issue_cert(host).configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        issuer.reached.set()
        if issuer.held is not None:
            await issuer.held.wait()
        writer.write(issuer.said(head.split(b" ")[1].decode()))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        issuer.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield issuer
