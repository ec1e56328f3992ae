from pathlib import Path

import numpy as np

from benchmarks import learning_sensors


def test_a_draw_learns_what_is_there_to_learn(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    labels = [f"class {place % 3}" for place in range(90)]
    rows = (
        chance.standard_normal((90, 4)) * 0.3
        + np.array([place % 3 for place in range(90)])[:, None]
    )
    found = learning_sensors._draw(rows, labels, tmp_path / "t.csv", 0)
    assert found["final"] > 90
    assert 60 < found["prequential"] < 100
    assert found["joint_on_readings"] > 90
    assert found["joint_on_features"] > 90
    learned = (tmp_path / "t.csv").read_text().splitlines()
    assert len(learned) == 1 + 63, "what is asked at the end has no say in the bundle"
