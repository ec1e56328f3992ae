"""Callers from outside hear that something is wrong here, and operators hear what."""

from typing import Any

import pytest

from fieldwise.calls import Call, Kind, Method
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.rpc.discretion import SENTENCE, TROUBLES, Discretion

INSIDE = "the database does not answer: [Errno 111] Connect call failed ('10.0.0.5', 5432)"


async def told(service: str, fault: Fault) -> FieldwiseError:
    context: Any = None
    call = Call(Method(f"/fieldwise.v1alpha1.{service}/Any", Kind.UNARY), context)
    with pytest.raises(FieldwiseError) as raised:
        async with Discretion().around(call):
            raise FieldwiseError(fault, INSIDE)
    return raised.value


@pytest.mark.parametrize("fault", sorted(TROUBLES))
@pytest.mark.parametrize("service", ["Device", "Enrolment"])
async def test_a_trouble_in_here_is_one_sentence_outside(service: str, fault: Fault) -> None:
    error = await told(service, fault)
    assert (error.fault, error.sentence) == (Fault.UNAVAILABLE, SENTENCE)


@pytest.mark.parametrize("fault", sorted(TROUBLES))
async def test_operators_hear_all_of_it(fault: Fault) -> None:
    error = await told("Operator", fault)
    assert (error.fault, error.sentence) == (fault, INSIDE)


@pytest.mark.parametrize("fault", sorted(set(Fault) - TROUBLES))
async def test_what_is_wrong_with_a_call_is_told_as_it_is(fault: Fault) -> None:
    error = await told("Device", fault)
    assert (error.fault, error.sentence) == (fault, INSIDE)
