"""Who may not call, in memory."""

from collections.abc import Sequence

from orchestrator.identity_ports import DENIED_MAX, Denial, ShutOut
from orchestrator.storage import refusals
from orchestrator.storage.memory_contents import Contents


class MemoryDenials:
    """``DenialStore``."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def deny(self, device_id: str, now: float) -> Denial:
        self._check_member(device_id)
        denied = self._contents.denied
        if device_id not in denied and len(await self.denials()) >= DENIED_MAX:
            raise refusals.too_many_denied(DENIED_MAX)
        return Denial(device_id, denied.setdefault(device_id, now))

    async def allow(self, device_id: str) -> bool:
        self._check_member(device_id)
        return self._contents.denied.pop(device_id, None) is not None

    async def denials(self) -> Sequence[Denial]:
        found = [Denial(*each) for each in self._contents.denied.items()]
        present = [each for each in found if each.device not in self._contents.removed]
        return sorted(present, key=lambda each: (-each.denied_at, each.device))[:DENIED_MAX]

    async def shut_out(self, removed_since: float) -> ShutOut:
        removed = self._contents.removed
        gone = frozenset(each for each in removed if removed[each] >= removed_since)
        return ShutOut(frozenset(self._contents.denied), gone)

    def _check_member(self, device_id: str) -> None:
        if self._contents.member(device_id) is None:
            raise refusals.no_device(device_id)
