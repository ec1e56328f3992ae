from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fieldwise import tables
from fieldwise.errors import Fault, FieldwiseError


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(
    path: Path, words: str, label: str | None = None, fault: Fault = Fault.READINGS_INVALID
) -> None:
    with pytest.raises(FieldwiseError, match=words) as caught:
        tables.read(path, label)
    assert caught.value.fault is fault


def test_a_csv_has_columns_rows_and_labels(tmp_path: Path) -> None:
    path = written(tmp_path, "a,kind,b\r\n1,red,2.5\r\n\r\n-3,blue,4e2\r\n")
    table = tables.read(path, "kind")
    assert table.columns == ("a", "b")
    assert table.rows.tolist() == [[1.0, 2.5], [-3.0, 400.0]]
    assert table.labels == ("red", "blue")
    assert table.of("blue") == [1]
    assert table.of("green") == []


def test_an_array_has_rows_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.arange(6).reshape(3, 2))
    assert tables.read(tmp_path / "t.npy").rows.tolist() == [[0, 1], [2, 3], [4, 5]]
    np.save(tmp_path / "one.npy", np.arange(3.0))
    assert tables.read(tmp_path / "one.npy").rows.shape == (1, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "0 columns"),
        ("a,b\n", "no row"),
        ("a,b\n1\n", "line 2 .* has 1 cells, not 2"),
        ("a,b\n1,2,3\n", "has 3 cells"),
        ("a,b\n1,x\n", "line 2"),
        ("a,b\n1,\n", "line 2"),
        ("a,b\n1,2\n3,nan\n", "row 2"),
        ("a,b\n1,1e99\n", "row 1"),
        (b"\xff\xfe\x00", "not a CSV"),
        ('a,b\n"1,2\n', "not a CSV"),
        (",".join("a" * 1025) + "\n", "1,025 columns"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_csv_that_is_none_is_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    refused(written(tmp_path, content), words)


def test_a_label_that_is_no_column_is_named(tmp_path: Path) -> None:
    refused(written(tmp_path, "a\n1\n"), "no column 'kind'", "kind", Fault.INVALID_ARGUMENT)
    np.save(tmp_path / "t.npy", np.arange(3.0))
    refused(tmp_path / "t.npy", "no columns with names", "kind", Fault.INVALID_ARGUMENT)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 2)),
        np.array(["a"]),
        np.array([1 + 2j]),
        np.zeros((2, 1025)),
        np.zeros((0, 3)),
        np.array([np.inf]),
        np.array(1.0),
    ],
    ids=lambda array: str(array.shape),
)
def test_an_array_of_anything_else_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "t.npy", array)
    refused(tmp_path / "t.npy", "t.npy")


def test_no_object_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([print], object), allow_pickle=True)
    refused(tmp_path / "t.npy", "not a NumPy array of numbers")


def test_a_table_over_the_size_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "TABLE_BYTES_MAX", 10)
    refused(written(tmp_path, "a\n1234567890\n"), "more than 10 bytes")


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    refused(tmp_path / "gone.csv", "gone.csv")


@given(content=st.binary(max_size=200), name=st.sampled_from(["t.csv", "t.npy"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_rubbish_is_read_as_numbers_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    try:
        table = tables.read(written(tmp_path, content, name))
    except FieldwiseError as error:
        assert error.fault is Fault.READINGS_INVALID  # noqa: PT017 -- either outcome is right
    else:
        assert np.isfinite(table.rows).all()


@given(cut=st.integers(0, 200), flip=st.integers(0, 127))
@example(cut=0, flip=68)  # an open bracket: the tokenizer's own exception
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_a_damaged_array_is_read_or_refused(tmp_path: Path, cut: int, flip: int) -> None:
    np.save(tmp_path / "whole.npy", np.arange(12.0).reshape(3, 4))
    content = bytearray((tmp_path / "whole.npy").read_bytes())
    content[flip] ^= 0x15
    try:
        tables.read(written(tmp_path, bytes(content[:cut]) if cut else bytes(content), "t.npy"))
    except FieldwiseError as error:
        assert error.fault is Fault.READINGS_INVALID  # noqa: PT017 -- either outcome is right
