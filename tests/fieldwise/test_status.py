"""Every fault crosses the wire and is the same fault on the other side."""

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise import status
from fieldwise.errors import CATALOGUE, Fault, FieldwiseError


def rpc_error(
    code: grpc.StatusCode, details: str | None = "", fault: str | None = None
) -> grpc.aio.AioRpcError:
    trailing = grpc.aio.Metadata(*([(status.METADATA_KEY, fault)] if fault is not None else []))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details)


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_survives_the_wire(fault: Fault) -> None:
    ((key, value),) = status.trailing_metadata(fault)
    assert key == status.METADATA_KEY
    found = status.from_rpc_error(rpc_error(status.status_code(fault), "what happened", value))
    assert (found.fault, found.sentence) == (fault, "what happened")
    assert status.status_code(fault).name == CATALOGUE[fault].status


@pytest.mark.parametrize("code", grpc.StatusCode)
def test_a_status_without_a_name_still_means_something(code: grpc.StatusCode) -> None:
    found = status.from_rpc_error(rpc_error(code))
    assert found.sentence
    assert found.fault in Fault


def test_a_server_that_is_not_there_is_unreachable() -> None:
    found = status.from_rpc_error(rpc_error(grpc.StatusCode.UNAVAILABLE, "connection refused"))
    assert found.fault is Fault.UNREACHABLE
    assert found.sentence == "the server cannot be reached: connection refused"


@given(st.sampled_from(grpc.StatusCode), st.text(max_size=3000), st.text(max_size=40))
def test_whatever_a_peer_sends_is_one_bounded_printable_line(
    code: grpc.StatusCode, details: str, fault: str
) -> None:
    found = status.from_rpc_error(rpc_error(code, details, fault))
    assert found.sentence.isprintable()
    assert len(found.sentence) <= status.SENTENCE_CHARACTERS_MAX + 200


def test_an_unknown_fault_s_name_falls_back_to_the_status() -> None:
    found = status.from_rpc_error(rpc_error(grpc.StatusCode.UNAVAILABLE, "", "of-tomorrow"))
    assert found.fault is Fault.UNREACHABLE


def test_an_error_without_a_status_is_a_defect() -> None:
    assert status.from_rpc_error(grpc.RpcError()).fault is Fault.INTERNAL


def test_client_errors_raises_the_fault_and_keeps_its_cause() -> None:
    error = rpc_error(grpc.StatusCode.NOT_FOUND, "gone", "not-found")
    with pytest.raises(FieldwiseError) as raised, status.client_errors():
        raise error
    assert raised.value.fault is Fault.NOT_FOUND
    assert raised.value.__cause__ is error


def test_client_errors_lets_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), status.client_errors():
        raise ZeroDivisionError
