"""Prometheus and Alertmanager as tests start them: on free ports, in a folder of the test's own."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

READY_SECONDS = 300
PAUSE_SECONDS = 0.3
STOP_SECONDS = 120


@contextmanager
def prometheus(
    folder: Path,
    target: str,
    rules: Sequence[Path] = (),
    alertmanager: str | None = None,
    seconds: int = 1,
) -> Iterator[str]:
    """Run Prometheus over one target until the end of the context.

    Args:
        folder: Where it keeps everything.
        target: host:port with /metrics.
        rules: Files that it evaluates.
        alertmanager: host:port that alerts are sent to.
        seconds: How often it scrapes and evaluates.

    Yields:
        Its base URL.
    """
    often = ("scrape_interval", "scrape_timeout", "evaluation_interval")
    told: dict[str, Any] = {
        "global": dict.fromkeys(often, f"{seconds}s"),
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{"job_name": "orchestrator", "static_configs": [{"targets": [target]}]}],
    }
    if alertmanager is not None:
        managers = [{"static_configs": [{"targets": [alertmanager]}]}]
        told["alerting"] = {"alertmanagers": managers}
    (folder / "prometheus.yml").write_text(json.dumps(told))  # JSON is YAML
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'series'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    with running(command, folder / "prometheus.log") as address:
        yield f"http://{address}"


@contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[str]:
    """Run Alertmanager, which tells a webhook of every alert at once; yields host:port."""
    told = {
        "route": {
            "receiver": "test",
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "1h",
        },
        "receivers": [{"name": "test", "webhook_configs": [{"url": webhook}]}],
    }
    (folder / "alertmanager.yml").write_text(json.dumps(told))
    command = [
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alerts'}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ]
    with running(command, folder / "alertmanager.log") as address:
        yield address


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[str]:
    """Run a program until the end of the context; yields where its log says that it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, as its log tells: port 0 took a free one."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if 'msg="Listening on"' in line:
                return line.rpartition("address=")[2].split()[0]
        time.sleep(PAUSE_SECONDS)
    pytest.fail(f"it did not start:\n{log.read_text()}")


def query(base: str, expression: str) -> list[dict[str, Any]]:
    """Ask Prometheus for the newest values of an expression."""
    url = f"{base}/api/v1/query?{urlencode({'query': expression})}"
    with urlopen(url, timeout=60) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def wait_for(base: str, expression: str) -> list[dict[str, Any]]:
    """Ask until there is an answer, for a bounded time."""
    found: list[dict[str, Any]] = until(
        lambda: query(base, expression), lambda: f"Prometheus never had {expression}"
    )
    return found


def until(asked: Callable[[], Any], otherwise: Callable[[], str]) -> Any:
    """Ask until the answer is true of something, for a bounded time."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if found := asked():
                return found
        except URLError:
            pass
        time.sleep(PAUSE_SECONDS)
    pytest.fail(otherwise())


def labelled(series: str, more: Mapping[str, str]) -> str:
    """A series with further labels."""
    name, _, labels = series.partition("{")
    told = ",".join(f'{key}="{value}"' for key, value in more.items())
    return f"{name}{{{told},{labels}" if labels else f"{name}{{{told}}}"
