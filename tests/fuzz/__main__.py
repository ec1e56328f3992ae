"""Fuzz every target in turn.

    python -m tests.fuzz --seconds 3600 --seed 1 --json output/fuzz.json [--only NAME ...]

Each gets an equal share of the time in a process of its own, starting from the corpus that is kept
and from what earlier runs found new. What is found is told at the end; the process then fails.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.targets import TARGETS

KEPT = Path(__file__).parent / "corpus"
OUTPUT = Path("output/fuzz")


def main() -> None:
    asked = arguments()
    names = asked.only or sorted(TARGETS)
    findings = asked.output / "findings"
    share = max(2, asked.seconds // len(names))
    figures: dict[str, Any] = {}
    for name in names:
        figures[name] = fuzzed(name, share, asked.seed, asked.output)
        print(f"{name}: {figures[name]}", flush=True)  # noqa: T201 - a command of the house
    found = list(found_in(findings))
    told = {
        "targets": len(names),
        "seconds": round(sum(each["seconds"] for each in figures.values()), 1),
        "executions": sum(each["executions"] for each in figures.values()),
        "findings": found,
        "by_target": figures,
    }
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=2))
    print(json.dumps({**told, "by_target": None}, indent=2))  # noqa: T201 - as above
    sys.exit(1 if found else 0)


def fuzzed(name: str, seconds: int, seed: int, output: Path) -> dict[str, Any]:
    """Run one target; return what it did."""
    corpus, findings = output / "corpus" / name, output / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    for each in sorted((KEPT / name).glob("*")):
        shutil.copy(each, corpus / each.name)
    done = findings / f"{name}-{seed}.done"
    done.unlink(missing_ok=True)
    command = ["-m", "tests.fuzz.one", name, "--seconds", str(seconds), "--seed", str(seed)]
    folders = ["--corpus", str(corpus), "--findings", str(findings)]
    ended = subprocess.run(
        [sys.executable, *command, *folders],
        capture_output=True,
        check=False,
        timeout=4 * seconds + 120,
    )
    figures = json.loads(done.read_text()) if done.exists() else {"executions": 0, "seconds": 0.0}
    done.unlink(missing_ok=True)
    if ended.returncode:
        words = ended.stderr.decode(errors="replace")[-600:]
        told = {"target": name, "place": f"the process ended with {ended.returncode}"}
        (findings / f"{name}-ended.json").write_text(json.dumps({**told, "words": words}))
    return figures


def found_in(findings: Path) -> Iterator[dict[str, Any]]:
    for each in sorted(findings.glob("*.json")):
        yield json.loads(each.read_text())


def arguments() -> Any:
    parser = argparse.ArgumentParser(description="Fuzz every parser of what comes from outside.")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--only", nargs="*", choices=sorted(TARGETS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
