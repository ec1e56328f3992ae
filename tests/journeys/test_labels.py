"""Labels in real life: a real daemon, its own program, and a power cut in between."""

from pathlib import Path

from fieldwise.client import Device
from tests.bundles import CLASSES, class_folder, class_images, tiny_bundle
from tests.fakes.agent_process import AgentProcess, wait_until

SECRET = "kestrel-77e1"


def teach_all(device: Device, count: int = 6) -> None:
    for name in CLASSES:
        for number, image in enumerate(class_images(name, count)):
            device.teach(image, name, burst=f"{name} {number}")


def stored(agent: AgentProcess, content: bytes) -> list[str]:
    files = [each for each in agent.folder.rglob("*") if each.is_file()]
    return [each.name for each in files if content in each.read_bytes()]


def test_feedback_comes_after_a_power_cut_and_the_later_of_two_labels_wins(
    agent: AgentProcess, tmp_path: Path
) -> None:
    agent.ask("backbone", "install", tiny_bundle(tmp_path / "one"))
    agent.start()
    with agent.device() as device:
        teach_all(device)
        prediction = device.predict(class_images("red", 1, seed=5)[0])
        database = agent.folder / "state.sqlite-wal"
        wait_until(lambda: prediction.id.encode() in database.read_bytes())
    agent.kill()
    agent.start()
    assert agent.ask("feedback", prediction.id, "crimson")["sample_id"] == prediction.id
    agent.kill()
    agent.start()
    agent.ask("feedback", prediction.id, "scarlet")
    classes = agent.ask("status")["classes"]
    assert classes["scarlet"] == 1
    assert "crimson" not in classes
    assert agent.stop() == 0
    assert agent.ask("status")["classes"] == classes


def test_questions_are_listed_shown_and_answered(agent: AgentProcess, tmp_path: Path) -> None:
    agent.ask("backbone", "install", tiny_bundle(tmp_path / "one"))
    agent.start()
    with agent.device() as device:
        teach_all(device, 3)
        for name in CLASSES:
            for image in class_images(name, 4, seed=9):
                device.predict(image)
        for first, second in zip(class_images("red", 4), class_images("blue", 4), strict=True):
            device.predict(first // 2 + second // 2)  # neither: the head is in doubt
    listed = agent.ask("ask", "--count", "3", "--save", tmp_path / "shown")
    assert 1 <= len(listed["questions"]) <= 3
    for question in listed["questions"]:
        assert Path(question["file"]).stat().st_size > 0
        lesson = agent.ask("answer", question["prediction_id"], "odd")
        assert lesson["share"] == "learn"
    assert agent.ask("status")["classes"]["odd"] == len(listed["questions"])
    said = agent.run("ask")
    assert "more may be asked today" in said.stdout
    assert all(each["prediction_id"] not in said.stdout for each in listed["questions"])


def test_what_is_forgotten_is_gone_from_head_folder_and_starts_to_come(
    agent: AgentProcess, tmp_path: Path
) -> None:
    agent.ask("backbone", "install", tiny_bundle(tmp_path / "one"))
    agent.start()
    images = class_folder(tmp_path / "images", count=3)
    with agent.device() as device:
        teach_all(device)
        for number, image in enumerate(class_images("red", 3, seed=21)):
            device.teach(image, SECRET, burst=f"secret {number}")
    assert stored(agent, SECRET.encode())
    refused = agent.run("forget", "--class", SECRET, "--since", "1d")
    assert (refused.returncode != 0, "exactly one of" in refused.stderr) == (True, True)
    told = agent.ask("forget", "--class", SECRET, "--strict", "--yes")
    assert told["samples"] == 3
    assert told["sentences"]
    assert stored(agent, SECRET.encode()) == []
    agent.kill()
    agent.start()
    assert SECRET not in agent.ask("status")["classes"]
    assert stored(agent, SECRET.encode()) == []
    (answer,) = agent.ask("predict", images / "red" / "0.png")
    assert answer["classes"][0]["name"] in CLASSES
    assert "nothing is known of a class" in agent.run("forget", "--class", SECRET, "--yes").stderr
    agent.ask("forget", "--since", "1d", "--yes")
    assert agent.ask("status")["classes"] == {}
