"""``fieldwise backbone pack`` hands everything on and shows what came out."""

import json
from pathlib import Path
from typing import Any

import pytest
from onnx import save
from typer.testing import CliRunner

from bundler.pack import PackRequest
from bundler.views import ViewRequest
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.root import app
from tests.bundles import tiny_model

LICENSED = ("--licence=Apache-2.0", "--source=tests")


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    save(tiny_model(), str(path))
    return path


def test_an_onnx_file_becomes_a_bundle(graph: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.bundle"
    arguments = ["backbone", "pack", "--onnx", str(graph), "-o", str(target), *LICENSED]
    result = CliRunner().invoke(app, [*arguments, "--version=2.0", "--epoch=3", "--json"])
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["path"] == str(target)
    assert target.stat().st_size > 0
    manifest = told["manifest"]
    assert (manifest["version"], manifest["epoch"]) == ("2.0", 3)
    assert [view["width"] for view in manifest["views"]] == [32]


def test_everything_that_was_given_is_handed_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[PackRequest] = []

    def pack(request: PackRequest, progress: Any) -> Any:
        asked.append(request)
        raise FieldwiseError(Fault.INVALID_ARGUMENT, "enough")

    monkeypatch.setattr("bundler.pack.pack", pack)
    given = ["--size=128", "--int8", "--calibrate", "c", "--starter", "s", "--name", "n"]
    given += ["--view", "depth=5", "--view", "backbone=efficientnet-lite1,size=64,name=other"]
    more = ["--publisher", "p", "--seed=7", "--mean", "1", "2", "3", "--scale", "4", "5", "6"]
    arguments = ["backbone", "pack", "efficientnet-lite0", *given, *more, *LICENSED]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert asked == [
        PackRequest(
            target=Path("n-1.0.0.bundle"),
            backbone="efficientnet-lite0",
            size=128,
            views=(
                ViewRequest(depth=(5,)),
                ViewRequest(backbone="efficientnet-lite1", size=64, name="other"),
            ),
            int8=True,
            calibrate=Path("c"),
            starter=Path("s"),
            name="n",
            publisher="p",
            licence="Apache-2.0",
            source="tests",
            mean=(1, 2, 3),
            scale=(4, 5, 6),
            seed=7,
        )
    ]


def test_readings_become_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "wines.csv").write_text("acid,kind,ash\n1,a,2\n3,b,2.5\n")
    target = tmp_path / "out.bundle"
    given = ["--readings", str(tmp_path / "wines.csv"), "--label", "kind", "--features", "64"]
    result = CliRunner().invoke(app, ["backbone", "pack", *given, "-o", str(target), "--json"])
    assert result.exit_code == 0, result.stderr
    (view,) = json.loads(result.stdout)["manifest"]["views"]
    assert (view["width"], view["input"]["kind"], view["input"]["mean"]) == (
        64,
        "vector",
        [2, 2.25],
    )


def test_a_request_that_contradicts_itself_is_a_sentence(graph: Path) -> None:
    result = CliRunner().invoke(app, ["backbone", "pack", "lite0", "--onnx", str(graph)])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
