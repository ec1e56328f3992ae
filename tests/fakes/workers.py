"""Workers in memory, and the campaigns that they are for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.federation.campaign import Campaign, Round
from orchestrator.worker_ports import WorkerState
from tests import campaigns


@dataclass(slots=True)
class MemoryWorkers:
    """``Workers`` that do nothing; ``missing`` makes every start fail."""

    states: dict[str, WorkerState] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=dict)
    missing: bool = False
    outlives: bool = False

    async def look(self) -> Mapping[str, WorkerState]:
        return dict(self.states)

    async def start(self, campaign: str, token: str) -> None:
        if self.missing:
            raise FieldwiseError(Fault.EXTRA_MISSING, "there is no such program")
        assert campaign not in self.states
        self.states[campaign] = WorkerState.RUNS
        self.tokens.setdefault(campaign, []).append(token)

    async def stop(self, campaign: str) -> None:
        self.states.pop(campaign, None)

    async def let_go(self) -> None:
        if not self.outlives:
            self.states.clear()


@dataclass(slots=True)
class WorkedInMemory:
    """``WorkedCampaigns`` with a newest term."""

    running: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    term: int = 1
    rounds: dict[str, Round] = field(default_factory=dict)

    async def working(self) -> Sequence[str]:
        return tuple(self.running)

    async def get(self, number: int) -> Campaign:
        found = campaigns.campaign(number)
        return replace(found, round=self.rounds.get(found.id))

    async def keep_worker_token(self, campaign: str, digest: str, term: int) -> None:
        if term < self.term:
            raise FieldwiseError(Fault.CONFLICT, "a newer term has begun")
        self.kept[campaign] = digest
