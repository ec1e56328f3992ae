"""The calls about the audit log as commands see them."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldwise import wire
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import audit_pb2 as messages
from orchestrator.audit.entry import Head, Kept
from orchestrator.paging import Page
from orchestrator.rpc import translate_audit as from_wire
from orchestrator.rpc.calling import Calling

if TYPE_CHECKING:
    from fieldwise.v1alpha1.audit_pb2_grpc import AuditAsyncStub  # only the types have it

EXPORT_SECONDS = 3600.0  # half a million entries over a bad line


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an export: the cut comes with the first, the head with the last."""

    entries: Sequence[Kept]
    cut: Head | None = None
    head: Head | None = None


class AuditClient(Calling):
    """Calls one server about its audit log; methods raise ``FieldwiseError`` and nothing else.

    Args:
        stub: The service over an open channel.
        token: The operator token.
    """

    def __init__(self, stub: "AuditAsyncStub", token: str) -> None:
        super().__init__(token)
        self._stub = stub

    async def list(self, token: str = "", *, who: str = "", method: str = "") -> Page[Kept]:
        """Return entries, newest first; a page may have none and not be the last."""
        request = messages.ListAuditEntriesRequest(page_token=token, who=who, method=method)
        answer = await self._call(self._stub.ListAuditEntries, request)
        return Page(tuple(map(from_wire.kept_from, answer.entries)), answer.next_page_token)

    async def export(self) -> AsyncGenerator[Piece, None]:
        """Yield the whole log in its order, as the server has it."""
        with client_errors():
            stream = self._stub.ExportAudit(
                messages.ExportAuditRequest(), metadata=self._metadata, timeout=EXPORT_SECONDS
            )
            async for piece in stream:
                wire.check(piece)
                yield Piece(
                    tuple(map(from_wire.kept_from, piece.entries)),
                    from_wire.head_from(piece.cut) if piece.HasField("cut") else None,
                    from_wire.head_from(piece.head) if piece.HasField("head") else None,
                )

    async def prune(self, until: int) -> tuple[Head, Head]:
        """Take away the entries up to one; return where the log begins and ends then."""
        request = messages.PruneAuditRequest(until=until)
        answer = await self._call(self._stub.PruneAudit, request)
        return from_wire.head_from(answer.cut), from_wire.head_from(answer.head)
