"""CORe50's published layout, made small with drawn frames, and lists that are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.clvision import __main__ as command
from benchmarks.clvision import core50, material
from benchmarks.clvision.core50 import Frame, frame, frames_in, read_lists
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import tiny_bundle

MINI = ("C_01_03_004.png", "C_01_12_007.png", "C_02_42_005.png", "C_03_04_012.png")
"""Names as genuine frames have them."""


def draw(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(path)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Two training sessions and a test session of two objects, with the lists of ni and nc."""
    root = tmp_path / "core50"
    lines: dict[tuple[int, int], list[str]] = {}
    for session in (1, 2, 3):
        for thing in (1, 6):
            names = [f"C_{session:02}_{thing:02}_{number:03}.png" for number in range(3)]
            for name in names:
                draw(root / core50.IMAGES / f"s{session}" / f"o{thing}" / name, 10 * thing)
            lines[session, thing] = [f"s{session}/o{thing}/{name}" for name in names]
    label = {1: 0, 6: 5}
    ni = [[f"{p} {label[t]}" for (s, t), ps in lines.items() if s == n for p in ps] for n in (2, 1)]
    test = [f"{p} {label[t]}" for (s, t), ps in lines.items() if s == 3 for p in ps]
    write_lists(root / "batches_filelists/NI_inc/run0", ni, test)
    anew = {6: 0, 1: 1}  # nc numbers objects in order of appearance
    nc = [[f"{p} {anew[t]}" for (s, t), ps in lines.items() if t == n for p in ps] for n in (6, 1)]
    nc = [[line for line in batch if not line.startswith("s3")] for batch in nc]
    test = [f"{p} {anew[t]}" for (s, t), ps in lines.items() if s == 3 for p in ps]
    write_lists(root / "batches_filelists/NC_inc/run0", nc, test)
    return root


def write_lists(folder: Path, batches: list[list[str]], test: list[str]) -> None:
    folder.mkdir(parents=True)
    for number, batch in enumerate(batches):
        (folder / f"train_batch_{number:02}_filelist.txt").write_text("\n".join(batch) + "\n")
    (folder / "test_filelist.txt").write_text("\n".join(test) + "\n")


def test_a_name_tells_session_object_and_number() -> None:
    read = frame("C_02_42_005.png")
    assert (read.session, read.thing, read.number) == (2, 42, 5)
    assert read.path == "s2/o42/C_02_42_005.png"
    assert read.category_name == "cup"
    assert read.object_name == "cup 2"


def test_the_fifty_objects_are_ten_categories_of_five() -> None:
    named = [Frame(1, thing, 0, "") for thing in range(1, 51)]
    assert len({each.object_name for each in named}) == 50
    assert [each.category_name for each in named[::5]] == list(core50.CATEGORIES)


@pytest.mark.parametrize(
    "name",
    [
        "C_1_03_004.png",
        "C_01_03_004.jpg",
        "D_01_03_004.png",
        "C_12_03_004.png",
        "C_00_03_004.png",
        "C_01_51_004.png",
        "C_01_00_004.png",
        "../C_01_03_004.png",
        "C_01_03",
        "C",
    ],
)
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        frame(name)
    assert refused.value.fault is Fault.INVALID_ARGUMENT


def test_published_lists_are_followed_in_their_order(published: Path) -> None:
    lists = read_lists(published, "ni", 0)
    assert [{each.session for each in batch} for batch in lists.batches] == [{2}, {1}]
    assert {each.session for each in lists.test} == {3}
    assert len(lists.test) == 6


def test_labels_that_are_numbered_anew_still_name_the_object_of_the_path(published: Path) -> None:
    lists = read_lists(published, "nc", 0)
    assert [{each.thing for each in batch} for batch in lists.batches] == [{6}, {1}]


def test_batches_are_ordered_by_number_beyond_a_hundred(tmp_path: Path) -> None:
    batches = [[f"s1/o1/C_01_01_{number:03}.png 0"] for number in range(102)]
    write_lists(tmp_path / "NIC_v2_391/run0", batches, ["s3/o1/C_03_01_000.png 0"])
    lists = read_lists(tmp_path, "nic", 0)
    assert [batch[0].number for batch in lists.batches] == list(range(102))


def test_a_missing_run_or_a_gap_in_the_batches_is_refused(published: Path) -> None:
    with pytest.raises(FieldwiseError, match="no lists of ni"):
        read_lists(published, "ni", 7)
    (published / "batches_filelists/NI_inc/run0/train_batch_00_filelist.txt").unlink()
    with pytest.raises(FieldwiseError, match="without a gap"):
        read_lists(published, "ni", 0)


@pytest.mark.parametrize(
    "line",
    [
        "s1/o1/C_01_01_000.png",
        "s1/o1/C_01_01_000.png 0 0",
        "s1/o2/C_01_01_000.png 0",
        "s2/o1/C_01_01_000.png 0",
        "../../etc/passwd 0",
        "s1/o1/../C_01_01_000.png 0",
        "/s1/o1/C_01_01_000.png 0",
        "s1/o1/C_01_01_000.png -1",
        "\x80\x04K\x01.",
        "x" * 10_000,
        "s1/o1/C_01_01_000.png 0\ns1/o6/C_01_06_000.png 0",  # one label, two objects
    ],
)
def test_a_list_that_is_none_is_refused_and_nothing_else_happens(tmp_path: Path, line: str) -> None:
    write_lists(tmp_path / "batches_filelists/NI_inc/run0", [[line]], [])
    with pytest.raises(FieldwiseError) as refused:
        read_lists(tmp_path, "ni", 0)
    assert refused.value.fault is Fault.INVALID_ARGUMENT


def test_a_pickle_beside_the_lists_is_never_opened(published: Path) -> None:
    for name in ("paths.pkl", "LUP.pkl", "labels.pkl"):
        (published / name).mkdir()  # opening it would fail
    found = material.published_core50(published)
    assert found is not None
    assert len(found.plan("ni", 0).batches) == 2


def test_a_published_set_becomes_a_plan(published: Path) -> None:
    found = material.published_core50(published)
    assert found is not None
    assert (len(found.images.train), len(found.images.test)) == (12, 6)
    plan = found.plan("multi-task-nc", 0)
    assert [{found.labels[row] for row in batch} for batch in plan.batches] == [
        {"mobile phone 1"},
        {"plug adapter 1"},
    ]
    assert plan.tasks == {"mobile phone 1": 0, "plug adapter 1": 1}
    assert set(plan.validation) <= set(found.test)


def test_listed_frames_that_are_not_there_are_counted_and_left_out(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (published / core50.IMAGES / "s1/o1/C_01_01_000.png").unlink()
    found = material.published_core50(published)
    assert found is not None
    plan = found.plan("ni", 0)
    assert plan.trained == 11
    assert "1 of 18 listed frames are not there" in capsys.readouterr().out


def test_frames_in_one_folder_are_a_set_by_category(tmp_path: Path) -> None:
    for place, name in enumerate(MINI):
        draw(tmp_path / "core50_mini" / name, place)
    (tmp_path / "core50_mini" / "notes.txt").write_text("not a frame")
    assert len(frames_in(tmp_path / "core50_mini")) == 4
    found = material.mini(tmp_path / "core50_mini")
    assert found is not None
    assert found.labels == ["plug adapter", "scissors", "cup", "plug adapter"]
    assert found.sessions == (1, 1, 2)
    assert found.test == (3,)


def test_what_is_not_there_is_said_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert material.find(tmp_path, ["grocery", "core50", "core50_mini"]) == []
    said = capsys.readouterr().out
    assert all(f"skipped: no {name} in" in said for name in ("grocery", "core50", "core50_mini"))


def test_the_command_runs_published_lists_and_skips_what_has_none(
    published: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FIELDWISE_DATA", str(published.parent))
    bundle = tiny_bundle(tmp_path / "tiny.bundle")
    words = ["--sets", "core50", "--bundle", str(bundle), "--work", str(tmp_path / "work")]
    words += ["--protocols", "multi-task-nc", "nic", "--methods", "nearest-mean", "--seeds", "1"]
    assert command.main([*words, "--json", str(tmp_path / "figures.json")]) == 0
    said = capsys.readouterr().out
    assert "2 batches of multi-task-nc instead of 9" in said
    assert "core50, multi-task-nc: 2 batches, 12 images learned, 1 seed" in said
    assert "skipped: core50, nic: no lists of nic in" in said
    found = json.loads((tmp_path / "figures.json").read_text())["means"]["core50"]
    assert found["multi-task-nc"]["nearest-mean"]["test_accuracy"]["mean"] == 100.0
