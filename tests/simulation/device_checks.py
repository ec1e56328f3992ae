"""What must be true of a simulated device at every moment, whatever happened to it."""

from fieldwise.update import UNDER_WAY, UpdatePhase
from tests.simulation.devices import SimulatedDevice

BEFORE_SERVING = UNDER_WAY - {UpdatePhase.PROBATION}
TURNED_DOWN = frozenset({UpdatePhase.DECLINED, UpdatePhase.REVERTED})
ENDS = TURNED_DOWN | {UpdatePhase.ACTIVE}


def check_pair(device: SimulatedDevice) -> None:
    """Exactly one pair serves; it is proven, it was let pass, and there is a way back from it."""
    journal, name = device.journal, device.name
    if device.bundle is not None:
        assert device.bundle in device.proven, f"{name} serves what failed its golden vectors"
        assert device.bundle in device.accepted, f"{name} serves what was not judged"
    if journal.phase is UpdatePhase.ACTIVE:
        assert device.bundle == journal.wanted, f"{name} is active with something else"
    if journal.phase in TURNED_DOWN and not device.spoiled:  # else there may be nothing else
        assert device.bundle != journal.wanted, f"{name} turned down what it serves"
    if journal.phase in BEFORE_SERVING:
        assert device.bundle != journal.wanted, f"{name} serves what is still {journal.phase}"
    if journal.phase is UpdatePhase.PROBATION:
        assert journal.before is not None, f"{name} is on probation with no way back"
        way_back = journal.before.digest
        assert way_back not in device.on_trial, f"{name} would fall back to what it never proved"
    else:
        assert device.bundle not in device.on_trial, f"{name} serves unwatched what is on trial"
    if not device.alive:
        return
    assert device.state == journal, f"{name} lives by what its journal does not say"
    assert device.serving == device.bundle, f"{name} serves {device.serving}, not {device.bundle}"
    kept = {pair.digest for pair in (journal.in_use, journal.before) if pair is not None}
    assert kept <= device.disk | device.spoiled, f"{name} threw away a pair that it may need"


def check_work(device: SimulatedDevice) -> None:
    """Nothing is stuck: what is under way is worked on, and nothing else is."""
    journal = device.journal
    busy = device.alive and journal.phase in UNDER_WAY and journal.hold is None
    if busy:
        assert device.job is not None, f"{device.name} is {journal.phase} and does nothing"
        assert device.job.action.work == journal.work, f"{device.name} works on what was given up"
    elif device.alive:
        assert device.job is None, f"{device.name} is {journal.phase} and works on something"


def check_end(device: SimulatedDevice) -> None:
    """Long after the last fault every update has come to its end or waits for its permit."""
    phase = device.journal.phase
    assert phase in ENDS | {UpdatePhase.IDLE}, f"{device.name} is still {phase}"
    assert device.journal.hold is None, f"{device.name} is still held: {device.journal.hold}"


def check(device: SimulatedDevice) -> None:
    """Everything that must be true now."""
    check_pair(device)
    check_work(device)
