from dataclasses import replace

from fieldwise.errors import Fault
from orchestrator.rollout.phases import Phase
from orchestrator.rollout.revisions import earlier_of, had_before, unclear
from orchestrator.rollout.rollout import Kind
from tests.rollout_records import OLDEST, OTHER, ROLLOUT, WANTED


def test_devices_are_counted_by_the_newest_allowed_backbone_that_each_had() -> None:
    past = {(OTHER, OLDEST): 3, (OLDEST,): 4, (): 5, (WANTED, OTHER): 6}
    assert had_before(ROLLOUT, past, ()) == {OLDEST: 4, OTHER: 3}
    assert had_before(ROLLOUT, past, {OTHER}) == {OLDEST: 7}


def test_what_can_be_named_is_earlier_allowed_and_told_once() -> None:
    rollouts = [
        replace(ROLLOUT, number=number, digest=digest, kind=kind)
        for number, digest, kind in [
            (6, OTHER, Kind.FORWARD),
            (5, WANTED, Kind.FORWARD),
            (4, OTHER, Kind.RECALL),
            (3, OTHER, Kind.FORWARD),
            (2, OTHER, Kind.FORWARD),
            (1, OLDEST, Kind.FORWARD),
        ]
    ]
    assert [each.number for each in earlier_of(ROLLOUT, rollouts, {OLDEST})] == [3]
    assert [each.number for each in earlier_of(ROLLOUT, rollouts, ())] == [3, 1]


def test_an_operator_who_has_to_say_is_told_what_there_is() -> None:
    first = replace(ROLLOUT, number=1, digest=OTHER, title="lite0:0")
    told = unclear(ROLLOUT, {OTHER: 2, OLDEST: 1}, [first], {OTHER: "lite0:0"})
    assert told.fault is Fault.INVALID_ARGUMENT
    assert "lite0:0 on 2 devices (--to r1)" in told.sentence
    assert f"{OLDEST[:12]} on 1 device (which no rollout brought)" in told.sentence
    assert "`rollout abort r5`" in told.sentence
    gone = replace(ROLLOUT, phase=Phase.SUPERSEDED)
    assert "abort" not in unclear(gone, {OTHER: 2, OLDEST: 1}, [first], {}).sentence
    assert unclear(ROLLOUT, {}, [], {}).sentence.endswith("allowed; and no rollout brought one")
