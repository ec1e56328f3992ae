from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from agent.cli.labels import _file_of, _words, moment_of
from agent.cli.root import app
from fieldwise import readings
from fieldwise.answers import Question, ScoredClass
from fieldwise.errors import Fault, FieldwiseError

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", datetime(2026, 11, 22, 14, 0, tzinfo=UTC)),
        ("2h", datetime(2026, 11, 22, 13, 30, tzinfo=UTC)),
        ("3d", datetime(2026, 11, 19, 15, 30, tzinfo=UTC)),
        ("2026-11-20T10:00:00+00:00", datetime(2026, 11, 20, 10, 0, tzinfo=UTC)),
        ("2026-11-20 10:00Z", datetime(2026, 11, 20, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_understood_as_people_write_it(text: str, expected: datetime) -> None:
    assert moment_of(text, NOW) == expected.timestamp()


def test_a_time_without_a_zone_is_local() -> None:
    assert moment_of("2026-11-20", NOW) == datetime(2026, 11, 20).astimezone().timestamp()
    assert moment_of("14:30", NOW) == datetime(2026, 11, 22, 14, 30).astimezone().timestamp()


@pytest.mark.parametrize(
    "text", ["", "yesterday", "25:00", "2026-13-01", "2y", "-2h", "9" * 30, "٣d"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        moment_of(text, NOW)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (b"\x89PNG\r\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpg"),
        (b"something else", "bin"),
        (np.zeros((32, 32, 3), np.uint8), "png"),
        (np.arange(3, dtype=np.float32), "csv"),
        (readings.encode(np.arange(3, dtype=np.float32)), "csv"),
    ],
)
def test_what_a_question_shows_is_a_file_that_opens(image: bytes, kind: str) -> None:
    name, content = _file_of(image)
    assert name == kind
    assert content


def test_a_question_is_told_with_its_reason() -> None:
    classes = (ScoredClass("pear", 0.51), ScoredClass("fig", 0.49))
    told = _words(Question("abc", 0.0, "uncertain", classes, image_held=False), {})
    assert told.startswith("abc  ")
    assert "pear 51%, fig 49%; the best classes are close; image not held" in told


@pytest.mark.parametrize(
    "flags", [[], ["--class", "a", "--self-labelled"], ["--since", "1h", "--sample", "x"]]
)
def test_exactly_one_thing_is_forgotten_at_a_time(flags: list[str]) -> None:
    ended = CliRunner().invoke(app, ["forget", *flags, "--yes"])
    assert isinstance(ended.exception, FieldwiseError)
    assert ended.exception.fault is Fault.INVALID_ARGUMENT


def test_whoever_does_not_confirm_forgets_nothing() -> None:
    ended = CliRunner().invoke(app, ["forget", "--class", "apple"], input="n\n")
    assert ended.exit_code == 1
    assert "Forget the class apple and all its samples for good?" in ended.output
