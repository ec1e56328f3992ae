"""What is shown as in force: nothing is blank that a start would fill in from what is there."""

from pathlib import Path

from fieldwise.settings import Setting
from orchestrator.config import load_settings
from orchestrator.effective import effective_settings
from orchestrator.home import open_authority, open_token
from tests.fleet_records import NOW, CountedEntropy


def shown(folder: Path, **flags: str) -> dict[str, Setting]:
    effective = load_settings(None, {}, {"data_folder": str(folder), **flags})
    return {each.name: each for each in effective_settings(effective)}


def test_what_was_left_open_is_shown_as_it_will_be(tmp_path: Path) -> None:
    found = shown(tmp_path, advertise_hosts="fleet.example", operator_listen="0.0.0.0:0")
    assert (found["database_url"].value, found["database_url"].origin) == (
        f"sqlite:///{tmp_path}/fieldwise.sqlite",
        "data folder",
    )
    assert found["bundle_folder"].value == str(tmp_path / "bundles")
    assert found["device_address"].value == "fleet.example:8443"
    assert found["device_address"].origin == "derived"
    assert found["operator_address"].value == ""
    assert found["busy_check_in_seconds"].value == "10"


def test_what_was_given_keeps_its_origin_and_hides_its_password(tmp_path: Path) -> None:
    found = shown(tmp_path, database_url="postgresql://u:se/cret@h/x", device_address="a:1")
    assert found["database_url"].value == "postgresql://u:***@h/x"
    assert found["database_url"].origin == "--database-url"
    assert (found["device_address"].value, found["device_address"].origin) == (
        "a:1",
        "--device-address",
    )


def test_what_the_first_start_made_is_told_without_the_secret(tmp_path: Path) -> None:
    before = shown(tmp_path)
    assert (before["fleet"].value, before["operator_token"].value) == ("", "(not set)")
    open_authority(tmp_path, "plant-7", CountedEntropy(), NOW, has_fleet=False)
    token = open_token(tmp_path, "", CountedEntropy())
    after = shown(tmp_path)
    assert (after["fleet"].value, after["fleet"].origin) == ("plant-7", "data folder")
    assert (after["operator_token"].value, after["operator_token"].origin) == (
        "(set)",
        "data folder",
    )
    assert not any(token in each.value for each in after.values())
