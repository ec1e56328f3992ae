"""Between messages about the audit log and its records; what was tampered with travels, too."""

from fieldwise.v1alpha1 import audit_pb2 as messages
from orchestrator.audit.entry import ENTRY_BYTES_MAX, Head, Kept

DIGEST_BYTES = 32


def kept_to(kept: Kept) -> messages.AuditEntry:
    # A text that is longer than any of ours was tampered with: its beginning shows that as well.
    content = kept.content.encode(errors="replace")[:ENTRY_BYTES_MAX]
    return messages.AuditEntry(
        number=max(0, kept.number), content=content, digest=_digest_to(kept.digest)
    )


def kept_from(message: messages.AuditEntry) -> Kept:
    content = message.content.decode(errors="replace")
    return Kept(message.number, content, message.digest.hex())


def head_to(head: Head) -> messages.AuditHead:
    return messages.AuditHead(number=head.number, digest=_digest_to(head.digest))


def head_from(message: messages.AuditHead) -> Head:
    return Head(message.number, message.digest.hex())


def _digest_to(text: str) -> bytes:
    """A digest, or nothing for what is none: it then follows from nothing."""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        return b""
    return digest if len(digest) == DIGEST_BYTES else b""
