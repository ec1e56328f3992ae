"""A real agent that learns from readings: the chemical analysis of wines, of scikit-learn."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import class_images, readings_bundle
from tests.fakes.agent_process import AgentProcess

LABEL = "cultivator"


class Wines:
    """The set in random order: two thirds to learn, a third to ask for at the end."""

    def __init__(self, folder: Path) -> None:
        whole = load_wine()
        order = np.random.default_rng(0).permutation(len(whole.data))
        self.names = [str(name) for name in whole.feature_names]
        self.rows: np.ndarray = whole.data[order]
        self.labels = [f"cultivator {target}" for target in whole.target[order]]
        self.learned = slice(0, 120)
        self.asked = slice(120, None)
        self.table = self.write(folder / "wines.csv", self.learned)

    def write(self, path: Path, part: slice) -> Path:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*self.names, LABEL])
            rows = zip(self.rows[part].tolist(), self.labels[part], strict=True)
            writer.writerows([*row, label] for row, label in rows)
        return path

    def joint(self) -> float:
        """What training on all learned rows at once has right of the others."""
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(self.rows[self.learned], self.labels[self.learned])
        return share(model.predict(self.rows[self.asked]), self.labels[self.asked])


def share(said: Sequence[str], wanted: Sequence[str]) -> float:
    return sum(one == other for one, other in zip(said, wanted, strict=True)) / len(wanted)


def test_a_device_learns_wines_from_their_analysis_as_well_as_joint_training(
    agent: AgentProcess, tmp_path: Path
) -> None:
    wines = Wines(tmp_path)
    bundle = readings_bundle(tmp_path / "b", wines.table, label=LABEL)
    agent.ask("backbone", "install", bundle)
    agent.start()
    with agent.device() as device:
        for number, (row, name) in enumerate(
            zip(wines.rows[wines.learned], wines.labels[wines.learned], strict=True)
        ):
            device.teach(row, name, burst=f"bottle {number}")
        before = device.status().learning
        agent.kill()
    agent.start()
    with agent.device() as device:
        said = [device.predict(row).best for row in wines.rows[wines.asked]]
        wrong = device.predict(wines.rows[-1])
        lesson = device.feedback(wrong.id, "cultivator 9")
        assert lesson.share == "learn"
    assert before.samples + before.select_samples + before.judge_samples == 120
    assert share(said, wines.labels[wines.asked]) >= wines.joint() - 0.04
    assert before.window_correct / before.window_samples >= 0.8, (
        "most were right before they were learned"
    )


def test_tables_are_taught_and_asked_by_commands(agent: AgentProcess, tmp_path: Path) -> None:
    wines = Wines(tmp_path)
    agent.ask("backbone", "install", readings_bundle(tmp_path / "b", wines.table, label=LABEL))
    for name in sorted(set(wines.labels)):
        taught = agent.ask("teach", name, wines.table, "--label", LABEL, "--independent")
        assert len(taught) == wines.labels[wines.learned].count(name)
        assert all("fault" not in each for each in taught)
    rest = wines.write(tmp_path / "rest.csv", wines.asked)
    said = agent.ask("predict", rest, "--label", LABEL)
    assert share([each["classes"][0]["name"] for each in said], wines.labels[wines.asked]) > 0.9
    np.save(tmp_path / "rest.npy", wines.rows[wines.asked])
    again = agent.ask("predict", tmp_path / "rest.npy")
    assert [each["classes"] for each in again] == [each["classes"] for each in said]
    assert agent.run("predict", tmp_path / "gone.csv").returncode == 2
    none = agent.run("teach", "champagne", wines.table, "--label", LABEL)
    assert (none.returncode, "no row" in none.stderr) == (4, True)


def test_what_the_sensor_did_not_send_is_refused_and_nothing_learned(
    agent: AgentProcess, tmp_path: Path
) -> None:
    wines = Wines(tmp_path)
    agent.ask("backbone", "install", readings_bundle(tmp_path / "b", wines.table, label=LABEL))
    agent.start()
    with agent.device() as device:
        for sample in (wines.rows[0][:12], np.zeros(14), np.full(13, np.nan)):
            with pytest.raises(FieldwiseError) as caught:
                device.teach(sample, "wine")
            assert caught.value.fault is Fault.READINGS_INVALID
        for image in (class_images("red", 1)[0], b"\xff\xd8\xff"):
            with pytest.raises(FieldwiseError) as caught:
                device.teach(image, "wine")
            assert caught.value.fault is Fault.READINGS_INVALID
        assert device.status().learning.samples == 0
