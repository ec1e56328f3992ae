"""A plan file means what it says, every mistake is told at once, and rubbish is refused."""

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.plan_file import BYTES_MAX, read_file, read_tree
from orchestrator.cli.plan_forms import DURATION, MEBIBYTES, RATE, SHARE, WINDOW
from orchestrator.cli.plan_reading import read_plan, write_plan
from orchestrator.rollout.plan import (
    DeviceClass,
    GateRules,
    Limits,
    OnAbort,
    Overdue,
    Plan,
    Promotion,
    Undecided,
    Wave,
    Window,
)
from orchestrator.rollout.plan_rules import mistakes

WHOLE = b"""
# Everything that a plan can say.
backbone: lite1:1.10
cohort: site=berlin,line!=3
waves:
  - 20
  - 10%
  - share: 50%
    promotion: manual
  - rest
gate: {margin: 1.5%, alpha: 0.01, devices_min: 80, latency_ratio_max: 1.5}
promotion: automatic
undecided: abort
overdue: ignore
on_abort: hold
device_deadline: 2h
wave_deadline: 3d
soak: 30m
limits:
  in_flight: 50
  starts_per_minute: 10
  bandwidth: 5 MiB/s
window: 22:00-06:00 mon-fri UTC
minimum_agent_version: 0.2.0
classes:
  - {variant: int8, architecture: aarch64, memory: 512 MiB}
  - {variant: fp32, execution_provider: cuda}
"""
MEANT = Plan(
    "lite1:1.10",
    "site=berlin,line!=3",
    waves=(Wave(devices=20), Wave(share=0.1), Wave(None, 0.5, Promotion.MANUAL), Wave()),
    gate=GateRules(margin=0.015, alpha=0.01, devices_min=80, latency_ratio_max=1.5),
    undecided=Undecided.ABORT,
    overdue=Overdue.IGNORE,
    on_abort=OnAbort.HOLD,
    device_deadline_seconds=7200,
    wave_deadline_seconds=259_200,
    soak_seconds=1800,
    limits=Limits(50, 10, 5 * 2**20),
    window=Window(1320, 360, (0, 1, 2, 3, 4)),
    minimum_agent_version="0.2.0",
    classes=(
        DeviceClass("int8", "aarch64", memory_mib_min=512),
        DeviceClass("fp32", execution_provider="cuda"),
    ),
)


def refused(content: bytes) -> FieldwiseError:
    with pytest.raises(FieldwiseError) as caught:
        read_plan(read_tree(content))
    return caught.value


def test_a_plan_file_means_what_it_says() -> None:
    assert read_plan(read_tree(WHOLE)) == MEANT


def test_a_plan_of_a_backbone_alone_is_all_defaults() -> None:
    assert read_plan(read_tree(b"backbone: lite0")) == Plan("lite0")


def test_every_mistake_is_told_at_once_with_its_key_and_what_to_do() -> None:
    error = refused(
        b"""
        cohrt: site=berlin
        waves: [20, many, {share: 10%, promote: manual}, [1], rest]
        gate: {margin: 2, alpa: 0.05, failed_share_max: lots}
        limits: 50
        classes: int8
        window: 10pm to 6am
        undecided: wait
        device_deadline: {hours: 2}
        """
    )
    assert error.fault is Fault.INVALID_ARGUMENT
    assert error.sentence.splitlines() == [
        "cohrt: there is no such key; did you mean cohort?",
        "window: '10pm to 6am' is no window; write one such as 22:00-06:00 mon-fri UTC",
        "undecided: 'wait' is no decision; write pause, promote or abort",
        "device_deadline: it has parts of its own; write one such as 90s, 30m, 2h or 7d",
        "waves[1]: 'many' is no wave; write 20, 10% or rest",
        "waves[2].promote: there is no such key; did you mean promotion?",
        "waves[3]: a list is no wave; write 20, 10% or rest",
        "gate.alpa: there is no such key; did you mean alpha?",
        "gate.failed_share_max: 'lots' is no share; write one such as 2% or 0.02",
        "limits: it has no keys; write KEY: VALUE below it",
        "classes: it is no list; begin each entry with a dash",
        "backbone: it is missing; name what to roll out, as NAME:VERSION",
        "gate.margin: 200% is out of bounds; write 0.1% to 50%",
    ]


def test_what_a_file_may_not_have_is_told_with_every_other_mistake() -> None:
    error = refused(
        b"""
        backbone: lite0
        backbone: lite1
        gate: {margin: 2%, margin: 3%, alpha: often}
        limits: &all {in_flight: many}
        classes: *all
        waves: [!!int 20, "10\\u0007%", rest]
        soak: later
        """
    )
    assert error.sentence.splitlines() == [
        "backbone: line 3 of the plan has the key 'backbone' for the second time",
        "soak: 'later' is no time; write one such as 90s, 30m, 2h or 7d",
        "waves[0]: line 7 of the plan has a tag; plans have none",
        (
            "waves[1]: line 7 of the plan has a text of several lines or with characters that do "
            "not print"
        ),
        "gate.margin: line 4 of the plan has the key 'margin' for the second time",
        "gate.alpha: 'often' is no share; write one such as 2% or 0.02",
        "limits: line 5 of the plan has an anchor or an alias; write the value where it belongs",
        "classes: line 6 of the plan has an anchor or an alias; write the value where it belongs",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"backbone: &a lite0\ncohort: *a", "line 1 of the plan has an anchor"),
        (b"backbone: *a", "anchor or an alias"),
        (b"backbone: !!python/object:os.system x", "has a tag"),
        (b"backbone: a\nbackbone: b", "line 2 of the plan has the key 'backbone' for the second"),
        (b"backbone: a\n---\nbackbone: b", "line 2 of the plan begins a second document"),
        (b"[a]: b", "a list or a mapping for a key"),
        (b"!!str a: b", "line 1 of the plan has a tag"),
        (b"&a {backbone: b}", "line 1 of the plan has an anchor"),
        (b"- a", "no mapping"),
        (b"lite0", "no mapping"),
        (b'backbone: "a\\nb"', "several lines"),
        (b'backbone: "\\uD800"', "do not print"),
        (b'backbone: "\\UFFFFFFFF"', "not YAML"),
        (b"backbone: [a", "not YAML in line"),
        (b"\xff\xfe", "not YAML"),
        (b"a: \x00", "not YAML"),
        (b"a: " + b"[" * 50 + b"]" * 50, "levels deep"),
        (b"a: [" + b"b," * 3000 + b"]", "entries"),
        (b"#" * (BYTES_MAX + 1), "at most 65,536 bytes"),
    ],
)
def test_what_makes_yaml_a_trap_is_refused(content: bytes, said: str) -> None:
    error = refused(content)
    assert said in error.sentence
    assert error.fault in {Fault.INVALID_ARGUMENT, Fault.OVER_LIMIT}


def test_an_empty_file_is_a_plan_without_a_backbone() -> None:
    assert refused(b"").sentence.startswith("backbone: it is missing")


def test_a_text_stays_as_it_was_written() -> None:
    tree = read_tree(b"a: 22:00\nb: no\nc: 1.10\nd: 0x10\ne: ~\nf:\n")
    assert tree == {"a": "22:00", "b": "no", "c": "1.10", "d": "0x10", "e": "~", "f": ""}


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FieldwiseError, match="cannot be read: No such file"):
        read_file(tmp_path / "plan.yaml")
    (tmp_path / "plan.yaml").write_bytes(WHOLE)
    assert read_plan(read_file(tmp_path / "plan.yaml")) == MEANT


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("22:00-06:00 UTC", (0, 1, 2, 3, 4, 5, 6)),
        ("22:00-06:00 sat-mon UTC", (5, 6, 0)),
        ("22:00-06:00 mon,wed,fri-sat UTC", (0, 2, 4, 5)),
    ],
)
def test_a_window_names_its_days(text: str, days: tuple[int, ...]) -> None:
    assert WINDOW.value_of(text) == Window(1320, 360, days)


@pytest.mark.parametrize(
    "text", ["22:00-06:00", "22:00-06:00 xyz UTC", "22-6 UTC", "1:00-2:00 UTC"]
)
def test_a_window_without_its_zone_or_with_odd_days_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError, match="is no window"):
        WINDOW.value_of(text)


def test_days_in_a_row_are_shown_as_a_span() -> None:
    for text in ("22:00-06:00 mon-fri UTC", "22:00-06:00 sat-mon UTC", "22:00-06:00 mon,wed UTC"):
        assert WINDOW.write(WINDOW.value_of(text)) == text


def test_a_percentage_and_its_fraction_are_one_number() -> None:
    for percent in range(101):
        assert SHARE.value_of(f"{percent}%") == SHARE.value_of(f"{percent / 100:.2f}")
    assert SHARE.value_of("2.5 %") == 0.025
    assert SHARE.write(0.07) == "7%"


def test_amounts_have_their_units() -> None:
    assert RATE.value_of("5 MiB/s") == 5 * 2**20
    assert RATE.value_of("0") == 0
    assert RATE.write(1536 * 2**10) == "1536 KiB/s"
    assert MEBIBYTES.value_of("2 GiB") == 2048
    assert DURATION.write(DURATION.value_of("36h")) == "36h"
    for form, text in ((RATE, "5 MB/s"), (RATE, "5 MiB"), (MEBIBYTES, "1 KiB"), (DURATION, "2")):
        with pytest.raises(FieldwiseError, match="; write one such as"):
            form.value_of(text)


shares = st.integers(1, 999).map(lambda mille: mille / 1000)
promotions = st.none() | st.sampled_from(Promotion)
plans = st.builds(
    Plan,
    backbone=st.just("lite1:1.0.0"),
    cohort=st.sampled_from(["", "site=a", "site!=b,line"]),
    waves=st.lists(
        st.builds(Wave, st.integers(1, 9999), st.none(), promotions)
        | st.builds(Wave, st.none(), shares, promotions),
        max_size=1,
    ).map(lambda waves: (*waves, Wave())),
    gate=st.builds(
        GateRules,
        shares.filter(lambda share: share <= 0.5),
        settled_share_min=shares.filter(lambda share: share >= 0.5),
        latency_ratio_max=st.just(1.25),
    ),
    promotion=st.sampled_from(Promotion),
    undecided=st.sampled_from(Undecided),
    overdue=st.sampled_from(Overdue),
    on_abort=st.sampled_from(OnAbort),
    device_deadline_seconds=st.integers(60, 80_000),
    soak_seconds=st.integers(0, 90_000),
    limits=st.builds(Limits, st.integers(0, 99), st.integers(0, 99))
    | st.builds(Limits, st.integers(1, 99), st.integers(0, 99), st.integers(99 * 1024, 2**40)),
    window=st.none()
    | st.builds(
        Window,
        st.integers(0, 700),
        st.integers(701, 1439),
        st.lists(st.integers(0, 6), min_size=1, unique=True).map(tuple),
    ),
    minimum_agent_version=st.sampled_from(["", "0.2.0"]),
    classes=st.just(()) | st.just((DeviceClass("int8", "arm", "cpu", 512), DeviceClass("fp32"))),
)


@given(plans)
def test_a_plan_that_is_shown_reads_as_itself(plan: Plan) -> None:
    assert mistakes(plan) == ()
    content = yaml.safe_dump(write_plan(plan)).encode()
    assert read_plan(read_tree(content)) == plan


fragments = st.sampled_from(
    [b"waves", b"gate", b"20", b"10%", b"rest", b"&a", b"*a", b"!!x", b'"', b"'", b"{", b"}", b"[",
     b"]", b":", b" ", b"\n", b"- ", b"? ", b"|", b">", b"#", b"%", b"---", b"...", b",", b"\\x",
     b"\\UFFFFFFFF", b"\t", b"\xff", b"\x00", b"22:00-06:00 UTC", b"5 MiB/s", b"\xe2\x80\xa8"]
)  # fmt: skip


@given(st.binary(max_size=200) | st.lists(fragments, max_size=40).map(b"".join))
@example(b"%YAML 1.99999999999999999999999999999999999999\n--- a: b")
@example(b"%YAML " + b"9" * 5000 + b".1\n--- {}")
@example(b'a: "\\x"')
@example(b"? a\n? b")
@example(b"---\n...\n---\n")
def test_rubbish_is_refused_and_never_crashes(content: bytes) -> None:
    assert fault_of(content) in {None, Fault.INVALID_ARGUMENT, Fault.OVER_LIMIT}


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=3), st.integers(0, 20))
def test_a_damaged_plan_is_refused_or_read(begin: int, put: bytes, cut: int) -> None:
    content = WHOLE[:begin] + put + WHOLE[begin + cut :]
    assert fault_of(content) in {None, Fault.INVALID_ARGUMENT, Fault.OVER_LIMIT}


def fault_of(content: bytes) -> Fault | None:
    try:
        plan = read_plan(read_tree(content))
    except FieldwiseError as error:
        return error.fault
    assert mistakes(plan) == ()
    return None
