"""The calls about signed backbones as commands see them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fieldwise.v1alpha1 import trust_pb2 as messages
from orchestrator.rpc.calling import Calling
from orchestrator.rpc.translate_trust import published_from, trust_from
from orchestrator.trust_views import PublishedView, TrustView

if TYPE_CHECKING:
    from fieldwise.v1alpha1.trust_pb2_grpc import TrustAsyncStub  # only the types have it


class TrustClient(Calling):
    """Calls one server about signed backbones; every method raises ``FieldwiseError`` alone.

    Args:
        stub: The service over an open channel.
        token: The operator token.
    """

    def __init__(self, stub: "TrustAsyncStub", token: str) -> None:
        super().__init__(token)
        self._stub = stub

    async def get(self) -> TrustView:
        return trust_from(await self._call(self._stub.GetTrust, messages.GetTrustRequest()))

    async def publish(
        self, roots: Sequence[bytes], targets: bytes, *, hand_over: bool = False
    ) -> PublishedView:
        """Send what was signed elsewhere; again does no harm."""
        request = messages.PublishMetadataRequest(roots=roots, targets=targets, hand_over=hand_over)
        return published_from(await self._call(self._stub.PublishMetadata, request))

    async def export(self, from_root: int = 1) -> tuple[list[bytes], bytes]:
        """Return every root from a version on, and the newest list."""
        roots: list[bytes] = []
        while True:
            request = messages.ExportMetadataRequest(from_root=from_root + len(roots))
            answer = await self._call(self._stub.ExportMetadata, request)
            roots += answer.roots
            if not answer.has_more or not answer.roots:
                return roots, answer.targets
