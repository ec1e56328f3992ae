"""What a login by somebody else's word needs of whoever gives it; the terms of ``ports`` hold."""

from dataclasses import dataclass
from typing import Protocol

from orchestrator.rights import Right


@dataclass(frozen=True, slots=True)
class Person:
    """Who calls, as whoever knows the token calls them: a human, or an account of a program."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class People(Protocol):
    async def identify(self, token: str) -> Person | None:
        """Say whose token it is; None for nobody's, or where it is meant for somebody else."""
        ...

    async def may(self, person: Person, right: Right) -> bool:
        """Tell whether a person has a right."""
        ...
