"""From images to tables and pictures, over drawn images and a tiny backbone."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.clvision import __main__ as command
from benchmarks.clvision import report
from benchmarks.clvision.measures import Five
from benchmarks.clvision.methods import Setting
from benchmarks.clvision.protocols import Item, make_plan
from benchmarks.clvision.report import Chapter
from benchmarks.clvision.run import Job, Run, carry_out, carry_out_alone
from benchmarks.learning_data import open_bundle
from tests.bundles import class_folder, tiny_bundle


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "drawn"
    class_folder(folder / "train", count=16, seed=1)
    class_folder(folder / "test", count=4, seed=2)
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny.bundle")


def job_of(bundle: Path, folder: Path, protocol: str, method: str) -> Job:
    """Four classes in three sessions, told apart by the direction of their features."""
    embedder = open_bundle(bundle, folder / "parts")
    width, transform = embedder.manifest.feature_width, embedder.manifest.transform
    items = [Item(n, f"class {n % 4}", n // 4 % 3) for n in range(48)]
    labels = (*(item.class_name for item in items), *(f"class {n % 4}" for n in range(8)))
    chance = np.random.default_rng(0)
    rows = np.eye(width)[[int(label[-1]) for label in labels]]
    rows = rows + chance.normal(0, 0.02, rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.save(folder / "rows.npy", np.rint(4096 * rows).astype(np.int16))
    return Job(
        grid=folder / "rows.npy",
        labels=labels,
        plan=make_plan(protocol, items, 0),
        test=tuple(range(48, 56)),
        method=method,
        setting=Setting(width, transform, protocol, 0),
        bundle=bundle,
        parts=folder / "parts",
        embedding_minutes=0.5,
        moments_max=25,
    )


@pytest.mark.parametrize("protocol", ["ni", "nc", "multi-task-nc", "nic"])
def test_a_run_measures_what_it_says(bundle: Path, tmp_path: Path, protocol: str) -> None:
    job = job_of(bundle, tmp_path, protocol, "discriminant")
    run = carry_out(job)
    assert run.five.test_accuracy == 1.0
    assert run.batches == len(job.plan.batches)
    assert run.trained == 32
    assert [seen for seen, _ in run.curve][-1] == 32
    assert run.five.validation_accuracy == pytest.approx(np.mean([a for _, a in run.curve]))
    assert run.five.minutes == pytest.approx(0.5 + run.learning_minutes)
    assert run.five.memory_mb >= run.memory_mean_mb > 10
    assert run.five.disk_mb > 0.001
    assert (run.forward_transfer is not None) == (protocol == "ni")
    assert run.forgetting is not None


def test_a_class_that_has_not_come_counts_as_wrong_and_not_as_left_out(
    bundle: Path, tmp_path: Path
) -> None:
    run = carry_out(job_of(bundle, tmp_path, "nc", "nearest-mean"))
    accuracies = [accuracy for _, accuracy in run.curve]
    assert accuracies == sorted(accuracies)
    assert accuracies[0] < 1.0 == accuracies[-1]


def test_a_process_of_its_own_says_the_same(bundle: Path, tmp_path: Path) -> None:
    job = job_of(bundle, tmp_path, "nc", "discriminant")
    alone, here = carry_out_alone(job), carry_out(job)
    assert alone.curve == here.curve
    assert alone.five.test_accuracy == here.five.test_accuracy


def test_the_command_writes_tables_pictures_and_a_page(
    bundle: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--images", str(images), "--bundle", str(bundle), "--work", str(tmp_path / "work")]
    words += ["--protocols", "nc", "--methods", "discriminant", "--seeds", "2"]
    words += ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "figures.json")]
    assert command.main(words) == 0
    assert "drawn, nc: 4 batches, 56 images learned, 2 seeds" in capsys.readouterr().out
    held = {path.name for path in (tmp_path / "out").iterdir()}
    pictures = {
        f"drawn-{kind}.{suffix}" for kind in ("accuracy", "measures") for suffix in ("png", "svg")
    }
    assert held == {"README.md", *pictures}
    page = (tmp_path / "out" / "README.md").read_text()
    assert all(f"![{name}]({name})" in page for name in pictures if name.endswith("png"))
    figures = json.loads((tmp_path / "figures.json").read_text())
    found = figures["means"]["drawn"]["nc"]["discriminant"]["test_accuracy"]
    assert found["mean"] > 50
    assert found["standard_error"] is not None
    assert len(figures["chapters"][0]["runs"]) == 2


def test_nothing_to_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--images", str(tmp_path / "none"), "--bundle", str(tmp_path / "unused")]
    assert command.main([*words, "--work", str(tmp_path)]) == 1
    assert "nothing was run" in capsys.readouterr().out


def run_of(method: str, seed: int, test: float, validation: float | None) -> Run:
    return Run(
        method=method,
        seed=seed,
        five=Five(test, validation, 1.0, 100.0, 10.0),
        curve=((5, 0.2), (10, test)),
        forgetting=None,
        backward_transfer=None,
        forward_transfer=None,
        learning_minutes=0.1,
        wall_minutes=0.2,
        memory_mean_mb=90.0,
        state_mb=1.0,
        batches=2,
        trained=10,
    )


def chapter_of(*runs: Run) -> Chapter:
    return Chapter("set", "nc", "sessions are drawn", (0.5, 0.25), 3.0, runs)


def test_a_table_has_means_with_errors_and_a_dash_where_nothing_is_defined() -> None:
    chapter = chapter_of(
        run_of("discriminant", 0, 0.5, 0.4),
        run_of("discriminant", 1, 0.7, 0.4),
        run_of("joint", 0, 0.9, None),
    )
    lines = report.table(chapter, report.FIVE)
    assert lines[2].startswith("| discriminant | 60.0 ± 10.0 | 40.0 ± 0.0 |")
    assert lines[3].startswith("| joint | 90.0 | - |")


def test_curves_are_means_over_seeds() -> None:
    seen, means, errors = report.curve([run_of("x", 0, 0.5, 0.4), run_of("x", 1, 0.7, 0.4)])
    assert seen == [5, 10]
    assert means == pytest.approx([0.2, 0.6])
    assert errors == pytest.approx([0.0, 0.1])
