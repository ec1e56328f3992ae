"""ONNX Runtime stores an id of the device before it reports; without one it has nothing to say."""

import subprocess
import sys
from pathlib import Path

import pytest

LOADERS = ("agent.learning.embedder", "bundler.extractor", "bundler.quantise")


@pytest.mark.parametrize("module", LOADERS)
def test_the_runtime_reports_to_nobody(module: str, tmp_path: Path) -> None:
    code = f"import {module}, onnxruntime; onnxruntime.SessionOptions()"
    clean = {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=clean, timeout=120)
    assert list(tmp_path.rglob("*")) == []
