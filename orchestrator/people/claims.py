"""What a signed token has to say to let somebody in here, and what it makes of them.

A token of the right issuer may be meant for another program, be over, or not hold yet: each is a
reason of its own. Where it names the program that it was given to (``azp``), that has to be one
that may operate here; a token for several audiences has to name it, since each of those could
otherwise use at another's door what it was given at its own.

Roles come from one claim: a path of names through objects to a text or a list of texts. Each
counts whole. The highest role that any of them is mapped to is the one.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.people.account import RESERVED
from orchestrator.people.roles import ORDER, Role
from orchestrator.rights import Login, Operator

SUBJECT_CHARACTERS_MAX = 255  # as OpenID Connect has it
NAME_CHARACTERS_MAX = 120
VALUES_MAX = 1000  # groups of one person; more are not looked at


@dataclass(frozen=True, slots=True)
class Expected:
    """What this installation takes.

    Attributes:
        issuer: Who signs.
        audience: Whom tokens are meant for.
        clients: Programs that tokens may have been given to; without any, the audience itself.
        leeway_seconds: By how much clocks may differ.
        roles_claim: The way to the claim with the roles.
        roles: Which value of it is which role.
        name_claim: The claim that people are named by; without it, the subject.
    """

    issuer: str
    audience: str
    clients: frozenset[str]
    leeway_seconds: float
    roles_claim: tuple[str, ...]
    roles: Mapping[str, Role]
    name_claim: str


def check(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    """Let pass what is meant for here, and holds now.

    Raises:
        FieldwiseError: ``UNAUTHENTICATED``.
    """
    if claims.get("iss") != expected.issuer:
        raise _refused("the token is of another issuer")
    _check_meant(claims, expected)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARACTERS_MAX:
        raise _refused("the token does not say whose it is")
    if now >= _moment(claims, "exp") + expected.leeway_seconds:
        raise _refused("the token has expired; get another")
    if now < _moment(claims, "iat") - expected.leeway_seconds:
        raise _refused("the token is of a later time than this server's clock")
    if "nbf" in claims and now < _moment(claims, "nbf") - expected.leeway_seconds:
        raise _refused("the token does not hold yet")


def operator_of(claims: Mapping[str, Any], expected: Expected) -> Operator:
    """Return whose token it is."""
    subject = str(claims["sub"])
    name = claims.get(expected.name_claim)
    told = _line(name if isinstance(name, str) and name.strip() else subject)
    if told in RESERVED:  # people may choose this one themselves
        told = f"{told} of {expected.issuer}"
    return Operator(told[:NAME_CHARACTERS_MAX], Login.OIDC, _line(subject))


def role_of(claims: Mapping[str, Any], expected: Expected) -> Role | None:
    """Return the highest role that the token gives; None for none."""
    found: Any = claims
    for name in expected.roles_claim:
        found = found.get(name) if isinstance(found, Mapping) else None
    values: Sequence[Any] = [found] if isinstance(found, str) else found or ()
    if not isinstance(values, list):
        return None
    texts = (each for each in values[:VALUES_MAX] if isinstance(each, str))
    roles = [role for each in texts if (role := expected.roles.get(each))]
    return max(roles, key=ORDER.index, default=None)


def mapped(texts: Sequence[str]) -> Mapping[str, Role]:
    """Read ``VALUE=ROLE`` for each value; a value may have = in it.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``.
    """
    found: dict[str, Role] = {}
    for text in texts:
        value, equals, role = text.rpartition("=")
        if not value or not equals or role not in set(Role):
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT,
                f"{text[:100]!r} is not of the form VALUE=ROLE with one of {', '.join(Role)}",
            )
        if value in found:
            raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{value[:100]!r} is mapped twice")
        found[value] = Role(role)
    return found


def _check_meant(claims: Mapping[str, Any], expected: Expected) -> None:
    told = claims.get("aud")
    audiences = [told] if isinstance(told, str) else told
    if not isinstance(audiences, list) or expected.audience not in audiences:
        raise _refused(f"the token is not meant for {expected.audience}")
    client = claims.get("azp")
    if client is None and len(audiences) == 1 and not expected.clients:
        return
    allowed = expected.clients or {expected.audience}
    if not isinstance(client, str) or client not in allowed:
        raise _refused("the token was given to a program that may not operate here")


def _moment(claims: Mapping[str, Any], name: str) -> float:
    told = claims.get(name)
    if isinstance(told, int | float) and not isinstance(told, bool):
        with suppress(OverflowError):  # a number of hundreds of digits
            if math.isfinite(moment := float(told)):
                return moment
    raise _refused(f"the token does not say {name}")


def _line(text: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _refused(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.UNAUTHENTICATED, sentence)
