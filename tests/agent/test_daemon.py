"""A whole agent in one process: what applications feel, and what bad input does to it."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from agent.app import Agent
from agent.checkins import Contact
from agent.device.samples import DatabaseSamples
from agent.learning.holdout import share_of
from agent.learning.samples import Burst, Group, Share
from agent.learning.settings import HoldoutSettings
from agent.reporting import Steering, SteeringRevision
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.update import UpdateFailure, UpdatePhase
from tests.bundles import CLASSES, Spoiled, class_folder, class_images, spoiled_bundle, tiny_bundle
from tests.fakes.agent_inside import asking, install, running


def teach_all(device: Device, count: int = 12) -> None:
    for name in CLASSES:
        for number, image in enumerate(class_images(name, count)):
            device.teach(image, name, burst=f"{name} {number}")


def right_of(device: Device) -> int:
    asked = [(name, image) for name in CLASSES for image in class_images(name, 5, seed=9)]
    return sum(device.predict(image).best == name for name, image in asked)


def fault_of(call: Callable[[], object]) -> Fault:
    with pytest.raises(FieldwiseError) as caught:
        call()
    assert len(caught.value.sentence) > 10
    return caught.value.fault


async def test_an_application_teaches_asks_and_corrects(tmp_path: Path) -> None:
    pictures = class_folder(tmp_path / "pictures", count=1)

    def questions(device: Device) -> None:
        teach_all(device)
        assert right_of(device) >= 16
        by_path = device.predict(pictures / "red" / "0.png")
        by_bytes = device.predict((pictures / "red" / "0.png").read_bytes())
        assert by_path.best == by_bytes.best == "red"
        assert by_path.backbone == "tiny:1.0.0"
        assert sum(each.confidence for each in by_path.classes) == pytest.approx(1)
        lesson = device.feedback(by_path.id, "crimson")
        assert lesson.predicted == "red"
        status = device.status()
        assert lesson.share == "learn"
        assert "crimson" in status.classes
        assert status.vital_signs.predictions == 22
        assert status.vital_signs.prediction_p99_micros > 0

    async with running(tmp_path) as agent:
        await asking(agent, questions)


async def test_a_check_in_tells_how_the_world_looks_in_numbers(tmp_path: Path) -> None:
    def questions(device: Device) -> None:
        teach_all(device)
        device.predict(class_images("red", 1)[0])
        device.report_skipped(7)

    async with running(tmp_path) as agent:
        assert agent.observer.signs(Contact()).skipped == 0
        await asking(agent, questions)
        signs = agent.observer.signs(Contact(clock_ahead_seconds=-90))
        assert (signs.skipped, signs.clock_off_seconds) == (7, 90)
        assert signs.learning_p50_micros > 0
        assert (signs.drift_alarms, signs.waiting_samples) == (0, 0)
        report = agent.observer.report(1, 2, Contact(clock_ahead_seconds=2**40))
        assert report.signs.clock_off_seconds == 2**32 - 1


async def test_feedback_twice_counts_once(tmp_path: Path) -> None:
    def questions(device: Device) -> None:
        teach_all(device, 2)
        told = device.predict(class_images("red", 1)[0])
        device.feedback(told.id, "red")
        before = device.status().learning
        device.feedback(told.id, "red")
        assert device.status().learning == before

    async with running(tmp_path) as agent:
        await asking(agent, questions)


async def test_feedback_is_never_held_out(tmp_path: Path) -> None:
    def questions(device: Device) -> None:
        shares = set()
        for number, image in enumerate(class_images("red", 60)):
            shares.add(device.feedback(device.predict(image).id, f"class {number % 20}").share)
        learning = device.status().learning
        assert shares == {"learn"}
        assert (learning.samples, learning.select_samples, learning.judge_samples) == (60, 0, 0)

    async with running(tmp_path) as agent:
        await asking(agent, questions)


async def test_feedback_on_a_scene_set_aside_says_that_it_has_no_use(tmp_path: Path) -> None:
    def questions(device: Device) -> None:
        image = class_images("red", 1)[0]
        assert device.feedback(device.predict(image).id, "red").share == "unused"
        assert device.status().learning.samples == 0

    async with running(tmp_path) as agent:
        learner = agent.serving.learner
        assert learner is not None
        scene = Burst("red", held_out_scene(agent), agent.clock.wall(), 1)
        learner._recorder._bursts["red"] = scene
        await asking(agent, questions)


def held_out_scene(agent: Agent) -> str:
    """Name of a scene that this device sets aside."""
    key = agent.serving.store.holdout_key()
    names = (f"scene:{number}" for number in range(999))
    return next(name for name in names if share_of(name, key, HoldoutSettings()) is not Share.LEARN)


async def test_what_was_learned_is_there_after_a_restart(tmp_path: Path) -> None:
    def teach(device: Device) -> tuple[object, int]:
        teach_all(device)
        return device.status().classes, right_of(device)

    async with running(tmp_path) as agent:
        before = await asking(agent, teach)
    async with running(tmp_path, backbone=False) as agent:
        after = await asking(agent, lambda device: (device.status().classes, right_of(device)))
    assert before == after


async def test_a_new_backbone_serves_without_one_failed_prediction(tmp_path: Path) -> None:
    over = asyncio.Event()

    def ask_on(device: Device) -> set[str]:
        seen: set[str] = set()
        image = class_images("red", 1, seed=3)[0]
        while not over.is_set():
            answer = device.predict(image)
            assert answer.best == "red"
            seen.add(answer.backbone)
        seen.add(device.predict(image).backbone)
        return seen

    async with running(tmp_path) as agent:
        await asking(agent, teach_all)
        asked = asyncio.create_task(asking(agent, ask_on))
        await install(agent, tiny_bundle(tmp_path / "n", seed=4, version="2.0.0", width=48))
        over.set()
        assert await asked == {"tiny:1.0.0", "tiny:2.0.0"}
        assert await asking(agent, right_of) >= 16


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        (Spoiled.LOAD, UpdateFailure.LOAD_FAILED),
        (Spoiled.RUN, UpdateFailure.LOAD_FAILED),
        (Spoiled.GOLDEN, UpdateFailure.GOLDEN_MISMATCH),
    ],
)
async def test_a_bad_backbone_leaves_the_old_pair_and_its_reason(
    kind: Spoiled, failure: UpdateFailure, tmp_path: Path
) -> None:
    async with running(tmp_path) as agent:
        await asking(agent, teach_all)
        await install(agent, spoiled_bundle(tmp_path / "bad", kind))
        state = agent.installer.state
        assert (state.phase, state.failure) == (UpdatePhase.REVERTED, failure)
        status = await asking(agent, lambda device: device.status())
        assert (status.backbone, status.update.failure) == ("tiny:1.0.0", failure.value)
        assert await asking(agent, right_of) >= 16


async def test_without_a_backbone_it_says_what_to_do(tmp_path: Path) -> None:
    def questions(device: Device) -> None:
        image = class_images("red", 1)[0]
        assert fault_of(lambda: device.predict(image)) is Fault.NO_BACKBONE
        assert fault_of(lambda: device.teach(image, "red")) is Fault.NO_BACKBONE
        assert device.status().backbone == ""

    async with running(tmp_path, backbone=False) as agent:
        await asking(agent, questions)


async def test_images_that_are_none_are_refused_and_the_daemon_stays_up(tmp_path: Path) -> None:
    whole = (class_folder(tmp_path / "p", count=1) / "red" / "0.png").read_bytes()
    huge = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x02\x00\x00\x00"
    )

    def questions(device: Device) -> None:
        for content in (b"", b"rubbish", whole[:200], huge + bytes(20), bytes(1 << 20)):
            assert fault_of(lambda content=content: device.predict(content)) is Fault.IMAGE_INVALID
            assert (
                fault_of(lambda content=content: device.teach(content, "red"))
                is Fault.IMAGE_INVALID
            )
        assert fault_of(lambda: device.predict(bytes((32 << 20) + 1))) is Fault.OVER_LIMIT
        assert fault_of(lambda: device.predict(tmp_path / "none.png")) is Fault.IMAGE_INVALID
        assert fault_of(lambda: device.predict(np.zeros((4, 4)))) is Fault.IMAGE_INVALID  # type: ignore[arg-type]  # on purpose
        assert device.teach(whole, "red").share == "learn"
        assert device.status().learning.samples == 1

    async with running(tmp_path) as agent:
        await asking(agent, questions)


async def test_odd_class_names_are_refused(tmp_path: Path) -> None:
    names = ["", " red", "red ", "a\nb", "\x00", "x" * 129, "x" * 600, "\u202e\x1b[2J"]

    def questions(device: Device) -> None:
        image = class_images("red", 1)[0]
        for name in names:
            refused = fault_of(lambda name=name: device.teach(image, name))
            assert refused in {Fault.CLASS_INVALID, Fault.OVER_LIMIT}
        assert device.status().classes == {}

    async with running(tmp_path) as agent:
        await asking(agent, questions)


async def test_names_of_every_script_are_classes(tmp_path: Path) -> None:
    names = ["Äpfel", "苹果", "🍎", "a/b", "..", "' OR 1=1", "x" * 128, "\U0001d4b3" * 128]

    def questions(device: Device) -> None:
        for name in names:
            device.teach(class_images("red", 1)[0], name)
        assert set(device.status().classes) == set(names)
        assert len(device.predict(class_images("red", 1)[0]).classes) == 5

    async with running(tmp_path) as agent:
        await asking(agent, questions)


async def test_a_class_too_many_is_refused_and_the_others_learn_on(tmp_path: Path) -> None:
    def questions(device: Device) -> None:
        image = class_images("red", 1)[0]
        for name in ("one", "two", "three"):
            device.teach(image, name)
        assert fault_of(lambda: device.teach(image, "four")) is Fault.TOO_MANY_CLASSES
        device.teach(image, "one")

    async with running(tmp_path, classes_max=3) as agent:
        await asking(agent, questions)


class FullDisk(DatabaseSamples):
    """A store whose disk can be filled and freed."""

    full = False

    def commit(self, group: Group) -> None:
        if self.full:
            raise FieldwiseError(Fault.DISK_FULL, "there is no room left for the samples")
        super().commit(group)


async def test_a_full_disk_refuses_lessons_and_loses_none_that_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.app.DatabaseSamples", FullDisk)

    def fill(device: Device) -> int:
        taken = 0
        with suppress(FieldwiseError):
            while taken < 100:
                device.teach(class_images("red", 1, seed=taken)[0], "red", burst=f"{taken}")
                taken += 1
        refused = fault_of(lambda: device.teach(class_images("red", 1)[0], "red"))
        assert refused is Fault.DISK_FULL
        assert device.predict(class_images("red", 1)[0]).classes
        return taken

    async with running(tmp_path, commit_samples=4) as agent:
        monkeypatch.setattr(FullDisk, "full", True)
        taken = await asking(agent, fill)
        monkeypatch.setattr(FullDisk, "full", False)
        again = class_images("red", 1, seed=500)[0]
        await asking(agent, lambda device: device.teach(again, "red", burst="later"))
    async with running(tmp_path, backbone=False) as agent:
        counted = (await asking(agent, lambda device: device.status())).learning
        assert counted.samples + counted.select_samples + counted.judge_samples == taken + 1


async def test_a_wall_clock_that_jumps_costs_no_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as agent:
        for wall in (1.0, 4e9, 1.8e9, 0.0):
            monkeypatch.setattr(agent.clock, "wall", lambda wall=wall: wall, raising=False)
            await asking(agent, lambda device: device.teach(class_images("red", 1)[0], "red"))
            await asyncio.to_thread(agent.serving.tick)
    async with running(tmp_path, backbone=False) as agent:
        counted = (await asking(agent, lambda device: device.status())).learning
        assert counted.samples + counted.select_samples + counted.judge_samples == 4


async def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, backbone=False):
        with pytest.raises(FieldwiseError) as caught:
            async with running(tmp_path, backbone=False):
                pass
        assert caught.value.fault is Fault.STATE_LOCKED


async def test_settings_of_an_operator_count_at_once_and_after_a_restart(tmp_path: Path) -> None:
    image = class_images("red", 1)[0]
    async with running(tmp_path) as agent:
        await agent._steer(SteeringRevision(5, Steering(learning_paused=True)))
        await asking(agent, lambda device: device.teach(image, "red"))
        assert (await asking(agent, lambda device: device.status())).settings_revision == 5
    async with running(tmp_path, backbone=False) as agent:
        await asking(agent, lambda device: device.teach(image, "red"))
        status = await asking(agent, lambda device: device.status())
        assert (status.settings_revision, status.learning.samples) == (5, 0)
        assert status.settings.learning_paused
        assert status.settings.exemplar_bytes_max == agent.settings.exemplar_bytes_max


async def test_a_queue_that_is_full_says_so_at_once(tmp_path: Path) -> None:
    def flood(device: Device) -> list[object]:
        import concurrent.futures

        image = np.zeros((1500, 1500, 3), np.uint8)
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            calls = [pool.submit(device.predict, image) for _ in range(36)]
        return [call.exception() for call in calls]

    async with running(tmp_path, queue_max=1) as agent:
        found = [each for each in await asking(agent, flood) if each is not None]
        assert found
        assert all(isinstance(each, FieldwiseError) and each.fault is Fault.BUSY for each in found)
        await asking(agent, lambda device: device.predict(class_images("red", 1)[0]))


async def test_the_sockets_are_guarded_by_the_file_system(tmp_path: Path) -> None:
    async with running(tmp_path, backbone=False) as agent:
        await asking(agent, lambda device: device.status())
        owner, applications = agent.settings.owner_socket, agent.settings.applications
        assert owner.parent.stat().st_mode & 0o777 == 0o700
        assert owner.stat().st_mode & 0o777 == 0o600
        assert applications.stat().st_mode & 0o777 == 0o660


async def test_a_damaged_backbone_is_noticed_and_the_samples_are_safe(tmp_path: Path) -> None:
    async with running(tmp_path) as agent:
        await asking(agent, teach_all)
        pair = agent.installer.state.in_use
        assert pair is not None
        manifest = agent.bundles.manifest(pair.digest)
        assert manifest is not None
        graph = agent.bundles.path(manifest.variants[0].graphs[0].digest)
    graph.write_bytes(bytes(graph.stat().st_size))
    async with running(tmp_path, backbone=False) as agent:
        assert (await asking(agent, lambda device: device.status())).backbone == ""
        await install(agent, tmp_path / "bundle")
        assert await asking(agent, right_of) >= 16


async def test_a_damaged_head_is_learned_again_and_status_says_what_was_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path) as agent:
        await asking(agent, teach_all)
        before = await asking(agent, lambda device: device.status())
    with sqlite3.connect(tmp_path / "s" / "state.sqlite") as connection:
        connection.execute("UPDATE snapshot SET content = randomblob(length(content))")
        connection.execute(
            """DELETE FROM sample WHERE sequence IN
            (SELECT sequence FROM sample WHERE share = 'learn' LIMIT 3)"""
        )
    connection.close()
    for _ in range(2):  # the second time from a sound snapshot, which still knows
        async with running(tmp_path, backbone=False) as agent:
            status = await asking(agent, lambda device: device.status())
            assert status.lost_samples == 3
            assert status.learning.samples == before.learning.samples
            assert sum(status.classes.values()) == sum(before.classes.values()) - 3
            assert await asking(agent, right_of) >= 16
    assert "is damaged" in capsys.readouterr().out
