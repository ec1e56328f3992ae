"""Tokens of an issuer of OpenID Connect: whose signature is on one, by the keys that it publishes.

The keys come from the issuer's own discovery document, over https. They are fetched anew when they
are ten minutes old, and when a token names a key that is not among them; never more often than
every ten seconds, whatever tokens callers invent. Fetching is nobody's own: a caller who goes away
takes nothing from the others. While the issuer is away its last keys hold for a stated time, and
then nobody is let in; whoever has one of those keys waits but a moment for one that hangs.

The algorithm is the caller's word, so it is held against two others: it has to be one of a few that
take a public key, and of the kind of the key that is named. What is signed is read only then; what
it says is judged by ``people.claims``.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol, TypeVar

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.exceptions import PyJWTError
from msgspec import Meta

from fieldwise.errors import Fault, FieldwiseError

ALGORITHMS = frozenset(
    {f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)} | {"EdDSA"}
)
# A token for another purpose is signed by the same keys: one that ends a session says so here.
TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
DOCUMENT_BYTES_MAX = 65_536
KEYS_BYTES_MAX = 262_144
KEYS_MAX = 64
NAME_CHARACTERS_MAX = 256
RSA_BITS = (2048, 8192)  # below it is weak, above it costs more than a call is worth
FRESH_SECONDS = 600.0
PAUSE_SECONDS = 10.0
PATIENCE_SECONDS = 1.0  # for fresh keys, where one that still holds is at hand
# Who asks may be anybody, and what stands between here and the issuer is for those who operate.
UNKNOWN_KEYS = (
    "nobody can say now whose the token is: its issuer's keys are not known, and the log of the "
    "server says why; try again"
)
DISCOVERY = "/.well-known/openid-configuration"

ShapeT = TypeVar("ShapeT")

_log = structlog.get_logger(__name__)


class Documents(Protocol):
    async def get(self, url: str, bytes_max: int) -> bytes:
        """Return a document; raises ``UNAVAILABLE`` where there is none."""
        ...


class Discovery(msgspec.Struct, frozen=True):
    """What is read of the discovery document."""

    issuer: str
    jwks_uri: Annotated[str, Meta(max_length=2048, pattern=r"^https://[!-~]+\Z")]


class KeySet(msgspec.Struct, frozen=True):
    """What is read of the set of keys; keys of kinds that we do not take are left out."""

    keys: Annotated[list[dict[str, Any]], Meta(max_length=KEYS_MAX)]


class IssuerKeys:
    """The keys of one issuer.

    Args:
        issuer: Its address, as tokens name it.
        documents: How they are fetched.
        hold_seconds: How long they hold while it is away.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        issuer: str,
        documents: Documents,
        hold_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._issuer = issuer
        self._documents = documents
        self._hold_seconds = hold_seconds
        self._monotonic = monotonic
        self._keys: Mapping[str, Mapping[str, Any]] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def named(self, key_id: str) -> Mapping[str, Any] | None:
        """Return the key of a name, None where the issuer has none of that name.

        Raises:
            FieldwiseError: ``UNAVAILABLE`` where its keys are not known, or too old.
        """
        known = key_id in self._keys
        if self._age() >= FRESH_SECONDS or not known:
            holds = known and self._age() < self._hold_seconds
            await self._refreshed(PATIENCE_SECONDS if holds else None)
        if self._age() >= self._hold_seconds:
            raise FieldwiseError(Fault.UNAVAILABLE, UNKNOWN_KEYS)
        return self._keys.get(key_id)

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    async def _refreshed(self, seconds: float | None) -> None:
        """Wait for the keys to be fetched, unless that was tried just now."""
        if self._fetching is None:
            if self._monotonic() - self._asked_at < PAUSE_SECONDS:
                return
            self._asked_at = self._monotonic()
            self._fetching = asyncio.create_task(self._refresh())
        await asyncio.wait((self._fetching,), timeout=seconds)

    async def _refresh(self) -> None:
        try:
            self._keys = await self._fetch()
        except FieldwiseError as error:
            _log.warning("the keys of the issuer cannot be had", reason=error.sentence)
        else:
            self._fetched_at = self._asked_at
        finally:
            self._fetching = None

    async def _fetch(self) -> Mapping[str, Mapping[str, Any]]:
        base = self._issuer.rstrip("/")
        text = await self._documents.get(f"{base}{DISCOVERY}", DOCUMENT_BYTES_MAX)
        found = self._decoded(text, Discovery)
        if found.issuer != self._issuer:
            raise self._unusable(f"its discovery document is of {found.issuer[:200]!r}")
        given = self._decoded(await self._documents.get(found.jwks_uri, KEYS_BYTES_MAX), KeySet)
        usable = [each for each in given.keys if _is_usable(each)]
        return {str(each.get("kid", "")): each for each in usable}

    def _decoded(self, content: bytes, shape: type[ShapeT]) -> ShapeT:
        try:
            return msgspec.json.decode(content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._unusable(f"what it publishes cannot be read: {error}") from error

    def _unusable(self, reason: str) -> FieldwiseError:
        return FieldwiseError(Fault.UNAVAILABLE, f"{self._issuer} cannot be used: {reason}")


class OidcTokens:
    """``Tokens``: reads what an issuer has signed.

    Args:
        keys: Its keys.
    """

    def __init__(self, keys: IssuerKeys) -> None:
        self._keys = keys

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Return what a token says, once it is known that the issuer has signed it.

        Raises:
            FieldwiseError: ``UNAUTHENTICATED``, or ``UNAVAILABLE`` while nobody can say.
        """
        algorithm, key_id = _header(token)
        key = await self._keys.named(key_id)
        if key is None:
            raise refused("the issuer does not publish the key that the token names")
        try:
            payload = jwt.PyJWS(algorithms=[algorithm]).decode(
                token, _key(key, algorithm), algorithms=[algorithm]
            )
            return msgspec.json.decode(payload, type=dict[str, Any])
        except (PyJWTError, msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
            # What the library says may repeat what it was given.
            raise refused("the issuer has not signed the token") from error


def _header(token: str) -> tuple[str, str]:
    """Read what a token says of its signature.

    Raises:
        FieldwiseError: ``UNAUTHENTICATED`` for what no token of an issuer says.
    """
    try:
        header = jwt.get_unverified_header(token)
    except (PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise refused("what the call came with is no token of an issuer") from error
    algorithm, key_id, kind = (header.get(name, "") for name in ("alg", "kid", "typ"))
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise refused("the token is signed in a way that is not taken")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise refused("the token is meant for something else than calls")
    if "crit" in header or header.get("b64", True) is not True:
        raise refused("the token needs an extension that is not known")
    if not isinstance(key_id, str) or len(key_id) > NAME_CHARACTERS_MAX:
        raise refused("the token names no key")
    return algorithm, key_id


def _is_usable(key: Mapping[str, Any]) -> bool:
    """Tell whether a key of a set is a public one for signatures."""
    name = key.get("kid", "")
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") in ("RSA", "EC", "OKP")
        and key.get("use", "sig") == "sig"
        and "d" not in key
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(name, str)
        and len(name) <= NAME_CHARACTERS_MAX
    )


def _key(key: Mapping[str, Any], algorithm: str) -> Any:
    """Return a key for an algorithm that it is meant for.

    Raises:
        FieldwiseError: ``UNAUTHENTICATED`` for another, or one that is too weak or too large.
        PyJWTError: For one of another kind.
    """
    if key.get("alg", algorithm) != algorithm:
        raise refused("the token is signed in another way than its key is meant for")
    made = jwt.PyJWK(dict(key), algorithm).key
    low, high = RSA_BITS
    if isinstance(made, RSAPublicKey) and not low <= made.key_size <= high:
        raise refused(f"the key of the issuer has {made.key_size} bits")
    return made


def refused(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.UNAUTHENTICATED, sentence)
