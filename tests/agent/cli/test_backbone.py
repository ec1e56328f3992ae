"""The owner's commands about backbones, on the state folder itself and through a daemon."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.cli.desk import AWAITED, desk
from agent.cli.progress import FAILURES, HOLDS, PHASES, update_words
from agent.config import AgentSettings
from agent.reporting import Role
from fieldwise.answers import ProbationStatus, UpdateStatus
from fieldwise.errors import CATALOGUE, Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from tests.agent.cli.conftest import Run
from tests.bundles import class_folder, tiny_bundle
from tests.fakes.agent_inside import running, tiny


@pytest.fixture
def first(run: Run, tmp_path: Path) -> Path:
    bundle = tmp_path / "first"
    bundle.write_bytes(tiny())
    run("backbone", "install", bundle)
    return bundle


@pytest.fixture
def second(first: Path, run: Run, tmp_path: Path) -> Path:
    bundle = tiny_bundle(tmp_path / "second", seed=4, version="2.0.0", width=48)
    status, out, err = run("backbone", "install", bundle)
    assert (status, "on probation" in out) == (0, True), err
    return bundle


def listed(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(run("backbone", "list", "--json")[1])
    return found


def test_a_second_backbone_goes_on_probation_beside_the_first(second: Path, run: Run) -> None:
    assert [(each["backbone"], each["role"]) for each in listed(run)] == [
        ("tiny:2.0.0", "in-use"),
        ("tiny:1.0.0", "before"),
    ]
    _, out, _ = run("backbone", "list")
    assert "on probation" in out


def test_going_back_is_undone_by_going_back(second: Path, run: Run, tmp_path: Path) -> None:
    status, out, _ = run("backbone", "rollback")
    assert (status, out.strip()) == (0, "tiny:1.0.0 is in use again")
    assert "the owner took it back" in run("status")[1]
    image = class_folder(tmp_path / "images", count=1) / "red" / "0.png"
    assert "tiny:1.0.0" in run("predict", image, "--json")[1]
    assert msgspec.json.decode(run("backbone", "rollback", "--json")[1]) == {
        "backbone": "tiny:2.0.0"
    }
    assert "tiny:2.0.0" in run("predict", image, "--json")[1]


def test_what_there_is_nothing_of_is_said(first: Path, run: Run) -> None:
    for command in ("rollback", "confirm", "refuse"):
        status, _, err = run("backbone", command, "--json")
        assert status == CATALOGUE[Fault.NOT_FOUND].exit_code
        assert msgspec.json.decode(err.splitlines()[-1])["error"]["fault"] == Fault.NOT_FOUND


def test_without_a_backbone_there_is_nothing_to_pin(run: Run) -> None:
    status, _, err = run("backbone", "pin")
    assert (status, "no backbone to pin" in err) == (CATALOGUE[Fault.NO_BACKBONE].exit_code, True)
    assert "there is no backbone yet" in run("backbone", "list")[1]


def test_a_pin_is_shown_and_taken_out(first: Path, run: Run) -> None:
    run("backbone", "pin")
    assert listed(run)[0]["pinned"]
    assert "pinned" in run("status")[1]
    run("backbone", "unpin")
    assert not listed(run)[0]["pinned"]


async def test_a_daemon_does_what_its_owner_says(tmp_path: Path) -> None:
    second = tiny_bundle(tmp_path / "second", seed=4, version="2.0.0", width=48)

    def owner(settings: AgentSettings) -> None:
        with desk(settings) as reached:
            reached.install(second)
            assert reached.status().update.phase not in AWAITED
            backbones = reached.backbones()
            assert [each.role for each in backbones] == [Role.IN_USE, Role.BEFORE]
            assert [each.title for each in backbones] == ["tiny:2.0.0", "tiny:1.0.0"]
            reached.pin(pinned=True)
            assert reached.status().update.pinned
            assert reached.roll_back() == "tiny:1.0.0"
            assert reached.status().update.failure == "owner"
            with pytest.raises(FieldwiseError) as caught:
                reached.answer(confirmed=True)
            assert caught.value.fault is Fault.NOT_FOUND

    async with running(tmp_path) as agent:
        await asyncio.to_thread(owner, agent.settings)


def test_every_word_of_an_update_is_said_in_a_sentence() -> None:
    assert set(PHASES) == set(UpdatePhase)
    assert set(HOLDS) | {UpdateHold.DISK} == set(UpdateHold)
    assert set(FAILURES) == set(UpdateFailure)


def test_what_is_missing_on_the_disk_is_told() -> None:
    update = UpdateStatus(4, "ab" * 32, "idle", "", "disk", 3 << 20)
    assert update_words(update) == (
        "backbone abababababab is wanted; it waits for 3.0 MiB more room on the disk"
    )


def test_how_far_probation_is_is_told() -> None:
    probation = ProbationStatus(57, 200, 120, 600, 1, 2, 12, 3, 1)
    update = UpdateStatus(4, "ab" * 32, "probation", "", probation=probation)
    assert update_words(update) == (
        "the backbone in use is on probation; 57 of 200 predictions or 2.0 of 10.0 minutes,"
        " 1 failed, 2 slow, 3 of 12 labelled samples known to the old one alone and 1 to the new"
        " one"
    )
    quiet = update_words(replace(update, probation=ProbationStatus(0, 200, 0, 600)))
    assert "labelled" not in quiet
