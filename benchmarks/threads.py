"""One thread, so that figures are those of one core, whatever the machine has."""

import os
import sys

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def hold_to_one(module: str) -> None:
    """Start a module anew where the libraries, which look once at import, were not told."""
    if not THREADS.items() <= os.environ.items():
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **THREADS})  # noqa: S606  # ourselves
