"""The calls about the identity of devices without a server, and what they answer."""

from collections.abc import Sequence
from datetime import UTC, datetime

from orchestrator.enrolment.succession import Step
from orchestrator.identity_views import DenialView, RotationView

THEN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DENIAL = DenialView("d-1", THEN)
ROTATION = RotationView(
    Step.SWITCHED,
    3,
    "ab" * 32,
    "cd" * 32,
    devices=3,
    behind=1,
    behind_ids=("d-1",),
    oldest_revision=2,
)


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

    async def rotation(self) -> RotationView:
        self.asked.append(("status",))
        return ROTATION

    async def begin_rotation(self) -> RotationView:
        self.asked.append(("begin",))
        return ROTATION

    async def switch_rotation(self) -> RotationView:
        self.asked.append(("switch",))
        return ROTATION

    async def finish_rotation(self, *, force: bool) -> RotationView:
        self.asked.append(("finish", force))
        return ROTATION
