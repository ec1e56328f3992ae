"""What supervising aggregators needs of whatever runs them; the terms of ``ports`` hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class WorkerState(StrEnum):
    """How a worker stands."""

    RUNS = "runs"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Way:
    """How a worker reaches the orchestrator.

    Attributes:
        address: host:port of the operator port.
        authority: Certificate of the fleet's authority, PEM.
    """

    address: str
    authority: bytes


class Workers(Protocol):
    """Programs that each aggregate one campaign; campaigns are told by their ids."""

    async def look(self) -> Mapping[str, WorkerState]:
        """Return the state of every worker that was started and not stopped yet.

        Those of another replica are among them where they outlive it.
        """
        ...

    async def start(self, campaign: str, token: str) -> None:
        """Start a worker where the campaign has none, and hand it its token.

        Raises:
            FieldwiseError: ``EXTRA_MISSING`` where there is no such program.
        """
        ...

    async def stop(self, campaign: str) -> None:
        """End a worker, or forget one that has ended; none is no error."""
        ...

    async def let_go(self) -> None:
        """End those workers that would not outlive this process: it leads no more, or stops."""
        ...
