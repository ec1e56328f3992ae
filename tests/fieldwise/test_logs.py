"""One line per event on one stream, in one form, whoever speaks."""

import io
import json
import logging

import pytest
import structlog

from fieldwise.logs import LogForm, LogLevel, configure


def lines(level: LogLevel, form: LogForm) -> list[str]:
    stream = io.StringIO()
    configure(level, form, stream)
    log = structlog.get_logger("ours")
    log.debug("quiet", size=1)
    log.info("said", size=2)
    logging.getLogger("theirs").warning("warned %s", "them")
    try:
        int("odd" if (secret := "hush") else secret)
    except ValueError:
        log.exception("failed")
    return stream.getvalue().splitlines()


def test_as_json_every_line_is_an_object_and_libraries_look_alike() -> None:
    said, warned, failed = [json.loads(each) for each in lines(LogLevel.INFO, LogForm.JSON)]
    assert (said["event"], said["size"], said["level"]) == ("said", 2, "info")
    assert (warned["event"], warned["level"]) == ("warned them", "warning")
    assert failed["exception"][0]["exc_type"] == "ValueError"


@pytest.mark.parametrize("form", LogForm)
def test_local_variables_never_get_into_a_log(form: LogForm) -> None:
    assert "hush" not in "\n".join(lines(LogLevel.INFO, form)).replace('"hush") else', "")


def test_the_level_is_where_it_begins() -> None:
    debug, warning = (
        "\n".join(lines(level, LogForm.TEXT)) for level in (LogLevel.DEBUG, LogLevel.WARNING)
    )
    assert "quiet" in debug
    assert "said" not in warning
    assert "warned" in warning


def test_text_for_a_file_has_no_colours() -> None:
    assert "\x1b" not in "\n".join(lines(LogLevel.INFO, LogForm.TEXT))


def test_configuring_again_does_not_double_the_lines() -> None:
    lines(LogLevel.INFO, LogForm.JSON)
    assert len(lines(LogLevel.INFO, LogForm.JSON)) == 3
