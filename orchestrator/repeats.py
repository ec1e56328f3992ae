"""Requests that name themselves, so that one whose answer was lost may be repeated without harm.

Who asks draws a name of 128 bits and gives it again when nobody answered. What the request made,
a ticket or a rollout, keeps the fingerprint of the name for as long as it is there itself, and a
database takes each fingerprint once: whoever repeats gets what was made, on any replica and however
late the first call comes through.

A ticket's secret is nowhere stored and has to be told again. So it is derived from the name, which
is as secret as the ticket; from the fingerprint nobody can derive it.
"""

import hashlib
import hmac
import re

from fieldwise.errors import Fault, FieldwiseError


def request_fingerprint(request: str) -> str:
    """Return what is kept of a request's name; nothing where it has none.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a name that is no 32 hexadecimal digits.
    """
    return hashlib.sha256(_drawn(request)).hexdigest() if request else ""


def ticket_secret(request: str) -> bytes:
    """Return the 32 bytes of the ticket that a request makes.

    Raises:
        FieldwiseError: As ``request_fingerprint``.
    """
    return hmac.digest(_drawn(request), b"fieldwise ticket", "sha256")


def asked_otherwise(made: str) -> FieldwiseError:
    """Refuse a name that was given to another request; ``made`` is what that made."""
    sentence = f"a request of this name asked for something else: it made {made}"
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)


def _drawn(request: str) -> bytes:
    if not re.fullmatch(r"[0-9a-f]{32}", request):
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, "the name of a request is 32 hexadecimal digits drawn at random"
        )
    return bytes.fromhex(request)
