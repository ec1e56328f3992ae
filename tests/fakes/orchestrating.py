"""An orchestrator in memory, as an aggregator sees it, and one whose calls get lost."""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aggregator.ports import Unreadable
from aggregator.work import Campaign, Opening, RoundPhase, RoundResult
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Update

Sent = Sequence[tuple[int, Update | Unreadable]]


@dataclass(slots=True)
class MemoryOrchestrator:
    """``Orchestrator`` whose rounds are known beforehand.

    Attributes:
        plan: The campaign; version, head and state become what was committed.
        rounds: What stands at the end of each; None for one that misses its quorum.
        looks: How often a round that is awaited is still open.
    """

    plan: Campaign
    rounds: Sequence[Sent | None]
    looks: int = 1
    ended: int = 0
    stopped: bool = False
    reason: str = ""
    committed: dict[int, tuple[int, RoundResult]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    _looked: int = 0

    def campaign(self) -> Campaign:
        self.asked.append("campaign")
        runs = not self.stopped and not self.reason and self.ended < len(self.rounds)
        return replace(self.plan, runs=runs)

    def open_round(self) -> Opening:
        self.asked.append("open_round")
        if self.ended == len(self.rounds):
            return Opening(0, 5.0)
        return Opening(self.ended + 1)

    def await_round(self, number: int, seconds: int) -> RoundPhase:
        self.asked.append("await_round")
        if number <= self.ended:
            return RoundPhase.COMMITTED if number in self.committed else RoundPhase.MISSED
        assert number == self.ended + 1
        assert 0 < seconds <= 60
        if self._looked < self.looks:
            self._looked += 1
            return RoundPhase.OPEN
        if self.rounds[number - 1] is None:
            self._end()
            return RoundPhase.MISSED
        return RoundPhase.CLOSED

    def updates(self, number: int) -> Iterator[tuple[int, Update | Unreadable]]:
        self.asked.append("updates")
        assert number == self.ended + 1
        yield from self.rounds[number - 1] or ()

    def fetch(self, digest: str) -> bytes:
        self.asked.append("fetch")
        return self.files[digest]

    def commit(self, result: RoundResult) -> int:
        self.asked.append("commit")
        if result.round in self.committed:
            version, before = self.committed[result.round]
            assert result == before, "a round came to other bytes the second time"
            return version
        if result.round != self.ended + 1:
            raise FieldwiseError(Fault.ILLEGAL_COMMAND, f"round {result.round} is not open")
        if not result.head:
            self._end()
            return 0
        version = len(self.committed) + 1
        self.committed[result.round] = (version, result)
        self.plan = replace(
            self.plan, version=version, head=self._keep(result.head), state=self._keep(result.state)
        )
        self._end()
        return version

    def give_up(self, reason: str) -> None:
        self.asked.append("give_up")
        self.reason = reason

    def _keep(self, content: bytes) -> str:
        if not content:
            return ""
        digest = hashlib.sha256(content).hexdigest()
        self.files[digest] = content
        return digest

    def _end(self) -> None:
        self.ended += 1
        self._looked = 0


class Killed(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class UnsteadyOrchestrator:
    """``Orchestrator`` before which a process dies now and then, or calls and answers get lost."""

    behind: MemoryOrchestrator
    chance: random.Random
    often: float = 0.15

    def campaign(self) -> Campaign:
        return self._unsteadily(self.behind.campaign)

    def open_round(self) -> Opening:
        return self._unsteadily(self.behind.open_round)

    def await_round(self, number: int, seconds: int) -> RoundPhase:
        return self._unsteadily(self.behind.await_round, number, seconds)

    def updates(self, number: int) -> Iterator[tuple[int, Update | Unreadable]]:
        for each in self.behind.updates(number):
            self._perhaps()
            yield each

    def fetch(self, digest: str) -> bytes:
        return self._unsteadily(self.behind.fetch, digest)

    def commit(self, result: RoundResult) -> int:
        return self._unsteadily(self.behind.commit, result)

    def give_up(self, reason: str) -> None:
        self._unsteadily(self.behind.give_up, reason)

    def _unsteadily(self, call: Callable[..., Any], *given: object) -> Any:
        self._perhaps()
        answer = call(*given)
        self._perhaps()
        return answer

    def _perhaps(self) -> None:
        if self.chance.random() >= self.often:
            return
        if self.chance.random() < 0.5:
            raise Killed
        raise FieldwiseError(
            self.chance.choice([Fault.UNREACHABLE, Fault.UNAVAILABLE, Fault.BUSY]), "lost"
        )


@dataclass(slots=True)
class PatientClock:
    """``Clock`` that only writes down."""

    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
