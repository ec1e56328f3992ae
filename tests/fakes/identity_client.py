"""The calls about the identity of devices without a server, and what they answer."""

from collections.abc import Sequence
from datetime import UTC, datetime

from orchestrator.identity_views import DenialView

THEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DENIAL = DenialView("d-1", THEN)


class CannedIdentities:
    """``IdentityClient`` that notes what is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.changed = True

    async def deny(self, device_id: str) -> DenialView:
        self.asked.append(("deny", device_id))
        return DENIAL

    async def allow(self, device_id: str) -> bool:
        self.asked.append(("allow", device_id))
        return self.changed

    async def denials(self) -> Sequence[DenialView]:
        self.asked.append(("denials",))
        return [DENIAL]
