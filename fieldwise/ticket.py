"""The ticket: one string that lets a device join, typed or pasted once.

It carries where to go, whom to trust there, and a secret, so that the very first connection is
already authenticated on both sides. Its form is ``fw1_`` and base64url of a four byte checksum and
a msgpack record: the checksum is for mangled pastes, not for attackers, whom the secret stops.
"""

import base64
import binascii
import hashlib
import re
from typing import Annotated

import msgspec
from msgspec import Meta

from fieldwise.errors import Fault, FieldwiseError

PREFIX = "fw1_"
TEXT_CHARACTERS_MAX = 8192  # the wire's cap; an EC authority makes about 700
CHECKSUM_BYTES = 4


class Ticket(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a device needs to join.

    ``address`` is host:port of the enrolment API, ``authority`` the certificate, DER, that signs
    its server certificate, and ``secret`` 32 random bytes.
    """

    address: Annotated[str, Meta(min_length=3, max_length=262)]
    authority: Annotated[bytes, Meta(min_length=1, max_length=4096)]
    fleet: Annotated[str, Meta(min_length=1, max_length=64)]
    ticket_id: Annotated[str, Meta(min_length=1, max_length=32)]
    secret: Annotated[bytes, Meta(min_length=32, max_length=32)]


def encode_ticket(ticket: Ticket) -> str:
    """Return the string that ``fieldwise-agent join`` takes."""
    content = msgspec.msgpack.encode(ticket)
    return PREFIX + base64.urlsafe_b64encode(_checksum(content) + content).decode().rstrip("=")


def decode_ticket(text: str) -> Ticket:
    """Read a ticket; blanks and line breaks of a paste are forgiven.

    Raises:
        FieldwiseError: ``TICKET_INVALID``, saying what is wrong and never showing the secret.
    """
    if len(text) > 2 * TEXT_CHARACTERS_MAX:
        raise _invalid(f"the text has {len(text):,} characters, far more than any ticket")
    compact = re.sub(r"\s", "", text)
    if not compact:
        raise _invalid("the ticket is empty")
    if not compact.startswith(PREFIX):
        raise _invalid(f"a ticket begins with {PREFIX}: the beginning is missing or it is another")
    raw = _decode_text(compact.removeprefix(PREFIX))
    content = raw[CHECKSUM_BYTES:]
    if _checksum(content) != raw[:CHECKSUM_BYTES]:
        raise _invalid("its checksum is wrong: the ticket was cut short or changed on the way")
    try:
        return msgspec.msgpack.decode(content, type=Ticket)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid("it was made by a version that this one does not understand") from error


def _decode_text(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid("it was cut short or holds characters that no ticket has") from error


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:CHECKSUM_BYTES]


def _invalid(reason: str) -> FieldwiseError:
    return FieldwiseError(Fault.TICKET_INVALID, f"the ticket cannot be used: {reason}")
