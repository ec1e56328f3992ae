"""The clock and the chance of the real world, behind their ports."""

import secrets
import time


class SystemClock:
    """``Clock`` of this machine."""

    def now(self) -> float:
        return time.time()


class SystemEntropy:
    """``Entropy`` of the operating system."""

    def token(self, size: int) -> bytes:
        return secrets.token_bytes(size)
