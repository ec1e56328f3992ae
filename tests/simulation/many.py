"""Many seeds of the simulation, on several processors: ``make test-simulation``.

A seed decides everything, so the one that fails is all there is to tell:

    python -m tests.simulation.many --seed 123     # what happened, line by line, and how it failed
"""

import argparse
import asyncio
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

import structlog

from tests.simulation.campaign_world import World as CampaignWorld
from tests.simulation.test_devices import live
from tests.simulation.world import World

GROUP = 20
CAMPAIGNS_EVERY = 10  # seeds: one of campaigns takes as long as several others
PROGRESS_SECONDS = 10


def run_group(first: int, count: int) -> list[tuple[int, str]]:
    """Run some seeds; returns those that failed, and how."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    failed = []
    for seed in range(first, first + count):
        try:
            asyncio.run(World(seed).run())
            live(seed)
            if seed % CAMPAIGNS_EVERY == 0:
                asyncio.run(CampaignWorld(seed).run())
        except Exception:  # noqa: BLE001 - whatever it is, it is told with its seed
            failed.append((seed, traceback.format_exc(limit=-3)))
    return failed


def run_many(first: int, seeds: int, workers: int) -> int:
    """Run all of them; returns an exit status."""
    begun = told = time.monotonic()
    failed: list[tuple[int, str]] = []
    done = 0
    with ProcessPoolExecutor(workers) as pool:
        groups = {pool.submit(run_group, *group): group[1] for group in split(first, seeds)}
        for group in as_completed(groups):
            done += groups[group]
            for seed, reason in group.result():
                failed.append((seed, reason))
                say(f"seed {seed} failed:\n{reason}")
                say(f"    python -m tests.simulation.many --seed {seed}")
            now = time.monotonic()
            if now - told >= PROGRESS_SECONDS or done == seeds:
                say(f"{done:,} of {seeds:,} seeds, {done / (now - begun):.0f} a second")
                told = now
    say(f"{seeds:,} seeds from {first} on: {len(failed):,} failed")
    return 1 if failed else 0


def split(first: int, seeds: int) -> Iterator[tuple[int, int]]:
    for start in range(first, first + seeds, GROUP):
        yield start, min(GROUP, first + seeds - start)


def tell(seed: int) -> int:
    """Run one seed and tell what happened in it."""
    world = World(seed)
    try:
        asyncio.run(world.run())
    except Exception:  # noqa: BLE001 - to be read
        traceback.print_exc()
        return 1
    finally:
        say("\n".join(world.trace))
    live(seed)
    if seed % CAMPAIGNS_EVERY == 0:
        asyncio.run(CampaignWorld(seed).run())
    return 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="from which on (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--seed", type=int, help="only this one, told line by line")
    given = parser.parse_args()
    if given.seed is not None:
        return tell(given.seed)
    return run_many(given.first, given.seeds, given.workers)


if __name__ == "__main__":
    sys.exit(main())
