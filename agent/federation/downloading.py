"""The file of a global head, from the orchestrator."""

from contextlib import aclosing

from agent.federation.others import HEAD_BYTES_MAX
from agent.federation_ports import Campaigns
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import HeadOffer


async def downloaded(campaigns: Campaigns, offer: HeadOffer) -> bytes:
    """Fetch the file of a head; whether it is the one that was offered is the caller's to see.

    Raises:
        FieldwiseError: ``DIGEST_MISMATCH`` for pieces that do not fit, and as the orchestrator's.
    """
    content, most = bytearray(), min(offer.bytes, HEAD_BYTES_MAX)
    async with aclosing(campaigns.download(offer.digest, 0)) as pieces:
        async for piece in pieces:
            content += piece.content
            fits = piece.content and piece.offset + len(piece.content) == len(content)
            if not fits or len(content) > most:
                raise FieldwiseError(
                    Fault.DIGEST_MISMATCH, "the pieces of a global head do not fit"
                )
    return bytes(content)
