from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundler.extractor import Extractor
from bundler.pack import PackRequest, pack
from bundler.random_features import draw, standardising
from fieldwise import archive
from fieldwise.bundle import Readings
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.tables import Table, read


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "My Sensor.csv"
    path.write_text("warm,class,still,wide\n1,a,7,-1e6\n3,b,7,1e6\n")
    return path


def request(table: Path) -> PackRequest:
    return PackRequest(
        target=table.parent / "t", readings=table, label="class", features=50, seed=3
    )


def test_means_and_scales_are_those_of_the_readings(table: Path) -> None:
    form = standardising(read(table, "class"))
    assert form == Readings(3, (2.0, 7.0, 0.0), (1.0, 1.0, 1e6))


def test_a_reading_that_hardly_moves_is_not_blown_up() -> None:
    rows = np.full((100, 1), 0.1, np.float32)
    assert standardising(Table(("a",), rows)).scale == (1.0,)


def test_features_are_a_rectified_draw_from_the_seed() -> None:
    form = Readings(2, (1.0, 0.0), (2.0, 1.0))
    content = draw(2, 40, 7).SerializeToString()
    found = Extractor(content, form).features(np.array([[3, -1]], np.float32))
    chance = np.random.default_rng(7)
    directions = chance.standard_normal((2, 40)) / np.sqrt(2)
    expected = np.array([1.0, -1.0]) @ directions + chance.standard_normal(40)
    assert np.allclose(found, np.maximum(expected, 0), atol=1e-6)
    assert draw(2, 40, 8).SerializeToString() != content


def test_packing_twice_gives_the_same_bytes(table: Path, tmp_path: Path) -> None:
    first = pack(request(table))
    again = pack(replace(request(table), target=tmp_path / "again"))
    assert first.path.read_bytes() == again.path.read_bytes()
    assert first.manifest.title == "my-sensor:1.0.0"
    assert first.manifest.licence == "CC0-1.0"
    assert "seed 3" in first.manifest.source


def test_the_widest_sensor_fits_a_manifest(tmp_path: Path) -> None:
    names = ",".join(f"r{place}" for place in range(1024))
    rows = np.random.default_rng(0).standard_normal((3, 1024)) * 1e-7 / 3
    lines = "\n".join(",".join(map(str, row)) for row in rows)
    (tmp_path / "wide.csv").write_text(f"{names}\n{lines}\n")
    packed = pack(PackRequest(target=tmp_path / "t", readings=tmp_path / "wide.csv", features=8))
    assert archive.unpack(packed.path, tmp_path / "parts")[1].views[0].width == 8


def test_a_table_without_readings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\nx\n")
    with pytest.raises(FieldwiseError) as caught:
        pack(PackRequest(target=tmp_path / "t", readings=tmp_path / "t.csv"))
    assert caught.value.fault is Fault.READINGS_INVALID
