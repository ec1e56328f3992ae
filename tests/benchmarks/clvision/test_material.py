"""Sets of images become rows with sessions; kinship tells sessions from mere partitions."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.clvision import material
from benchmarks.clvision.protocols import Item


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of 16 and 4 training images, and one test image each."""
    for half, counts in (("train", {"apple": 16, "pear": 4}), ("test", {"apple": 1, "pear": 1})):
        for name, count in counts.items():
            (tmp_path / "fruit" / half / name).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(np.full((8, 8, 3), number, np.uint8))
                image.save(tmp_path / "fruit" / half / name / f"{number:03}.png")
    return tmp_path / "fruit"


def test_sessions_of_a_folder_are_stretches_of_each_class_in_file_order(folder: Path) -> None:
    found = material.image_folder(folder)
    assert found is not None
    assert found.name == "fruit"
    assert found.sessions == (*sorted([*range(8), *range(8)]), 0, 2, 4, 6)
    assert found.test == (20, 21)
    assert found.items[17] == Item(17, "pear", 2)
    assert found.note == material.UNKNOWN_NOTE


def test_a_folder_without_one_half_is_no_set(tmp_path: Path) -> None:
    (tmp_path / "train" / "apple").mkdir(parents=True)
    assert material.image_folder(tmp_path) is None
    assert material.image_folder(tmp_path / "nowhere") is None
    assert material.mini(tmp_path / "nowhere") is None
    assert material.published_core50(tmp_path / "nowhere") is None


def test_a_quick_part_keeps_sessions_and_says_what_it_is(folder: Path) -> None:
    found = material.image_folder(folder)
    assert found is not None
    quick = found.reduced()
    assert quick.name == "fruit-quick"
    assert set(quick.sessions) == set(range(8))
    assert "at most 24 images" in quick.note


def rows(near_session: bool) -> tuple[np.ndarray, list[Item]]:
    """Features that are alike within a session of a class, or within the class only."""
    chance = np.random.default_rng(0)
    items = [Item(n, f"c{n % 2}", n // 2 % 4) for n in range(80)]
    places = chance.normal(size=(4, 16)) * (1.0 if near_session else 0.0)
    features = np.array([places[item.session] for item in items])
    features = features + 0.1 * chance.normal(size=features.shape)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return np.rint(4096 * features).astype(np.int16), items


def test_kinship_is_far_above_chance_where_sessions_are_conditions() -> None:
    seen, chance = material.kinship(*rows(near_session=True))
    assert seen == 1.0
    assert chance == pytest.approx(9 / 39)


def test_kinship_is_about_chance_where_sessions_are_arbitrary() -> None:
    seen, chance = material.kinship(*rows(near_session=False))
    assert abs(seen - chance) < 0.15


def test_kinship_of_nothing_is_nothing() -> None:
    assert material.kinship(np.zeros((1, 4), np.int16), [Item(0, "a", 0)]) == (0.0, 0.0)
