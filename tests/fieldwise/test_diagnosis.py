"""What may be in a diagnosis, and how it comes over the wire."""

from dataclasses import replace

import pytest

from agent.config import AgentSettings
from fieldwise import wire
from fieldwise.diagnosis import (
    ALLOWED_SETTINGS,
    DiagnosisRule,
    DiagnosisStep,
    Frame,
    SettingsTold,
    TotalTold,
    Trouble,
    check_id,
)
from fieldwise.diagnosis_messages import (
    RULES,
    STEPS,
    diagnosis_from,
    diagnosis_to,
    rule_from,
    step_from,
)
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.v1alpha1 import device_pb2
from tests.diagnoses import DIAGNOSIS, REQUEST

LEFT_OUT = {
    "state_folder": "a path",
    "application_socket": "a path",
    "application_socket_mode": "nobody asked for it",
    "variant": "a word that the owner chooses freely",
    "link_hosts": "hosts",
    "critical_classes": "class names",
    "update_hook": "a path",
    "diagnose": "every check-in has it",
    "proxy": "a host, and perhaps a user and a password",
    "shared_classes": "class names",
    "foreign_classes": "what an owner makes of others' heads is his own business",
    "federation_noise": "whoever knows how much noise there is knows more of what is under it",
}


def test_every_setting_is_told_by_name_or_left_out_for_a_reason() -> None:
    """Whoever adds a setting decides here whether a diagnosis has it."""
    assert set(AgentSettings.__struct_fields__) == set(ALLOWED_SETTINGS) | set(LEFT_OUT)
    assert set(ALLOWED_SETTINGS).isdisjoint(LEFT_OUT)


def test_the_wire_has_the_settings_that_are_allowed_and_no_other() -> None:
    told = [field.name for field in device_pb2.DiagnosedSettings.DESCRIPTOR.fields]
    assert told == list(ALLOWED_SETTINGS)


def test_a_diagnosis_comes_back_as_it_was_sent() -> None:
    message = diagnosis_to(DIAGNOSIS)
    wire.check(device_pb2.AnswerDiagnosisRequest(id=REQUEST, diagnosis=message))
    assert diagnosis_from(device_pb2.Diagnosis.FromString(message.SerializeToString())) == DIAGNOSIS


@pytest.mark.parametrize("rule", DiagnosisRule)
def test_a_rule_comes_back(rule: DiagnosisRule) -> None:
    assert rule_from(RULES[rule]) is rule


@pytest.mark.parametrize("step", DiagnosisStep)
def test_a_step_comes_back(step: DiagnosisStep) -> None:
    assert step_from(STEPS[step]) is step


def test_an_agent_that_says_nothing_of_a_rule_knows_none() -> None:
    assert rule_from(0) is None


@pytest.mark.parametrize(("read", "number"), [(rule_from, 9), (step_from, 0), (step_from, 9)])
def test_a_number_without_a_meaning_is_refused(read: object, number: int) -> None:
    assert callable(read)
    with pytest.raises(FieldwiseError) as caught:
        read(number)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "change",
    [
        {"agent_version": "0.1.0 of /home/ada"},
        {"python_version": ""},
        {"system": "debian 12 bookworm"},
        {"kernel": "6.1\n"},
        {"architecture": "a" * 33},
    ],
)
def test_a_version_has_no_room_for_a_sentence(change: dict[str, str]) -> None:
    with pytest.raises(FieldwiseError) as caught:
        replace(DIAGNOSIS, **change)  # type: ignore[arg-type]  # by name
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "change",
    [
        {"heads": ("Anna Maria",)},
        {"log_level": "/var/log/agent"},
        {"learn_window": "apple"},
        {"update_window": "22:00-06:00 "},
        {"shrinkage": float("nan")},
        {"cpu_share": float("inf")},
    ],
)
def test_a_setting_is_of_its_form(change: dict[str, object]) -> None:
    with pytest.raises(FieldwiseError) as caught:
        SettingsTold(**change)  # type: ignore[arg-type]  # by name
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("numpy.linalg", "solve"),
        ("agents.secret", "solve"),
        ("agent./etc/passwd", "solve"),
        ("agent.serving", "red apple"),
        ("agent.serving", ""),
        ("agent." + "x" * 64, "solve"),
        ("agent.serving", "x" * 65),
    ],
)
def test_a_frame_is_a_place_in_our_own_code(module: str, function: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        Frame(module, function, 1)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_names_of_what_went_wrong_and_of_what_was_sent_are_words() -> None:
    for make in (
        lambda: Trouble(None, "Red apple", 1, 1),
        lambda: TotalTold("/etc/passwd", 1, 1),
        lambda: check_id("0" * 31),
        lambda: check_id("g" * 32),
    ):
        with pytest.raises(FieldwiseError) as caught:
            make()
        assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_a_fault_that_the_catalogue_lacks_is_refused() -> None:
    message = diagnosis_to(DIAGNOSIS)
    message.errors[0].fault = "apple"
    with pytest.raises(FieldwiseError) as caught:
        diagnosis_from(message)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
