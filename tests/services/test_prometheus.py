"""A real Prometheus scrapes a real orchestrator: every documented metric is there."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from orchestrator.metric_names import CATALOGUE, Entry, Kind
from tests.orchestrators import Orchestrator, join, serving

pytestmark = pytest.mark.services
READY_SECONDS = 60
PAUSE_SECONDS = 0.3
STOP_SECONDS = 30


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """Run Prometheus on a free port until the end of the context; yields its base URL."""
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        "  - job_name: orchestrator\n"
        f"    static_configs: [{{targets: ['{target}']}}]\n"
    )
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'series'}",
                "--web.listen-address=127.0.0.1:0",
            ],
            stdout=output,
            stderr=output,
        )
    try:
        yield f"http://{_address(process, log)}"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, as its log tells: port 0 took a free one."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if 'msg="Listening on"' in line:
                return line.rpartition("address=")[2].strip()
        time.sleep(PAUSE_SECONDS)
    pytest.fail(f"Prometheus did not start:\n{log.read_text()}")


def query(base: str, expression: str) -> list[dict[str, object]]:
    url = f"{base}/api/v1/query?{urlencode({'query': expression})}"
    with urlopen(url, timeout=60) as answer:
        found: list[dict[str, object]] = json.load(answer)["data"]["result"]
    return found


def wait_for(base: str, expression: str) -> list[dict[str, object]]:
    """Ask until there is an answer, for a bounded time."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if found := query(base, expression):
                return found
        except URLError:
            pass
        time.sleep(PAUSE_SECONDS)
    pytest.fail(f"Prometheus never had {expression}")


def series_of(entry: Entry) -> list[str]:
    match entry.kind:
        case Kind.HISTOGRAM:
            return [f"{entry.name}_{part}" for part in ("bucket", "sum", "count")]
        case Kind.DISTRIBUTION:
            return [f"{entry.name}_{part}" for part in ("bucket", "gsum", "gcount")]
        case _:
            return [entry.name]


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Orchestrator]:
    """An orchestrator with a device that has a backbone in use and an accuracy."""
    with serving(tmp_path / "data", "--metrics-seconds=1") as running:
        member = join(running.json("ticket", "create")["token"])
        member.check_in(
            bundle_in_use=b"\x01" * 32,
            learning={"window_samples": 200, "window_correct": 150},
        )
        yield running


def test_every_metric_of_the_catalogue_is_scraped(busy: Orchestrator, tmp_path: Path) -> None:
    with prometheus(tmp_path, busy.told["metrics_address"]) as base:
        wait_for(base, "fieldwise_device_accuracy_ratio_gcount == 1")
        missing = [
            name for entry in CATALOGUE for name in series_of(entry) if not query(base, name)
        ]
        assert missing == []
        assert query(base, 'fieldwise_devices{state="healthy"} == 1')
        assert query(base, 'fieldwise_backbone_devices{backbone="unknown"} == 1')
        within = query(base, 'fieldwise_device_accuracy_ratio_bucket{le="0.8"} == 1')
        below = query(base, 'fieldwise_device_accuracy_ratio_bucket{le="0.7"} == 0')
        assert within
        assert below
        assert query(base, 'fieldwise_check_ins_total{result="ok"} == 1')
        assert query(base, 'fieldwise_enrolments_total{result="ok"} == 1')
        handled = 'grpc_server_handled_total{grpc_method="CheckIn",grpc_code="OK"} == 1'
        assert query(base, handled)
        assert query(base, "up == 1")


def test_the_series_that_a_scrape_has_are_the_series_that_are_told(
    busy: Orchestrator, tmp_path: Path
) -> None:
    with prometheus(tmp_path, busy.told["metrics_address"]) as base:
        wait_for(base, "fieldwise_metrics_series > 100")
        told = "fieldwise_metrics_series - scalar(scrape_samples_scraped)"
        found = wait_for(base, f"abs({told}) <= 1")
        assert found
