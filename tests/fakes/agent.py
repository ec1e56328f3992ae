"""An agent's surroundings in memory: a clock that tests turn, a journal, an orchestrator."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from agent.federation.standing import Task
from agent.federation_ports import MayLeave
from agent.reporting import (
    Credentials,
    DiagnosisAnswer,
    DiagnosisNote,
    Orders,
    Piece,
    Report,
    SteeringRevision,
)
from agent.update.events import UpdateState
from agent.update.probation import Probation
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Update, UpdateReceipt


@dataclass(slots=True)
class TurnedClock:
    """A clock that stands still until a test moves it."""

    seconds: float = 1000.0
    wall_seconds: float = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.wall_seconds

    def minute_of_day(self) -> int:
        return int(self.wall_seconds // 60) % (24 * 60)


@dataclass(slots=True)
class MemoryJournal:
    """A journal that remembers every state; ``fail_at`` makes that many writes from now fail."""

    states: list[UpdateState] = field(default_factory=lambda: [UpdateState()])
    revision: SteeringRevision = field(default_factory=SteeringRevision)
    incarnation: int = 0
    full: bool = False
    watched: Probation = field(default_factory=Probation)
    note: DiagnosisNote | None = None

    def update(self) -> UpdateState:
        return self.states[-1]

    def write_update(self, state: UpdateState) -> None:
        if self.full:
            raise FieldwiseError(Fault.DISK_FULL, "no room")
        self.states.append(state)

    def probation(self) -> Probation:
        return self.watched

    def write_probation(self, probation: Probation) -> None:
        if self.full:
            raise FieldwiseError(Fault.DISK_FULL, "no room")
        self.watched = probation

    def next_incarnation(self) -> int:
        self.incarnation += 1
        return self.incarnation

    def steering(self) -> SteeringRevision:
        return self.revision

    def write_steering(self, revision: SteeringRevision) -> None:
        self.revision = revision

    def diagnosis(self) -> DiagnosisNote | None:
        return self.note

    def write_diagnosis(self, note: DiagnosisNote) -> None:
        if self.full:
            raise FieldwiseError(Fault.DISK_FULL, "no room")
        self.note = note


async def _nothing() -> None:
    """Nothing happens."""


@dataclass(slots=True)
class PlayedOrchestrator:
    """Answers from a script; what runs out repeats its last line.

    Attributes:
        answers: Orders or faults, one for each check-in.
        files: Contents by digest.
        breaks: After how many bytes a download breaks off, one for each download.
        piece_bytes: Size of a piece.
        diagnoses: What it was told about diagnoses.
        task: What every round asks for; a round that is over where there is none.
        receipts: What becomes of updates, one for each.
        updates: Those that it was sent, and what the ledger says of them.
        refuses: What it raises instead of hearing about one, or taking an update.
        meanwhile: What happens while an update is on its way.
        kept: The publisher's metadata by name.
        asked: Which of it was asked for.
    """

    answers: list[Orders | FieldwiseError] = field(default_factory=list)
    files: Mapping[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    piece_bytes: int = 1000
    reports: list[Report] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    credentials: Credentials | None = None
    diagnoses: list[DiagnosisAnswer] = field(default_factory=list)
    refuses: FieldwiseError | None = None
    task: Task | None = None
    receipts: list[UpdateReceipt] = field(default_factory=lambda: [UpdateReceipt.TAKEN])
    updates: list[tuple[Update, str]] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] = field(default=_nothing)
    left: bool = False
    closed: bool = False
    kept: Mapping[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def check_in(self, report: Report) -> Orders:
        self.reports.append(report)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, FieldwiseError):
            raise answer
        return answer

    async def download(self, digest: str, offset: int) -> AsyncGenerator[Piece]:
        self.offsets.append(offset)
        if digest not in self.files:
            raise FieldwiseError(Fault.NOT_FOUND, f"file {digest[:12]} is not here")
        content = self.files[digest]
        end = offset + self.breaks.pop(0) if self.breaks else len(content)
        for start in range(offset, min(end, len(content)), self.piece_bytes):
            stop = min(start + self.piece_bytes, end)
            yield Piece(start, content[start:stop], len(content))
        if end < len(content):
            raise FieldwiseError(Fault.UNREACHABLE, "the connection broke")

    async def metadata(self, name: str) -> bytes:
        self.asked.append(name)
        if name not in self.kept:
            raise FieldwiseError(Fault.NOT_FOUND, f"there is no {name}")
        return self.kept[name]

    async def renew(self, certificate_request: bytes) -> Credentials:
        assert self.credentials is not None
        return self.credentials

    async def leave(self) -> None:
        self.left = True

    async def answer_diagnosis(self, answer: DiagnosisAnswer) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.diagnoses.append(answer)

    async def fetch_task(self, campaign: str, round_number: int) -> Task:
        if self.task is None:
            raise FieldwiseError(Fault.NOT_FOUND, f"{campaign} has no round {round_number}")
        return self.task

    async def submit_update(
        self, update: Update, words: str, may_leave: MayLeave
    ) -> tuple[UpdateReceipt, int] | None:
        await self.meanwhile()
        if not may_leave():
            return None
        if self.refuses is not None:
            raise self.refuses
        self.updates.append((update, words))
        receipt = self.receipts.pop(0) if len(self.receipts) > 1 else self.receipts[0]
        return receipt, sum(row.values.nbytes for row in update.rows)

    async def close(self) -> None:
        self.closed = True


def no_waits() -> Iterator[float]:
    while True:
        yield 0.0
