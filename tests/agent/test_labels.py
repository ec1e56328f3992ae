"""Labels on a whole agent: asked for, corrected, its own, and forgotten."""

from pathlib import Path

import pytest

from agent.app import Agent, opened
from agent.config import AgentSettings
from agent.learning.forgetting import Selection
from agent.learning.samples import Origin
from agent.learning.stopping import never
from agent.rpc.translate_report import report_response
from fieldwise.answers import Prediction
from fieldwise.client import Device
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import CLASSES, class_images
from tests.fakes.agent_inside import asking, running


def teach_all(device: Device, count: int = 12) -> None:
    for name in CLASSES:
        for number, image in enumerate(class_images(name, count)):
            device.teach(image, name, burst=f"{name} {number}")


def origins(agent: Agent, origin: Origin) -> list[str]:
    found = agent.serving.store.chosen(Selection(origin=origin), 0, 100)
    return [sample.id for sample in found]


async def test_an_earlier_prediction_is_corrected_after_a_restart(tmp_path: Path) -> None:
    (image,) = class_images("red", 1, seed=5)
    async with running(tmp_path) as agent:
        await asking(agent, teach_all)
        prediction = await asking(agent, lambda device: device.predict(image))
        agent.serving.close()
        kept, size = agent.serving.predictions_written()
        assert (kept, size > image.size // 100) == (1, True)
    told = AgentSettings(state_folder=tmp_path / "s")
    with opened(told) as agent:
        lesson = agent.serving.feedback(prediction.id, "crimson")
        assert lesson.sample_id == prediction.id
        agent.serving.feedback(prediction.id, "scarlet")
        learner = agent.serving.learner
        assert learner is not None
        assert (learner.pair.count("crimson"), learner.pair.count("scarlet")) == (0, 1)
    with opened(told) as agent:
        learner = agent.serving.learner
        assert learner is not None
        assert (learner.pair.count("crimson"), learner.pair.count("scarlet")) == (0, 1)
        assert origins(agent, Origin.CORRECTED) == [prediction.id]


async def test_a_sample_of_a_known_key_is_learned_once_and_another_class_corrects_it(
    tmp_path: Path,
) -> None:
    image, other = class_images("red", 2, seed=5)

    def teach(device: Device) -> list[tuple[str, bool]]:
        return [
            (lesson.sample_id, lesson.known)
            for lesson in (
                device.teach(image, "red", key="belt 1"),
                device.teach(image, "red", key="belt 1"),
                device.teach(other, "red", key="belt 2"),
                device.teach(image, "crimson", key="belt 1"),
            )
        ]

    async with running(tmp_path) as agent:
        await asking(agent, teach_all)
        first, again, second, corrected = await asking(agent, teach)
        assert first[0] == again[0] == corrected[0] != second[0]
        assert [each[1] for each in (first, again, second, corrected)] == [
            False,
            True,
            False,
            False,
        ]
        assert agent.serving.learner is not None
        agent.serving.learner.flush()
        assert origins(agent, Origin.CORRECTED) == [first[0]]


async def test_in_memory_only_no_prediction_outlives_the_agent(tmp_path: Path) -> None:
    async with running(tmp_path) as agent:
        prediction = await asking(agent, lambda device: device.predict(class_images("red", 1)[0]))
    told = AgentSettings(state_folder=tmp_path / "s", predictions_durable=False)
    with opened(told) as agent, pytest.raises(FieldwiseError) as caught:
        agent.serving.feedback(prediction.id, "crimson")
    assert caught.value.fault is Fault.NOT_FOUND
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent, pytest.raises(FieldwiseError):
        agent.serving.feedback(prediction.id, "crimson")


async def test_questions_are_asked_within_the_day_s_budget_and_answers_are_learned(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, questions_a_day=2) as agent:

        def ask(device: Device) -> None:
            teach_all(device, 3)
            for name in CLASSES:
                for image in class_images(name, 4, seed=9):
                    device.predict(image)
            for one, other in zip(class_images("red", 4), class_images("blue", 4), strict=True):
                device.predict(one // 2 + other // 2)  # neither: the head is in doubt
            first = device.questions(100)
            assert 1 <= len(first.questions) <= 2
            assert first.budget == 2 - len(first.questions)
            again = device.questions(100)
            assert {each.prediction_id for each in first.questions} == {
                each.prediction_id for each in again.questions
            }
            for question in first.questions:
                assert question.reason in {"uncertain", "novel", "disagreement"}
                assert len(device.question_image(question.prediction_id)) > 0
                lesson = device.feedback(question.prediction_id, question.classes[0].name)
                assert lesson.share in {"learn", "unused"}
            left = {each.prediction_id for each in device.questions(100).questions}
            assert not left & {each.prediction_id for each in first.questions}

        await asking(agent, ask)
        asked = origins(agent, Origin.ASKED)
        found = agent.serving.store.chosen(Selection(origin=Origin.ASKED), 0, 100)
        assert {sample.share for sample in found} <= {"learn"}
        assert len(asked) == len(found)


async def test_a_question_without_its_image_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as agent:
        with pytest.raises(FieldwiseError) as caught:
            await asking(agent, lambda device: device.question_image("nobody"))
        assert caught.value.fault is Fault.NOT_FOUND


async def test_without_labels_nothing_is_labelled_by_the_agent_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as agent:

        def predict(device: Device) -> None:
            teach_all(device)
            for image in class_images("red", 20, seed=3):
                device.predict(image)

        await asking(agent, predict)
        agent.serving.tick()
        assert origins(agent, Origin.SELF) == []


async def test_what_the_agent_is_sure_of_is_learned_marked_and_taken_back(tmp_path: Path) -> None:
    async with running(tmp_path, self_label_confidence=0.5) as agent:
        await asking(agent, lambda device: teach_all(device, 150))
        learner = agent.serving.learner
        assert learner is not None
        learner.tune(never)
        learner.checkpoint()
        learner.pair.settle()
        before, tested = learner.pair.statistics(), learner.figures().window
        asked = [image for name in CLASSES for image in class_images(name, 5, seed=3)]
        said = await asking(agent, lambda device: [device.predict(image) for image in asked])
        assert all(each.calibrated for each in said)
        for _ in range(5):
            agent.serving.tick()
        learner.flush()
        sure = {
            each.id
            for each in said
            if each.classes[0].confidence >= 0.5 and each.novelty and not each.novelty.novel
        }
        own = agent.serving.store.chosen(Selection(origin=Origin.SELF), 0, 100)
        assert own
        assert {sample.id for sample in own} <= sure
        assert {sample.share for sample in own} == {"learn"}
        assert {sample.image for sample in own} == {None}
        assert learner.figures().window == tested
        forgotten = agent.serving.forget(Selection(origin=Origin.SELF), strict=False)
        assert forgotten.exact == len(own)
        assert agent.serving.learner is not None
        assert agent.serving.learner.pair.statistics().same_as(before)


async def test_no_byte_of_a_forgotten_class_stays_in_the_state_folder(tmp_path: Path) -> None:
    secret = "kestrel-4c07"
    marker = b"a-marker-inside-an-image-" + secret.encode()
    async with running(tmp_path) as agent:

        def teach(device: Device) -> None:
            teach_all(device)
            for number, image in enumerate(class_images("red", 3, seed=21)):
                device.teach(png_with(image, marker), secret, burst=f"secret {number}")
            prediction = device.predict(png_with(class_images("red", 1, seed=22)[0], marker))
            device.feedback(prediction.id, secret)

        await asking(agent, teach)
        agent.serving.close()
        assert holding(tmp_path / "s", secret.encode()) == ["state.sqlite"]
        forgotten = agent.serving.forget(Selection(class_name=secret), strict=False)
        assert (forgotten.samples, forgotten.orphans, forgotten.predictions) == (4, 0, 1)
        assert holding(tmp_path / "s", secret.encode()) == []
        agent.serving.close()
        assert holding(tmp_path / "s", secret.encode()) == []
    assert holding(tmp_path / "s", secret.encode()) == []


def holding(folder: Path, content: bytes) -> list[str]:
    """Files that have some bytes; what is still in the log counts as the database."""
    found = [each for each in folder.rglob("*") if each.is_file() and content in each.read_bytes()]
    return sorted({each.name.removesuffix("-wal") for each in found})


def png_with(image: object, marker: bytes) -> bytes:
    """A PNG file with a comment, which decoders pass over."""
    from io import BytesIO

    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info, target = PngInfo(), BytesIO()
    info.add_text("comment", marker.decode())
    Image.fromarray(image).save(target, "PNG", pnginfo=info)  # type: ignore[arg-type]  # pixels
    return target.getvalue()


async def test_what_the_agent_had_no_time_to_label_is_counted_in_its_status(tmp_path: Path) -> None:
    async with running(tmp_path) as agent:
        assert (await asking(agent, lambda device: device.status())).own_labels_dropped == 0
        agent.serving._own.dropped = 3
        assert (await asking(agent, lambda device: device.status())).own_labels_dropped == 3


async def test_an_agent_that_forgot_more_than_it_was_taught_since_it_began_still_reports(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as agent:
        await asking(agent, lambda device: teach_all(device, 6))
    with opened(AgentSettings(state_folder=tmp_path / "s")) as agent:
        agent.serving.forget(Selection(class_name="red"), strict=False)
        report = await agent.household.learning_report()
        assert report_response(report).wear.samples == 0
        agent.serving.teach(class_images("red", 1)[0], "red", "")
        assert agent.serving.recorded() == 1


async def test_with_nothing_left_to_measure_by_nothing_is_told_of_novelty(tmp_path: Path) -> None:
    async with running(tmp_path) as agent:
        await asking(agent, lambda device: teach_all(device, 60))
        learner = agent.serving.learner
        assert learner is not None
        learner.checkpoint()
        (image,) = class_images("red", 1, seed=7)
        before = await asking(agent, lambda device: device.predict(image))
        assert before.novelty is not None
        agent.serving.forget(Selection(since=0.0), strict=False)

        def begin_anew(device: Device) -> Prediction:
            for name in ("blue", "green"):
                for each in class_images(name, 3):
                    device.teach(each, name)
            return device.predict(image)

        told = await asking(agent, begin_anew)
        report = await agent.household.learning_report()
        assert told.novelty is None
        assert (report.novelty_rate, report.batch_gap_samples, report.confidence.samples) == (
            0.0,
            0,
            0,
        )


async def test_what_is_left_is_measured_anew_as_soon_as_something_is_forgotten(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as agent:
        await asking(agent, lambda device: teach_all(device, 60))
        learner = agent.serving.learner
        assert learner is not None
        learner.checkpoint()
        agent.serving.forget(Selection(class_name="red"), strict=False)
        figures, record = learner.figures(), learner.track()
        assert record.counts == (figures.learned, figures.select)
        assert record.yardstick is not None
        assert len(record.yardstick.held) == figures.select
        learner.checkpoint()
        again = learner.track().yardstick
        assert again is not None
        assert again.held.tolist() == record.yardstick.held.tolist()
