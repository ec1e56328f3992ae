"""One target under atheris, in a process of its own: libFuzzer never returns.

    python -m tests.fuzz.one TARGET --seconds 60 --seed 1 --corpus FOLDER --findings FOLDER

Only our own packages are instrumented; with everything instrumented a run is ten times slower and
learns how NumPy is written. A finding ends nothing: it is written down with its input, once for
each place that raised it, and the run goes on.
"""

import argparse
import contextlib
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import atheris
import structlog

OURS = ["fieldwise", "agent", "orchestrator", "aggregator"]
INPUT_BYTES_MAX = 4096
MEMORY_BYTES_MAX = 3 * 1024**3
GROWTH_BYTES_MAX = 600 * 1024**2  # of the process over a whole run: caches, pools, codecs
SECONDS_FOR_ONE = 30

with atheris.instrument_imports(include=OURS):
    from tests.fuzz.targets import TARGETS


class Run:
    """Counts executions and keeps findings.

    Args:
        name: The target's.
        findings: Where inputs go that found something.
    """

    def __init__(self, name: str, findings: Path) -> None:
        self._target = TARGETS[name]
        self._findings = findings
        self._places: dict[str, str] = {}
        self.executions = 0

    def __call__(self, content: bytes) -> None:
        self.executions += 1
        try:
            self._target.run(content)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            self._found(content, error)

    def _found(self, content: bytes, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [each for each in frames if any(f"/{name}/" in each.filename for name in OURS)]
        last = (ours or list(frames))[-1]
        place = (
            f"{type(error).__name__} at {'/'.join(Path(last.filename).parts[-3:])}:{last.lineno}"
        )
        if place in self._places:
            return
        number = len(self._places)
        path = self._findings / f"{self._target.name}-{os.getpid()}-{number}"
        path.write_bytes(content)
        self._places[place] = str(error)[:300]
        told = {"target": self._target.name, "place": place, "words": str(error)[:300]}
        path.with_suffix(".json").write_text(json.dumps({**told, "input": path.name}))


def main() -> None:
    asked = arguments()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    os.fsync = lambda _descriptor: None  # a worn disk finds nothing here
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    for folder in (asked.corpus, asked.findings):
        folder.mkdir(parents=True, exist_ok=True)
    run = Run(asked.target, asked.findings)
    # The runner ends the process by itself, so what was done is written as it goes.
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = asked.findings / f"{asked.target}-{asked.seed}.done"

    def one(content: bytes) -> None:
        run(content)
        if run.executions % 256 == 0 or time.monotonic() - begun > asked.seconds - 1:
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
            seconds = time.monotonic() - begun
            figures: dict[str, Any] = {"executions": run.executions, "seconds": seconds}
            told.write_text(json.dumps({**figures, "grown_bytes": grown}))

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={asked.seconds}",
            f"-seed={asked.seed}",
            f"-max_len={INPUT_BYTES_MAX}",
            f"-timeout={SECONDS_FOR_ONE}",
            f"-artifact_prefix={asked.findings}/{asked.target}-",
            "-rss_limit_mb=0",
            "-verbosity=0",
            str(asked.corpus),
        ],
        one,
    )
    with contextlib.suppress(SystemExit):
        atheris.Fuzz()


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--findings", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
