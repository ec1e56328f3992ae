"""What operators see of the identity of devices; the terms of ``views`` hold."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DenialView:
    """A member that may not call, and since when."""

    device: str
    denied_at: datetime
