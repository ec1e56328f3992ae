"""A fleet that calls every minute, and then comes back all at once, over PostgreSQL.

Devices are played by processes of their own, each on a connection of its own: what they take is not
counted. The server and the database are processes, and the kernel says what they took.
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.checkin_devices import Papers, Played, each_of, joined
from benchmarks.checkin_ground import Ground, grounds, until_complete
from benchmarks.federation_programs import forget_peak, memories, processor_seconds

PACE_SECONDS, MINUTES = 60, 3
PLAYERS = 4  # processes; each plays a share of the devices
CONNECTING_AT_ONCE = 16
Figures = dict[str, float]


class Players:
    """Processes that play devices, told what to do over pipes.

    Args:
        pipes: One to each.
    """

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = tuple(pipes)

    def all(self, order: str, *details: Any) -> list[Any]:
        """Have every process do the same at the same time; return what each answers."""
        for pipe in self._pipes:
            pipe.send((order, details))
        return self._answers()

    def each(self, order: str, details: Sequence[tuple[Any, ...]]) -> list[Any]:
        for pipe, own in zip(self._pipes, details, strict=True):
            pipe.send((order, own))
        return self._answers()

    def _answers(self) -> list[Any]:
        answers = [pipe.recv() for pipe in self._pipes]
        for each in answers:
            if isinstance(each, BaseException):
                raise each
        return answers


def figures(devices: int, pace_seconds: int = PACE_SECONDS, minutes: float = MINUTES) -> Figures:
    """Processor time and memory of a fleet at its pace, and of its return."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir="/tmp")))
        ground = stack.enter_context(grounds(folder, "postgresql", pace_seconds))
        players = stack.enter_context(_players(min(PLAYERS, devices)))
        began = time.monotonic()
        _join(ground, players, devices)
        print(f"fleet: {devices:,} have joined in {time.monotonic() - began:.0f} s", flush=True)
        until_complete(ground, lambda: players.all("check_in"))
        print("fleet: all have their backbone", flush=True)
        found = {"fleet.devices": float(devices)}
        found |= _paced(ground, players, pace_seconds, minutes * 60)
        return found | _back(ground, players)


def _join(ground: Ground, players: Players, devices: int) -> None:
    text = ground.server.ticket(devices)
    count = min(PLAYERS, devices)
    edges = [devices * each // count for each in range(count + 1)]
    shares = [(text, first + 1, last - first) for first, last in pairwise(edges)]
    players.each("join", shares)
    players.all("check_in")


def _paced(ground: Ground, players: Players, pace_seconds: int, seconds: float) -> Figures:
    server, database = ground.server.pid, ground.database_seconds
    forget_peak(server)
    began, before = time.monotonic(), (processor_seconds(server), database())
    calls = sum(players.all("pace", pace_seconds, seconds))
    lasted = time.monotonic() - began
    taken = processor_seconds(server) - before[0], database() - before[1]
    print(f"fleet: {calls:,} check-ins in {lasted:.0f} s", flush=True)
    return {
        "fleet.check_ins_per_s": calls / lasted,
        "fleet.orchestrator.cores": taken[0] / lasted,
        "fleet.postgresql.cores": taken[1] / lasted,
        "fleet.cores": sum(taken) / lasted,
        "fleet.check_in_us": taken[0] / calls * 1e6,
        **_memory("fleet", ground),
    }


def _back(ground: Ground, players: Players) -> Figures:
    """End the server, start it again, and let everybody come at once."""
    players.all("disconnect")
    ground.server.again()
    server = ground.server.pid
    before = processor_seconds(server)
    answers = players.all("come_back")
    seconds = sorted(each for own, _, _ in answers for each in own)
    calls, refused = (sum(each[at] for each in answers) for at in (1, 2))
    print(f"fleet: all are back after {seconds[-1]:.0f} s", flush=True)
    return {
        "back.seconds_until_all": seconds[-1],
        "back.seconds_until_half": statistics.median(seconds),
        "back.calls": float(calls),
        "back.calls_that_failed": float(refused),
        "back.orchestrator.s": processor_seconds(server) - before,
        **_memory("back", ground),
    }


def _memory(prefix: str, ground: Ground) -> Figures:
    (server,) = memories((ground.server.pid,))
    database = sum(each["pss_mb"] for each in memories(ground.database_pids()))
    return {
        f"{prefix}.orchestrator.rss_mb": server["rss_mb"],
        f"{prefix}.orchestrator.peak_mb": server["peak_mb"],
        f"{prefix}.postgresql.pss_mb": database,
        f"{prefix}.mb": server["rss_mb"] + database,
    }


@contextmanager
def _players(count: int) -> Iterator[Players]:
    spawning = multiprocessing.get_context("spawn")  # gRPC does not live through a fork
    pairs = [spawning.Pipe() for _ in range(count)]
    made = [
        spawning.Process(target=_play, args=(theirs, seed), daemon=True)
        for seed, (_, theirs) in enumerate(pairs)
    ]
    for each in made:
        each.start()
    try:
        yield Players([ours for ours, _ in pairs])
    finally:
        for each in made:
            each.terminate()
            each.join()


def _play(pipe: Connection, seed: int) -> None:
    """Do what is told, one order after the other, in one loop: channels belong to theirs."""
    loop, troupe = asyncio.new_event_loop(), _Troupe(Random(seed))  # noqa: S311 - chance for waits, not for secrets
    asyncio.set_event_loop(loop)
    while True:
        order, details = pipe.recv()
        try:
            pipe.send(loop.run_until_complete(getattr(troupe, order)(*details)))
        except Exception as error:  # noqa: BLE001 - it is raised again by whoever gave the order
            pipe.send(RuntimeError(f"{order}: {error!r}"))


class _Troupe:
    """The devices of one process.

    Args:
        chance: When each calls, and how long it waits after a failure.
    """

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._devices: list[Played] = []

    async def join(self, text: str, first: int, count: int) -> None:
        papers: list[Papers] = await joined(text, first, count)
        self._devices = [Played(each) for each in papers]
        for each in self._devices:
            each.connect()

    async def check_in(self) -> None:
        await each_of(
            self._devices,
            lambda each: each.check_in_until_heard(self._chance),
            at_once=CONNECTING_AT_ONCE,
        )

    async def pace(self, pace_seconds: float, seconds: float) -> int:
        """Let every device call at its pace for a while; return how many calls were answered."""
        end = time.monotonic() + seconds

        async def one(device: Played) -> int:
            calls, due = 0, time.monotonic() + self._chance.uniform(0, pace_seconds)
            while due < end:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await device.check_in_until_heard(self._chance)
                calls, due = calls + 1, due + pace_seconds
            return calls

        answered = await asyncio.gather(*map(one, self._devices))
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        return sum(answered)

    async def disconnect(self) -> None:
        await asyncio.gather(*(each.disconnect() for each in self._devices))

    async def come_back(self) -> tuple[list[float], int, int]:
        """Connect anew, all at once; return when each was heard, and calls made and failed."""
        began = time.monotonic()
        for each in self._devices:
            each.tries = each.refused = 0
            each.connect()
        heard = await asyncio.gather(
            *(each.check_in_until_heard(self._chance) for each in self._devices)
        )
        calls, refused = (
            sum(each) for each in zip(*((d.tries, d.refused) for d in self._devices), strict=True)
        )
        return [each - began for each in heard], calls, refused
