"""Every mistake of a plan is told at once, with its key and what to do; a good plan has none."""

from dataclasses import fields, replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.rollout.plan import DeviceClass, GateRules, Limits, Plan, Wave, Window
from orchestrator.rollout.plan_rules import GATE_BOUNDS, checked, mistakes

REST = Wave()
GOOD = Plan(
    "lite1:1.0.0",
    "site=berlin",
    waves=(Wave(devices=20), Wave(share=0.1), REST),
    limits=Limits(50, 10, 5 * 2**20),
    window=Window(22 * 60, 6 * 60, (0, 1, 2, 3, 4)),
    minimum_agent_version="0.2.0",
    classes=(DeviceClass("int8", architecture="aarch64"), DeviceClass("fp32")),
)
WRONG: list[tuple[Plan, str]] = [
    (replace(GOOD, backbone=""), "backbone"),
    (replace(GOOD, backbone="no such/thing"), "backbone"),
    (replace(GOOD, cohort="site="), "cohort"),
    (replace(GOOD, waves=()), "waves"),
    (replace(GOOD, waves=(Wave(devices=1),) * 32 + (REST,)), "waves"),
    (replace(GOOD, waves=(REST, REST)), "waves[0]"),
    (replace(GOOD, waves=(Wave(devices=3),)), "waves[0]"),
    (replace(GOOD, waves=(Wave(devices=3, share=0.1), REST)), "waves[0]"),
    (replace(GOOD, waves=(Wave(devices=0), REST)), "waves[0].devices"),
    (replace(GOOD, waves=(Wave(share=0.0), REST)), "waves[0].share"),
    (replace(GOOD, waves=(Wave(share=nan), REST)), "waves[0].share"),
    (replace(GOOD, waves=(Wave(share=0.6), Wave(share=0.6), REST)), "waves"),
    (replace(GOOD, gate=GateRules(margin=2.0)), "gate.margin"),
    (replace(GOOD, gate=GateRules(alpha=nan)), "gate.alpha"),
    (replace(GOOD, gate=GateRules(false_abort=0.0)), "gate.false_abort"),
    (replace(GOOD, gate=GateRules(settled_share_min=0.1)), "gate.settled_share_min"),
    (replace(GOOD, gate=GateRules(worst_device_alpha=-0.1)), "gate.worst_device_alpha"),
    (replace(GOOD, gate=GateRules(device_loss_max=nan)), "gate.device_loss_max"),
    (replace(GOOD, gate=GateRules(failed_share_max=1.1)), "gate.failed_share_max"),
    (replace(GOOD, gate=GateRules(rollback_share_max=-1)), "gate.rollback_share_max"),
    (replace(GOOD, gate=GateRules(declined_share_max=inf)), "gate.declined_share_max"),
    (replace(GOOD, gate=GateRules(silent_share_max=2)), "gate.silent_share_max"),
    (replace(GOOD, gate=GateRules(latency_ratio_max=0.5)), "gate.latency_ratio_max"),
    (replace(GOOD, gate=GateRules(devices_min=2)), "gate.devices_min"),
    (replace(GOOD, gate=GateRules(devices_min=10**9)), "gate.devices_min"),
    (replace(GOOD, device_deadline_seconds=5), "device_deadline"),
    (replace(GOOD, wave_deadline_seconds=3600), "wave_deadline"),
    (replace(GOOD, soak_seconds=-1), "soak"),
    (replace(GOOD, soak_seconds=700_000), "soak"),
    (replace(GOOD, limits=Limits(in_flight=-1)), "limits.in_flight"),
    (replace(GOOD, limits=Limits(starts_per_minute=-1)), "limits.starts_per_minute"),
    (replace(GOOD, limits=Limits(in_flight=1, bytes_per_second=5)), "limits.bandwidth"),
    (replace(GOOD, limits=Limits(bytes_per_second=10**6)), "limits.bandwidth"),
    (replace(GOOD, limits=Limits(in_flight=1000, bytes_per_second=10**6)), "limits.bandwidth"),
    (replace(GOOD, window=Window(0, 1440)), "window"),
    (replace(GOOD, window=Window(60, 60)), "window"),
    (replace(GOOD, window=Window(60, 120, ())), "window"),
    (replace(GOOD, window=Window(60, 120, (7,))), "window"),
    (replace(GOOD, window=Window(60, 120, (1, 1))), "window"),
    (replace(GOOD, minimum_agent_version="new"), "minimum_agent_version"),
    (replace(GOOD, classes=(DeviceClass(""),)), "classes[0].variant"),
    (replace(GOOD, classes=(DeviceClass("int8", "arm 64"),)), "classes[0].architecture"),
    (
        replace(GOOD, classes=(DeviceClass("int8", "", "c u"),)),
        "classes[0].execution_provider",
    ),
    (replace(GOOD, classes=(DeviceClass("int8", memory_mib_min=-1),)), "classes[0].memory"),
    (replace(GOOD, classes=(DeviceClass("fp32"), DeviceClass("int8", "arm"))), "classes[1]"),
    (replace(GOOD, classes=(DeviceClass("fp32"),) * 33), "classes"),
]


@pytest.mark.parametrize("plan", [Plan("lite0"), GOOD, replace(GOOD, waves=(REST,))])
def test_a_good_plan_has_no_mistake(plan: Plan) -> None:
    assert mistakes(plan) == ()
    assert checked(plan) is plan


@pytest.mark.parametrize(("plan", "key"), WRONG, ids=lambda value: str(value)[:40])
def test_a_mistake_names_its_key_and_what_to_do(plan: Plan, key: str) -> None:
    (found,) = mistakes(plan)
    named, _, sentence = found.partition(": ")
    assert named == key
    assert "; " in sentence


def test_every_mistake_is_told_at_once() -> None:
    plan = Plan(
        "",
        "a=b=c",
        waves=(Wave(devices=0), Wave(share=2.0), Wave(devices=3)),
        gate=GateRules(margin=2, alpha=2),
        device_deadline_seconds=0,
        limits=Limits(-1, -1, -1),
        window=Window(-1, -1, ()),
        minimum_agent_version="x",
        classes=(DeviceClass("!"),),
    )
    keys = [each.partition(":")[0] for each in mistakes(plan)]
    assert keys == [
        "backbone",
        "cohort",
        "waves[0].devices",
        "waves[1].share",
        "waves[2]",
        "gate.margin",
        "gate.alpha",
        "device_deadline",
        "limits.in_flight",
        "limits.starts_per_minute",
        "limits.bandwidth",
        "window",
        "window",
        "window",
        "minimum_agent_version",
        "classes[0].variant",
    ]
    with pytest.raises(FieldwiseError) as refused:
        checked(plan)
    assert refused.value.fault is Fault.INVALID_ARGUMENT
    assert refused.value.sentence.splitlines() == list(mistakes(plan))


def test_shares_that_add_up_to_all_leave_the_last_wave_whoever_joins_later() -> None:
    waves = (Wave(share=0.1), Wave(share=0.2), Wave(share=0.7), REST)
    assert mistakes(replace(GOOD, waves=waves)) == ()


whole = st.integers(-(2**70), 2**70)
real = st.floats()
text = st.text(max_size=40)


@given(
    st.builds(
        Plan,
        backbone=text,
        cohort=text,
        waves=st.lists(st.builds(Wave, st.none() | whole, st.none() | real), max_size=4).map(tuple),
        gate=st.builds(GateRules, real, real, real, whole, *(real for _ in range(8))),
        device_deadline_seconds=whole,
        wave_deadline_seconds=whole,
        soak_seconds=whole,
        limits=st.builds(Limits, whole, whole, whole),
        window=st.none() | st.builds(Window, whole, whole, st.lists(whole, max_size=9).map(tuple)),
        minimum_agent_version=text,
        classes=st.lists(st.builds(DeviceClass, text, text, text, whole), max_size=3).map(tuple),
    )
)
def test_no_plan_makes_it_raise(plan: Plan) -> None:
    assert all(": " in each for each in mistakes(plan))


def test_every_number_of_the_gate_has_bounds() -> None:
    assert {each.name for each in fields(GateRules)} == {*GATE_BOUNDS, "devices_min"}
