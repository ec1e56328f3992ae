import json
from pathlib import Path

import pytest

from agent.config import (
    DISK_BYTES_MIN,
    AgentSettings,
    load_settings,
)
from agent.learning.settings import HeadName, LearningSettings
from agent.learning_rules import learning_settings
from agent.reporting import Steering
from agent.update.judging import JudgingRules
from agent.update.probation import ProbationRules
from agent.update_rules import judging_rules, probation_rules
from fieldwise.errors import Fault, FieldwiseError


def learning(**variables: str) -> LearningSettings:
    environment = {f"FIELDWISE_AGENT_{name.upper()}": value for name, value in variables.items()}
    return learning_settings(load_settings(None, environment, {}).settings, Steering())


def test_learning_goes_by_its_own_defaults_where_nothing_is_said() -> None:
    assert learning() == LearningSettings()
    assert HeadName.GRADIENT not in learning().heads.enabled


def test_the_heads_that_an_owner_names_are_kept_in_that_order_and_once() -> None:
    told = learning(heads="gradient,discriminant,gradient", replay_bytes_max="1000000")
    assert told.heads.enabled == (HeadName.GRADIENT, HeadName.DISCRIMINANT)
    assert told.gradient.memory_bytes_max == 1_000_000


def test_every_head_can_be_named_at_once() -> None:
    assert learning(heads=",".join(HeadName)).heads.enabled == tuple(HeadName)


@pytest.mark.parametrize("named", ["", "forest", "gradient,", "gradient;ridge", "gradient\nridge"])
def test_a_head_that_does_not_exist_is_refused(named: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        learning(heads=named)
    assert caught.value.fault is Fault.SETTING_INVALID


def test_an_operator_s_word_stands_above_the_device_s_own() -> None:
    steered = learning_settings(AgentSettings(shrinkage=0.5), Steering(shrinkage=0.7))
    assert steered.shrinkage == 0.7


def test_judging_and_probation_go_by_their_own_defaults_where_nothing_is_said() -> None:
    assert judging_rules(AgentSettings()) == JudgingRules()
    assert probation_rules(AgentSettings()) == ProbationRules()


def test_an_owner_says_what_is_critical_and_what_is_harm() -> None:
    environment = {
        "FIELDWISE_AGENT_CRITICAL_CLASSES": "crack, missing screw",
        "FIELDWISE_AGENT_JUDGING_ALPHA": "0.01",
        "FIELDWISE_AGENT_LATENCY_RATIO_MAX": "2",
        "FIELDWISE_AGENT_PROBATION_MINUTES": "0.5",
        "FIELDWISE_AGENT_TOO_FEW_SAMPLES": "hold",
    }
    told = load_settings(None, environment, {}).settings
    rules = judging_rules(told)
    assert rules.critical_classes == {"crack", "missing screw"}
    assert (rules.alpha, rules.latency_ratio_max, rules.hold_too_few) == (0.01, 2, True)
    assert probation_rules(told) == ProbationRules(seconds=30, alpha=0.01, latency_ratio_max=2)


def test_a_critical_class_is_found_however_its_name_is_composed() -> None:
    assert judging_rules(AgentSettings(critical_classes=("e\u0301tau",))).critical_classes == {
        "\xe9tau"
    }


@pytest.mark.parametrize("name", ["", "x" * 129, "a\nb"])
def test_a_critical_class_that_no_class_can_be_is_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(f"critical_classes = [{json.dumps(name)}]")
    with pytest.raises(FieldwiseError, match="critical_classes") as caught:
        load_settings(file, {}, {})
    assert caught.value.fault is Fault.SETTING_INVALID


def test_an_owner_says_when_an_update_may_begin() -> None:
    told = load_settings(
        None,
        {
            "FIELDWISE_AGENT_UPDATE_WINDOW": "22:00-06:00",
            "FIELDWISE_AGENT_UPDATE_HOOK": "/usr/local/bin/may-update",
            "FIELDWISE_AGENT_REQUIRE_CONFIRMATION": "true",
            "FIELDWISE_AGENT_TOO_FEW_SAMPLES": "hold",
        },
        {},
    ).settings
    assert told.update_hook == Path("/usr/local/bin/may-update")
    assert told.require_confirmation
    assert judging_rules(told).hold_too_few
    assert not judging_rules(AgentSettings()).hold_too_few


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("update_window", "25:00-06:00"),
        ("update_window", "22:00"),
        ("update_hook", "may-update"),
        ("update_hook", "./may-update"),
        ("too_few_samples", "perhaps"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(name: str, value: str) -> None:
    with pytest.raises(FieldwiseError, match=f"(?i){name}") as caught:
        load_settings(None, {f"FIELDWISE_AGENT_{name.upper()}": value}, {})
    assert caught.value.fault is Fault.SETTING_INVALID


def test_a_bound_on_the_disk_that_leaves_no_room_for_a_sample_is_refused() -> None:
    with pytest.raises(FieldwiseError) as caught:
        load_settings(None, {}, {"disk_bytes_max": DISK_BYTES_MIN - 1})
    assert caught.value.fault is Fault.SETTING_INVALID
    assert "no sample could be kept" in caught.value.sentence
    for bound in (0, DISK_BYTES_MIN):
        found = load_settings(None, {}, {"disk_bytes_max": bound}).settings
        assert found.disk_bytes_max == bound


@pytest.mark.parametrize("named", ["", "none", "http://proxy.example:3128", "http://a:b@[::1]:1"])
def test_an_owner_names_a_proxy_or_none(named: str) -> None:
    environment = {"FIELDWISE_AGENT_PROXY": named}
    assert load_settings(None, environment, {}).settings.proxy == named


@pytest.mark.parametrize(
    "named", ["ann:hush@proxy:1", "https://ann:hush@proxy:1", "http://ann:hush@proxy:1/way"]
)
def test_what_is_no_proxy_is_refused_without_its_password(named: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        load_settings(None, {"FIELDWISE_AGENT_PROXY": named}, {})
    assert refused.value.fault is Fault.SETTING_INVALID
    assert "proxy" in refused.value.sentence.lower()
    assert "hush" not in refused.value.sentence
