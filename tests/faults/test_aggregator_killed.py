"""SIGKILL of an aggregator before and after everything that it asks of its orchestrator.

Around each kill goes a campaign of two rounds, made by real processes: an orchestrator, the
aggregator that it starts, and again when it has died; the devices alone are played. Whatever was
killed where, each round comes to one version of the head, and it is the one that it comes to where
nobody is killed.
"""

import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aggregator.ports import Orchestrator
from fieldwise.federation import RowKind
from fieldwise.global_head import GlobalHead, decode
from tests.bundles import tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.fleets import ForkedOrchestrator
from tests.faults.forked import Mother
from tests.faults.partners import Partner, band, see_through
from tests.faults.trails import SIDES, trail_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
ROUNDS = 2
KINDS = {  # a strategy that keeps nothing from round to round, and one that does
    RowKind.MEANS: ("--strategy=FedAvg",),
    RowKind.WEIGHTS: ("--strategy=FedAvgM", "--option=server_momentum=0.5"),
}
CLASSES = ("red", "blue")
CLIENT = {"module": "aggregator.rpc.client"}
HOPELESS = {"module": "aggregator.flower.aggregating", "function": "FlowerStrategies.check"}
Pairs = list[tuple[GlobalHead, str]]


def steps() -> list[str]:
    """Everything that an aggregator asks for, but for giving up."""
    asked = [name for name, _ in inspect.getmembers(Orchestrator, inspect.isfunction)]
    return [name for name in asked if not name.startswith("_") and name != "give_up"]


@dataclass(slots=True)
class Site:
    """An orchestrator whose aggregators are laid the trap that is in a file as they start."""

    server: ForkedOrchestrator
    trap: Path
    partners: Mapping[RowKind, Sequence[Partner]]
    expected: dict[RowKind, Pairs]

    def start(self, kind: RowKind, trap: dict[str, Any]) -> str:
        """Start a campaign; returns its id."""
        self.trap.write_text(json.dumps(trap))
        classes = [f"--class={name}" for name in CLASSES]
        plan = [f"--kind={kind}", *KINDS[kind], f"--cohort=gives={kind}"]
        course = [f"--rounds={ROUNDS}", "--pause=0s"]
        found: str = self.server.ask("federation", "start", "shared", *classes, *plan, *course)[
            "id"
        ]
        return found

    def heads(self, campaign: str, file: Path) -> Pairs:
        """Its heads with their digests, the newest first: one of each round."""
        listed = self.server.ask("federation", "head", "list", campaign)
        assert [each["round"] for each in listed] == list(range(ROUNDS, 0, -1))
        assert [each["version"] for each in listed] == list(range(ROUNDS, 0, -1))
        found = []
        for each in listed:
            asked = ("federation", "head", "export", campaign, str(each["version"]))
            self.server.ask(*asked, f"--output={file}")
            found.append((decode(file.read_bytes()), each["digest"]))
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("g")
    program, trap = folder / "aggregator", folder / "trap"
    run = f'"{sys.executable}" -m tests.faults.trapped aggregator "$(cat "{trap}")"'
    program.write_text(f"#!/bin/sh\nexec {run}\n")
    program.chmod(0o700)
    flags = ("--check-in-seconds=1", f"--federation-aggregator={program}")
    with (
        Mother("orchestrator") as orchestrators,
        ForkedOrchestrator(orchestrators, folder / "data", *flags) as server,
    ):
        path = tiny_bundle(folder / "b", name="shared")
        bundle = server.ask("backbone", "push", str(path))["backbone"]["digest"]
        partners = {kind: band(server, f"gives={kind}", bundle, [kind] * 3) for kind in KINDS}
        made = Site(server, trap, partners, {})
        for kind in KINDS:
            campaign = made.start(kind, {})
            see_through(server, campaign, partners[kind])
            made.expected[kind] = made.heads(campaign, folder / "expected")
        yield made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("step", steps())
def test_an_aggregator_killed_at_a_step_comes_to_the_same_heads_once(
    step: str, side: str, count: int, kind: RowKind, site: Site, tmp_path: Path, tried: Tried
) -> None:
    tried("kill -9 of the aggregator at a step")
    died, commits = tmp_path / "died", tmp_path / "commits"
    function = {**CLIENT, "function": f"WorkerClient.{step}"}
    trap = {**function, "side": side, "count": count, "trail": str(died)}
    campaign = site.start(kind, {"die_at_call": trap, "note_commits": str(commits)})
    see_through(site.server, campaign, site.partners[kind])
    if (step, count, kind) != ("fetch", 2, RowKind.MEANS):  # there is one head to begin with
        assert [each["died"] for each in trail_of(died)] == [side]
    found = site.heads(campaign, tmp_path / "head")
    for (head, _), (expected, _) in zip(found, site.expected[kind], strict=True):
        assert (head.classes, head.ids) == (expected.classes, expected.ids)
        assert np.array_equal(head.counts, expected.counts)
        assert np.array_equal(head.rows, expected.rows)
    offered = [(each["round"], each["digest"]) for each in trail_of(commits)]
    assert set(offered) == {(ROUNDS - place, digest) for place, (_, digest) in enumerate(found)}


@pytest.mark.parametrize("side", SIDES)
def test_an_aggregator_killed_as_it_gives_up_gives_up_once(
    side: str, site: Site, tmp_path: Path, tried: Tried
) -> None:
    tried("kill -9 of the aggregator at a step")
    died = tmp_path / "died"
    trap = {**CLIENT, "function": "WorkerClient.give_up", "side": side, "trail": str(died)}
    campaign = site.start(RowKind.MEANS, {"refuse_always": HOPELESS, "die_at_call": trap})

    def has_failed() -> bool:
        return bool(site.server.ask("federation", "show", campaign)["phase"] == "failed")

    wait_until(has_failed)
    wait_until(lambda: bool(trail_of(died)))
    assert [each["died"] for each in trail_of(died)] == [side]
    assert "a test wants it so" in site.server.ask("federation", "show", campaign)["reason"]
    assert site.server.ask("federation", "head", "list", campaign) == []
