import pytest

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.enrolment.admission_rules import (
    Decision,
    Judged,
    judge,
    parse_rule,
    version_of,
)
from orchestrator.fleet.device import Facts

PI = Facts("0.2.0", "aarch64", 1 << 30, 4)


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        ("accept", True),
        ("accept architecture=aarch64", True),
        ("accept architecture=x86_64", False),
        ("accept architecture!=x86_64", True),
        ("accept memory>=1GiB", True),
        ("accept memory>1GiB", False),
        ("accept memory<=1024MiB", True),
        ("accept memory<1073741824", False),
        ("accept memory=1048576KiB", True),
        ("accept processors>=4 processors<8", True),
        ("accept agent>=0.2", True),
        ("accept agent=0.2.0.0", True),
        ("accept agent>0.2", False),
        ("accept agent>=0.10", False),
        ("accept agent<0.3 agent!=0.2.1", True),
        ("accept tag.site=berlin", True),
        ("accept tag.site!=berlin", False),
        ("accept tag.line=3", False),
        ("accept tag.line!=3", True),
        ("accept architecture=aarch64 tag.site=paris", False),
        ("accept   memory>=1GiB   tag.a/b!=c ", True),
    ],
)
def test_a_rule_applies_where_every_condition_holds(rule: str, applies: bool) -> None:
    judged = judge([parse_rule(rule)], PI, {"site": "berlin"})
    assert (judged.decision is Decision.ACCEPT) is applies


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "allow",
        "Accept",
        "accept color=red",
        "accept memory",
        "accept memory>=",
        "accept memory>=1GB",
        "accept memory>=-1",
        "accept memory=>1GiB",
        "accept architecture>=x86_64",
        "accept tag.site>berlin",
        "accept tag.=berlin",
        "accept tag.site=-berlin",
        "accept agent>=new",
        "accept agent>=1.2.3.4.5",
        "accept agent>=0.2.dev1",
        "accept " + "memory>=1 " * 17,
        "accept architecture=" + "x" * 600,
        "accept memory>=" + "9" * 13,
        "accept\0",
    ],
)
def test_rubbish_is_no_rule(rule: str) -> None:
    with pytest.raises(FieldwiseError) as caught:
        parse_rule(rule)
    assert caught.value.fault is Fault.INVALID_ARGUMENT


def test_the_first_rule_that_applies_decides() -> None:
    texts = ["reject agent<0.2", "pending tag.site=paris", "accept architecture=aarch64"]
    rules = [parse_rule(each) for each in texts]
    assert judge(rules, PI, {}).decision is Decision.ACCEPT
    assert judge(rules, PI, {"site": "paris"}).decision is Decision.PENDING
    old = Facts("0.1.9", "aarch64")
    assert judge(rules, old, {}) == Judged(Decision.REJECT, reason="rule: reject agent<0.2")


def test_a_device_to_which_no_rule_applies_waits_for_an_operator() -> None:
    assert judge([], PI, {}).decision is Decision.PENDING
    assert judge([parse_rule("reject agent<0.2")], PI, {}).decision is Decision.PENDING


@pytest.mark.parametrize("version", ["", "new", "v1", "\u0661.2", ".1", "9999999"])
@pytest.mark.parametrize("condition", ["agent<9", "agent>=0", "agent=1", "agent<=9", "agent>0"])
def test_an_agent_of_no_version_is_neither_old_nor_new(version: str, condition: str) -> None:
    judged = judge([parse_rule(f"accept {condition}")], Facts(version), {})
    assert judged.decision is Decision.PENDING


def test_what_follows_the_numbers_of_a_version_does_not_count() -> None:
    assert version_of("0.2.0.dev1") == version_of("0.2+local") == version_of("0.2") == (0, 2)
