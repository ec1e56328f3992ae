"""What an operator does once when a fleet begins: a ticket, and a backbone for whoever joins."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TICKET = Path.home() / "ticket"
BUNDLE = Path("/backbone/selftest-1.bundle")
BACKBONE = "fieldwise-selftest:1.0.0"
DEVICES = 3
PAUSE_SECONDS = 1.0


def main() -> None:
    while not answers():
        time.sleep(PAUSE_SECONDS)
    if not TICKET.exists():
        ticket = fieldwise("ticket", "create", f"--uses={DEVICES}", "--tag=site=compose")
        whole = TICKET.with_suffix(".new")
        whole.write_text(ticket["token"])
        whole.replace(TICKET)
    if not fieldwise("rollout", "list"):
        fieldwise("backbone", "push", str(BUNDLE))
        fieldwise("rollout", "start", BACKBONE)
    print("the fleet is open", flush=True)


def answers() -> bool:
    """Whether the orchestrator has started; until then there is neither its token nor its port."""
    done = subprocess.run(["fieldwise", "status"], capture_output=True, check=False)
    return done.returncode == 0


def fieldwise(*arguments: str) -> Any:
    command = ["fieldwise", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
