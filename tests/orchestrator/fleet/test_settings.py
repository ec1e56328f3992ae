import math

import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.fleet.settings import DeviceSettings


def test_bounds_belong_to_what_is_allowed() -> None:
    DeviceSettings(exemplar_bytes_max=1 << 20, shrinkage=0.001, retention_days=0)
    DeviceSettings(exemplar_bytes_max=1 << 36, shrinkage=10, retention_days=36_500)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exemplar_bytes_max", (1 << 20) - 1),
        ("exemplar_bytes_max", (1 << 36) + 1),
        ("shrinkage", 0.0),
        ("shrinkage", 10.1),
        ("shrinkage", math.nan),
        ("shrinkage", math.inf),
        ("retention_days", -1),
        ("retention_days", 36_501),
    ],
)
def test_a_value_out_of_bounds_is_refused(name: str, value: float) -> None:
    with pytest.raises(FieldwiseError) as caught:
        DeviceSettings(**{name: value})  # type: ignore[arg-type]  # names come from the table
    assert caught.value.fault is Fault.INVALID_ARGUMENT
