"""Series of alert cases for a real Prometheus: a minute of a case is a scrape, a second here."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.services.alert_cases import Case
from tests.services.programs import labelled

SCRAPES = 60  # in which the longest case is played
WINDOW_SECONDS = 20  # the longest range and offset: further back there is nothing
STEPS = re.compile(r"(-?[\d.]+)(?:([+-][\d.]+))?x(\d+)")
RANGE = re.compile(r"\[(\d+)([mhd])\]|offset (\d+)([mhd])")
MINUTES = {"m": 1, "h": 60, "d": 1440}


def values(notation: str) -> list[float]:
    """What promtool reads: ``1x2`` is 1 three times, ``0+5x2`` is 0, 5, 10."""
    found: list[float] = []
    for word in notation.split():
        steps = STEPS.fullmatch(word)
        assert steps is not None, word
        first, step, times = float(steps[1]), float(steps[2] or 0), int(steps[3])
        found += [first + step * number for number in range(times + 1)]
    return found


def hurried(rules: Path, folder: Path) -> Path:
    """Rules with a second for a minute, ranges and offsets cut short, and no waiting."""
    told = yaml.safe_load(rules.read_text())
    for rule in (each for group in told["groups"] for each in group["rules"]):
        rule["expr"] = RANGE.sub(_seconds, rule["expr"])
        rule.pop("for", None)
    file = folder / rules.name
    file.write_text(json.dumps(told))  # JSON is YAML
    return file


def _seconds(found: re.Match[str]) -> str:
    count, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
    seconds = min(int(count) * MINUTES[unit], WINDOW_SECONDS)
    return f"[{seconds}s]" if found[1] else f"offset {seconds}s"


class Playing:
    """An exporter that plays what alerts fire on, each case under its own ``cluster``."""

    def __init__(self, cases: tuple[Case, ...]) -> None:
        self._series = {
            labelled(series, {"cluster": case.alert}): values(notation)
            for case in cases
            for series, notation in case.firing.items()
        }
        self._scrapes = 0

    def scrape(self) -> str:
        lines = [f"{series} {self._value(told)}" for series, told in self._series.items()]
        self._scrapes += 1
        return "\n".join([*lines, ""])

    def _value(self, told: list[float]) -> float:
        pace = max(1, len(told) // SCRAPES)
        return told[min(len(told) - 1, self._scrapes * pace)]


@contextmanager
def served(answer: Any) -> Iterator[str]:
    """Serve HTTP on a free port: GET shows ``answer(None)``, POST gives it the body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(answer(None))

        def do_POST(self) -> None:
            answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._send("")

        def _send(self, text: str) -> None:
            content = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
