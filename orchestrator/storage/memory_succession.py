"""How one authority follows another, in memory."""

from orchestrator.enrolment.authority import FIRST_REVISION
from orchestrator.enrolment.succession import Succession
from orchestrator.identity_ports import BEHIND_SHOWN, Reported
from orchestrator.storage import refusals
from orchestrator.storage.memory_contents import Contents


class MemorySuccession:
    """``SuccessionStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._kept: Succession | None = None

    async def kept(self) -> Succession | None:
        return self._kept

    async def keep(self, succession: Succession, before: int) -> None:
        known = self._kept.revision if self._kept else FIRST_REVISION
        if known != before:
            raise refusals.rotated_meanwhile()
        self._kept = succession

    async def reported(self, revision: int) -> Reported:
        fleet = list(self._contents.fleet())
        told = {each.id: (each.report.trust_revision or 0) if each.report else 0 for each in fleet}
        behind = [each for each in told if told[each] < revision]
        outermost = (min(told.values(), default=0), max(told.values(), default=0))
        return Reported(len(told), len(behind), tuple(behind[:BEHIND_SHOWN]), *outermost)
