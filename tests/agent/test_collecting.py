"""What a diagnosis says of a whole agent, and what it must not: canaries in everything it holds."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from agent.app import Agent
from agent.reporting import DiagnosisAnswer, Steering, SteeringRevision
from agent.rpc import summaries, translate
from fieldwise.client import Device
from fieldwise.diagnosis import ALLOWED_SETTINGS, UNKNOWN, Diagnosis, DiagnosisStep
from fieldwise.errors import FieldwiseError
from tests.bundles import class_images
from tests.diagnoses import DIAGNOSIS, REQUEST
from tests.fakes.agent_inside import asking, running

WORDS = ("canaryclass", "canarycritical", "canaryhost", "canaryhook", "canaryfile", "canaryburst")
CLASS, CRITICAL, HOST, HOOK, FILE, BURST = WORDS


def forms(word: str) -> Iterator[bytes]:
    """A word as it stands, in capitals, reversed, in hexadecimal and base64, begin where it may."""
    plain = word.encode()
    yield from (plain, plain.upper(), plain[::-1], plain.hex().encode())
    for before in range(3):
        told = base64.b64encode(b"x" * before + plain)
        yield told[4 if before else 0 : -4]


def leaks(message: bytes, words: tuple[str, ...]) -> list[str]:
    return [word for word in words for form in forms(word) if form in message]


def message_of(found: Diagnosis) -> bytes:
    answer = DiagnosisAnswer(REQUEST, DiagnosisStep.GIVEN, found)
    return translate.diagnosis_request(answer).SerializeToString()


def fail_in_many_ways(device: Device, folder: Path) -> None:
    """Errors whose words have canaries: a class that is none, a file that is no image."""
    for attempt in (
        lambda: device.teach(class_images("red", 1)[0], f" {CLASS}", burst=BURST),
        lambda: device.teach(str(folder / f"{FILE}.png").encode(), CLASS, burst=BURST),
        lambda: device.predict(FILE.encode() * 100),
        lambda: device.feedback(f"{FILE}", CLASS),
    ):
        with pytest.raises(FieldwiseError):
            attempt()


def learn_canaries(device: Device, folder: Path) -> None:
    for number, image in enumerate(class_images("red", 3)):
        device.teach(image, CLASS, burst=f"{BURST} {number}")
    fail_in_many_ways(device, folder)


async def diagnosed(agent: Agent) -> Diagnosis:
    return (await asyncio.to_thread(agent.diagnosing.asked)).diagnosis


async def test_nothing_that_an_owner_named_or_taught_is_in_what_leaves(tmp_path: Path) -> None:
    folder = tmp_path / "canarydir"
    folder.mkdir()
    async with running(
        folder,
        critical_classes=(CRITICAL,),
        link_hosts=(f"{HOST}.example",),
        update_hook=Path(f"/usr/{HOOK}"),
    ) as agent:
        await asking(agent, lambda device: learn_canaries(device, folder))
        found = await diagnosed(agent)
        message = message_of(found)
        image = class_images("red", 1)[0]
        assert leaks(message, (*WORDS, "canarydir", str(tmp_path))) == []
        assert not any(bytes(row) in message for row in image.reshape(-1, 24)[:64])
        assert UNKNOWN not in (found.python_version, found.system, found.kernel)
        assert len(found.troubles) >= 3
        assert all(each.frames for each in found.troubles)
        said = summaries.diagnosis(DiagnosisAnswer(REQUEST, DiagnosisStep.GIVEN, found))
        assert leaks(said.encode(), WORDS) == []


async def test_settings_are_told_as_they_are_in_force(tmp_path: Path) -> None:
    async with running(
        tmp_path, backbone=False, heads="ridge,average,ridge", queue_max=3, retention_days=4
    ) as agent:
        own = (await diagnosed(agent)).settings
        assert (own.heads, own.queue_max, own.retention_days) == (("ridge", "average"), 3, 4)
        for name in ALLOWED_SETTINGS:
            if name != "heads":
                assert getattr(own, name) == getattr(agent.settings, name)
        agent.journal.write_steering(SteeringRevision(1, Steering(retention_days=9)))
    async with running(
        tmp_path, backbone=False, heads="ridge,average,ridge", queue_max=3, retention_days=4
    ) as agent:
        assert (await diagnosed(agent)).settings.retention_days == 9


async def test_what_the_log_says_while_an_error_is_handled_is_noted(tmp_path: Path) -> None:
    async with running(tmp_path, backbone=False) as agent:
        await asking(agent, lambda device: device.status())
        before = agent.troubles.noticed
        fail_and_log(agent, tmp_path / FILE)
        assert agent.troubles.noticed == before + 1
        assert agent.troubles.newest_first()[0].fault is not None
        assert leaks(message_of(await diagnosed(agent)), WORDS) == []
    fail_and_log(agent, tmp_path / FILE)
    assert agent.troubles.noticed == before + 1  # its daemon has ended


def test_the_look_for_canaries_finds_them() -> None:
    """A build that leaked would be caught: in a name, and as part of base64."""
    message = translate.diagnosis_request(DiagnosisAnswer(REQUEST, DiagnosisStep.GIVEN, DIAGNOSIS))
    frame = message.diagnosis.errors[0].frames[0]
    for leak in (FILE, FILE[::-1], *(_base64(before, FILE) for before in range(3))):
        frame.function = leak
        assert leaks(message.SerializeToString(), WORDS) == [FILE]


def _base64(before: int, word: str) -> str:
    return base64.b64encode(b"y" * before + word.encode() + b"zz").decode()


def fail_and_log(agent: Agent, bundle: Path) -> None:
    try:
        agent.bundles.install(bundle)
    except FieldwiseError as error:
        structlog.get_logger().error("it went wrong", reason=error.sentence)
