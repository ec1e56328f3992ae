"""A verdict on its way from the daemon to a command."""

from dataclasses import replace
from typing import Any

import pytest

from agent.rpc.translate import verdict as sent
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.received import verdict as received
from fieldwise.v1alpha1 import device_pb2
from fieldwise.verdict import COUNT_MAX, Basis, Judgement, PairedCounts, Verdict

COUNTS = PairedCounts(1, 12, 13, 4, 20, 6, 7)
VERDICT = Verdict(
    generation=2**62,
    judgement=Judgement.DECLINED,
    basis=Basis.LABELLED,
    overall=COUNTS,
    critical=replace(COUNTS, both_wrong=3),
    old_p50_micros=1,
    old_p99_micros=2,
    new_p50_micros=3,
    new_p99_micros=COUNT_MAX,
    compared=9,
    agreed=4,
    old_confidence_permille=6,
    new_confidence_permille=7,
    old_novel=8,
    new_novel=9,
)


@pytest.mark.parametrize("judgement", list(Judgement))
@pytest.mark.parametrize("basis", list(Basis))
def test_every_verdict_arrives_as_it_was_sent(judgement: Judgement, basis: Basis) -> None:
    verdict = replace(VERDICT, judgement=judgement, basis=basis)
    assert received(sent(verdict)) == verdict


def test_a_verdict_without_critical_classes_arrives_without_them() -> None:
    assert received(sent(replace(VERDICT, critical=None))).critical is None


@pytest.mark.parametrize(
    ("numbers", "fault"),
    [
        ({}, Fault.INVALID_ARGUMENT),
        ({"judgement": 99, "basis": 1}, Fault.INVALID_ARGUMENT),
        ({"judgement": 1, "basis": 99}, Fault.INVALID_ARGUMENT),
        ({"judgement": 1, "basis": 1, "overall": {"scenes": 3}}, Fault.INVALID_ARGUMENT),
        ({"judgement": 1, "basis": 1, "generation": 2**63}, Fault.OVER_LIMIT),
    ],
)
def test_rubbish_is_refused(numbers: dict[str, Any], fault: Fault) -> None:
    with pytest.raises(FieldwiseError) as caught:
        received(device_pb2.Verdict(**numbers))
    assert caught.value.fault is fault


@pytest.mark.parametrize(
    ("count", "most"),
    [
        ("agreed", 9),
        ("old_novel", 9),
        ("new_novel", 9),
        ("old_confidence_permille", 1000),
        ("new_confidence_permille", 1000),
        ("old_p50_micros", 2),
        ("new_p50_micros", COUNT_MAX - 1),
    ],
)
def test_a_count_above_what_it_is_a_part_of_is_refused_by_its_name(count: str, most: int) -> None:
    verdict = replace(VERDICT, new_p99_micros=COUNT_MAX - 1)
    assert getattr(received(sent(replace(verdict, **{count: most}))), count) == most
    with pytest.raises(FieldwiseError, match=rf"^{count} is .* which is {most:,}$") as caught:
        received(sent(replace(verdict, **{count: most + 1})))
    assert caught.value.fault is Fault.INVALID_ARGUMENT


@pytest.mark.parametrize("count", ["both_right", "only_old", "only_new", "both_wrong", "scenes"])
def test_critical_classes_have_no_more_samples_than_all_classes(count: str) -> None:
    assert received(sent(replace(VERDICT, critical=COUNTS))).critical == COUNTS
    more = replace(COUNTS, **{count: getattr(COUNTS, count) + 1})
    with pytest.raises(FieldwiseError, match=f"^critical {count} is ") as caught:
        received(sent(replace(VERDICT, critical=more)))
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_a_scene_may_go_another_way_for_its_critical_samples() -> None:
    critical = PairedCounts(1, 12, 13, 4, 20, scenes_worse=7, scenes_better=7)
    assert received(sent(replace(VERDICT, critical=critical))).critical == critical
