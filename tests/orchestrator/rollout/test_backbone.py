import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.rollout.backbone import Reference, parse_reference


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("lite0", Reference(None, "lite0", None)),
        ("lite0:1.0+int8", Reference(None, "lite0", "1.0+int8")),
        ("deadbeef", Reference("deadbeef", "deadbeef", None)),
        ("0" * 64, Reference("0" * 64, "0" * 64, None)),
        ("dead", Reference(None, "dead", None)),
    ],
)
def test_a_reference_is_a_digest_or_a_name(text: str, meant: Reference) -> None:
    assert parse_reference(text) == meant


@pytest.mark.parametrize("text", ["", ":", "lite0:", ":1", "Lite0", "a b", "a:b:c", "x" * 65, "a%"])
def test_what_names_no_backbone_is_refused(text: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        parse_reference(text)
    assert caught.value.fault is Fault.INVALID_ARGUMENT
