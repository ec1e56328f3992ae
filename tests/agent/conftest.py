"""No chance in tests of the agent: what it draws, it draws alike every time.

Which scenes are held out hangs on a key and on ids that a device draws for itself. Whatever a test
then finds in one of many draws would come back as a failure of somebody else's change.
"""

import sys
from random import Random
from types import SimpleNamespace

import pytest

DRAWING = ("agent.app", "agent.device.samples")  # those who ask ``secrets``


@pytest.fixture(autouse=True)
def _drawn_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = Random(1)
    alike = SimpleNamespace(
        token_bytes=dice.randbytes, token_hex=lambda size: dice.randbytes(size).hex()
    )
    for name in DRAWING:
        if name in sys.modules:
            monkeypatch.setattr(sys.modules[name], "secrets", alike)
