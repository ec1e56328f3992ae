"""Run one program with a trap in it: ``python -m tests.faults.trapped PROGRAM TRAP ARGUMENTS...``.

For a program that something else has to watch from its first instruction, as strace does.
"""

import importlib
import json
import sys

from tests.faults.forked import MAINS
from tests.faults.traps import lay

if __name__ == "__main__":
    program, trap, *arguments = sys.argv[1:]
    sys.argv = [program, *arguments]
    lay(json.loads(trap))
    importlib.import_module(MAINS[program]).main()
