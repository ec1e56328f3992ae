"""Many lives of one device, with its real update machine and an orchestrator made of dice."""

from collections import Counter
from random import Random

import pytest

from fieldwise.errors import FieldwiseError
from fieldwise.update import UpdatePhase
from orchestrator.fleet.check_in import Orders, StartPermit
from orchestrator.fleet.device import Target
from tests.simulation.bundles import drawn
from tests.simulation.device_checks import check, check_end
from tests.simulation.device_sabotages import SABOTAGES, Sabotage
from tests.simulation.devices import SimulatedDevice

SEEDS = 400
SEEDS_UNTIL_NOTICED = 600
TICK_SECONDS = 5
STORM_TICKS = 200
CALM_TICKS = 100
BUNDLES = tuple(character * 64 for character in "abcd")


def live(seed: int) -> SimulatedDevice:
    """A stormy life and its calm end; everything is checked after every tick."""
    dice = Random(seed)
    traits = {each: drawn(dice, 0.4) for each in BUNDLES}
    device = SimulatedDevice("d", traits, dice.random() < 0.3, 0.0, dice, trouble=0.03)
    target = Target(1, dice.choice(BUNDLES))
    for tick in range(STORM_TICKS + CALM_TICKS):
        stormy, now = tick < STORM_TICKS, float(tick * TICK_SECONDS)
        if tick == STORM_TICKS:
            device.let_go()
        if stormy:
            harm(device, dice)
            if dice.random() < 0.05:
                back = dice.random() < 0.2
                target = Target(target.generation + 1, dice.choice(BUNDLES), back=back)
        device.pass_time(now)
        if device.alive and dice.random() < 0.5:
            waits = device.update.phase is UpdatePhase.IDLE  # as far as the fleet is told
            due = waits and device.bundle != target.digest and dice.random() < 0.5
            permit = StartPermit(target.generation, 20) if due else None
            device.hear(Orders(target, permit, None, 10, int(now)), now)
        check(device)
    check_end(device)
    assert device.alive
    assert device.journal.generation == target.generation
    assert device.journal.phase is not UpdatePhase.IDLE or device.bundle == target.digest
    return device


def live_all(seeds: range) -> None:
    for seed in seeds:
        live(seed)


def harm(device: SimulatedDevice, dice: Random) -> None:
    if device.alive and dice.random() < 0.02:
        device.lose_power(dice.uniform(5, 60))
        if dice.random() < 0.2:
            device.spoil_disk()
    if device.alive and dice.random() < 0.05:
        device.act_as_owner()
    device.disk_full = dice.random() < 0.05


@pytest.mark.parametrize("group", range(4))
def test_a_device_always_has_one_working_pair_and_comes_to_an_end(group: int) -> None:
    live_all(range(group, SEEDS, 4))


def test_lives_visit_every_phase() -> None:
    seen = Counter(phase for seed in range(100) for each in [live(seed)] for phase in each.story)
    words = {phase.partition(" ")[0] for phase in seen}
    assert words == {str(phase) for phase in UpdatePhase}


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda each: each.__name__)
def test_a_sabotage_of_the_update_machine_is_noticed(
    sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)
    with pytest.raises((AssertionError, FieldwiseError)):
        live_all(range(SEEDS_UNTIL_NOTICED))
