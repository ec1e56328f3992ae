"""How a command reaches the agent: through the daemon's sockets, or on the state folder itself.

The lock on the state folder decides: who gets it works alone, who does not talks to the daemon
that has it. So there is no moment at which two processes write.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from agent.app import Agent, opened
from agent.cli.holder import holder_of, holding
from agent.config import AgentSettings
from agent.diagnosing import Asked
from agent.federation.standing import FederationState
from agent.learning.forgetting import Forgotten, Selection
from agent.predictions import Image
from agent.reporting import EVERYTHING, Application, Backbone, Joined, LedgerEntry, Total, Wanted
from agent.rpc.owner import OwnerClient
from fieldwise.answers import Lesson, Prediction, Questions, Status, UpdateStatus
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent
from fieldwise.learning import LearningReport
from fieldwise.update import UNDER_WAY, UpdateFailure, UpdatePhase

POLL_SECONDS = 0.2
STARTING_SECONDS = 15.0  # a slow board opens its backbone within ten
LISTENING_SECONDS = 0.5  # a daemon that listens is connected to at once
COMMAND_SECONDS = 2.0  # most commands end meanwhile; to wait for a watching one is no use

# What an update that failed means to whoever asked for it; its own words are fewer.
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        # A file is not fetched again by itself.
        UpdateFailure.DIGEST_MISMATCH: Fault.BUNDLE_INVALID,
        UpdateFailure.BUNDLE_INVALID: Fault.BUNDLE_INVALID,
        UpdateFailure.UNSUITABLE: Fault.BUNDLE_UNSUITABLE,
        UpdateFailure.DISK_FULL: Fault.DISK_FULL,
        UpdateFailure.LOAD_FAILED: Fault.GRAPH_FAILED,
        UpdateFailure.GOLDEN_MISMATCH: Fault.GOLDEN_MISMATCH,
        # It loads, and fails on remembered images.
        UpdateFailure.MIGRATION_FAILED: Fault.GRAPH_FAILED,
        UpdateFailure.NOT_AVAILABLE: Fault.NOT_FOUND,
        UpdateFailure.HARM: Fault.BUNDLE_DECLINED,
        UpdateFailure.HARM_CRITICAL: Fault.BUNDLE_DECLINED,
        UpdateFailure.TOO_SLOW: Fault.BUNDLE_DECLINED,
        UpdateFailure.PROBATION_ERRORS: Fault.BUNDLE_DECLINED,
        UpdateFailure.PROBATION_LATENCY: Fault.BUNDLE_DECLINED,
        UpdateFailure.PROBATION_ACCURACY: Fault.BUNDLE_DECLINED,
        UpdateFailure.CRASHED: Fault.BUNDLE_DECLINED,
        UpdateFailure.OWNER: Fault.BUNDLE_DECLINED,
        UpdateFailure.NOT_VOUCHED: Fault.NOT_VOUCHED,
        UpdateFailure.BELOW_FLOOR: Fault.BELOW_FLOOR,
    }
)

# Until one of these has ended nobody knows whether a bundle comes into use; probation takes longer
# than a person waits.
AWAITED = UNDER_WAY - {UpdatePhase.PROBATION}

ResultT = TypeVar("ResultT")
Ledger = tuple[Sequence[LedgerEntry], dict[str, Total]]


class Desk(Protocol):
    """What commands ask of an agent, wherever it runs."""

    def predict(self, image: Image) -> Prediction:
        """The best classes for an image."""
        ...

    def teach(self, image: Image, class_name: str, burst: str, key: str = "") -> Lesson:
        """Learn an image of a class; one of a key that is on record only once."""
        ...

    def feedback(self, prediction_id: str, class_name: str) -> Lesson:
        """Say what an earlier prediction's image really was."""
        ...

    def report_skipped(self, frames: int) -> None:
        """Hear of frames of a stream that the agent was not ready for."""
        ...

    def questions(self, count: int) -> Questions:
        """Predictions that are worth a label."""
        ...

    def question_image(self, prediction_id: str) -> Image:
        """What a prediction saw."""
        ...

    def forget(self, selection: Selection, *, strict: bool) -> Forgotten:
        """Take back what was learned."""
        ...

    def status(self) -> Status:
        """How the agent is."""
        ...

    def report(self) -> LearningReport:
        """How learning went and goes."""
        ...

    def ledger(self, count: int, only: Wanted = EVERYTHING) -> Ledger:
        """What left the device: the newest entries, and totals by kind."""
        ...

    def join(self, ticket: str) -> Joined:
        """Join a fleet, or apply for it."""
        ...

    def leave(self, *, wipe: bool) -> bool:
        """Leave the fleet; returns whether the orchestrator could be told."""
        ...

    def install(self, path: Path, *, unsigned: bool = False) -> tuple[str, str]:
        """Bring a bundle file into use, or begin to; returns digest and title."""
        ...

    def backbones(self) -> list[Backbone]:
        """The backbones on the device."""
        ...

    def roll_back(self) -> str:
        """Let the backbone from before serve again; returns its title."""
        ...

    def pin(self, *, pinned: bool) -> None:
        """Let only the owner change the backbone, or the fleet as well."""
        ...

    def answer(self, *, confirmed: bool) -> str:
        """Say yes or no to the backbone that is wanted; returns its digest."""
        ...

    def diagnosis(self) -> Asked:
        """What an operator asked for, and what would leave the device now."""
        ...

    def decide_diagnosis(self, request_id: str, *, approved: bool) -> str:
        """Allow or refuse it; returns which one. An empty id means the one that waits."""
        ...

    def set_consent(self, consent: Consent, until: float | None) -> None:
        """Agree to what may leave for federation, or to nothing."""
        ...

    def federation(self) -> FederationState:
        """The consent, what it lets leave, and what came of federation so far."""
        ...

    def drop_global_head(self) -> None:
        """Let the device's own head serve again."""
        ...

    def tick(self) -> None:
        """Make durable what waits for it."""
        ...


@contextmanager
def desk(settings: AgentSettings) -> Iterator[Desk]:
    """Reach the agent.

    Raises:
        FieldwiseError: ``STATE_LOCKED`` when another process has the state folder and does not
            listen; ``STATE_DAMAGED``, ``DISK_FULL``.
    """
    with ExitStack() as stack:
        yield _reached(settings, stack)


def _reached(settings: AgentSettings, stack: ExitStack) -> Desk:
    began, folder = time.monotonic(), settings.state_folder
    while True:
        if reached := _alone(settings, stack) or _through_daemon(settings, stack):
            return reached
        waited, holder = time.monotonic() - began, holder_of(folder)
        if holder and waited > COMMAND_SECONDS:
            raise FieldwiseError(
                Fault.STATE_LOCKED, f"process {holder} works on {folder} and is no daemon"
            )
        if waited > STARTING_SECONDS:
            raise FieldwiseError(
                Fault.STATE_LOCKED, f"another process works on {folder} and does not listen"
            )


def _alone(settings: AgentSettings, stack: ExitStack) -> "AloneDesk | None":
    try:
        agent = stack.enter_context(opened(settings))
    except FieldwiseError as error:
        if error.fault is not Fault.STATE_LOCKED:
            raise
        return None
    stack.enter_context(holding(settings.state_folder))
    return AloneDesk(agent)


def _through_daemon(settings: AgentSettings, stack: ExitStack) -> "DaemonDesk | None":
    try:
        owner = stack.enter_context(OwnerClient(settings.owner_socket, LISTENING_SECONDS))
        device = stack.enter_context(Device(settings.applications, wait_seconds=LISTENING_SECONDS))
    except FieldwiseError as error:
        if error.fault is not Fault.UNREACHABLE:
            raise
        return None
    return DaemonDesk(device, owner)


class DaemonDesk:
    """Through the sockets of a running daemon."""

    def __init__(self, device: Device, owner: OwnerClient) -> None:
        self.predict = device.predict
        self.teach = device.teach
        self.feedback = device.feedback
        self.questions = device.questions
        self.question_image = device.question_image
        self.forget = owner.forget
        self.report_skipped = device.report_skipped
        self.status = device.status
        self.report = device.learning_report
        self.ledger = owner.ledger
        self.join = owner.join
        self.leave = owner.leave
        self.backbones = owner.backbones
        self.roll_back = owner.roll_back
        self.pin = owner.pin
        self.answer = owner.answer
        self.diagnosis = owner.diagnosis
        self.decide_diagnosis = owner.decide_diagnosis
        self.set_consent = owner.set_consent
        self.federation = owner.federation
        self.drop_global_head = owner.drop_global_head
        self._install = owner.install

    def install(self, path: Path, *, unsigned: bool = False) -> tuple[str, str]:
        digest, title = self._install(path, unsigned=unsigned)
        while (update := self.status().update).digest == digest and update.phase in AWAITED:
            time.sleep(POLL_SECONDS)
        check_installed(digest, update)
        return digest, title

    def tick(self) -> None:
        """The daemon does it by itself."""


class AloneDesk:
    """On the state folder, while no daemon runs."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.predict = agent.serving.predict
        self.questions = agent.serving.questions
        self.question_image = agent.serving.question_image
        self.forget = agent.serving.forget
        self.report_skipped = agent.serving.report_skipped
        self.tick = agent.upkeep.tick
        self.diagnosis = agent.diagnosing.asked
        self.federation = agent.federating.state

    def teach(self, image: Image, class_name: str, burst: str, key: str = "") -> Lesson:
        self._share_out()
        return self._agent.serving.teach(image, class_name, burst, key)

    def feedback(self, prediction_id: str, class_name: str) -> Lesson:
        self._share_out()
        return self._agent.serving.feedback(prediction_id, class_name)

    def status(self) -> Status:
        return asyncio.run(self._agent.household.status())

    def report(self) -> LearningReport:
        return asyncio.run(self._agent.household.learning_report())

    def ledger(self, count: int, only: Wanted = EVERYTHING) -> Ledger:
        return self._agent.ledger.newest(count, only), self._agent.ledger.totals()

    def join(self, ticket: str) -> Joined:
        given = asyncio.run(self._finish(self._agent.household.join(ticket)))
        if isinstance(given, Application):
            return Joined("", given.fleet, given.fingerprint)
        return Joined(given.device_id, given.fleet)

    def leave(self, *, wipe: bool) -> bool:
        return asyncio.run(self._finish(self._agent.household.leave(wipe=wipe)))

    def install(self, path: Path, *, unsigned: bool = False) -> tuple[str, str]:
        work = self._agent.household.install(path, unsigned=unsigned)
        digest, manifest = asyncio.run(self._finish(self._settled(work)))
        check_installed(digest, self.status().update)
        return digest, manifest.title

    def _share_out(self) -> None:
        """Let images make room, or samples be refused, before anything is promised."""
        with suppress(FieldwiseError):  # what did not fit is counted in with the next round
            self.tick()

    def backbones(self) -> list[Backbone]:
        return asyncio.run(self._agent.household.backbones())

    def roll_back(self) -> str:
        return asyncio.run(self._settled(self._agent.household.roll_back()))

    def pin(self, *, pinned: bool) -> None:
        asyncio.run(self._settled(self._agent.household.pin(pinned=pinned)))

    def decide_diagnosis(self, request_id: str, *, approved: bool) -> str:
        """The daemon sends it once it runs."""
        return asyncio.run(self._agent.diagnosing.decide(request_id, approved=approved))

    def set_consent(self, consent: Consent, until: float | None) -> None:
        asyncio.run(self._agent.federating.set_consent(consent, until))

    def drop_global_head(self) -> None:
        asyncio.run(self._agent.federating.drop())

    def answer(self, *, confirmed: bool) -> str:
        return asyncio.run(self._settled(self._agent.household.answer(confirmed=confirmed)))

    async def _settled(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """What the work gives, once nothing is left of it that a person would wait for."""
        result = await work
        installer = self._agent.installer
        while installer.works and installer.state.phase in AWAITED:  # noqa: ASYNC110 - any may be last
            await asyncio.sleep(POLL_SECONDS)
        await installer.stop()
        return result

    async def _finish(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        try:
            return await work
        finally:
            await self._agent.fleet.close()


def check_installed(digest: str, update: UpdateStatus) -> None:
    """Make sure that a bundle came into use.

    Raises:
        FieldwiseError: What the update ended in; ``CONFLICT`` when another one took its place.
    """
    if update.digest != digest:
        raise FieldwiseError(Fault.CONFLICT, "another bundle was wanted before this one was in use")
    if update.phase not in (UpdatePhase.ACTIVE, UpdatePhase.PROBATION):
        reason = f"{update.phase} {update.failure}".rstrip()
        raise FieldwiseError(
            FAULTS.get(update.failure, Fault.INTERNAL),
            f"the bundle did not come into use: {reason}",
        )
