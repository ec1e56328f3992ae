"""A quarter of an hour of a fleet, told to a real Prometheus that scrapes a real orchestrator.

Devices join and learn, and the first backbone reaches all of them. The second does harm and is
taken back. Half a site has no power for two minutes. What another sees begins to change, and the
third backbone goes out wave by wave; it is under way when the story ends. Two of three owners agree
to federation: a campaign makes round after round with the devices on the first backbone, until too
few of them are left for its quorum.
Two of the devices are agents that live; the others are played, see ``played``.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from fieldwise import archive
from fieldwise.client import Device
from fieldwise.errors import FieldwiseError
from tests.bundles import CLASSES, class_images
from tests.orchestrators import Orchestrator, join, serving
from tests.services.living import NAMED, agents, publish
from tests.services.programs import prometheus
from tools.pictures.played import Effect, Played

SPAN = "span.json"
DEVICES = 80
PACE_SECONDS, SCRAPE_SECONDS = 5, 5
LASTS_SECONDS = 900
CAMPAIGN_AT, HARMFUL_AT, GOOD_AT = 90, 200, 640
SILENT, SILENT_SECONDS = range(40, 48), range(280, 400)
DRIFTING, DRIFTS_AT, DRIFTS_FOR_SECONDS = range(20, 36), 520, 120
PACE = (f"--check-in-seconds={PACE_SECONDS}", "--busy-check-in-seconds=2", "--metrics-seconds=5")
ROUNDS = ("--rounds=20", "--quorum=34", "--deadline=45s", "--pause=60s", "--strategy=FedMedian")
SITES = ("north", "south", "east", "west")
WAVES = ("--wave=8", "--wave=24", "--wave=rest", "--in-flight=8", "--soak=15s")
EFFECTS = {
    "1.0.0": (0.0, 0.0, 0.0),
    "1.1.0": (0.22, 0.03, 0.3),
    "2.0.0": (0.03, 0.08, 0.03),
}


@dataclass(slots=True)
class Story:
    """What happens, by the second; ``tell`` is called again and again until it ends."""

    running: Orchestrator
    tickets: Sequence[str]
    world: dict[bytes, Effect]
    lasts: float
    devices: list[Played] = field(default_factory=list)
    joined_at: dict[int, float] = field(default_factory=dict)
    due: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        scale = self.lasts / LASTS_SECONDS
        self.due = [
            (0, lambda: self._roll_out("1.0.0")),
            (CAMPAIGN_AT * scale, self._federate),
            (HARMFUL_AT * scale, lambda: self._roll_out("1.1.0", *WAVES)),
            (GOOD_AT * scale, lambda: self._roll_out("2.0.0", *WAVES)),
        ]

    def tell(self, seconds: float) -> None:
        """Let happen what is due after so many seconds, and a fifth of the devices call."""
        while self.due and self.due[0][0] <= seconds:
            self.due.pop(0)[1]()
        for _ in range(2 if len(self.devices) < DEVICES else 0):
            self.joined_at[len(self.devices)] = seconds
            ticket = self.tickets[len(self.devices) * len(SITES) // DEVICES]
            self.devices.append(Played(join(ticket), len(self.devices), self.world))
        scaled = seconds * LASTS_SECONDS / self.lasts
        for device in self.devices[int(seconds) % PACE_SECONDS :: PACE_SECONDS]:
            if device.number in DRIFTING:
                passed = (scaled - DRIFTS_AT) / DRIFTS_FOR_SECONDS
                device.drifting = min(1.0, max(0.0, passed))
            if device.number not in SILENT or int(scaled) not in SILENT_SECONDS:
                device.call(seconds - self.joined_at[device.number])

    def _roll_out(self, version: str, *flags: str) -> None:
        self.running.json("rollout", "start", f"tiny:{version}", *flags)

    def _federate(self) -> None:
        classes = [f"--class={name}" for name in CLASSES]
        self.running.json("federation", "start", "tiny:1.0.0", *classes, *ROUNDS)


def record(folder: Path, lasts: float = LASTS_SECONDS) -> None:
    """Tell the story, and leave what Prometheus saw of it in a folder, with when that was."""
    with serving(folder / "data", *PACE, *NAMED) as running:
        tickets = [_ticket(running, site) for site in SITES]
        world = dict(_published(running, folder))
        target = running.told["metrics_address"]
        with (
            prometheus(folder, target, seconds=SCRAPE_SECONDS),
            agents(folder, "ab", tickets[0]) as both,
            both[0].device() as first,
            both[1].device() as second,
        ):
            for agent in both:
                agent.ask("consent", "weights")
            began = time.time()
            _live(Story(running, tickets, world, lasts), first, second)
            (folder / SPAN).write_text(json.dumps({"from": began, "to": time.time()}))


def _ticket(running: Orchestrator, site: str) -> str:
    created = running.json("ticket", "create", f"--uses={DEVICES}", f"--tag=site={site}")
    token: str = created["token"]
    return token


def _published(running: Orchestrator, folder: Path) -> Iterator[tuple[bytes, Effect]]:
    for seed, (version, effect) in enumerate(EFFECTS.items()):
        bundle = publish(running, folder, version, seed)
        digest, manifest = archive.unpack(bundle, folder / "parts")
        files = tuple(graph.digest for graph in manifest.variant("fp32").graphs)
        yield bytes.fromhex(digest), Effect(*effect, files)


def _live(story: Story, *living: Device) -> None:
    """Let a second be a second, and in each an application teach and ask every agent."""
    images = {name: cycle(class_images(name, 200)) for name in CLASSES}
    began, turn = time.monotonic(), 0
    while (seconds := time.monotonic() - began) < story.lasts:
        story.tell(seconds)
        for device, name in zip(living, (CLASSES[turn % 4], CLASSES[(turn + 2) % 4]), strict=True):
            with suppress(FieldwiseError):  # before its first backbone it has nothing to say
                device.teach(next(images[name]), name, burst=f"{name} {turn}")
                device.predict(next(images[name]))
        turn += 1
        time.sleep(max(0.0, began + turn - time.monotonic()))
