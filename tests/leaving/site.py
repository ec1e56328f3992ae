"""Recorded orchestrators and the devices in front of them, with canaries in all that they hold."""

import base64
import json
import os
import secrets
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bundler.extractor import Extractor
from fieldwise.bundle import Preprocessing, Transform
from fieldwise.client import Device
from fieldwise.features import to_grid
from fieldwise.identity import identity_of, load_pem_certificate
from tests.bundles import tiny_model
from tests.fakes.agent_process import START_SECONDS, AgentProcess
from tests.leaving.searching import Canaries
from tests.orchestrators import LISTEN, Orchestrator, announcement, environment

HERE = Path(__file__).parent
PACE = ("--check-in-seconds=1", "--busy-check-in-seconds=1", "--federation-statistics=true")
PLACES = ("class", "burst", "key", "file", "folder", "variable", "hook", "config")

# What the ledger calls the messages of a method.
KINDS: Mapping[str, str] = {
    "Enrol": "enrolment",
    "CheckIn": "check-in",
    "Download": "download request",
    "Renew": "renewal",
    "Leave": "leave",
    "AnswerDiagnosis": "diagnosis",
    "FetchTask": "task request",
    "SubmitUpdate": "federation update",
    "GetMetadata": "metadata request",
    "Revive": "revival",
}


@dataclass(slots=True)
class Recorded:
    """One call: its headers, the messages as they came, and whose it was."""

    method: str = ""
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    noted: list[Mapping[str, int]] = field(default_factory=list)
    device: str = ""

    @property
    def size(self) -> int:
        return sum(map(len, self.messages))

    @property
    def kind(self) -> str:
        return KINDS.get(self.method.rpartition("/")[2], self.method)

    def blobs(self) -> list[bytes]:
        """All of it."""
        named = [f"{key}: ".encode() + value for key, value in self.headers]
        return [self.method.encode(), *named, *(value for _, value in self.headers), *self.messages]


@dataclass(frozen=True, slots=True)
class Recording:
    """What an orchestrator was sent, read from the file that it writes."""

    path: Path

    def calls(self) -> list[Recorded]:
        found: dict[int, Recorded] = defaultdict(Recorded)
        for line in self.path.read_text().splitlines():
            told = json.loads(line)
            call = found[told["call"]]
            if told["kind"] == "call":
                call.method = told["method"]
                call.headers = [(key, base64.b64decode(value)) for key, value in told["headers"]]
            elif told["kind"] == "message":
                call.messages.append(base64.b64decode(told["content"]))
                call.times.append(told["at"])
                call.noted.append(told["noted"])
            else:
                certificate = load_pem_certificate(base64.b64decode(told["content"]))
                call.device = identity_of(certificate).device_id
        return list(found.values())

    def of(self, device: str) -> list[Recorded]:
        return [each for each in self.calls() if each.device == device]

    def devices_calls(self) -> list[Recorded]:
        """Those of devices, members or about to be; an operator's commands are not what left."""
        services = ("/fieldwise.v1alpha1.Device/", "/fieldwise.v1alpha1.Enrolment/")
        return [each for each in self.calls() if each.method.startswith(services)]


@contextmanager
def recorded(folder: Path, ledgers: Path) -> Iterator[tuple[Orchestrator, Recording]]:
    """Run an orchestrator that writes down what it is sent.

    Args:
        folder: For its data and the recording.
        ledgers: Below this folder are the state folders; how many entries their ledgers have is
            noted with each message that comes.
    """
    record, log = folder / "recording", folder / "log"
    record.touch()
    command = [sys.executable, str(HERE / "recorder.py"), str(record), str(ledgers)]
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [*command, "serve", "--json", *LISTEN, *PACE],
            env={**environment(folder / "data"), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        told = announcement(process, log)
        yield Orchestrator(process, folder / "data", log, told), Recording(record)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@dataclass(frozen=True, slots=True)
class Planted:
    """Canaries of one device: words by the place that they are put into, and an image."""

    words: Mapping[str, str]
    image: NDArray[np.uint8]

    def canaries(self, *seeds: int) -> Canaries:
        """With the image's features by each of the backbones with these seeds."""
        vectors: list[NDArray[np.float64]] = []
        for seed in seeds:
            raw = features_of(self.image, seed)
            vectors += [raw, to_grid(raw[None].astype(np.float32), Transform())[0].astype(float)]
        return Canaries(tuple(self.words.values()), (self.image,), tuple(vectors))


def planted() -> Planted:
    """Words and an image that nobody else has: a noisy board of large squares, oddly coloured."""
    chance = np.random.default_rng(secrets.randbits(64))
    words = {place: f"canary{place}{secrets.token_hex(8)}" for place in PLACES}
    cast = chance.permutation([1.0, 0.35, 0.05])  # no other image is like it, nor a mean of any
    squares = (chance.integers(0, 256, (8, 8, 3)) * cast).repeat(8, axis=0).repeat(8, axis=1)
    noise = chance.normal(0, 12, squares.shape)
    return Planted(words, np.clip(squares + noise, 0, 255).astype(np.uint8))


def features_of(image: NDArray[np.uint8], seed: int = 0) -> NDArray[np.float64]:
    """What a tiny backbone makes of an image, float[D]."""
    small = np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR))
    preprocessing = Preprocessing(size=16, mean=(127.0,) * 3, scale=(128.0,) * 3)
    extractor = Extractor(tiny_model(seed=seed).SerializeToString(), preprocessing)
    return extractor.features(small[None])[0].astype(np.float64)


class LeakingProcess(AgentProcess):
    """An agent whose daemon is a build that leaks; its commands are those of the true program."""

    leak = ""
    canaries = Path()

    def start(self) -> None:
        script = str(HERE / "leaking.py")
        command = [sys.executable, script, self.leak, str(self.canaries), "run"]
        self.process = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)
        Device(self.socket, wait_seconds=START_SECONDS).close()


def entries_of(agent: AgentProcess) -> list[dict[str, Any]]:
    """What the ledger of an agent has."""
    found: list[dict[str, Any]] = agent.ask("ledger", "show", "--entries", "1000")["entries"]
    return found
