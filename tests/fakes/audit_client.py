"""A client of the service for the audit log without a server, and what it answers."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from orchestrator.audit.entry import Head, Kept
from orchestrator.paging import Page
from orchestrator.rpc.audit_client import Piece
from tests.audits import log

if TYPE_CHECKING:
    from fieldwise.errors import FieldwiseError


class CannedAudit:
    """Has a log that tests may tamper with, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.error: FieldwiseError | None = None
        self.log = log(5)
        self.head = self.log[-1].head

    async def list(self, token: str = "", *, who: str = "", method: str = "") -> Page[Kept]:
        self._hear((token, who, method))
        return Page(tuple(reversed(self.log)))

    async def export(self) -> AsyncGenerator[Piece, None]:
        self._hear("export")
        yield Piece((), cut=Head())
        yield Piece(self.log[:3])
        yield Piece(self.log[3:])
        yield Piece((), head=self.head)

    async def prune(self, until: int) -> tuple[Head, Head]:
        self._hear(until)
        return self.log[until - 1].head, self.head

    def _hear(self, asked: object) -> None:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
