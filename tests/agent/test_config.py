import pytest

from agent.config import AgentSettings, learning_settings, load_settings
from agent.learning.settings import HeadName, LearningSettings
from agent.reporting import Steering
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


@pytest.mark.parametrize("named", ["", "forest", "gradient,", "gradient;ridge", "gradient\n"])
def test_a_head_that_does_not_exist_is_refused(named: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        learning(heads=named)
    assert caught.value.fault is Fault.SETTING_INVALID


def test_an_operator_s_word_stands_above_the_device_s_own() -> None:
    steered = learning_settings(AgentSettings(shrinkage=0.5), Steering(shrinkage=0.7))
    assert steered.shrinkage == 0.7
