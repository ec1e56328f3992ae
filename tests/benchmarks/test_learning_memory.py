"""What the learner holds, with a tiny backbone."""

from pathlib import Path

import pytest

from benchmarks import learning_memory
from benchmarks.learning_data import open_bundle
from tests.bundles import tiny_bundle


def test_what_is_traced_has_at_least_the_arrays_that_are_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning_memory, "LESSONS_A_CLASS", 1)
    width = 32
    embedder = open_bundle(tiny_bundle(tmp_path / "tiny.bundle", width=width), tmp_path / "parts")
    found = learning_memory.learner_holds(embedder)
    sums = 8 * width * (learning_memory.HELD_CLASSES + width)
    assert found["memory_mb"] >= found["memory_mb.arrays_and_bytes"] * 0.9 > 0.9 * sums / 1e6
    assert found["memory_mb"] < 20
