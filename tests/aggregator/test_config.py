from pathlib import Path

import pytest

from aggregator.config import load
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.logs import LogForm

GIVEN = {
    "FIELDWISE_AGGREGATOR_ADDRESS": "127.0.0.1:8444",
    "FIELDWISE_AGGREGATOR_CA": "/run/authority.pem",
    "FIELDWISE_AGGREGATOR_TOKEN_FILE": "/run/token",
}


def refusal(variables: dict[str, str]) -> str:
    with pytest.raises(FieldwiseError) as caught:
        load(variables)
    assert caught.value.fault is Fault.SETTING_INVALID
    return caught.value.sentence


def test_the_environment_says_all_of_it() -> None:
    more = {"FIELDWISE_AGGREGATOR_TIED": "true", "FIELDWISE_AGGREGATOR_LOG_FORM": "json"}
    found = load({**GIVEN, **more, "PATH": "/bin", "FIELDWISE_OTHER": "1"}).settings
    assert (found.address, found.ca, found.token_file) == (
        "127.0.0.1:8444",
        Path("/run/authority.pem"),
        Path("/run/token"),
    )
    assert (found.work_folder, found.tied, found.log_form) == (None, True, LogForm.JSON)


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_needed_is_asked_for_by_name(name: str) -> None:
    assert name in refusal({each: value for each, value in GIVEN.items() if each != name})


def test_a_mistake_and_an_unknown_setting_are_told_at_once() -> None:
    said = refusal(
        {**GIVEN, "FIELDWISE_AGGREGATOR_TIED": "perhaps", "FIELDWISE_AGGREGATOR_TOKEN": "x"}
    )
    assert "FIELDWISE_AGGREGATOR_TIED" in said
    assert "FIELDWISE_AGGREGATOR_TOKEN_FILE" in said
