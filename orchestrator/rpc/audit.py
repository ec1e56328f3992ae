"""What admins call about the audit log; who calls was found out by ``rpc.interceptors``."""

from collections.abc import AsyncIterator

from fieldwise.calls import Context
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import audit_pb2 as messages
from fieldwise.v1alpha1 import audit_pb2_grpc
from orchestrator.audit.custody import Custody
from orchestrator.paging import PageRequest, token_after
from orchestrator.rpc import translate_audit as to_wire
from orchestrator.rpc.interceptors import whole_operator
from orchestrator.rpc.translate import whole


class AuditServicer(audit_pb2_grpc.AuditServicer):
    """The service for the audit log.

    Args:
        custody: The use cases behind it.
    """

    def __init__(self, custody: Custody) -> None:
        self._custody = custody

    async def ListAuditEntries(
        self, request: messages.ListAuditEntriesRequest, context: Context
    ) -> messages.ListAuditEntriesResponse:
        before = PageRequest(token=request.page_token).after_number
        found, on = await self._custody.newest(before, who=request.who, method=request.method)
        return messages.ListAuditEntriesResponse(
            entries=[to_wire.kept_to(each) for each in found],
            next_page_token=token_after(on) if on is not None else "",
        )

    async def ExportAudit(
        self, request: messages.ExportAuditRequest, context: Context
    ) -> AsyncIterator[messages.ExportAuditResponse]:
        extent = await self._custody.extent()
        yield messages.ExportAuditResponse(cut=to_wire.head_to(extent.cut))
        last = extent.cut.number
        while entries := await self._custody.after(last):
            if entries[0].number != last + 1:
                await self._refuse_pruned(last)
            # What was appended since belongs to the next export, or its end would not be known.
            asked = [each for each in entries if each.number <= extent.head.number]
            if asked:
                told = [to_wire.kept_to(each) for each in asked]
                yield messages.ExportAuditResponse(entries=told)
            if len(asked) < len(entries):
                break
            last = entries[-1].number
        yield messages.ExportAuditResponse(head=to_wire.head_to(extent.head))

    async def _refuse_pruned(self, last: int) -> None:
        """Tell a log that is pruned while it is read from one of which entries are missing."""
        if (await self._custody.extent()).cut.number > last:
            raise FieldwiseError(
                Fault.CONFLICT, f"the log was pruned behind entry {last} meanwhile; try again"
            )

    async def PruneAudit(
        self, request: messages.PruneAuditRequest, context: Context
    ) -> messages.PruneAuditResponse:
        await self._custody.prune(whole(request.until, "until"), whole_operator())
        extent = await self._custody.extent()
        return messages.PruneAuditResponse(
            cut=to_wire.head_to(extent.cut), head=to_wire.head_to(extent.head)
        )
