"""Every method of the wire has a rule in tools/callers.py that says who may call it."""

from tests.methods.callers import described, service_of
from tools.callers import METHODS


def test_every_method_of_the_descriptors_has_a_rule_and_no_rule_is_without_a_method() -> None:
    """tests/methods then calls it as everybody, and sees whether the gates agree."""
    found = {(service_of(each), each.name) for each in described()}
    ruled = {(service, name) for service, methods in METHODS.items() for name in methods}
    assert found == ruled
