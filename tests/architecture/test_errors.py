"""The catalogue of errors is whole: a status, an exit code and an advice for every fault."""

import grpc
import pytest

from fieldwise.errors import CATALOGUE, Fault

EXIT_CODES = {2, 3, 4, 5, 6, 70}  # usage, refused, missing, state, connection, a defect of ours


def test_every_fault_has_an_entry() -> None:
    assert set(CATALOGUE) == set(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_travels_as_a_status_that_exists(fault: Fault) -> None:
    assert CATALOGUE[fault].status in grpc.StatusCode.__members__
    assert CATALOGUE[fault].status != "OK"


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_ends_a_command_with_a_documented_exit_code(fault: Fault) -> None:
    assert CATALOGUE[fault].exit_code in EXIT_CODES


@pytest.mark.parametrize("fault", Fault)
def test_a_person_is_told_what_to_do(fault: Fault) -> None:
    assert CATALOGUE[fault].advice.endswith(".")
    assert len(CATALOGUE[fault].advice) > 10


def test_only_a_defect_of_ours_ends_with_70() -> None:
    assert [fault for fault in Fault if CATALOGUE[fault].exit_code == 70] == [Fault.INTERNAL]
