"""What publishers and operators call about signed backbones; ``rpc.interceptors`` let them in."""

from fieldwise.calls import Context
from fieldwise.v1alpha1 import trust_pb2 as messages
from fieldwise.v1alpha1 import trust_pb2_grpc
from orchestrator.rpc.translate import whole
from orchestrator.rpc.translate_trust import published_to, trust_to
from orchestrator.trust.accepting import Accepting


class TrustServicer(trust_pb2_grpc.TrustServicer):
    """The API of signed backbones.

    Args:
        accepting: The use case behind it.
    """

    def __init__(self, accepting: Accepting) -> None:
        self._accepting = accepting

    async def GetTrust(
        self, request: messages.GetTrustRequest, context: Context
    ) -> messages.GetTrustResponse:
        return trust_to(await self._accepting.trust())

    async def PublishMetadata(
        self, request: messages.PublishMetadataRequest, context: Context
    ) -> messages.PublishMetadataResponse:
        done = await self._accepting.publish(
            list(request.roots), request.targets, hand_over=request.hand_over
        )
        return published_to(done)

    async def ExportMetadata(
        self, request: messages.ExportMetadataRequest, context: Context
    ) -> messages.ExportMetadataResponse:
        first = whole(request.from_root, "from_root")
        roots, targets, more = await self._accepting.export(first)
        return messages.ExportMetadataResponse(roots=roots, targets=targets, has_more=more)
