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
    critical=replace(COUNTS, both_right=9),
    old_p50_micros=1,
    old_p99_micros=2,
    new_p50_micros=3,
    new_p99_micros=COUNT_MAX,
    compared=5,
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
