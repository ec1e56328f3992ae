"""The orchestrator's settings: no setting is needed, each has a meaning and a pinned default."""

from pathlib import Path
from typing import Any

import pytest

from fieldwise import settings
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.logs import LogForm, LogLevel
from orchestrator.config import (
    PREFIX,
    OrchestratorSettings,
    default_data_folder,
    load_settings,
)
from orchestrator.enrolment.admission_rules import Way
from orchestrator.leadership import Election
from orchestrator.rights import OperatorLogin

DEFAULTS: dict[str, Any] = {
    "data_folder": None,
    "fleet": "",
    "device_listen": "0.0.0.0:8443",
    "operator_listen": "0.0.0.0:8444",
    "metrics_listen": "127.0.0.1:9464",
    "health_listen": "",
    "advertise_hosts": (),
    "device_address": "",
    "operator_address": "",
    "database_url": "",
    "database_connections_max": 20,
    "bundle_folder": None,
    "bundle_url": "",
    "bundle_endpoint": "",
    "bundle_public_endpoint": "",
    "bundle_region": "",
    "bundle_access_key": "",
    "bundle_secret_key": "",
    "authority_file": None,
    "publisher_file": None,
    "device_check_ins_per_second": 2.0,
    "connections_max": 20_000,
    "address_limits": True,
    "admission": Way.TICKET,
    "admission_rules": (),
    "admission_webhook": "",
    "admission_webhook_ca": None,
    "admission_webhook_secret_file": None,
    "admission_webhook_seconds": 5.0,
    "applicants_max": 1000,
    "applicant_seconds": 7 * 86_400,
    "applicant_retry_seconds": 60,
    "operator_token": "",
    "operator_login": OperatorLogin.TOKEN,
    "operator_login_seconds": 10.0,
    "audit_entries_max": 500_000,
    "oidc_audience": "fieldwise",
    "oidc_ca": None,
    "oidc_clients": (),
    "oidc_issuer": "",
    "oidc_keys_seconds": 3600.0,
    "oidc_leeway_seconds": 30.0,
    "oidc_name_claim": "preferred_username",
    "oidc_roles": (),
    "oidc_roles_claim": ("roles",),
    "kubernetes_audience": "fieldwise",
    "kubernetes_config": None,
    "kubernetes_namespace": "",
    "kubernetes_lease": "fieldwise",
    "check_in_seconds": 60,
    "busy_check_in_seconds": None,
    "busy_check_ins_per_second": 100.0,
    "timestamp_hours": 24.0,
    "downloads_max": 100,
    "calls_max": 2000,
    "connection_age_seconds": 1800,
    "certificate_days": 14.0,
    "bundle_bytes_max": 2 * 1024**3,
    "metrics_seconds": 15,
    "metrics_tag": "",
    "metrics_worst_devices": 0,
    "reconcile_seconds": 2.0,
    "leader_election": Election.DATABASE,
    "lease_seconds": 15.0,
    "drain_seconds": 10.0,
    "federation_address": "",
    "federation_aggregator": "fieldwise-aggregator",
    "federation_job": None,
    "federation_statistics": False,
    "log_level": LogLevel.INFO,
    "log_form": LogForm.TEXT,
}


def test_defaults_change_only_on_purpose() -> None:
    made = OrchestratorSettings()
    names = settings.field_names(OrchestratorSettings)
    assert {name: getattr(made, name) for name in names} == DEFAULTS


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_setting_says_what_it_means(name: str) -> None:
    assert settings.describe(OrchestratorSettings, name).rstrip().endswith(".")


def test_the_data_folder_is_where_a_user_s_programs_keep_their_state() -> None:
    assert default_data_folder({"XDG_STATE_HOME": "/x"}) == Path("/x/fieldwise")
    assert default_data_folder({"HOME": "/h"}) == Path("/h/.local/state/fieldwise")
    relative = {"XDG_STATE_HOME": "x", "HOME": "/h"}
    assert default_data_folder(relative) == Path("/h/.local/state/fieldwise")
    assert load_settings(None, {"HOME": "/h"}, {}).settings.folder == Path(
        "/h/.local/state/fieldwise"
    )


def test_variables_of_the_other_programs_are_left_alone() -> None:
    others = {
        f"{PREFIX}{name}": "x"
        for name in ("AGENT_STATE", "ADDRESS", "TOKEN", "CA", "CONFIG", "DATA", "DEMO_X")
    }
    assert load_settings(None, {**others, "HOME": "/h"}, {}).settings.fleet == ""


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("device_listen", "8443", "is not an address"),
        ("operator_listen", "host:99999", "is not an address"),
        ("metrics_listen", "::1:9464", "is not an address"),
        ("health_listen", "9465", "is not an address"),
        ("device_address", "fleet.example", "is not an address"),
        ("device_address", "*.fleet.example:443", "neither a host name nor an IP address"),
        ("advertise_hosts", "ünïcode", "neither a host name nor an IP address"),
        ("advertise_hosts", "host with space:80", "neither a host name nor an IP address"),
        ("advertise_hosts", "good.example,*.x", "'*.x' is neither"),
        ("advertise_hosts", "fe80::1%eth0", "neither a host name nor an IP address"),
        ("advertise_hosts", "-x", "neither a host name nor an IP address"),
        ("busy_check_in_seconds", "61", "is above check_in_seconds = 60"),
        ("operator_address", "fleet.example:x", "is not an address"),
        ("database_url", "mysql://host/x", "begins with none of sqlite://, postgresql://"),
        ("fleet", "Plant 7", "matching regex"),
        ("operator_token", "short", "matching regex"),
        ("check_in_seconds", "0", ">= 1"),
        ("check_in_seconds", "86401", "<= 86400"),
        ("calls_max", "9", ">= 10"),
        ("busy_check_ins_per_second", "0", "> 0"),
        ("bundle_bytes_max", "1", ">= 1048576"),
        ("advertise_hosts", ",".join(["h"] * 17), "length <= 16"),
    ],
)
def test_a_value_out_of_its_bounds_is_named(name: str, value: str, reason: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        load_settings(None, {"HOME": "/h"}, {name: value})
    assert refused.value.fault is Fault.SETTING_INVALID
    assert reason in refused.value.sentence
    assert name.replace("_", "-") in refused.value.sentence.replace("_", "-")


def test_hosts_that_a_certificate_can_name_are_taken() -> None:
    hosts = "fleet.example,a-b_c,127.0.0.1,::1,xn--bcher-kva.example"
    found = load_settings(None, {"HOME": "/h"}, {"advertise_hosts": hosts})
    assert ",".join(found.settings.advertise_hosts) == hosts


def test_the_busy_pace_follows_the_idle_one_where_it_was_not_set() -> None:
    for idle, busy in (("5", 5), ("60", 10)):
        found = load_settings(None, {"HOME": "/h"}, {"check_in_seconds": idle})
        assert found.settings.busy_seconds == busy


@pytest.mark.parametrize(
    "name", ["DATA_FOLDR", "DATA_", "CONFIGURATION", "TOKENS", "CAFE", "ADDRESSES"]
)
def test_a_name_that_only_begins_like_another_program_s_is_a_mistake(name: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        load_settings(None, {"HOME": "/h", f"{PREFIX}{name}": "x"}, {})
    assert f"{PREFIX}{name}" in refused.value.sentence


def test_two_bad_addresses_are_two_lines() -> None:
    with pytest.raises(FieldwiseError) as refused:
        load_settings(None, {"HOME": "/h"}, {"device_listen": "xyz", "operator_listen": "abc"})
    assert len(refused.value.sentence.splitlines()) == 2
