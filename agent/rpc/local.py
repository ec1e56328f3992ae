"""The agent's two Unix sockets: one for applications, one for the device's owner.

Decoding, embedding and learning happen in a few threads, so that the daemon's loop always answers;
what does not fit into the queue before them is told so at once instead of waiting for long.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

import grpc

from agent.diagnosing import Diagnosing
from agent.federation.federating import Federating
from agent.ledger_ports import Ledger
from agent.reporting import Application, Backbone, Membership
from agent.rpc import (
    translate_diagnosis,
    translate_federation,
    translate_labels,
    translate_local,
    translate_report,
)
from agent.serving import Serving
from fieldwise.answers import Status
from fieldwise.bundle import Manifest
from fieldwise.calls import Call, CheckMessages, Interceptor, Watcher
from fieldwise.channel import MIB, ServerLimits, server_options, unix_address
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.learning import LearningReport
from fieldwise.status import TranslateErrors
from fieldwise.v1alpha1 import local_pb2, local_pb2_grpc

WORKERS = 2  # one image is decoded while another is embedded
LEDGER_ENTRIES_MAX = 1000
QUESTIONS_MAX = 100
# The widest request is an image of 32 MiB; a local caller's connection need not age.
LIMITS = ServerLimits(request_bytes_max=34 * MIB)

Context = grpc.aio.ServicerContext[Any, Any]
ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")


class Queue:
    """A few worker threads with a bounded queue before them.

    Args:
        length_max: Most pieces of work under way or waiting.
    """

    def __init__(self, length_max: int) -> None:
        self._length_max = length_max
        self._length = 0
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="image")

    async def run(
        self,
        work: Callable[ParametersT, ResultT],
        *args: ParametersT.args,
        **kwargs: ParametersT.kwargs,
    ) -> ResultT:
        """Do it in a worker.

        Raises:
            FieldwiseError: ``BUSY`` when the queue is full, and what ``work`` raises.
        """
        if self._length >= self._length_max:
            raise FieldwiseError(
                Fault.BUSY, f"{self._length} images are in work or waiting on this device"
            )
        self._length += 1
        future = self._pool.submit(work, *args, **kwargs)
        try:
            return await asyncio.wrap_future(future)
        finally:
            self._length -= 1

    def close(self) -> None:
        """Finish what is under way."""
        self._pool.shutdown()


class Household(Protocol):
    """What the daemon does for its owner and tells to everybody on the device."""

    async def status(self) -> Status:
        """How the agent is."""
        ...

    async def learning_report(self) -> LearningReport:
        """How learning went and goes."""
        ...

    async def join(self, ticket: str) -> Membership | Application:
        """Join a fleet, or apply for it."""
        ...

    async def leave(self, *, wipe: bool) -> bool:
        """Leave the fleet; returns whether the orchestrator could be told."""
        ...

    async def install(self, path: Path, *, unsigned: bool = False) -> tuple[str, Manifest]:
        """Bring a bundle from a file into use, if its publisher vouches for it or is not asked."""
        ...

    async def backbones(self) -> list[Backbone]:
        """The backbones on the device."""
        ...

    async def roll_back(self) -> str:
        """Let the backbone from before serve again; returns its title."""
        ...

    async def pin(self, *, pinned: bool) -> None:
        """Let only the owner change the backbone, or the fleet as well."""
        ...

    async def answer(self, *, confirmed: bool) -> str:
        """Say yes or no to the backbone that is wanted; returns its digest."""
        ...


class ApplicationService(local_pb2_grpc.ApplicationServicer):
    """What applications call.

    Args:
        serving: What serves.
        household: For the status.
        queue: Where images wait.
    """

    def __init__(self, serving: Serving, household: Household, queue: Queue) -> None:
        self._serving = serving
        self._household = household
        self._queue = queue

    async def Predict(
        self, request: local_pb2.PredictRequest, context: Context
    ) -> local_pb2.PredictResponse:
        image = translate_local.image(request.image)
        answer = await self._queue.run(self._serving.predict, image)
        return translate_local.predict_response(answer)

    async def Teach(
        self, request: local_pb2.TeachRequest, context: Context
    ) -> local_pb2.TeachResponse:
        image = translate_local.image(request.image)
        outcome = await self._queue.run(
            self._serving.teach, image, request.class_name, request.burst, request.key
        )
        return translate_local.teach_response(outcome)

    async def Feedback(
        self, request: local_pb2.FeedbackRequest, context: Context
    ) -> local_pb2.FeedbackResponse:
        outcome = await self._queue.run(
            self._serving.feedback, request.prediction_id, request.class_name
        )
        return translate_local.feedback_response(outcome)

    async def ReportSkipped(
        self, request: local_pb2.ReportSkippedRequest, context: Context
    ) -> local_pb2.ReportSkippedResponse:
        self._serving.report_skipped(request.frames)
        return local_pb2.ReportSkippedResponse()

    async def ListQuestions(
        self, request: local_pb2.ListQuestionsRequest, context: Context
    ) -> local_pb2.ListQuestionsResponse:
        count = min(max(1, request.questions), QUESTIONS_MAX)
        questions = await self._queue.run(self._serving.questions, count)
        return translate_labels.questions_response(questions)

    async def GetQuestionImage(
        self, request: local_pb2.GetQuestionImageRequest, context: Context
    ) -> local_pb2.GetQuestionImageResponse:
        image = await self._queue.run(self._serving.question_image, request.prediction_id)
        return translate_labels.image_response(image)

    async def GetAgentStatus(
        self, request: local_pb2.GetAgentStatusRequest, context: Context
    ) -> local_pb2.GetAgentStatusResponse:
        return translate_local.status_response(await self._household.status())

    async def GetLearningReport(
        self, request: local_pb2.GetLearningReportRequest, context: Context
    ) -> local_pb2.GetLearningReportResponse:
        return translate_report.report_response(await self._household.learning_report())


class OwnerService(local_pb2_grpc.OwnerServicer):
    """What only the device's owner may call.

    Args:
        household: What does it.
        serving: What is to forget.
        ledger: What left the device.
        diagnosing: What operators ask for.
        federating: What the device has to do with federation.
    """

    def __init__(
        self,
        household: Household,
        serving: Serving,
        ledger: Ledger,
        diagnosing: Diagnosing,
        federating: Federating,
    ) -> None:
        self._diagnosing = diagnosing
        self._federating = federating
        self._household = household
        self._serving = serving
        self._ledger = ledger

    async def ListLedger(
        self, request: local_pb2.ListLedgerRequest, context: Context
    ) -> local_pb2.ListLedgerResponse:
        count = min(max(1, request.entries), LEDGER_ENTRIES_MAX)
        only = translate_local.wanted(request)
        entries = await asyncio.to_thread(self._ledger.newest, count, only)
        return translate_local.ledger_response(entries, self._ledger.totals())

    async def JoinFleet(
        self, request: local_pb2.JoinFleetRequest, context: Context
    ) -> local_pb2.JoinFleetResponse:
        return translate_local.join_response(await self._household.join(request.ticket))

    async def LeaveFleet(
        self, request: local_pb2.LeaveFleetRequest, context: Context
    ) -> local_pb2.LeaveFleetResponse:
        told = await self._household.leave(wipe=request.wipe)
        return local_pb2.LeaveFleetResponse(told=told)

    async def InstallBackbone(
        self, request: local_pb2.InstallBackboneRequest, context: Context
    ) -> local_pb2.InstallBackboneResponse:
        digest, manifest = await self._household.install(
            Path(request.path), unsigned=request.unsigned
        )
        return local_pb2.InstallBackboneResponse(
            digest=bytes.fromhex(digest), backbone=manifest.title
        )

    async def ListDeviceBackbones(
        self, request: local_pb2.ListDeviceBackbonesRequest, context: Context
    ) -> local_pb2.ListDeviceBackbonesResponse:
        return translate_local.backbones_response(await self._household.backbones())

    async def RollBack(
        self, request: local_pb2.RollBackRequest, context: Context
    ) -> local_pb2.RollBackResponse:
        return local_pb2.RollBackResponse(backbone=await self._household.roll_back())

    async def PinBackbone(
        self, request: local_pb2.PinBackboneRequest, context: Context
    ) -> local_pb2.PinBackboneResponse:
        await self._household.pin(pinned=request.pinned)
        return local_pb2.PinBackboneResponse()

    async def AnswerUpdate(
        self, request: local_pb2.AnswerUpdateRequest, context: Context
    ) -> local_pb2.AnswerUpdateResponse:
        digest = await self._household.answer(confirmed=request.confirmed)
        return local_pb2.AnswerUpdateResponse(digest=bytes.fromhex(digest))

    async def Forget(
        self, request: local_pb2.ForgetRequest, context: Context
    ) -> local_pb2.ForgetResponse:
        selection = translate_labels.selection(request)
        forgotten = await asyncio.to_thread(self._serving.forget, selection, strict=request.strict)
        return translate_labels.forget_response(forgotten)

    async def GetAskedDiagnosis(
        self, request: local_pb2.GetAskedDiagnosisRequest, context: Context
    ) -> local_pb2.GetAskedDiagnosisResponse:
        return translate_diagnosis.asked_response(await asyncio.to_thread(self._diagnosing.asked))

    async def DecideDiagnosis(
        self, request: local_pb2.DecideDiagnosisRequest, context: Context
    ) -> local_pb2.DecideDiagnosisResponse:
        decided = await self._diagnosing.decide(request.id, approved=request.approved)
        return local_pb2.DecideDiagnosisResponse(id=decided)

    async def SetConsent(
        self, request: local_pb2.SetConsentRequest, context: Context
    ) -> local_pb2.SetConsentResponse:
        await self._federating.set_consent(*translate_federation.consent_of(request))
        return local_pb2.SetConsentResponse()

    async def GetFederation(
        self, request: local_pb2.GetFederationRequest, context: Context
    ) -> local_pb2.GetFederationResponse:
        return translate_federation.state_response(await asyncio.to_thread(self._federating.state))

    async def DropGlobalHead(
        self, request: local_pb2.DropGlobalHeadRequest, context: Context
    ) -> local_pb2.DropGlobalHeadResponse:
        await self._federating.drop()
        return local_pb2.DropGlobalHeadResponse()


class LocalSockets:
    """The two servers.

    Args:
        application: Service of the first, its path and the mode of its file.
        owner: Service of the second and its path, whose folder is for the owner alone.
        queue: Where their images wait.
        notice: Sees every error that a call ends with.
    """

    def __init__(
        self,
        application: tuple[ApplicationService, Path, int],
        owner: tuple[OwnerService, Path],
        queue: Queue,
        notice: Callable[[BaseException], None],
    ) -> None:
        self._queue = queue
        service, self._application, self._mode = application
        owner_service, self._owner = owner
        self._servers = (_server(notice), _server(notice))
        local_pb2_grpc.add_ApplicationServicer_to_server(service, self._servers[0])
        local_pb2_grpc.add_OwnerServicer_to_server(owner_service, self._servers[1])

    async def start(self) -> None:
        """Listen. Whoever holds the state folder's lock owns the sockets: old files are removed.

        Raises:
            FieldwiseError: ``STATE_DAMAGED`` when a path cannot be listened on.
        """
        open_folder = self._mode & 0o077 != 0
        for server, path, folder_mode in (
            (self._servers[0], self._application, 0o755 if open_folder else 0o700),
            (self._servers[1], self._owner, 0o700),
        ):
            path.parent.mkdir(mode=folder_mode, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            _bind(server, path)
            await server.start()
        self._application.chmod(self._mode)
        self._owner.chmod(0o600)

    async def stop(self, grace_seconds: float) -> None:
        """Finish the calls under way and close."""
        await asyncio.gather(*(server.stop(grace_seconds) for server in self._servers))
        await asyncio.to_thread(self._queue.close)
        for path in (self._application, self._owner):
            with suppress(OSError):
                path.unlink(missing_ok=True)


class _Noticed:
    """A layer that lets somebody see what goes wrong, before it is translated."""

    def __init__(self, notice: Callable[[BaseException], None]) -> None:
        self._notice = notice

    @asynccontextmanager
    async def around(self, _call: Call) -> AsyncIterator[Watcher | None]:
        try:
            yield None
        except FieldwiseError as error:  # of defects the log tells
            self._notice(error)
            raise


def _server(notice: Callable[[BaseException], None]) -> grpc.aio.Server:
    interceptor = Interceptor([TranslateErrors(), _Noticed(notice), CheckMessages()])
    return grpc.aio.server(interceptors=[interceptor], options=server_options(LIMITS))


def _bind(server: grpc.aio.Server, path: Path) -> None:
    try:
        server.add_insecure_port(unix_address(path))
    except RuntimeError as error:
        raise FieldwiseError(
            Fault.STATE_UNUSABLE, f"{path} cannot be listened on: is it longer than 107 characters?"
        ) from error
