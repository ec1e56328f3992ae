import ctypes
import subprocess
import sys

import pytest

from agent.device.allocator import return_memory_early

# Arrays of 8 MB come and go; between them small objects are made that stay.
PROGRAM = """
from pathlib import Path
import numpy as np
from agent.device.allocator import return_memory_early

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

return_memory_early()
kept, before = [], resident()
for _ in range(20):
    arrays = [np.ones(1_000_000) for _ in range(3)]
    kept.append([bytes(2000) for _ in range(10)])
    del arrays
print(resident() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_what_large_arrays_took_for_a_moment_goes_back() -> None:
    child = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(child.stdout) < 8_000_000


def test_it_may_be_said_twice() -> None:
    return_memory_early()
    return_memory_early()
