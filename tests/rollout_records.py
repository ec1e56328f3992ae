"""A rollout and a device of it in every state that tests ask for."""

from dataclasses import replace

from fieldwise.update import UpdatePhase
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict
from orchestrator.fleet.device import Permit, Standing, Target
from orchestrator.fleet.report import UpdateReport
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Rollout
from tests.fleet_records import NOW

WANTED, OTHER, OLDEST = "a" * 64, "b" * 64, "c" * 64
PLAN = Plan("lite0:1")
ROLLOUT = Rollout(5, WANTED, "lite0:1", "", NOW - 100, PLAN)
# Serves OTHER, knows its target, and has not begun.
MEMBER = Standing(
    "d1",
    NOW - 100,
    target=Target(3, WANTED),
    rollout=5,
    before=(OTHER,),
    ordered_at=NOW - 50,
    seen_at=NOW,
    generation=3,
    bundle_in_use=OTHER,
    agent_version="0.1.0",
)
STRANGER = replace(MEMBER, device="d2", target=None, rollout=0, generation=0, before=())


def at(phase: UpdatePhase, standing: Standing = MEMBER) -> Standing:
    """Return a device that is so far with its target."""
    assert standing.target is not None
    update = UpdateReport(standing.target.generation, standing.target.digest, phase)
    serves = phase in {UpdatePhase.PROBATION, UpdatePhase.ACTIVE}
    in_use = standing.target.digest if serves else standing.bundle_in_use
    return replace(standing, update=update, bundle_in_use=in_use)


ARRIVED = at(UpdatePhase.ACTIVE)
FAILED = at(UpdatePhase.REVERTED)
DECLINED = at(UpdatePhase.DECLINED)


def permitted(
    standing: Standing = MEMBER, since: float = NOW - 1, until: float = NOW + 9
) -> Standing:
    assert standing.target is not None
    return replace(standing, permit=Permit(standing.target.generation, until, since))


def ordered_back(standing: Standing = MEMBER) -> Standing:
    """Return a device that has just been ordered back to what it had."""
    assert standing.target is not None
    generation = standing.target.generation + 1
    return replace(standing, target=Target(generation, standing.before[0], back=True))


def named(count: int, standing: Standing) -> list[Standing]:
    return [replace(standing, device=f"{standing.device}-{number}") for number in range(count)]


def verdict(*, worse: int = 0, better: int = 0, samples: int = 100, generation: int = 3) -> Verdict:
    """A comparison in which every sample comes from a scene of its own."""
    counts = PairedCounts(samples - worse - better, worse, better, 0, samples, worse, better)
    return Verdict(generation, Judgement.ACCEPTED, Basis.LABELLED, counts)
