"""The owner's commands towards a running daemon."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.diagnosing import Asked
from agent.federation.standing import FederationState
from agent.learning.forgetting import Forgotten, Selection
from agent.reporting import EVERYTHING, Backbone, Joined, LedgerEntry, Total, Wanted
from agent.rpc import (
    translate_diagnosis,
    translate_federation,
    translate_labels,
    translate_local,
)
from fieldwise.client import LocalClient, call, make
from fieldwise.federation import Consent
from fieldwise.v1alpha1 import local_pb2, local_pb2_grpc

SWITCH_SECONDS = 600.0  # what was taught meanwhile is learned first, from its images
FORGET_SECONDS = 3600.0  # a strict one embeds every image whose features are not held


class OwnerClient(LocalClient):
    """The daemon's second socket.

    Args:
        socket: Where it is.
        wait_seconds: How long to wait for a daemon that is just starting.

    Raises:
        FieldwiseError: ``UNREACHABLE`` when nobody listens.
    """

    def __init__(self, socket: Path, wait_seconds: float) -> None:
        super().__init__(socket, wait_seconds)
        self._stub: Any = local_pb2_grpc.OwnerStub(self._channel)

    def ledger(
        self, count: int, only: Wanted = EVERYTHING
    ) -> tuple[Sequence[LedgerEntry], dict[str, Total]]:
        """The newest entries of those wanted, oldest first, and the totals by kind."""
        request = make(
            local_pb2.ListLedgerRequest,
            entries=count,
            kind=only.kind,  # what says nothing is not sent: an older daemon does not know it
            since=translate_local.timestamp(only.since) if only.since else None,
            after=only.after,
        )
        response = call(self._stub.ListLedger, request)
        entries = [
            LedgerEntry(
                number=each.number,
                time=each.time.ToNanoseconds() / 1e9,
                kind=each.kind,
                bytes=each.bytes,
                summary=each.summary,
                digest=each.digest.hex(),
            )
            for each in response.entries
        ]
        totals = {each.kind: Total(each.messages, each.bytes) for each in response.totals}
        return entries, totals

    def join(self, ticket: str) -> Joined:
        """Join a fleet, or apply for it."""
        response = call(self._stub.JoinFleet, make(local_pb2.JoinFleetRequest, ticket=ticket))
        return Joined(response.device_id, response.fleet, response.fingerprint)

    def leave(self, *, wipe: bool) -> bool:
        """Leave the fleet; returns whether the orchestrator could be told."""
        told: bool = call(self._stub.LeaveFleet, local_pb2.LeaveFleetRequest(wipe=wipe)).told
        return told

    def install(self, path: Path, *, unsigned: bool = False) -> tuple[str, str]:
        """Begin to bring a bundle file into use; returns digest and title."""
        place = str(path.absolute())
        request = make(local_pb2.InstallBackboneRequest, path=place, unsigned=unsigned)
        response = call(self._stub.InstallBackbone, request)
        return response.digest.hex(), response.backbone

    def backbones(self) -> list[Backbone]:
        """The backbones on the device."""
        response = call(self._stub.ListDeviceBackbones, local_pb2.ListDeviceBackbonesRequest())
        return translate_local.backbones_of(response)

    def roll_back(self) -> str:
        """Let the backbone from before serve again; returns its title."""
        request = local_pb2.RollBackRequest()
        title: str = call(self._stub.RollBack, request, seconds=SWITCH_SECONDS).backbone
        return title

    def pin(self, *, pinned: bool) -> None:
        """Let only the owner change the backbone from now on, or the fleet as well."""
        call(self._stub.PinBackbone, local_pb2.PinBackboneRequest(pinned=pinned))

    def answer(self, *, confirmed: bool) -> str:
        """Say yes or no to the backbone that is wanted; returns its digest."""
        request = local_pb2.AnswerUpdateRequest(confirmed=confirmed)
        digest: bytes = call(self._stub.AnswerUpdate, request).digest
        return digest.hex()

    def diagnosis(self) -> Asked:
        """What an operator asked for, and what would leave the device now."""
        response = call(self._stub.GetAskedDiagnosis, local_pb2.GetAskedDiagnosisRequest())
        return translate_diagnosis.asked_of(response)

    def decide_diagnosis(self, request_id: str, *, approved: bool) -> str:
        """Allow or refuse it; returns which one."""
        request = make(local_pb2.DecideDiagnosisRequest, id=request_id, approved=approved)
        decided: str = call(self._stub.DecideDiagnosis, request).id
        return decided

    def set_consent(self, consent: Consent, until: float | None) -> None:
        """Agree to what may leave for federation, or to nothing."""
        call(self._stub.SetConsent, translate_federation.consent_request(consent, until))

    def federation(self) -> FederationState:
        """The consent, what it lets leave, and what came of federation so far."""
        response = call(self._stub.GetFederation, local_pb2.GetFederationRequest())
        return translate_federation.state_of(response)

    def drop_global_head(self) -> None:
        """Let the device's own head serve again."""
        call(self._stub.DropGlobalHead, local_pb2.DropGlobalHeadRequest())

    def forget(self, selection: Selection, *, strict: bool) -> Forgotten:
        """Take back what was learned, with everything that is kept of it."""
        request = translate_labels.forget_request(selection, strict=strict)
        return translate_labels.forgotten_of(
            call(self._stub.Forget, request, seconds=FORGET_SECONDS)
        )
