"""SIGKILL before and after every step that the journal of an agent takes, from the tables."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.update.machine import FROM_OUTSIDE, FROM_WORK
from agent.update.signs import Sign
from fieldwise import archive
from fieldwise.client import Device
from fieldwise.update import UNDER_WAY, UpdatePhase
from tests.bundles import CLASSES, class_images, tiny_bundle
from tests.fakes.agent_process import wait_until
from tests.faults.conftest import Tried
from tests.faults.forked import Mother
from tests.faults.forked_agent import Client, ForkedAgent, encoded
from tests.faults.trails import SIDES, trail_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
END = frozenset({UpdatePhase.ACTIVE, UpdatePhase.DECLINED, UpdatePhase.REVERTED})
QUIET = END | {UpdatePhase.IDLE}
LESSONS = 12


def steps() -> list[tuple[str, str, str]]:
    """Every step of the tables: the phase, what it meets, and the phase that follows."""
    return [
        (str(phase), str(sign), str(target or phase))
        for table in (FROM_OUTSIDE, FROM_WORK)
        for phase, row in table.items()
        for sign, target in row.items()
    ]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A state folder with a pair in use, and the bundles that it may change to."""

    state: Path
    bundles: dict[str, Path]
    digests: dict[str, str]
    files: str  # where all of them are unpacked


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, mother: Mother) -> Prepared:
    folder = tmp_path_factory.mktemp("p")
    bundles, digests = {}, {}
    for number, name in enumerate("zabc"):
        bundles[name] = tiny_bundle(
            folder / name, seed=number, width=32 + number, version=f"{number + 1}.0.0", starter=True
        )
        digests[name], _ = archive.unpack(bundles[name], folder / "unpacked")
    agent = agent_on(mother, folder / "s")
    for name in "za":
        assert "in use" in agent.run_forked("backbone", "install", bundles[name])
    agent.start()
    with agent.device() as device:
        for number in range(LESSONS):
            name = CLASSES[number % len(CLASSES)]
            device.teach(class_images(name, 1, seed=number)[0], name, burst=f"{number}")
    agent.stop()
    return Prepared(agent.folder, bundles, digests, str(folder / "unpacked"))


def agent_on(mother: Mother, state: Path) -> ForkedAgent:
    """An agent whose probation ends at once, unless it is held."""
    return ForkedAgent(mother, state, probation_minutes="0")


Line = dict[str, Any]

WORK = {
    UpdatePhase.FETCHING: "fetch",
    UpdatePhase.VERIFYING: "verify",
    UpdatePhase.MIGRATING: "migrate",
    UpdatePhase.JUDGING: "judge",
    UpdatePhase.PROBATION: "watch",
}
WITH_HOLD = frozenset({Sign.CONFIRMED, Sign.RELEASED})  # what ends a hold of a judged pair
# Lives that end in the phase before the one that is tried.
LIVES: dict[str, int] = {Sign.RESUMED: 1, Sign.EXHAUSTED: 4}
HELD: Line = {"event": "Judged", "given": {"judgement": "held"}}
WISH_LOST: list[Line] = [  # an owner's wish whose serving pair goes lost under it
    {"holds": "verify"},
    {"event": "Installed", "given": {"digest": "b"}},
    {"phase": "verifying"},
    {"event": "Lost"},
]


def target(generation: int, digest: str, *, back: bool = False) -> Line:
    given = {"generation": generation, "digest": digest, "back": back}
    return {"event": "Targeted", "given": given}


def start(sign: str) -> list[Line]:
    """From ACTIVE on bundle a, with z before it, to an update of which all work is still to do."""
    wanted = "z" if sign == Sign.ROLLED_TO_WISH else "b"
    back = sign == Sign.MIGRATED_UNJUDGED
    return [target(1, wanted, back=back), {"event": "Permitted", "given": {"generation": 1}}]


def route(phase: UpdatePhase, sign: str) -> list[Line]:
    """What brings the machine from ACTIVE into a phase."""
    match phase:
        case UpdatePhase.ACTIVE:
            return []
        case UpdatePhase.IDLE:
            return WISH_LOST if sign == Sign.RESUMED else start(sign)[:1]
        case UpdatePhase.REVERTED:
            return [{"fails": "verify"}, *start(sign)]
        case UpdatePhase.DECLINED:
            declined = {"event": "Judged", "given": {"judgement": "declined"}}
            return [{"holds": "judge"}, *start(sign), {"phase": "judging"}, declined]
        case UpdatePhase.JUDGING if sign in WITH_HOLD:
            return [*start(sign), {"phase": "judging"}, HELD]
        case _:
            return start(sign)


def word(phase: UpdatePhase, sign: str) -> list[Line]:
    """What the machine reads as a sign in a phase; nothing where work or a restart brings it."""
    ended = phase in END or phase is UpdatePhase.PROBATION
    permitted = {"event": "Permitted", "given": {"generation": 1}}
    words: dict[str, Line] = {
        Sign.RETARGETED: target(2, "c"),
        Sign.ORDERED_BACK: target(2, "c", back=True),
        Sign.TAKEN_BACK: target(2, "a", back=True),
        Sign.SETTLED: target(2, "b" if phase is UpdatePhase.PROBATION else "a"),
        Sign.PERMITTED: permitted,
        Sign.INSTALLED: {"event": "Installed", "given": {"digest": "c"}},
        Sign.ROLLED_BACK: {"event": "RolledBack"},
        Sign.ROLLED_TO_WISH: {"event": "RolledBack"},
        Sign.PINNED: {"event": "Pinned"},
        Sign.CONFIRMED: {"event": "Confirmed"},
        Sign.REFUSED: {"event": "Refused"},
        Sign.RELEASED: {"event": "HoldChanged", "given": {"hold": None}},
        Sign.LOST: {"event": "Lost"},
        Sign.STRANDED: {"event": "Stranded"},
        Sign.NOTED: {"event": "Pinned" if ended else "Confirmed"},
        Sign.LACKING: {"event": "Lacking", "given": {"missing_bytes": 1000}},
        Sign.ACCEPTED: {"event": "Judged", "given": {"judgement": "accepted"}},
        Sign.HELD: HELD,
        Sign.DECLINED: {"event": "Judged", "given": {"judgement": "declined"}},
        Sign.PASSED: {"event": "ProbationPassed"},
    }
    return [words[sign]] if sign in words else []


def script(phase: UpdatePhase, sign: str, digests: dict[str, str]) -> list[Line]:
    """What to play to a daemon so that it takes this step."""
    lines, said = [*route(phase, sign)], word(phase, sign)
    if sign == Sign.FAILED:
        lines.insert(0, {"fails": WORK[phase]})
    elif phase in WORK and (said or sign in LIVES):
        lines.insert(0, {"holds": WORK[phase]})
    if said:
        lines += [{"phase": str(phase)}, *said]
    return [_spelled(line, digests) for line in lines]


def _spelled(line: Line, digests: dict[str, str]) -> Line:
    given = dict(line.get("given", {}))
    if "digest" in given:
        given["digest"] = digests[given["digest"]]
    return {**line, **({"given": given} if given else {})}


def test_all_work_of_the_machine_can_be_held() -> None:
    assert set(WORK) == UNDER_WAY


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("phase", "sign", "target"), steps(), ids=["-".join(each) for each in steps()]
)
def test_an_agent_killed_at_a_step_serves_and_goes_on(
    phase: str,
    sign: str,
    target: str,
    side: str,
    prepared: Prepared,
    mother: Mother,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Tried,
) -> None:
    tried("kill -9 of the agent at a journaled step")
    folder = tmp_path_factory.mktemp("k")
    shutil.copytree(prepared.state, folder / "s", ignore=shutil.ignore_patterns("socket"))
    agent, trail = agent_on(mother, folder / "s"), folder / "trail"
    fleet = {"serve_files": prepared.files}
    played = script(UpdatePhase(phase), sign, prepared.digests)
    with Client(agent.socket) as client:
        for _ in range(LIVES.get(sign, 0)):
            live_until(agent, {"play": played, **fleet}, phase)
            played = [line for line in played if "holds" in line]
        trap = {"trail": str(trail), "side": side, "edge": [phase, sign]}
        child = agent.begin({"play": played, "die_at_step": trap, **fleet})
        child.wait()
        died = trail_of(trail)[-1]
        assert died["died"] == side, f"{died}\n{child.told()}"
        assert died["to"] == target
        assert encoded(agent.journal()) == died["old" if side == "before" else "new"]
        agent.start(fleet)
        assert_goes_on(agent, prepared)
        agent.stop()
    assert client.failures == []


def live_until(agent: ForkedAgent, trap: dict[str, Any], phase: str) -> None:
    """One life that ends by SIGKILL in a phase."""
    agent.begin(trap)
    wait_until(agent.socket.exists)
    with agent.device() as device:
        wait_until(lambda: device.status().update.phase == phase)
    agent.kill()


def assert_goes_on(agent: ForkedAgent, prepared: Prepared) -> None:
    """Everything that was learned is there, the update ends, and the next one succeeds."""
    with agent.device() as device:
        assert counted(device) == LESSONS
        wait_until(lambda: is_quiet(device))
        assert device.predict(class_images("red", 1)[0]).best in CLASSES
        told = agent.run_forked("backbone", "install", prepared.bundles["b"])
        assert "in use" in told, told
        assert device.status().backbone == "tiny:3.0.0"
        assert counted(device) == LESSONS


def is_quiet(device: Device) -> bool:
    """Whether the update has ended, or waits for its owner or for more samples to judge by."""
    update = device.status().update
    return update.phase in QUIET or bool(update.hold)


def counted(device: Device) -> int:
    learning = device.status().learning
    return learning.samples + learning.select_samples + learning.judge_samples
